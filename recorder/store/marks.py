"""Marks on livestreams and recordings; they are only ever added."""

from __future__ import annotations

from recorder.domain.ids import LivestreamId, RecordingId
from recorder.domain.mark import Mark, MarkKind
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

_COLUMNS = (
    "id, agency_id, livestream_id, recording_id, kind, note, shown_at, media_ms, made_at,"
    " made_by_kind, made_by_id, made_by_name"
)


def _from_row(row: Row) -> Mark:
    return Mark(
        id=row["id"],
        agency=row["agency_id"],
        livestream=row["livestream_id"],
        recording=row["recording_id"],
        kind=MarkKind(row["kind"]),
        note=row["note"],
        shown_at=row["shown_at"],
        media_ms=row["media_ms"],
        made_at=row["made_at"],
        made_by_kind=row["made_by_kind"],
        made_by_id=row["made_by_id"],
        made_by_name=row["made_by_name"],
    )


async def insert(change: Change, mark: Mark) -> None:
    """Write a mark."""
    await change.connection.execute(
        f"INSERT INTO mark ({_COLUMNS})"  # noqa: S608 - constant text
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        mark.id,
        mark.agency,
        mark.livestream,
        mark.recording,
        mark.kind.value,
        mark.note,
        mark.shown_at,
        mark.media_ms,
        mark.made_at,
        mark.made_by_kind,
        mark.made_by_id,
        mark.made_by_name,
    )


async def of_livestream(connection: Connection, livestream: LivestreamId, limit: int) -> list[Mark]:
    """The newest marks of a livestream, in the order of its time."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM mark WHERE livestream_id = $1"  # noqa: S608 - constant text
        " ORDER BY shown_at DESC, id DESC LIMIT $2",
        livestream,
        limit,
    )
    return [_from_row(row) for row in reversed(rows)]


async def of_recording(
    connection: Connection, recording: RecordingId, livestream: LivestreamId | None, limit: int
) -> list[Mark]:
    """Its newest marks in the order of time, those of the livestream it was among them."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM mark WHERE recording_id = $1"  # noqa: S608 - constant text
        " OR livestream_id = $2 ORDER BY shown_at DESC, id DESC LIMIT $3",
        recording,
        livestream,
        limit,
    )
    return [_from_row(row) for row in reversed(rows)]
