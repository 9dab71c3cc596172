"""Bodies and answers about marks and about reasons for gaps."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from recorder.domain.gap_reason import GapReason, InterruptionCause, InterruptionPlace
from recorder.domain.mark import Mark, MarkKind, MarkOrigin
from recorder.web.schemas import Body, Moment
from recorder.web.shape import Shape


class MarkBody(Body):
    """A moment of a livestream, as the player showed it or as its device says."""

    kind: MarkKind
    note: Annotated[str, Field(max_length=1000)] = ""
    shown_at: Annotated[
        Moment | None, Field(description="wall time of the picture, as playlists tell it; else now")
    ] = None
    media_ms: Annotated[
        int | None, Field(ge=0, le=2**53, description="since the first picture")
    ] = None


class RecordingMarkBody(Body):
    """A moment of a recording."""

    kind: MarkKind
    note: Annotated[str, Field(max_length=1000)] = ""
    media_ms: Annotated[int, Field(ge=0, le=2**53, description="since the first picture")]
    origin: Annotated[
        MarkOrigin, Field(description="device, metadata: a program tells what these noticed")
    ] = MarkOrigin.PERSON


class GapReasonBody(Body):
    """Why media are missing in a recording, before it or behind it."""

    place: Annotated[InterruptionPlace, Field(description="begin, gap or end")]
    gap: Annotated[
        int | None, Field(ge=0, le=10**6, description="which gap of the livestream, from 0")
    ] = None
    reason: InterruptionCause
    note: Annotated[str, Field(max_length=1000, description="needed with other")] = ""
    reported_at: Annotated[Moment | None, Field(description="to the head; now if left out")] = None
    from_: Annotated[
        Moment | None, Field(alias="from", description="of begin: from when it should have run")
    ] = None
    to: Annotated[Moment | None, Field(description="of end: until when it should have run")] = None


class MarkShape(Shape):
    """What somebody pointed out."""

    id: uuid.UUID
    kind: str
    note: str
    shown_at: datetime | None = Field(description="wall time of the picture, if one is known")
    media_ms: int | None = Field(description="since the first picture")
    made_at: datetime
    made_by: str
    origin: str = Field(description="person, device or metadata")
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdraw_reason: str | None

    @classmethod
    def of(cls, mark: Mark) -> MarkShape:
        return cls(
            id=mark.id,
            kind=mark.kind.value,
            note=mark.note,
            shown_at=mark.shown_at,
            media_ms=mark.media_ms,
            made_at=mark.made_at,
            made_by=mark.made_by_name,
            origin=mark.origin.value,
            withdrawn_at=mark.withdrawn_at,
            withdrawn_by=mark.withdrawn_by,
            withdraw_reason=mark.withdraw_reason,
        )


class GapReasonShape(Shape):
    """Why media are missing; of several about one place the last one counts."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True)

    id: uuid.UUID
    place: str = Field(description="begin, gap or end")
    gap: int | None = Field(description="which gap of the livestream, from 0")
    from_: datetime | None = Field(serialization_alias="from")
    to: datetime | None
    reason: str
    note: str
    reported_at: datetime
    made_at: datetime
    made_by: str

    @classmethod
    def of(cls, given: GapReason) -> GapReasonShape:
        return cls(
            id=given.id,
            place=given.place.value,
            gap=given.gap,
            from_=given.begins_at,
            to=given.ends_at,
            reason=given.cause.value,
            note=given.note,
            reported_at=given.reported_at,
            made_at=given.made_at,
            made_by=given.made_by_name,
        )
