"""Findings of days by kind and state, kept by differences."""

from __future__ import annotations

from datetime import date

from recorder.domain.ids import AgencyId
from recorder.store.change import Change
from recorder.store.connection import Connection

#: Agency, day, kind, state.
FindingCount = tuple[AgencyId, date, str, str]


async def count(change: Change, by: dict[FindingCount, int]) -> None:
    """Change the counts of days by these differences."""
    ordered = sorted((key for key in by if by[key]), key=lambda k: (str(k[0]), *k[1:]))
    await change.connection.execute(
        "INSERT INTO finding_day AS d (agency_id, day, kind, state, findings)"
        " SELECT * FROM unnest($1::uuid[], $2::date[], $3::text[], $4::text[], $5::int[])"
        " ON CONFLICT (agency_id, day, kind, state)"
        " DO UPDATE SET findings = d.findings + excluded.findings",
        [key[0] for key in ordered],
        [key[1] for key in ordered],
        [key[2] for key in ordered],
        [key[3] for key in ordered],
        [by[key] for key in ordered],
    )


async def miscounted(connection: Connection) -> int:
    """How many counts of days differ from counting the findings anew; none ever should."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM (SELECT agency_id, day, kind, state, count(*) AS n FROM finding"
        " WHERE state <> 'withdrawn' GROUP BY 1, 2, 3, 4) AS real"
        " FULL JOIN (SELECT agency_id, day, kind, state, findings AS n FROM finding_day"
        " WHERE findings <> 0) AS kept USING (agency_id, day, kind, state)"
        " WHERE real.n IS DISTINCT FROM kept.n"
    )
    return found
