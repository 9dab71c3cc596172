"""What answers about marks and about reasons for gaps hold."""

from __future__ import annotations

import uuid
from datetime import datetime

from pydantic import ConfigDict, Field

from recorder.domain.gap_reason import GapReason
from recorder.domain.mark import Mark
from recorder.web.shape import Shape


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
