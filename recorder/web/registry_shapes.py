"""JSON of registries, and what requests about them may hold."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field

from recorder.domain.validity import EVER, FURTHER_NOTICE
from recorder.services.registry_looks import Year
from recorder.services.registry_rows import Wanted
from recorder.web.schemas import Moment, PageQuery, Query
from recorder.web.shape import Shape

#: A term without a beginning or an end says null there.
Day = Annotated[
    date | None, BeforeValidator(lambda day: None if day in (EVER, FURTHER_NOTICE) else day)
]


class RegistryQuery(PageQuery):
    """Which rows of a registry."""

    as_of: Annotated[date | None, Field(description="what holds on this day; else today")] = None
    known_at: Annotated[
        Moment | None, Field(description="as it was known at this moment; else now")
    ] = None
    key: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=200,
            description="one officer's or device's number, one matter's code, else one agency's",
        ),
    ] = None

    def wanted(self) -> Wanted:
        return Wanted(self.as_of, self.known_at, self.key, self.cursor, self.limit)


class HolidaysQuery(Query):
    """Which year."""

    year: Annotated[int | None, Field(ge=2000, le=2199, description="else this one")] = None


class _RowShape(Shape):
    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: uuid.UUID = Field(description="of this statement; a correction has another")
    agency: str = Field(description="code")


class _TermShape(_RowShape):
    valid_from: Day = Field(description="first day, null: since ever")
    valid_to: Day = Field(description="last day, null: until further notice")
    noted_at: datetime = Field(description="since when we know it")


class OrganisationShape(_TermShape):
    """An organisation."""

    name: str
    short_name: str
    kind: str = Field(description="city, district, street, bureau, branch or entrusted")
    parent: str | None = Field(description="code of what it stands below")
    uscc: str = Field(description="unified social credit code, as it was written")
    uscc_valid: bool = Field(description="whether its check digit fits")
    region: str
    predecessors: list[str] = Field(description="codes of those whose place it took")
    on_behalf_of: str | None = Field(description="code of the one in whose name it acts")


class CertificateShape(Shape):
    """A certificate of an officer."""

    number: str
    valid_from: date | None
    valid_to: date | None


class OfficerShape(_TermShape):
    """An officer with every certificate, whenever valid."""

    number: str
    name: str
    user_number: str = Field(description="as devices know the officer")
    certificates: list[CertificateShape]


class DeviceRegistrationShape(_TermShape):
    """A device by GA/T 947."""

    number: str
    serial: str
    user_number: str
    user_name: str
    unit_number: str
    unit_name: str
    gb28181: str
    state: str = Field(description="active, suspended or lost, as it is now")


class RosterShape(_TermShape):
    """A shift that begins on the day."""

    officer: str = Field(description="number")
    begins_at: datetime
    ends_at: datetime
    duty: str
    cancelled: bool


class MatterShape(_TermShape):
    """A power of an agency."""

    code: str
    name: str
    act_type: str | None
    legal_basis: str


class SubjectShape(_TermShape):
    """A published subject of enforcement."""

    name: str
    kind: str = Field(description="statutory or authorised")
    announced_at: date | None


class EntrustmentShape(_TermShape):
    """In whose name (`agency`) an agent acts."""

    agent: str = Field(description="code")
    matter: str = Field(description="code; empty: every one")
    document: str


class HolidayShape(Shape):
    """A day that is other than its weekday says."""

    day: date
    kind: str = Field(description="holiday or workday")
    name: str


class HolidaysShape(Shape):
    """A year as deadlines count it."""

    year: int
    announced: bool = Field(description="else deadlines in it are provisional")
    imported: bool = Field(description="all of them; else a library knows the others")
    items: tuple[HolidayShape, ...]

    @classmethod
    def of(cls, year: Year) -> HolidaysShape:
        days = tuple(HolidayShape(day=d.day, kind=d.kind, name=d.name) for d in year.days)
        return cls(
            year=year.number, announced=year.is_announced, imported=year.is_imported, items=days
        )
