"""All footage of a case, as little of each recording as its place on the axis asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recorder.domain.case import Stage
from recorder.domain.ids import CaseId, RecordingId
from recorder.domain.people import Scope
from recorder.store.connection import Connection
from recorder.store.recordings import BEGAN, STATE

#: A case with more is cut there; its list has pages.
MOST_ON_AXIS = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class FootageOnAxis:
    """A recording of a case: what it is called, how it stands, and when it was."""

    id: RecordingId
    name: str
    #: The one word the API shows.
    state: str
    stage: Stage | None
    #: When it begins as far as anybody said so, else when it was received.
    at: datetime
    #: 0 until probed.
    length_ms: int


async def on_axis(
    connection: Connection, case: CaseId, scope: Scope, most: int = MOST_ON_AXIS
) -> list[FootageOnAxis]:
    """The case's recordings in scope, earliest first, ``most`` of them."""
    rows = await connection.fetch(
        f"SELECT r.id, r.original_name, l.stage, {BEGAN} AS at, {STATE} AS state,"  # noqa: S608 - constant text
        " coalesce((r.media->>'length_ms')::bigint, 0) AS length_ms"
        " FROM case_link l JOIN recording r ON r.id = l.recording_id"
        " WHERE l.case_id = $1 AND l.unlinked_at IS NULL"
        " AND in_scope(r.agency_id, $2) AND ($3::uuid IS NULL OR r.device_id = $3)"
        " AND ($4::uuid IS NULL OR r.dock_id = $4) AND ($5::text IS NULL OR r.officer = $5)"
        f" ORDER BY {BEGAN}, r.id LIMIT $6",
        case,
        scope.agencies,
        scope.device,
        scope.dock,
        scope.officer,
        most,
    )
    return [
        FootageOnAxis(
            id=row["id"],
            name=row["original_name"],
            state=row["state"],
            stage=Stage(row["stage"]) if row["stage"] else None,
            at=row["at"],
            length_ms=row["length_ms"],
        )
        for row in rows
    ]
