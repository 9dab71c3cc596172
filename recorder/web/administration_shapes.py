"""What answers to administrators hold; as ``shapes`` does for everybody else."""

from __future__ import annotations

import uuid
from datetime import datetime

from pydantic import Field

from recorder.store.agencies import Agency
from recorder.store.devices import Device, Dock, Handover
from recorder.store.people import Person
from recorder.store.tokens import Token
from recorder.web.shapes import Shape

_ONCE = Field(description="bearer token, shown this once")


class AgencyShape(Shape):
    id: uuid.UUID
    code: str
    name: str

    @classmethod
    def of(cls, agency: Agency) -> AgencyShape:
        return cls(id=agency.id, code=agency.code, name=agency.name)


class AgenciesShape(Shape):
    """The agencies that the asker sees."""

    items: tuple[AgencyShape, ...]


class PersonShape(Shape):
    """Somebody who may sign in."""

    id: uuid.UUID
    login: str
    name: str
    role: str
    agency: str
    officer: str | None
    city: bool
    suspended_at: datetime | None

    @classmethod
    def of(cls, person: Person) -> PersonShape:
        return cls(
            id=person.id,
            login=person.login,
            name=person.name,
            role=person.role.value,
            agency=person.agency_code,
            officer=person.officer,
            city=person.city,
            suspended_at=person.suspended_at,
        )


class DeviceShape(Shape):
    """A maker of footage."""

    id: uuid.UUID
    number: str
    agency: str
    state: str = Field(description="active, suspended or lost")
    created_at: datetime

    @classmethod
    def of(cls, device: Device) -> DeviceShape:
        return cls(
            id=device.id,
            number=device.number,
            agency=device.agency_code,
            state=device.state,
            created_at=device.created_at,
        )


class AddedDeviceShape(DeviceShape):
    """A new device with its token."""

    token: str = _ONCE
    token_id: uuid.UUID


class EnrolmentCodeShape(Shape):
    """A one-time code for `POST /api/v1/devices/enrol`."""

    code: str


class HandoverShape(Shape):
    """From `at` on this officer wears the device; null: handed back."""

    officer: str | None
    at: datetime
    noted_by: str

    @classmethod
    def of(cls, line: Handover) -> HandoverShape:
        return cls(officer=line.officer, at=line.at, noted_by=line.noted_by)


class HandoversShape(Shape):
    """The newest lines of a device's log, newest first."""

    items: tuple[HandoverShape, ...]


class DockShape(Shape):
    """A docking station."""

    id: uuid.UUID
    name: str
    agency: str

    @classmethod
    def of(cls, dock: Dock) -> DockShape:
        return cls(id=dock.id, name=dock.name, agency=dock.agency_code)


class AddedDockShape(DockShape):
    """A new dock with its token."""

    token: str = _ONCE
    token_id: uuid.UUID


class TokenShape(Shape):
    """A bearer token without its secret."""

    id: uuid.UUID
    name: str
    role: str
    device: uuid.UUID | None
    dock: uuid.UUID | None
    city: bool
    created_at: datetime
    revoked_at: datetime | None

    @classmethod
    def of(cls, token: Token) -> TokenShape:
        return cls(
            id=token.id,
            name=token.name,
            role=token.role.value,
            device=token.device,
            dock=token.dock,
            city=token.city,
            created_at=token.created_at,
            revoked_at=token.revoked_at,
        )


class AddedTokenShape(TokenShape):
    """A new token with its secret."""

    token: str = _ONCE
