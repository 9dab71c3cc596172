"""What requests may hold: queries and JSON bodies, refused when they hold anything else.

Answers are in ``shapes``. Texts get a limit here; what they mean is checked by domain and services.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from recorder.domain.case import CaseClass, CaseState, Scheme, Stage
from recorder.domain.gateway import GatewayKind
from recorder.domain.instant import Instant
from recorder.domain.people import Role
from recorder.errors import InvalidInput
from recorder.services.paging import LONGEST_PAGE


def _moment(text: object) -> datetime:
    if not isinstance(text, str):
        raise ValueError("write the time as text")
    try:
        return Instant.parse(text).at
    except InvalidInput as error:
        raise ValueError(error.detail) from error


#: A time as RFC 3339 writes it; without a zone +08:00 is meant, as everywhere in the product.
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
_Number = Annotated[str, Field(min_length=1, max_length=200)]
_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Reason = Annotated[str, Field(min_length=1, max_length=1000)]
_Code = Annotated[str, Field(min_length=1, max_length=64)]


#: Queries name no components of the description; tests hold these to the enumerations.
ReviewWord = Literal["awaited", "passed", "refused"]
ProvenanceWord = Literal["party", "witness", "surveillance", "organ", "card", "other", "unsaid"]
CameraWord = Literal[
    "body", "vehicle", "room", "surveillance", "drone", "phone", "hand", "sound", "other"
]
ClassWord = Literal[
    "evidence", "obstruction", "mass_incident", "major", "first_breach", "slight_breach"
]


class Body(BaseModel):
    """A JSON object with these members and no others; texts are not turned into numbers."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class Query(BaseModel):
    """A query with these parameters and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False, defer_build=True)


class NoQuery(Query):
    """No parameter at all."""


class PageQuery(Query):
    """Which lines of a list."""

    cursor: Annotated[str | None, Field(max_length=200, description="`next` of the last page")] = (
        None
    )
    limit: Annotated[int, Field(ge=1, le=LONGEST_PAGE, description="most lines to give")] = 50


class NamedQuery(PageQuery):
    """Which lines of a list of people or things with names."""

    q: Annotated[
        str | None,
        Field(
            min_length=1, max_length=200,
            description="a piece of a name, login or number; or code or name of an agency",
        ),
    ] = None  # fmt: skip


class RecordingsQuery(PageQuery):
    """Which recordings; every parameter narrows."""

    device: Annotated[_Number | None, Field(description="device number")] = None
    officer: Annotated[_Number | None, Field(description="officer's number")] = None
    agency: Annotated[_Code | None, Field(description="agency code, with all below it")] = None
    from_: Annotated[Moment | None, Field(alias="from", description="began at or after")] = None
    to: Annotated[Moment | None, Field(description="began before")] = None
    state: Literal["received", "sealed", "mismatched", "quarantined", "simulated"] | None = None
    flag: Annotated[_Code | None, Field(description="one reason word")] = None
    linked: Annotated[bool | None, Field(description="tied to a case, or to none")] = None
    provenance: Annotated[ProvenanceWord | None, Field(description="if a person brought it")] = None
    camera: Annotated[CameraWord | None, Field(description="with what it was made")] = None
    class_: Annotated[
        ClassWord | None, Field(alias="class", description="of it alone, not of its cases")
    ] = None
    review: Annotated[
        ReviewWord | None, Field(description="of the content of fixed monitoring")
    ] = None
    restricted: Annotated[bool | None, Field(description="only some may watch it, or not")] = None
    marks: Annotated[
        Literal["overdue"] | None, Field(description="bears none although its term is over")
    ] = None
    q: Annotated[_Name | None, Field(description="beginning of a name, else part of one")] = None


class EventsQuery(Query):
    """Which events of one recording."""

    after: Annotated[int, Field(ge=0, le=2**63 - 1, description="position seen last")] = 0
    limit: Annotated[int, Field(ge=1, le=LONGEST_PAGE)] = LONGEST_PAGE


class ObjectsQuery(Query):
    """Which objects of one original."""

    after: Annotated[int, Field(ge=-1, le=2**31 - 1, description="place seen last")] = -1
    limit: Annotated[int, Field(ge=1, le=LONGEST_PAGE)] = LONGEST_PAGE


class CasesQuery(PageQuery):
    """Which cases; at most one of number, prefix and q."""

    number: Annotated[_Number | None, Field(description="whole number, any bracket style")] = None
    prefix: Annotated[_Number | None, Field(description="beginning of a number")] = None
    q: Annotated[_Number | None, Field(description="fragment of a number")] = None


class AlarmsQuery(PageQuery):
    """Which alarms."""

    open: Annotated[bool, Field(description="only those not cleared")] = True


class ReasonBody(Body):
    reason: _Reason


class CopyBody(ReasonBody):
    """Whether a device's file is the card copy of its livestream."""

    state: Literal["matched", "rejected"]


class AdmitBody(ReasonBody):
    """Let quarantined footage in, perhaps as another agency's."""

    agency: _Code | None = None


class LinkBody(Body):
    """Tie a recording to a case."""

    reason: _Reason | None = None
    stage: Stage | None = None


class ProposalBody(Body):
    """What a person says of a case that footage may belong to."""

    decision: Literal["accepted", "rejected"]


