"""How much footage is unmarked beyond its term (R49): figures of days, less what came lately.

A day's figures say how much of its footage bears no mark, whenever it arrived. What arrived so
lately that it is still in its term is few and has an index (``recording_came_later``): it is
taken off. Differences that nobody has added up yet are added, so the answer is that of counting
the recordings of the same moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from recorder.domain.ids import AgencyId
from recorder.domain.instant import CHINA
from recorder.domain.marking_term import MarkingDue
from recorder.domain.people import Scope
from recorder.store.connection import Connection

_DUE = (
    "WITH due AS (SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::date[], $5::date[], $6::date[])"
    " AS h (agency, way, first, last, until) WHERE in_scope(h.agency, $1))"
)
_DAYS = "d.agency_id = h.agency AND d.day BETWEEN h.first AND h.last"
#: Days in China as moments.
_BEHIND_LAST = "((h.last + 1)::timestamp AT TIME ZONE interval '8 hours')"
_BEHIND_TERM = "((h.until + 1)::timestamp AT TIME ZONE interval '8 hours')"
#: Some of these columns compare byte by byte, others do not.
_OFFICER = 'd.officer COLLATE "C"'
#: As the index has it.
_CAME_LATER = (
    "(r.received_at AT TIME ZONE interval '8 hours')::date"
    " > (r.started_at AT TIME ZONE interval '8 hours')::date"
)


def _told(days: str, key: str, footage: str = "true") -> str:
    return (
        f"{_DUE}, told (key, recordings) AS ("  # noqa: S608 - constant text
        f"SELECT {key}, d.recordings - d.marked FROM due h JOIN {days} d ON {_DAYS}"
        f" UNION ALL SELECT {key}, d.recordings FROM due h JOIN footage_delta d ON {_DAYS}"
        f" UNION ALL SELECT {key}, -d.marked FROM due h JOIN marked_delta d ON {_DAYS}"
        f" UNION ALL SELECT {key}, -1 FROM due h JOIN recording r ON r.agency_id = h.agency"
        f"  AND {_CAME_LATER} AND r.received_at >= {_BEHIND_TERM} AND r.started_at < {_BEHIND_LAST}"
        # Of all agencies besides, or PostgreSQL takes everything that ever came later for few.
        "  AND r.received_at >= $7 AND r.started_at < $8"
        f"  AND {footage} AND r.marks = 0 CROSS JOIN LATERAL counted_footage(r) d WHERE {_DAYS})"
        " SELECT key, sum(recordings)::bigint AS recordings FROM told"
    )


def _arguments(scope: Scope, due: Sequence[MarkingDue]) -> tuple[object, ...]:
    return (
        scope.agencies,
        [each.agency for each in due],
        [each.by_way_of for each in due],
        [each.first for each in due],
        [each.last for each in due],
        [each.arrived_until for each in due],
        _behind(min(each.arrived_until for each in due)),
        _behind(max(each.last for each in due)),
    )


def _behind(day: date) -> datetime:
    """When a day in China is over."""
    return datetime.combine(day + timedelta(days=1), time.min, CHINA)


async def by_way(
    connection: Connection, scope: Scope, due: Sequence[MarkingDue]
) -> dict[AgencyId, int]:
    """Recordings beyond their term, by way; who has none is left out. ``due`` is not empty."""
    rows = await connection.fetch(
        f"{_told('footage_day', 'h.way')} GROUP BY key HAVING sum(recordings) <> 0",
        *_arguments(scope, due),
    )
    return {row["key"]: row["recordings"] for row in rows}


async def by_officer(
    connection: Connection, scope: Scope, due: Sequence[MarkingDue], officer: str | None = None
) -> dict[str, int]:
    """The same by the officer who made them; of one officer if one is named."""
    rows = await connection.fetch(
        f"{_told('device_day', _OFFICER, '($9::text IS NULL OR r.officer = $9)')}"
        " WHERE key <> '' AND ($9::text IS NULL OR key = $9)"
        " GROUP BY key HAVING sum(recordings) <> 0",
        *_arguments(scope, due),
        officer,
    )
    return {row["key"]: row["recordings"] for row in rows}
