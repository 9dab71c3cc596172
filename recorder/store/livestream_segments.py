"""Segments of livestreams and the periods they stand in.

They are evidence, so what makes them count takes a Change; their custody events come in batches
(``untold``). Intents are no evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from recorder.domain.fragments import Track
from recorder.domain.ids import LivestreamId, RecordingId
from recorder.domain.livestream import Edge, Gap, PeriodCause, Segment
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

#: Number, period, duration in µs, clock of the device, arrival, whether it begins with a keyframe.
EntryRow = tuple[int, int, int | None, datetime | None, datetime, bool | None]

#: The columns of a segment, as ``segment_of`` reads them; ``s`` is its table.
COLUMNS = (
    "s.livestream_id, s.number, s.period, s.state, s.object_key, s.version, s.length_bytes,"
    " s.sha256, s.sm3, s.lock_until, s.previous_sha256, s.media_time_us, s.duration_us,"
    " s.device_at, s.arrived_at, s.keyframe, s.recording_id"
)


def segment_of(row: Row) -> Segment:
    """The segment of a row with COLUMNS."""
    return Segment(
        livestream=row["livestream_id"],
        number=row["number"],
        period=row["period"],
        state=row["state"],
        key=row["object_key"],
        version=row["version"],
        length=row["length_bytes"],
        sha256=row["sha256"],
        sm3=row["sm3"],
        lock_until=row["lock_until"],
        previous_sha256=row["previous_sha256"],
        media_time_us=row["media_time_us"],
        duration_us=row["duration_us"],
        device_at=row["device_at"],
        arrived_at=row["arrived_at"],
        keyframe=row["keyframe"],
        recording=row["recording_id"],
    )


async def find(
    connection: Connection, livestream: LivestreamId, number: int, sha256: bytes
) -> Segment | None:
    """The row of these bytes under this number."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM livestream_segment s"  # noqa: S608 - constant text
        " WHERE s.livestream_id = $1 AND s.number = $2 AND s.sha256 = $3",
        livestream,
        number,
        sha256,
    )
    return segment_of(row) if row else None