class LinkLine(LinkBody):
    """One of many: the case by id, or by number."""

    recording: uuid.UUID
    case: uuid.UUID | None = None
    number: _Number | None = None


class LinksBody(Body):
    """Many links at once; each is made or refused by itself."""

    links: Annotated[tuple[LinkLine, ...], Field(min_length=1, max_length=500, strict=False)]


class CaseBody(Body):
    """A new case."""

    number: _Number
    scheme: Scheme = Scheme.CASE
    title: _Name | None = None
    agency: _Code | None = None


class IdentifierBody(Body):
    number: _Number
    scheme: Scheme = Scheme.CASE


class CaseChangeBody(Body):
    """What changes; `state` takes a provisional case to `confirmed`."""

    title: _Name | None = None
    state: Literal[CaseState.CONFIRMED] | None = None
    add_identifiers: Annotated[tuple[IdentifierBody, ...], Field(max_length=50, strict=False)] = ()
    classes: Annotated[
        tuple[CaseClass, ...] | None,
        Field(max_length=8, strict=False, description="in place of those people have said"),
    ] = None
    reason: _Reason | None = None


class MergeBody(ReasonBody):
    into: uuid.UUID


class NoteBody(Body):
    note: Annotated[str | None, Field(max_length=1000)] = None


class EnrolBody(Body):
    code: Annotated[str, Field(min_length=1, max_length=100)]


class PersonBody(Body):
    login: _Code
    name: _Name
    role: Literal[Role.OFFICER, Role.SUPERVISOR, Role.ADMINISTRATOR]
    password: Annotated[str, Field(min_length=1, max_length=1000)]
    agency: _Code | None = None
    officer: _Number | None = None
    city: bool = False


class PasswordBody(Body):
    """Only this password counts from now on."""

    password: Annotated[str, Field(min_length=1, max_length=1000)]


class PersonStateBody(ReasonBody):
    """Suspend an account, or bring it back."""

    state: Literal["active", "suspended"]


class DeviceBody(Body):
    number: _Number
    agency: _Code | None = None


class DeviceStateBody(ReasonBody):
    state: Literal["active", "suspended", "lost"]


class DockBody(Body):
    name: _Name
    agency: _Code | None = None


class GatewayBody(Body):
    """A media server of others."""

    name: _Name
    kind: Annotated[GatewayKind, Field(strict=False)]
    trusted_apps: Annotated[tuple[_Name, ...], Field(strict=False, max_length=20)] = ()
    agency: _Code | None = None


class TokenBody(Body):
    """A token for a program."""

    name: _Name
    role: Literal[Role.OFFICER, Role.SUPERVISOR, Role.ADMINISTRATOR, Role.READER, Role.EMBEDDER]
    agency: _Code | None = None
    city: bool = False


class HandOverBody(Body):
    """From `at` on this officer wears the device; null: handed back."""

    officer: _Number | None
    at: Moment | None = None


class _OpeningBody(Body):
    """What is said of a livestream when it opens."""

    title: Annotated[str, Field(min_length=1, max_length=100)]
    case_numbers: Annotated[tuple[_Number, ...], Field(max_length=20, strict=False)] = ()
    stage: Stage | None = None
    officer: _Number | None = None
    device: _Number | None = None
    device_clock_at: Moment | None = None
    lat: Annotated[float | None, Field(ge=-90, le=90, strict=False)] = None
    lon: Annotated[float | None, Field(ge=-180, le=180, strict=False)] = None
    accuracy_m: Annotated[float | None, Field(ge=0, le=1e7, strict=False)] = None


class LivestreamBody(_OpeningBody):
    """A livestream that is about to come.

    Pushed: in chunks of a file of `media_type`, else in segments. Received: an encoder publishes
    it to the ingest with a push key, or with the opener's token.
    """

    form: Literal["pushed", "received"] = "pushed"
    media_type: Literal["video/mp4", "video/webm"] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.form == "received" and self.media_type is not None:
            raise ValueError("a livestream that is received is of no media type beforehand")
        return self


class PullBody(_OpeningBody):
    """A livestream that the service is to fetch."""

    address: Annotated[str, Field(min_length=1, max_length=2048, repr=False)]


class CloseLivestreamBody(Body):
    """`last` is the number of its last segment; null: not known."""

    last: Annotated[int | None, Field(ge=0, le=2**53)] = None


class LivestreamsQuery(PageQuery):
    """Which livestreams."""

    running: Annotated[bool | None, Field(description="those that are not closed, or are")] = None


class WallQuery(Query):
    """Which of the running livestreams are told of."""

    livestream: Annotated[uuid.UUID | None, Field(description="this one, no others")] = None


class PlaylistQuery(Query):
    """What a player knows already (RFC 8216bis, 6.2.5.1)."""

    skip: Annotated[
        Literal["YES", "v2"] | None,
        Field(
            alias="_HLS_skip",
            description="leave out what was listed more than CAN-SKIP-UNTIL ago",
        ),
    ] = None


#: Those of domain/livestream.PeriodCause that a sender can know.
_Cause = Literal["reconnect", "silence", "time_jump", "codec_change", "unknown"]


class InitQuery(Query):
    """Why the period begins."""

    cause: Annotated[_Cause, Field(description="also the cause of the gap before it")] = "unknown"
