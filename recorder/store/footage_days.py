"""Figures of days that are made of recordings. No evidence: all of it can be counted anew.

Triggers of ``recording`` note differences (docs/design/dashboard.md); here they are added up, by
one process at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from recorder.domain.ids import AgencyId
from recorder.store.connection import Connection


@dataclass(frozen=True, slots=True)
class FootageDelta:
    """By how much the figures of a device's day change."""

    agency: AgencyId
    device: str
    day: date
    officer: str
    recordings: int
    footage_ms: int
    unlinked: int
    unlinked_ms: int


async def take_turn(connection: Connection) -> bool:
    """Whether nobody else adds up, until the transaction ends."""
    taken: bool = await connection.fetchval(
        "SELECT pg_try_advisory_xact_lock(hashtext('footage_delta'))"
    )
    return taken


async def take(connection: Connection, most: int) -> tuple[list[FootageDelta], bool]:
    """Take the oldest differences away, summed up, and say whether there may be more."""
    rows = await connection.fetch(
        "WITH gone AS (DELETE FROM footage_delta WHERE id IN"
        " (SELECT id FROM footage_delta ORDER BY id LIMIT $1) RETURNING *)"
        " SELECT agency_id, device, day, officer, sum(recordings) AS recordings,"
        " sum(footage_ms)::bigint AS footage_ms, sum(unlinked) AS unlinked,"
        " sum(unlinked_ms)::bigint AS unlinked_ms, count(*) AS lines"
        " FROM gone GROUP BY agency_id, device, day, officer"
        " ORDER BY agency_id, device, day, officer",
        most,
    )
    taken = [FootageDelta(*tuple(row)[:-1]) for row in rows]
    return taken, sum(row["lines"] for row in rows) == most


async def count_devices(connection: Connection, deltas: Sequence[FootageDelta]) -> None:
    """Change the days of devices; each key comes once."""
    await connection.execute(
        "INSERT INTO device_day AS d SELECT * FROM unnest($1::uuid[], $2::text[], $3::date[],"
        " $4::text[], $5::int[], $6::bigint[], $7::int[], $8::bigint[])"
        " ON CONFLICT (agency_id, device, day, officer)"
        " DO UPDATE SET recordings = d.recordings + excluded.recordings,"
        " footage_ms = d.footage_ms + excluded.footage_ms,"
        " unlinked = d.unlinked + excluded.unlinked,"
        " unlinked_ms = d.unlinked_ms + excluded.unlinked_ms",
        [each.agency for each in deltas],
        [each.device for each in deltas],
        [each.day for each in deltas],
        [each.officer for each in deltas],
        [each.recordings for each in deltas],
        [each.footage_ms for each in deltas],
        [each.unlinked for each in deltas],
        [each.unlinked_ms for each in deltas],
    )


async def count_agencies(connection: Connection, deltas: Sequence[FootageDelta]) -> None:
    """Change the days of agencies by the same."""
    await connection.execute(
        "INSERT INTO footage_day AS d SELECT agency, day, sum(recordings), sum(footage_ms),"
        " sum(unlinked), sum(unlinked_ms) FROM unnest($1::uuid[], $2::date[], $3::int[],"
        " $4::bigint[], $5::int[], $6::bigint[])"
        " AS t (agency, day, recordings, footage_ms, unlinked, unlinked_ms) GROUP BY agency, day"
        " ON CONFLICT (agency_id, day) DO UPDATE SET recordings = d.recordings"
        " + excluded.recordings, footage_ms = d.footage_ms + excluded.footage_ms,"
        " unlinked = d.unlinked + excluded.unlinked,"
        " unlinked_ms = d.unlinked_ms + excluded.unlinked_ms",
        [each.agency for each in deltas],
        [each.day for each in deltas],
        [each.recordings for each in deltas],
        [each.footage_ms for each in deltas],
        [each.unlinked for each in deltas],
        [each.unlinked_ms for each in deltas],
    )


async def mark_months(connection: Connection, deltas: Sequence[FootageDelta]) -> None:
    """Have the months of these devices say on which days there is footage."""
    await connection.execute(
        "INSERT INTO device_month SELECT t.agency, t.month, t.device,"
        " coalesce(bit_or(1 << (extract(day FROM d.day)::int - 1)), 0)"
        " FROM (SELECT DISTINCT agency, date_trunc('month', day::timestamp)::date AS month, device"
        "  FROM unnest($1::uuid[], $2::date[], $3::text[]) AS m (agency, day, device)"
        "  WHERE device <> '') AS t"
        " LEFT JOIN device_day d ON d.agency_id = t.agency AND d.device = t.device"
        " AND d.day >= t.month AND d.day < t.month + interval '1 month' AND d.recordings > 0"
        " GROUP BY t.agency, t.month, t.device"
        " ON CONFLICT (agency_id, month, device) DO UPDATE SET days = excluded.days",
        [each.agency for each in deltas],
        [each.day for each in deltas],
        [each.device for each in deltas],
    )


async def miscounted(connection: Connection) -> int:
    """How many figures of footage differ from counting anew, once all differences are added."""
    found: int = await connection.fetchval(
        "WITH real AS (SELECT c.* FROM recording r, LATERAL counted_footage(r) c),"
        " days AS (SELECT agency_id, device, day, officer, (sum(recordings), sum(footage_ms),"
        "  sum(unlinked), sum(unlinked_ms))::text AS told FROM real GROUP BY 1, 2, 3, 4),"
        " agencies AS (SELECT agency_id, day, (sum(recordings), sum(footage_ms), sum(unlinked),"
        "  sum(unlinked_ms))::text AS told FROM real GROUP BY 1, 2),"
        " months AS (SELECT agency_id, date_trunc('month', day::timestamp)::date AS month, device,"
        "  bit_or(1 << (extract(day FROM day)::int - 1)) AS days FROM real"
        "  WHERE device <> '' GROUP BY 1, 2, 3)"
        " SELECT (SELECT count(*) FROM days FULL JOIN (SELECT agency_id, device, day, officer,"
        "  (recordings, footage_ms, unlinked, unlinked_ms)::text AS kept FROM device_day"
        "  WHERE recordings <> 0) k USING (agency_id, device, day, officer)"
        "  WHERE told IS DISTINCT FROM kept)"
        " + (SELECT count(*) FROM agencies FULL JOIN (SELECT agency_id, day,"
        "  (recordings, footage_ms, unlinked, unlinked_ms)::text AS kept FROM footage_day"
        "  WHERE recordings <> 0) k USING (agency_id, day) WHERE told IS DISTINCT FROM kept)"
        " + (SELECT count(*) FROM months m FULL JOIN (SELECT * FROM device_month WHERE days <> 0) k"
        "  USING (agency_id, month, device) WHERE m.days IS DISTINCT FROM k.days)"
        " + (SELECT count(*) FROM device_month m LEFT JOIN device_year y ON"
        "  y.agency_id = m.agency_id AND y.device = m.device"
        "  AND y.year = extract(year FROM m.month) WHERE m.days::bit(32) IS DISTINCT FROM"
        "  substring(y.days FROM 32 * (extract(month FROM m.month)::int - 1) + 1 FOR 32))"
    )
    return found