async def stored(connection: Connection, livestream: LivestreamId, number: int) -> Segment | None:
    """The segment that counts under this number."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM livestream_segment s"  # noqa: S608 - constant text
        " WHERE s.livestream_id = $1 AND s.number = $2 AND s.state = 'stored'",
        livestream,
        number,
    )
    return segment_of(row) if row else None


async def adopt(change: Change, segment: Segment, version: str, lock_until: datetime) -> str | None:
    """Intended → stored, or conflicting when another body has the number; None if it was adopted.

    Only under the lock of its livestream. The digest of its predecessor goes in, if that is there.
    """
    state: str | None = await change.connection.fetchval(
        "UPDATE livestream_segment AS s SET version = $4, lock_until = $5,"
        " state = CASE WHEN EXISTS (SELECT FROM livestream_segment o WHERE o.livestream_id = $1"
        "   AND o.number = $2 AND o.state = 'stored') THEN 'conflicting' ELSE 'stored' END,"
        " previous_sha256 = (SELECT o.sha256 FROM livestream_segment o WHERE o.livestream_id = $1"
        "   AND o.number = $2::bigint - 1 AND o.number > 0 AND o.state = 'stored'),"
        " follows = EXISTS (SELECT FROM livestream_segment o WHERE o.livestream_id = $1"
        "   AND o.number = $2::bigint - 1 AND o.number > 0 AND o.state = 'stored'"
        "   AND o.period = s.period)"
        " WHERE s.livestream_id = $1 AND s.number = $2 AND s.sha256 = $3 AND s.state = 'intended'"
        " RETURNING s.state",
        segment.livestream,
        segment.number,
        segment.sha256,
        version,
        lock_until,
    )
    return state


async def chain_successor(change: Change, segment: Segment) -> None:
    """Give the segment behind a late one the digest of its predecessor."""
    await change.connection.execute(
        "UPDATE livestream_segment SET previous_sha256 = $3, follows = (period = $4)"
        " WHERE livestream_id = $1 AND number = $2::bigint + 1 AND $2::bigint > 0"
        " AND state = 'stored' AND previous_sha256 IS NULL",
        segment.livestream,
        segment.number,
        segment.sha256,
        segment.period,
    )


async def highest_period(connection: Connection, livestream: LivestreamId) -> int:
    """The highest number that a period of it has or was meant to have; 0 before the first."""
    highest: int = await connection.fetchval(
        "SELECT coalesce(max(period), 0) FROM livestream_segment WHERE livestream_id = $1",
        livestream,
    )
    return highest


async def highest_claimed(connection: Connection, livestream: LivestreamId) -> int:
    """The highest number that bytes were ever meant to have, whether they count or not."""
    highest: int = await connection.fetchval(
        "SELECT coalesce(max(number), 0) FROM livestream_segment WHERE livestream_id = $1"
        " AND number > 0",
        livestream,
    )
    return highest


async def insert_period(
    change: Change,
    livestream: LivestreamId,
    period: int,
    cause: PeriodCause,
    tracks: Sequence[Track],
    began: datetime,
) -> None:
    """Write a period with what its init segment says."""
    await change.connection.execute(
        "INSERT INTO livestream_period (livestream_id, number, cause, tracks, began_at)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        livestream,
        period,
        cause.value,
        [track.to_json() for track in tracks],
        began,
    )


async def tracks_of(
    connection: Connection, livestream: LivestreamId, period: int
) -> tuple[Track, ...] | None:
    """The tracks of a period; None when it has not begun."""
    row = await connection.fetchrow(
        "SELECT tracks FROM livestream_period WHERE livestream_id = $1 AND number = $2",
        livestream,
        period,
    )
    return tuple(Track.from_json(each) for each in row["tracks"]) if row else None


async def edges(connection: Connection, livestream: LivestreamId) -> list[Edge]:
    """Where a segment does not follow the one before in number and period, the first included."""
    rows = await connection.fetch(
        f"SELECT p.cause, b.number AS before_number, {COLUMNS}"  # noqa: S608 - constant text
        " FROM livestream_segment s"
        " JOIN livestream_period p ON p.livestream_id = s.livestream_id AND p.number = s.period"
        " LEFT JOIN LATERAL (SELECT o.number, o.period FROM livestream_segment o"
        "  WHERE o.livestream_id = s.livestream_id AND o.number > 0 AND o.number < s.number"
        "  AND o.state = 'stored' ORDER BY o.number DESC LIMIT 1) b ON true"
        " WHERE s.livestream_id = $1 AND s.number > 0 AND s.state = 'stored' AND NOT s.follows"
        # What an earlier release wrote never says that it follows.
        " AND (b.number, b.period) IS DISTINCT FROM (s.number - 1, s.period) ORDER BY s.number",
        livestream,
    )
    numbers = [row["before_number"] for row in rows if row["before_number"] is not None]
    before = {each.number: each for each in await stored_each(connection, livestream, numbers)}
    found = []
    for row in rows:
        after, ahead = segment_of(row), before.get(row["before_number"])
        same = ahead is not None and ahead.period == after.period
        found.append(Edge(ahead, after, None if same else PeriodCause(row["cause"])))
    return found


async def stored_each(
    connection: Connection, livestream: LivestreamId, numbers: Sequence[int]
) -> list[Segment]:
    """The segments that count under these numbers."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM livestream_segment s"  # noqa: S608 - constant text
        " WHERE s.livestream_id = $1 AND s.number = ANY($2::bigint[]) AND s.state = 'stored'",
        livestream,
        list(numbers),
    )
    return [segment_of(row) for row in rows]


async def newest(connection: Connection, livestream: LivestreamId) -> Segment | None:
    """The stored segment with the highest number."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM livestream_segment s"  # noqa: S608 - constant text
        " WHERE s.livestream_id = $1 AND s.number > 0 AND s.state = 'stored'"
        " ORDER BY s.number DESC LIMIT 1",
        livestream,
    )
    return segment_of(row) if row else None


async def newest_keyframe(
    connection: Connection, livestream: LivestreamId, period: int
) -> int | None:
    """The highest number in a period of a stored segment that begins with a keyframe."""
    number: int | None = await connection.fetchval(
        "SELECT max(number) FROM livestream_segment WHERE livestream_id = $1 AND period = $2"
        " AND number > 0 AND state = 'stored' AND keyframe",
        livestream,
        period,
    )
    return number


async def run_up(
    connection: Connection, livestream: LivestreamId, number: int, at_most: int
) -> list[Segment]:
    """The stored segments of its period up to this one, in order; so many before it at most."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM livestream_segment s"  # noqa: S608 - constant text
        " WHERE s.livestream_id = $1 AND s.number BETWEEN greatest(1, $2::bigint - $3) AND $2"
        " AND s.state = 'stored' AND s.period = (SELECT period FROM livestream_segment"
        "  WHERE livestream_id = $1 AND number = $2 AND state = 'stored') ORDER BY s.number",
        livestream,
        number,
        at_most,
    )
    return [segment_of(row) for row in rows]


