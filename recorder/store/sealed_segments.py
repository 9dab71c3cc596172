"""Segments on their way into a recording: what waits, what was listed, what verify compares.

A day has 43,200 of them: they are read in pages, and written by one statement.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from recorder.domain.fragments import Track
from recorder.domain.ids import LivestreamId, RecordingId
from recorder.domain.livestream import PeriodCause, Segment
from recorder.domain.recorded_stream import RecordedPeriod, Run
from recorder.domain.recording import OriginalObject
from recorder.store.change import Change
from recorder.store.connection import Connection, Row
from recorder.store.livestream_segments import COLUMNS, segment_of

_PAGE = 2000


@dataclass(frozen=True, slots=True)
class ArrivedObject:
    """What an object of a recording was when it arrived."""

    #: Which object of the original holds it now.
    n: int
    key: str
    length: int
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


async def arrived(connection: Connection, recording: RecordingId) -> list[ArrivedObject]:
    """What arrived for each object of a recording that was a livestream, in order."""
    rows = await connection.fetch(
        "SELECT o.n, s.object_key, s.length_bytes, s.sha256, s.sm3 FROM original_object o"
        " JOIN livestream_segment s ON s.object_key = o.object_key"
        " WHERE o.recording_id = $1 ORDER BY o.n",
        recording,
    )
    return [ArrivedObject(*row) for row in rows]


async def arrived_in_volumes(connection: Connection, recording: RecordingId) -> list[ArrivedObject]:
    """What arrived for each member of the volumes of a recording, in order; empty without any."""
    rows = await connection.fetch(
        "SELECT p.n, s.object_key, s.length_bytes, s.sha256, s.sm3 FROM recording r"
        " JOIN livestream_place p ON p.livestream_id = r.livestream_id AND p.recording_id = r.id"
        " JOIN livestream_segment s ON s.livestream_id = p.livestream_id"
        "  AND s.number = p.number AND s.state = 'stored'"
        " WHERE r.id = $1 ORDER BY p.n, p.offset_bytes",
        recording,
    )
    return [ArrivedObject(*row) for row in rows]


async def confirm(change: Change, recording: RecordingId) -> None:
    """Every object was read back as it had arrived: these are its sealed digests."""
    await change.connection.execute(
        "UPDATE original_object o SET sha256 = s.sha256, sm3 = s.sm3 FROM livestream_segment s"
        " WHERE o.recording_id = $1 AND s.object_key = o.object_key",
        recording,
    )


async def periods_of(
    connection: Connection, livestream: LivestreamId, recording: RecordingId
) -> list[RecordedPeriod]:
    """What the recording has of each period, in order; periods without a segment are left out."""
    rows = await connection.fetch(
        "SELECT p.number, p.cause, p.tracks, count(*) AS segments,"
        " count(*) FILTER (WHERE s.duration_us IS NULL) AS unreadable,"
        " coalesce(sum(s.duration_us), 0)::bigint AS lasts_us,"
        " bool_and(s.device_at IS NOT NULL) AS by_device,"
        " (array_agg(s.device_at ORDER BY s.number))[1] AS device_begins,"
        " (array_agg(s.device_at + coalesce(s.duration_us, 0) * interval '1 microsecond'"
        "   ORDER BY s.number DESC))[1] AS device_ends,"
        " (array_agg(s.arrived_at - coalesce(s.duration_us, 0) * interval '1 microsecond'"
        "   ORDER BY s.number))[1] AS arrival_begins,"
        " max(s.arrived_at) AS arrival_ends"
        " FROM livestream_segment s"
        " JOIN livestream_period p ON p.livestream_id = s.livestream_id AND p.number = s.period"
        " WHERE s.livestream_id = $1 AND s.recording_id = $2 AND s.state = 'stored'"
        " AND s.number > 0 GROUP BY p.livestream_id, p.number ORDER BY p.number",
        livestream,
        recording,
    )
    return [_period_of(row) for row in rows]


def _period_of(row: Row) -> RecordedPeriod:
    clock = "device" if row["by_device"] else "arrival"
    return RecordedPeriod(
        number=row["number"],
        cause=PeriodCause(row["cause"]),
        tracks=tuple(Track.from_json(each) for each in row["tracks"]),
        segments=row["segments"],
        unreadable=row["unreadable"],
        lasts=timedelta(microseconds=row["lasts_us"]),
        clock=clock,
        begins_at=row[f"{clock}_begins"],
        ends_at=row[f"{clock}_ends"],
    )


async def objects_by_period(
    connection: Connection, recording: RecordingId
) -> dict[int, list[OriginalObject]]:
    """Of which objects, or parts of volumes, each period consists in the original."""
    rows = await connection.fetch(
        "SELECT s.period, o.n, o.object_key, o.version, o.length_bytes, s.sha256, s.sm3,"
        " NULL::bigint AS begins FROM original_object o"
        " JOIN livestream_segment s ON s.object_key = o.object_key WHERE o.recording_id = $1"
        " UNION ALL SELECT s.period, o.n, o.object_key, o.version, sum(s.length_bytes)::bigint,"
        " NULL, NULL, min(p.offset_bytes) FROM recording r"
        " JOIN livestream_place p ON p.livestream_id = r.livestream_id AND p.recording_id = r.id"
        " JOIN livestream_segment s ON s.livestream_id = p.livestream_id"
        "  AND s.number = p.number AND s.state = 'stored'"
        " JOIN original_object o ON o.recording_id = r.id AND o.n = p.n"
        " WHERE r.id = $1 GROUP BY s.period, o.n, o.object_key, o.version ORDER BY 1, 2",
        recording,
    )
    found: dict[int, list[OriginalObject]] = {}
    for row in rows:
        found.setdefault(row["period"], []).append(_object_of(row))
    return found


async def inits_before(
    connection: Connection, livestream: LivestreamId, recording: RecordingId
) -> dict[int, list[OriginalObject]]:
    """Init segments of periods that are part of another recording of the same livestream."""
    rows = await connection.fetch(
        "SELECT s.period, 0 AS n, coalesce(o.object_key, s.object_key) AS object_key,"
        " coalesce(o.version, s.version) AS version, s.length_bytes, s.sha256, s.sm3,"
        " p.offset_bytes AS begins FROM livestream_segment s"
        " LEFT JOIN livestream_place p ON p.livestream_id = s.livestream_id"
        "  AND p.number = s.number"
        " LEFT JOIN original_object o ON o.recording_id = p.recording_id AND o.n = p.n"
        " WHERE s.livestream_id = $1 AND s.number < 0 AND s.state = 'stored'"
        " AND s.recording_id IS NOT NULL AND s.recording_id <> $2",
        livestream,
        recording,
    )
    return {row["period"]: [_object_of(row)] for row in rows}


def _object_of(row: Row) -> OriginalObject:
    return OriginalObject(
        row["n"],
        row["object_key"],
        row["version"],
        row["length_bytes"],
        row["sha256"],
        row["sm3"],
        row["begins"],
    )


async def runs_of(
    connection: Connection, livestream: LivestreamId, recording: RecordingId
) -> list[Run]:
    """Stretches of segments that follow each other in number and period, in order."""
    rows = await connection.fetch(
        "SELECT min(began_at) FILTER (WHERE NOT follows) AS began_at,"
        " min(media_us)::bigint AS media_us, sum(lasts_us)::bigint AS lasts_us FROM ("
        "  SELECT *, sum(CASE WHEN follows THEN 0 ELSE 1 END) OVER (ORDER BY number) AS run,"
        "  coalesce(sum(lasts_us) OVER (ORDER BY number ROWS BETWEEN UNBOUNDED PRECEDING"
        "   AND 1 PRECEDING), 0) AS media_us FROM ("
        "   SELECT number, coalesce(duration_us, 0) AS lasts_us,"
        "   coalesce(device_at, arrived_at - coalesce(duration_us, 0) * interval '1 microsecond')"
        "    AS began_at,"
        "   coalesce(lag(number) OVER along = number - 1 AND lag(period) OVER along = period,"
        "    false) AS follows FROM livestream_segment"
        "   WHERE livestream_id = $1 AND recording_id = $2 AND state = 'stored' AND number > 0"
        "   WINDOW along AS (ORDER BY number)) AS each) AS numbered"
        " GROUP BY run ORDER BY run",
        livestream,
        recording,
    )
    return [
        Run(
            row["began_at"],
            timedelta(microseconds=row["media_us"]),
            timedelta(microseconds=row["lasts_us"]),
        )
        for row in rows
    ]
