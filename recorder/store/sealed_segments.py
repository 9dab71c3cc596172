"""Segments on their way into a recording: what waits, what was listed, what verify compares.

A day has 43,200 of them: they are read in pages, and written by one statement.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from recorder.domain.ids import LivestreamId, RecordingId
from recorder.domain.livestream import Segment
from recorder.store.change import Change
from recorder.store.connection import Connection
from recorder.store.livestream_segments import COLUMNS, segment_of

_PAGE = 2000


@dataclass(frozen=True, slots=True)
class ArrivedDigests:
    """What an object of a recording was when it arrived."""

    sha256: bytes
    sm3: bytes


async def waiting(connection: Connection, livestream: LivestreamId) -> AsyncIterator[list[Segment]]:
    """Pages of the stored segments of no recording yet, in the order of an original."""
    period, number = 0, 0
    while True:
        rows = await connection.fetch(
            f"SELECT {COLUMNS} FROM livestream_segment s"  # noqa: S608 - constant text
            " WHERE s.livestream_id = $1 AND s.recording_id IS NULL AND s.state = 'stored'"
            " AND (s.period, s.number) > ($2, $3::bigint) ORDER BY s.period, s.number LIMIT $4",
            livestream,
            period,
            number,
            _PAGE,
        )
        if rows:
            yield [segment_of(row) for row in rows]
        if len(rows) < _PAGE:
            return
        period, number = rows[-1]["period"], rows[-1]["number"]


async def is_any_waiting(connection: Connection, livestream: LivestreamId) -> bool:
    """Whether a stored segment is in no recording yet."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM livestream_segment"
        " WHERE livestream_id = $1 AND recording_id IS NULL AND state = 'stored')",
        livestream,
    )
    return found


async def join(
    change: Change,
    livestream: LivestreamId,
    recording: RecordingId,
    numbers: Sequence[int],
    sidecar: tuple[str, str],
) -> int:
    """Make these stored segments the original of a recording, in order; says how many."""
    key, version = sidecar
    await change.connection.execute(
        "INSERT INTO original_object (recording_id, n, object_key, version, length_bytes,"
        " lock_until, sidecar_key, sidecar_version)"
        " SELECT $2, row_number() OVER (ORDER BY period, number) - 1, object_key, version,"
        " length_bytes, lock_until, $4, $5 FROM livestream_segment"
        " WHERE livestream_id = $1 AND state = 'stored' AND recording_id IS NULL"
        " AND number = ANY($3::bigint[])",
        livestream,
        recording,
        list(numbers),
        key,
        version,
    )
    return await change.connection.execute(
        "UPDATE livestream_segment SET recording_id = $2 WHERE livestream_id = $1"
        " AND state = 'stored' AND recording_id IS NULL AND number = ANY($3::bigint[])",
        livestream,
        recording,
        list(numbers),
    )


async def arrived(connection: Connection, recording: RecordingId) -> list[ArrivedDigests]:
    """Digests at arrival of each object of a recording that was a livestream, in order."""
    rows = await connection.fetch(
        "SELECT s.sha256, s.sm3 FROM original_object o"
        " JOIN livestream_segment s ON s.object_key = o.object_key"
        " WHERE o.recording_id = $1 ORDER BY o.n",
        recording,
    )
    return [ArrivedDigests(row["sha256"], row["sm3"]) for row in rows]


async def confirm(change: Change, recording: RecordingId) -> None:
    """Every object was read back as it had arrived: these are its sealed digests."""
    await change.connection.execute(
        "UPDATE original_object o SET sha256 = s.sha256, sm3 = s.sm3 FROM livestream_segment s"
        " WHERE o.recording_id = $1 AND s.object_key = o.object_key",
        recording,
    )
