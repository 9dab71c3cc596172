"""How much of a day's footage bears marks. No evidence: all of it can be counted anew.

As ``footage_days``, under its turn; differences of its own, since they came with a later release.
"""

from __future__ import annotations

from recorder.store.connection import Connection

_TAKEN = (
    "WITH gone AS (DELETE FROM marked_delta WHERE id IN"
    " (SELECT id FROM marked_delta ORDER BY id LIMIT $1) RETURNING *),"
    " lines AS (SELECT count(*) AS many FROM gone),"
    " devices AS (INSERT INTO device_day AS d (agency_id, device, day, officer, marked)"
    "  SELECT agency_id, device, day, officer, sum(marked) FROM gone GROUP BY 1, 2, 3, 4"
    "  ORDER BY 1, 2, 3, 4 ON CONFLICT (agency_id, device, day, officer)"
    "  DO UPDATE SET marked = d.marked + excluded.marked),"
    " agencies AS (INSERT INTO footage_day AS d (agency_id, day, marked)"
    "  SELECT agency_id, day, sum(marked) FROM gone GROUP BY 1, 2 ORDER BY 1, 2"
    "  ON CONFLICT (agency_id, day) DO UPDATE SET marked = d.marked + excluded.marked)"
    " SELECT many FROM lines"
)


async def add_up(connection: Connection, most: int) -> bool:
    """Add the oldest differences to the days of devices and agencies; True: there may be more."""
    taken: int = await connection.fetchval(_TAKEN, most)
    return taken == most


async def miscounted(connection: Connection) -> int:
    """How many days differ from counting anew, once all differences are added."""
    found: int = await connection.fetchval(
        "WITH real AS (SELECT c.agency_id, c.device, c.day, c.officer FROM recording r,"
        "  LATERAL counted_footage(r) c WHERE EXISTS (SELECT FROM mark m"
        "  WHERE m.recording_id = r.id AND m.withdrawn_at IS NULL)),"
        " days AS (SELECT agency_id, device, day, officer, count(*) AS marked FROM real"
        "  GROUP BY 1, 2, 3, 4),"
        " agencies AS (SELECT agency_id, day, count(*) AS marked FROM real GROUP BY 1, 2)"
        " SELECT (SELECT count(*) FROM days r FULL JOIN (SELECT * FROM device_day"
        "  WHERE marked <> 0) k USING (agency_id, device, day, officer)"
        "  WHERE r.marked IS DISTINCT FROM k.marked)"
        " + (SELECT count(*) FROM agencies r FULL JOIN (SELECT * FROM footage_day"
        "  WHERE marked <> 0) k USING (agency_id, day) WHERE r.marked IS DISTINCT FROM k.marked)"
    )
    return found
