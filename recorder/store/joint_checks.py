"""The parts of a joint check: cases of whatever organ that mention its plan, in figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from recorder.domain.ids import AgencyId, CaseId
from recorder.store.connection import Connection

#: More organs and cases than any plan has.
MOST_PARTS = 500


@dataclass(frozen=True, slots=True)
class JointPart:
    """What one case of a joint check shows to the organs that take part: figures, no pictures."""

    case: CaseId
    agency: AgencyId
    agency_code: str
    agency_name: str
    #: Its first number, as people write it.
    number: str
    recordings: int
    first: date | None
    last: date | None
    #: Scenes that had to be recorded, and how they stand.
    must: int
    recorded: int
    holes: int
    unrecorded: int


async def parts_of(connection: Connection, plan: str) -> list[JointPart]:
    """Every case that mentions the plan of this key, whosever it is: narrowed by who asks."""
    rows = await connection.fetch(
        "SELECT c.id AS case, c.agency_id AS agency, a.code, a.name,"
        " coalesce((SELECT i.norm FROM case_identifier i WHERE i.case_id = c.id"
        "  ORDER BY i.created_at, i.id LIMIT 1), '') AS number,"
        " (SELECT count(*) FROM case_link l WHERE l.case_id = c.id AND l.unlinked_at IS NULL)"
        " AS recordings, s.first, s.last, coalesce(s.must, 0) AS must,"
        " coalesce(s.recorded, 0) AS recorded, coalesce(s.holes, 0) AS holes,"
        " coalesce(s.unrecorded, 0) AS unrecorded"
        " FROM (SELECT DISTINCT m.case_id FROM case_mention m WHERE m.kind = 'plan'"
        "  AND m.find = $1 AND m.withdrawn_at IS NULL AND (m.source_id IS NULL OR EXISTS ("
        "   SELECT FROM feed_case f WHERE f.source_id = m.source_id AND f.key = m.key"
        "   AND f.withdrawn_at IS NULL))) p"
        " JOIN case_file c ON c.id = p.case_id AND c.state <> 'merged'"
        " JOIN agency a ON a.id = c.agency_id"
        " LEFT JOIN LATERAL (SELECT min(day) AS first, max(day) AS last, sum(must) AS must,"
        "  sum(recorded) AS recorded, sum(holes) AS holes, sum(unrecorded) AS unrecorded"
        "  FROM counted_scene WHERE case_id = c.id) s ON true"
        " ORDER BY a.code, c.id LIMIT $2",
        plan,
        MOST_PARTS,
    )
    return [JointPart(*row) for row in rows]
