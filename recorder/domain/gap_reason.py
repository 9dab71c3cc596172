"""Why a recording has a gap, began late or ended early: what an officer reports about it (R5)."""

from __future__ import annotations

import enum
import uuid
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import AgencyId, RecordingId


class InterruptionCause(enum.StrEnum):
    EQUIPMENT_FAILURE = "equipment_failure"
    BATTERY = "battery"
    STORAGE = "storage"
    WEATHER = "weather"
    #: Somebody kept the officers from recording.
    OBSTRUCTION = "obstruction"
    #: Only with a note.
    OTHER = "other"


class InterruptionPlace(enum.StrEnum):
    #: Before the recording: it began later than it should.
    BEGIN = "begin"
    GAP = "gap"
    #: Behind it: it ended earlier than it should.
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class GapReason:
    """Never changed; of several about one place the newest counts, and the others stay."""

    id: uuid.UUID
    recording: RecordingId
    agency: AgencyId
    place: InterruptionPlace
    #: Which gap of the recording, from 0; None at its begin and end.
    gap: int | None
    #: What it explains, as far as it is known.
    begins_at: datetime | None
    ends_at: datetime | None
    cause: InterruptionCause
    note: str
    #: When it was reported to the head, as the officer says.
    reported_at: datetime
    made_at: datetime
    made_by_kind: str
    made_by_id: str
    made_by_name: str
