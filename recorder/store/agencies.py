"""Enforcement agencies, to exactly one of which everything else belongs."""

from __future__ import annotations

from dataclasses import dataclass

from recorder.domain.ids import AgencyId
from recorder.domain.people import Scope
from recorder.store.change import Change
from recorder.store.connection import Connection, Row


@dataclass(frozen=True, slots=True)
class Agency:
    id: AgencyId
    code: str
    name: str


def _from_row(row: Row) -> Agency:
    return Agency(id=row["id"], code=row["code"], name=row["name"])


async def insert(change: Change, agency: Agency) -> bool:
    """Write the agency; False when there is one of that code."""
    touched = await change.connection.execute(
        "INSERT INTO agency (id, code, name, created_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (code) DO NOTHING",
        agency.id,
        agency.code,
        agency.name,
        change.now,
    )
    return touched == 1


async def by_code(connection: Connection, code: str, scope: Scope) -> Agency | None:
    row = await connection.fetchrow(
        "SELECT id, code, name FROM agency WHERE code = $1 AND in_scope(id, $2)",
        code,
        scope.agencies,
    )
    return _from_row(row) if row else None


async def find(connection: Connection, agency: AgencyId) -> Agency | None:
    row = await connection.fetchrow("SELECT id, code, name FROM agency WHERE id = $1", agency)
    return _from_row(row) if row else None


async def with_below(connection: Connection, code: str, scope: Scope) -> list[AgencyId]:
    """The organisation of this code with all below it today, as far as they are in scope."""
    rows = await connection.fetch(
        "SELECT id FROM (SELECT id FROM agency WHERE code = $1 UNION SELECT r.seen_id"
        " FROM agency_reach r JOIN agency a ON a.id = r.agency_id WHERE a.code = $1) meant"
        " WHERE in_scope(id, $2) ORDER BY id",
        code,
        scope.agencies,
    )
    return [row["id"] for row in rows]


async def listed(connection: Connection, scope: Scope) -> list[Agency]:
    """The agencies in scope by their codes; there are few, so they come in one piece."""
    rows = await connection.fetch(
        "SELECT id, code, name FROM agency WHERE in_scope(id, $1) ORDER BY code",
        scope.agencies,
    )
    return [_from_row(row) for row in rows]