async def has_conflicts(connection: Connection, livestream: LivestreamId) -> bool:
    """Whether second bodies are kept beside segments."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM livestream_segment"
        " WHERE livestream_id = $1 AND state = 'conflicting')",
        livestream,
    )
    return found


async def insert_gaps(change: Change, recording: RecordingId, gaps: Sequence[Gap]) -> None:
    """Write the gaps of a recording as they are at its making."""
    await change.connection.executemany(
        "INSERT INTO livestream_gap (recording_id, n, begins_at, ends_at, clock, cause,"
        " first_missing, last_missing) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        [
            (
                recording,
                n,
                gap.begins_at,
                gap.ends_at,
                gap.clock,
                gap.cause,
                gap.first_missing,
                gap.last_missing,
            )
            for n, gap in enumerate(gaps)
        ],
    )


async def gaps_of(connection: Connection, recording: RecordingId) -> list[Gap]:
    """The gaps of a recording that was a livestream, in order."""
    rows = await connection.fetch(
        "SELECT begins_at, ends_at, clock, cause, first_missing, last_missing"
        " FROM livestream_gap WHERE recording_id = $1 ORDER BY n",
        recording,
    )
    return [Gap(*row) for row in rows]


async def codecs_of(connection: Connection, livestream: LivestreamId) -> set[str]:
    """The codecs that the init segments name; empty where none can be read."""
    rows = await connection.fetch(
        "SELECT DISTINCT track ->> 'codec' AS codec FROM livestream_period p,"
        " jsonb_array_elements(p.tracks) AS track WHERE p.livestream_id = $1",
        livestream,
    )
    return {row["codec"] for row in rows}


async def entries(
    connection: Connection,
    livestream: LivestreamId,
    recording: RecordingId | None,
    before: int = 0,
) -> list[EntryRow]:
    """Number, period, duration, the two clocks and keyframe of the stored segments, by number.

    Those behind number ``before``: all of them, or those of one recording.
    """
    rows = await connection.fetch(
        "SELECT number, period, duration_us, device_at, arrived_at, keyframe"
        " FROM livestream_segment WHERE livestream_id = $1 AND number > $3 AND state = 'stored'"
        " AND ($2::uuid IS NULL OR recording_id = $2) ORDER BY number",
        livestream,
        recording,
        before,
    )
    return [tuple(row) for row in rows]


async def with_lock_before(connection: Connection, moment: datetime, limit: int) -> list[Segment]:
    """Segments of no recording, second bodies among them, whose lock ends before the moment."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM livestream_segment s"  # noqa: S608 - constant text
        " WHERE s.recording_id IS NULL AND s.state <> 'intended' AND s.lock_until < $1"
        " ORDER BY s.lock_until LIMIT $2",
        moment,
        limit,
    )
    return [segment_of(row) for row in rows]


async def set_lock(connection: Connection, segment: Segment, until: datetime) -> None:
    """Note that the store has extended the lock; it never goes back."""
    await connection.execute(
        "UPDATE livestream_segment SET lock_until = greatest(lock_until, $4)"
        " WHERE livestream_id = $1 AND number = $2 AND sha256 = $3",
        segment.livestream,
        segment.number,
        segment.sha256,
        until,
    )


async def untold(change: Change, livestream: LivestreamId, limit: int) -> list[Segment]:
    """Stored segments of which no custody event tells yet, by number; nobody else tells them."""
    rows = await change.connection.fetch(
        f"SELECT {COLUMNS} FROM livestream_segment s"  # noqa: S608 - constant text
        " WHERE s.livestream_id = $1 AND NOT s.told AND s.state = 'stored'"
        " ORDER BY s.number LIMIT $2 FOR UPDATE SKIP LOCKED",
        livestream,
        limit,
    )
    return [segment_of(row) for row in rows]


async def mark_told(change: Change, livestream: LivestreamId, numbers: Sequence[int]) -> None:
    """A custody event of this Change tells of these segments."""
    await change.connection.execute(
        "UPDATE livestream_segment SET told = true"
        " WHERE livestream_id = $1 AND number = ANY($2::bigint[]) AND state = 'stored'",
        livestream,
        list(numbers),
    )


async def with_untold(connection: Connection, before: datetime, limit: int) -> list[LivestreamId]:
    """Livestreams with segments that came before the moment and that no event tells of."""
    rows = await connection.fetch(
        "SELECT livestream_id FROM livestream_segment"
        " WHERE NOT told AND state = 'stored' AND arrived_at < $1"
        " GROUP BY livestream_id LIMIT $2",
        before,
        limit,
    )
    return [row["livestream_id"] for row in rows]
