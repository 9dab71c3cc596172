"""Publications, entrustments and days off as people look at them: of a day, and as lists."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date

from recorder.domain.ids import AgencyId
from recorder.domain.people import Scope
from recorder.store.connection import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedSubject:
    """A subject of enforcement as it was announced (执法主体公告)."""

    id: uuid.UUID
    agency: AgencyId
    agency_code: str
    name: str
    #: Unified social credit code on that day; empty where nobody said it.
    uscc: str
    kind: str
    announced_at: date | None
    valid_from: date
    valid_to: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEntrustment:
    """Who acts in whose name, in what matter."""

    id: uuid.UUID
    principal: AgencyId
    agent: AgencyId
    principal_code: str
    principal_name: str
    agent_code: str
    agent_name: str
    #: Code of the matter, empty for every one, and its name where it is known.
    matter: str
    matter_name: str | None
    document: str
    valid_from: date
    valid_to: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedHoliday:
    """A day that is other than its weekday says."""

    #: None: nobody imported it, the library knows it.
    id: uuid.UUID | None
    day: date
    kind: str
    name: str


async def subjects_on(
    connection: Connection, scope: Scope, day: date, q: str | None, limit: int
) -> list[PublishedSubject]:
    """Publications valid on the day, by agency and name; ``q``: piece of a name, or a code."""
    rows = await connection.fetch(
        "SELECT s.id, s.agency_id AS agency, a.code AS agency_code, s.name,"
        " coalesce(o.uscc, '') AS uscc, s.kind, s.announced_at, s.valid_from, s.valid_to"
        " FROM enforcement_subject s JOIN agency a ON a.id = s.agency_id"
        " LEFT JOIN organisation o ON o.agency_id = s.agency_id AND o.superseded_at IS NULL"
        "  AND $2 BETWEEN o.valid_from AND o.valid_to"
        " WHERE in_scope(s.agency_id, $1) AND s.superseded_at IS NULL"
        " AND $2 BETWEEN s.valid_from AND s.valid_to"
        " AND ($3::text IS NULL OR strpos(s.name, $3) > 0 OR a.code = $3)"
        " ORDER BY a.code, s.name LIMIT $4",
        scope.agencies,
        day,
        q,
        limit,
    )
    return [PublishedSubject(**row) for row in rows]


async def entrustments_on(
    connection: Connection,
    scope: Scope,
    day: date,
    q: str | None,
    after: uuid.UUID | None,
    limit: int,
) -> list[ListedEntrustment]:
    """Entrustments valid on the day whose principal or agent is in scope, by codes and matter.

    ``q``: the code of an agency or of a matter, or a piece of an agency's name. ``after``: the
    last row of the page before.
    """
    rows = await connection.fetch(
        "SELECT e.id, e.agency_id AS principal, e.agent_id AS agent, p.code AS principal_code,"
        " p.name AS principal_name, g.code AS agent_code, g.name AS agent_name, e.matter,"
        " (SELECT m.name FROM matter m WHERE m.code = e.matter AND m.superseded_at IS NULL"
        "  ORDER BY m.agency_id = e.agency_id DESC, m.valid_from DESC LIMIT 1) AS matter_name,"
        " e.document, e.valid_from, e.valid_to"
        " FROM entrustment e JOIN agency p ON p.id = e.agency_id JOIN agency g ON g.id = e.agent_id"
        " WHERE (in_scope(e.agency_id, $1) OR in_scope(e.agent_id, $1))"
        " AND e.superseded_at IS NULL AND $2 BETWEEN e.valid_from AND e.valid_to"
        " AND ($3::text IS NULL OR $3 IN (p.code, g.code, e.matter)"
        "  OR strpos(p.name, $3) > 0 OR strpos(g.name, $3) > 0)"
        " AND ($4::uuid IS NULL OR (p.code, g.code, e.matter) >"
        "  (SELECT lp.code, lg.code, l.matter FROM entrustment l JOIN agency lp"
        "   ON lp.id = l.agency_id JOIN agency lg ON lg.id = l.agent_id WHERE l.id = $4))"
        " ORDER BY p.code, g.code, e.matter LIMIT $5",
        scope.agencies,
        day,
        q,
        after,
        limit,
    )
    return [ListedEntrustment(**row) for row in rows]


async def imported_holidays(connection: Connection, first: date, last: date) -> list[ListedHoliday]:
    """The days that were imported, from the first to the last one, in their order."""
    rows = await connection.fetch(
        "SELECT id, day, kind, name FROM holiday"
        " WHERE day BETWEEN $1 AND $2 AND superseded_at IS NULL ORDER BY day",
        first,
        last,
    )
    return [ListedHoliday(**row) for row in rows]
