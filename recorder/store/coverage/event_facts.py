"""Event facts: the newest version of each, in the order in which they were told. No evidence.

Whoever tells holds the feed's row until the commit, so positions grow in the order of commits,
and a reader that goes on behind the highest one misses nothing.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from recorder.domain.coverage import EventFact
from recorder.domain.ids import CaseId
from recorder.domain.people import Scope
from recorder.store.change import Change
from recorder.store.connection import Connection, Row


@dataclass(frozen=True, slots=True)
class Place:
    """How far the feed has come, or a reader in it."""

    #: The feed's life: that of a restored database is another one.
    epoch: uuid.UUID
    position: int


@dataclass(frozen=True, slots=True)
class ToldFact:
    """The newest version of a fact."""

    id: uuid.UUID
    case: CaseId
    agency_code: str
    day: date
    version: int
    position: int
    issued_at: datetime
    withdrawn: bool
    body: str


def _from_row(row: Row) -> ToldFact:
    return ToldFact(
        row["id"],
        row["case_id"],
        row["code"],
        row["day"],
        row["version"],
        row["position"],
        row["issued_at"],
        row["withdrawn"],
        row["body"],
    )


async def tell(change: Change, cases: Collection[CaseId], facts: Sequence[EventFact]) -> int:
    """Make these all the facts of these cases; how many got a new version.

    What is said already is not told again; what a case has no more is withdrawn.
    """
    await change.connection.execute("SELECT FROM event_fact_feed FOR UPDATE")
    return await change.connection.execute(
        "WITH said AS (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::date[],"
        "   $5::text[], $6::text[]) WITH ORDINALITY"
        "   AS s (id, case_id, agency_id, day, officers, body, n)),"
        " differs AS (SELECT s.id, s.case_id, s.agency_id, s.day,"
        "    ARRAY(SELECT jsonb_array_elements_text(s.officers::jsonb)) AS officers, s.body,"
        "    false AS withdrawn, coalesce(f.version, 0) + 1 AS version, s.n"
        "   FROM said s LEFT JOIN event_fact f ON f.id = s.id"
        "   WHERE f.id IS NULL OR f.withdrawn OR f.body <> s.body"
        "   UNION ALL SELECT f.id, f.case_id, f.agency_id, f.day, f.officers, f.body, true,"
        "    f.version + 1, 0 FROM event_fact f WHERE f.case_id = ANY($7) AND NOT f.withdrawn"
        "   AND NOT EXISTS (SELECT FROM said s WHERE s.id = f.id)),"
        " placed AS (SELECT *, row_number() OVER (ORDER BY n, id) AS turn FROM differs),"
        " feed AS (UPDATE event_fact_feed SET position = position + (SELECT count(*) FROM placed)"
        "   RETURNING position - (SELECT count(*) FROM placed) AS before)"
        " INSERT INTO event_fact (id, case_id, agency_id, day, officers, version, position,"
        "  issued_at, withdrawn, body)"
        " SELECT p.id, p.case_id, p.agency_id, p.day, p.officers, p.version, f.before + p.turn,"
        "  $8::timestamptz, p.withdrawn, p.body FROM placed p, feed f"
        " ON CONFLICT (id) DO UPDATE SET day = excluded.day, officers = excluded.officers,"
        " version = excluded.version, position = excluded.position,"
        " issued_at = excluded.issued_at, withdrawn = excluded.withdrawn, body = excluded.body",
        [fact.id for fact in facts],
        [fact.case for fact in facts],
        [fact.agency for fact in facts],
        [fact.day for fact in facts],
        [json.dumps(fact.officers) for fact in facts],
        [fact.body for fact in facts],
        list(cases),
        change.now,
    )


async def newest(connection: Connection) -> Place:
    """How far the feed has come: everything up to there is committed."""
    row = await connection.fetchrow("SELECT epoch, position FROM event_fact_feed")
    return Place(row["epoch"], row["position"]) if row else Place(uuid.UUID(int=0), 0)


async def between(
    connection: Connection,
    scope: Scope,
    days: tuple[date | None, date | None],
    after: int,
    until: int,
    limit: int,
) -> list[ToldFact]:
    """Facts in scope behind a position and up to another, of these days, in order."""
    rows = await connection.fetch(
        "SELECT f.id, f.case_id, a.code, f.day, f.version, f.position, f.issued_at, f.withdrawn,"
        " f.body FROM event_fact f JOIN agency a ON a.id = f.agency_id"
        " WHERE f.position > $5 AND f.position <= $6 AND in_scope(f.agency_id, $1)"
        " AND ($2::text IS NULL OR $2 = ANY (f.officers))"
        " AND ($3::date IS NULL OR f.day >= $3) AND ($4::date IS NULL OR f.day <= $4)"
        " ORDER BY f.position LIMIT $7",
        scope.agencies,
        scope.officer,
        *days,
        after,
        until,
        limit,
    )
    return [_from_row(row) for row in rows]
