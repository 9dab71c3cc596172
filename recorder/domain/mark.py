"""A mark: what a person points out in footage, with its place in time."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import AgencyId, LivestreamId, MarkId, RecordingId


class MarkKind(enum.StrEnum):
    IMPORTANT = "important"
    VIOLATION = "violation"
    EVIDENCE = "evidence"
    PERSON = "person"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Never changed; a wrong one is answered by another."""

    id: MarkId
    agency: AgencyId
    livestream: LivestreamId | None
    recording: RecordingId | None
    kind: MarkKind
    note: str
    #: Wall time of the picture, as the player showed it.
    shown_at: datetime
    #: Media time since the first picture; None where the player did not know.
    media_ms: int | None
    made_at: datetime
    made_by_kind: str
    made_by_id: str
    made_by_name: str
