"""Reasons that officers give for gaps; only ever added, the newest about a place counts."""

from __future__ import annotations

from collections.abc import Sequence

from recorder.domain.gap_reason import GapReason, InterruptionCause, InterruptionPlace
from recorder.domain.ids import RecordingId
from recorder.store.change import Change
from recorder.store.connection import Connection, Row


def _from_row(row: Row) -> GapReason:
    return GapReason(
        id=row["id"],
        recording=row["recording_id"],
        agency=row["agency_id"],
        place=InterruptionPlace(row["place"]),
        gap=row["n"],
        begins_at=row["begins_at"],
        ends_at=row["ends_at"],
        cause=InterruptionCause(row["cause"]),
        note=row["note"],
        reported_at=row["reported_at"],
        made_at=row["made_at"],
        made_by_kind=row["made_by_kind"],
        made_by_id=row["made_by_id"],
        made_by_name=row["made_by_name"],
    )


async def insert(change: Change, given: GapReason) -> None:
    """Write a reason."""
    await change.connection.execute(
        "INSERT INTO gap_reason (id, agency_id, recording_id, place, n, begins_at, ends_at, cause,"
        " note, reported_at, made_at, made_by_kind, made_by_id, made_by_name)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        given.id,
        given.agency,
        given.recording,
        given.place.value,
        given.gap,
        given.begins_at,
        given.ends_at,
        given.cause.value,
        given.note,
        given.reported_at,
        given.made_at,
        given.made_by_kind,
        given.made_by_id,
        given.made_by_name,
    )


async def of_recordings(
    connection: Connection, recordings: Sequence[RecordingId]
) -> list[GapReason]:
    """All reasons about these recordings, of each in the order they were given."""
    rows = await connection.fetch(
        "SELECT id, agency_id, recording_id, place, n, begins_at, ends_at, cause, note,"
        " reported_at, made_at, made_by_kind, made_by_id, made_by_name FROM gap_reason"
        " WHERE recording_id = ANY($1::uuid[]) ORDER BY recording_id, made_at, id",
        list(recordings),
    )
    return [_from_row(row) for row in rows]
