"""How many cases bear which class (R38, R85): few do, so they are counted when somebody asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recorder.domain.case import CaseClass
from recorder.domain.organisation_tree import Holding
from recorder.domain.people import Scope
from recorder.store.connection import Connection
from recorder.store.coverage.sums import HELD, held


@dataclass(frozen=True, slots=True)
class ClassLine:
    """Cases of one class that were opened on some days."""

    name: CaseClass
    cases: int


async def counted(
    connection: Connection, scope: Scope, holdings: Sequence[Holding]
) -> list[ClassLine]:
    """Of each class the cases that people or their systems say are of it, each once.

    A case counts on the day on which its system says that it was opened, else on that on which it
    is known here; one that went into another is that one's.
    """
    rows = await connection.fetch(
        f"{HELD}, classed AS MATERIALIZED (SELECT id FROM case_file WHERE classes <> '{{}}'"  # noqa: S608 - constant text
        "  AND in_scope(agency_id, $1) UNION SELECT case_id FROM feed_case"
        "  WHERE classes <> '{}' AND withdrawn_at IS NULL AND in_scope(agency_id, $1)),"
        " told AS (SELECT c.id, c.agency_id, coalesce(min(f.opened_on),"
        "   (c.created_at AT TIME ZONE interval '8 hours')::date) AS day,"
        "   c.classes || coalesce(array_agg(w.word) FILTER (WHERE w.word IS NOT NULL), '{}')"
        "   AS classes FROM classed x JOIN case_file c ON c.id = x.id AND c.state <> 'merged'"
        "  LEFT JOIN feed_case f ON f.case_id = c.id AND f.withdrawn_at IS NULL"
        "  LEFT JOIN LATERAL unnest(f.classes) AS w (word) ON true GROUP BY c.id)"
        " SELECT k.word, count(DISTINCT t.id) AS cases FROM told t"
        " JOIN held h ON h.agency = t.agency_id AND t.day BETWEEN h.first AND h.last"
        " CROSS JOIN LATERAL unnest(t.classes) AS k (word) GROUP BY k.word",
        *held(scope, holdings),
    )
    found = {row["word"]: row["cases"] for row in rows}
    return [ClassLine(each, found.get(each.value, 0)) for each in CaseClass]
