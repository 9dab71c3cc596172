"""Rows of segments that are just arriving: claimed before their object, counted behind it.

Many at once, of many livestreams, because an ingest process has that many; locks are always taken
in one order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import Form, LivestreamState, Segment
from recorder.store import livestream_segments
from recorder.store.change import Change
from recorder.store.connection import Connection


@dataclass(frozen=True, slots=True)
class Adoption:
    """A claimed segment whose object is there, locked."""

    segment: Segment
    version: str
    lock_until: datetime


@dataclass(frozen=True, slots=True)
class Turn:
    """What decides whether a segment may count, under the row lock of its livestream."""

    form: Form
    state: LivestreamState
    fence: int


async def intend(connection: Connection, segments: Sequence[Segment]) -> list[bool]:
    """Say that these bytes are about to be stored; False where an earlier try has said so."""
    order = sorted(
        range(len(segments)),
        key=lambda n: (segments[n].livestream, segments[n].number, segments[n].sha256),
    )
    rows = [segments[n] for n in order]
    fresh = await connection.fetch(
        "WITH given AS (SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::bytea[],"
        " $5::int[], $6::text[], $7::bigint[], $8::timestamptz[], $9::bigint[], $10::bigint[],"
        " $11::boolean[], $12::timestamptz[], $13::timestamptz[]) WITH ORDINALITY AS g(livestream,"
        " number, sha256, sm3, period, object_key, length, lock_until, media_time, duration,"
        " keyframe, device_at, arrived_at, n)), fresh AS (INSERT INTO livestream_segment"
        " (livestream_id, number, sha256, sm3, period, object_key, length_bytes, lock_until,"
        " media_time_us, duration_us, keyframe, device_at, arrived_at)"
        " SELECT livestream, number, sha256, sm3, period, object_key, length, lock_until,"
        " media_time, duration, keyframe, device_at, arrived_at FROM given ORDER BY n"
        " ON CONFLICT (livestream_id, number, sha256) DO NOTHING"
        " RETURNING livestream_id, number, sha256)"
        " SELECT g.n FROM given g JOIN fresh f ON f.livestream_id = g.livestream"
        " AND f.number = g.number AND f.sha256 = g.sha256",
        [row.livestream for row in rows],
        [row.number for row in rows],
        [row.sha256 for row in rows],
        [row.sm3 for row in rows],
        [row.period for row in rows],
        [row.key for row in rows],
        [row.length for row in rows],
        [row.lock_until for row in rows],
        [row.media_time_us for row in rows],
        [row.duration_us for row in rows],
        [row.keyframe for row in rows],
        [row.device_at for row in rows],
        [row.arrived_at for row in rows],
    )
    written = {order[row["n"] - 1] for row in fresh}
    return [n in written for n in range(len(segments))]


async def claimed(connection: Connection, livestream: LivestreamId) -> list[Segment]:
    """Segments that were claimed and do not count, by number: their receiver died, or goes on."""
    rows = await connection.fetch(
        f"SELECT {livestream_segments.COLUMNS} FROM livestream_segment s"  # noqa: S608 - constant text
        " WHERE s.livestream_id = $1 AND s.number > 0 AND s.state = 'intended' ORDER BY s.number",
        livestream,
    )
    return [livestream_segments.segment_of(row) for row in rows]


async def lock_turns(
    change: Change, livestreams: Sequence[LivestreamId]
) -> dict[LivestreamId, Turn]:
    """Nobody else changes these livestreams until the Change ends.

    Until then each statement keeps one plan, and looks for every row by its key, which is right
    for any number of rows: planning one anew for the values given cost more than running it.
    """
    rows = await change.connection.fetch(
        "WITH planning AS MATERIALIZED (SELECT set_config('plan_cache_mode',"
        " 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),"
        " set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true))"
        " SELECT id, form, state, fence FROM livestream, planning WHERE id = ANY($1::uuid[])"
        " ORDER BY id FOR UPDATE OF livestream",
        list(livestreams),
    )
    return {
        row["id"]: Turn(Form(row["form"]), LivestreamState(row["state"]), row["fence"])
        for row in rows
    }


async def adopt_each(
    change: Change, adoptions: Sequence[Adoption]
) -> dict[tuple[LivestreamId, int], bytes | None]:
    """Intended → stored, one segment of each livestream; gives the predecessors' digests.

    Only under the locks of their livestreams, whose counters go on with it. What another body
    has the number of, or what was adopted before, is left as it is and missing in the answer.
    """
    rows = await change.connection.fetch(
        "WITH given AS (SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::text[],"
        " $5::timestamptz[]) AS g(livestream, number, sha256, version, lock_until)),"
        " adopted AS (UPDATE livestream_segment AS s SET version = g.version,"
        "  lock_until = g.lock_until, state = 'stored', previous_sha256 = o.sha256,"
        "  follows = coalesce(o.period = s.period, false) FROM given g"
        "  LEFT JOIN livestream_segment o ON o.livestream_id = g.livestream"
        "   AND o.number = g.number - 1 AND o.number > 0 AND o.state = 'stored'"
        "  WHERE s.livestream_id = g.livestream"
        "  AND s.number = g.number AND s.sha256 = g.sha256 AND s.state = 'intended'"
        "  AND NOT EXISTS (SELECT FROM livestream_segment o WHERE o.livestream_id = g.livestream"
        "   AND o.number = g.number AND o.state = 'stored')"
        "  RETURNING s.livestream_id, s.number, s.period, s.sha256, s.previous_sha256,"
        "  s.length_bytes, s.arrived_at),"
        " chained AS (UPDATE livestream_segment AS s SET previous_sha256 = a.sha256,"
        "  follows = (s.period = a.period) FROM adopted a"
        "  WHERE s.livestream_id = a.livestream_id AND s.number = a.number + 1"
        "  AND s.state = 'stored' AND s.previous_sha256 IS NULL),"
        " counted AS (UPDATE livestream AS l"
        "  SET first_arrival_at = least(l.first_arrival_at, a.arrived_at),"
        "  last_arrival_at = greatest(l.last_arrival_at, a.arrived_at),"
        "  highest_number = greatest(l.highest_number, a.number), segments = l.segments + 1,"
        "  length_bytes = l.length_bytes + a.length_bytes FROM adopted a"
        "  WHERE l.id = a.livestream_id)"
        " SELECT livestream_id, number, previous_sha256 FROM adopted",
        [each.segment.livestream for each in adoptions],
        [each.segment.number for each in adoptions],
        [each.segment.sha256 for each in adoptions],
        [each.version for each in adoptions],
        [each.lock_until for each in adoptions],
    )
    return {(row["livestream_id"], row["number"]): row["previous_sha256"] for row in rows}
