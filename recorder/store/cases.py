"""Cases and their identifiers. Only numbers are searched, never titles."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.case import CaseClass, CaseFile, CaseIdentifier, CaseState, Scheme
from recorder.domain.case_number import grams
from recorder.domain.ids import AgencyId, CaseId, new_uuid
from recorder.domain.people import Scope
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

_COLUMNS = (
    "c.id, c.agency_id, a.code AS agency_code, a.name AS agency_name, c.state, c.title,"
    " c.merged_into, c.created_at, c.updated_at, c.classes AS own_classes,"
    " ARRAY(SELECT unnest(c.classes) UNION SELECT unnest(f.classes) FROM feed_case f"
    " WHERE f.case_id = c.id AND f.withdrawn_at IS NULL) AS classes,"
    " (SELECT coalesce(jsonb_agg(jsonb_build_object('scheme', i.scheme, 'raw', i.raw, 'norm',"
    " i.norm, 'key', i.key) ORDER BY i.created_at, i.id), '[]') FROM case_identifier i"
    " WHERE i.case_id = c.id) AS identifiers,"
    " (SELECT count(*) FROM case_link l WHERE l.case_id = c.id AND l.unlinked_at IS NULL)"
    " AS recordings"
)
Before = tuple[datetime, uuid.UUID] | None


def _from_row(row: Row) -> CaseFile:
    return CaseFile(
        id=row["id"],
        agency=row["agency_id"],
        agency_code=row["agency_code"],
        agency_name=row["agency_name"],
        state=CaseState(row["state"]),
        title=row["title"],
        merged_into=row["merged_into"],
        identifiers=tuple(
            CaseIdentifier(Scheme(i["scheme"]), i["raw"], i["norm"], i["key"])
            for i in row["identifiers"]
        ),
        recordings=row["recordings"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        classes=_classes(row["classes"]),
        own_classes=_classes(row["own_classes"]),
    )


def _classes(said: Collection[str]) -> tuple[CaseClass, ...]:
    return tuple(each for each in CaseClass if each in said)


# --- writing ---------------------------------------------------------------------------------


async def insert(
    change: Change,
    case: CaseId,
    agency: AgencyId,
    state: CaseState,
    title: str | None,
    number: CaseIdentifier,
) -> bool:
    """Open a case under its first number; False when the organ has a case of that number.

    Of two transactions at once with one new number, the second waits for the first and then
    gets False. References are checked when the statement ends, so the identifier may come first,
    and no case is left without one.
    """
    touched = await change.connection.execute(
        "WITH number AS (INSERT INTO case_identifier (id, case_id, agency_id, scheme, raw, norm,"
        " key, grams, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $11)"
        " ON CONFLICT (agency_id, scheme, key) DO NOTHING RETURNING case_id)"
        " INSERT INTO case_file (id, agency_id, state, title, created_at, updated_at)"
        " SELECT case_id, $3, $9, $10, $11, $11 FROM number",
        new_uuid(change.now),
        case,
        agency,
        number.scheme.value,
        number.raw,
        number.norm,
        number.key,
        list(grams(number.key)),
        state.value,
        title,
        change.now,
    )
    return touched == 1


async def add_identifier(
    change: Change, case: CaseId, agency: AgencyId, number: CaseIdentifier
) -> bool:
    """Give the case one more number; False when the organ has that number already."""
    touched = await change.connection.execute(
        "INSERT INTO case_identifier (id, case_id, agency_id, scheme, raw, norm, key, grams,"
        " created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (agency_id, scheme, key) DO NOTHING",
        new_uuid(change.now),
        case,
        agency,
        number.scheme.value,
        number.raw,
        number.norm,
        number.key,
        list(grams(number.key)),
        change.now,
    )
    return touched == 1


async def amend(
    change: Change,
    case: CaseId,
    title: str | None,
    state: CaseState,
    classes: Collection[CaseClass],
) -> None:
    await change.connection.execute(
        "UPDATE case_file SET title = $2, state = $3, updated_at = $4, classes = $5 WHERE id = $1",
        case,
        title,
        state.value,
        change.now,
        [each.value for each in classes],
    )


async def move_identifiers(change: Change, source: CaseId, into: CaseId) -> int:
    """Give every number of the source to the other case, behind those it has."""
    # The first number names a case; created_at says since when a number belongs to its case.
    return await change.connection.execute(
        "UPDATE case_identifier SET case_id = $2, created_at = $3 WHERE case_id = $1",
        source,
        into,
        change.now,
    )


async def mark_merged(change: Change, source: CaseId, into: CaseId) -> None:
    """Point the source, and whatever was merged into it before, at the other case."""
    await change.connection.execute(
        "UPDATE case_file SET state = 'merged', merged_into = $2, updated_at = $3"
        " WHERE id = $1 OR merged_into = $1",
        source,
        into,
        change.now,
    )


# --- one case --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LockedCase:
    """A case that cannot change until the transaction ends."""

    id: CaseId
    agency: AgencyId
    state: CaseState
    title: str | None
    merged_into: CaseId | None
    #: As people have said.
    classes: tuple[CaseClass, ...]


def _locked(row: Row) -> LockedCase:
    return LockedCase(
        row["id"],
        row["agency_id"],
        CaseState(row["state"]),
        row["title"],
        row["merged_into"],
        _classes(row["classes"]),
    )


async def lock(change: Change, cases: list[CaseId], scope: Scope) -> list[LockedCase]:
    """Keep these cases from any change by others; in the order of ids, so never crosswise."""
    rows = await change.connection.fetch(
        "SELECT id, agency_id, state, title, merged_into, classes FROM case_file"
        " WHERE id = ANY($1) AND in_scope(agency_id, $2) ORDER BY id FOR UPDATE",
        cases,
        scope.agencies,
    )
    return [_locked(row) for row in rows]


async def share(change: Change, cases: list[CaseId], scope: Scope) -> list[LockedCase]:
    """Keep these cases from being amended or merged while recordings are linked to them."""
    rows = await change.connection.fetch(
        "SELECT id, agency_id, state, title, merged_into, classes FROM case_file"
        " WHERE id = ANY($1) AND in_scope(agency_id, $2) ORDER BY id FOR SHARE",
        cases,
        scope.agencies,
    )
    return [_locked(row) for row in rows]


async def find(connection: Connection, case: CaseId, scope: Scope) -> CaseFile | None:
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM case_file c JOIN agency a ON a.id = c.agency_id"  # noqa: S608 - constant text
        " WHERE c.id = $1 AND in_scope(c.agency_id, $2)",
        case,
        scope.agencies,
    )
    return _from_row(row) if row else None


async def by_identifier(
    connection: Connection, agency: AgencyId, scheme: Scheme, key: str
) -> CaseId | None:
    """The case of that number in that organ."""
    case: CaseId | None = await connection.fetchval(
        "SELECT case_id FROM case_identifier WHERE agency_id = $1 AND scheme = $2 AND key = $3",
        agency,
        scheme.value,
        key,
    )
    return case


async def by_key(connection: Connection, agency: AgencyId, key: str) -> list[CaseId]:
    """Every case of the organ that has this number in whatever scheme."""
    rows = await connection.fetch(
        "SELECT DISTINCT case_id FROM case_identifier WHERE agency_id = $1 AND key = $2",
        agency,
        key,
    )
    return [row["case_id"] for row in rows]


# --- lists -----------------------------------------------------------------------------------


async def newest(
    connection: Connection, scope: Scope, before: Before, limit: int
) -> list[CaseFile]:
    """Cases in scope that were not merged away, newest first."""
    at, case = before or (None, None)
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM case_file c JOIN agency a ON a.id = c.agency_id"  # noqa: S608 - constant text
        " WHERE c.state <> 'merged' AND in_scope(c.agency_id, $1)"
        " AND ($2::timestamptz IS NULL OR (c.created_at, c.id) < ($2, $3))"
        " ORDER BY c.created_at DESC, c.id DESC LIMIT $4",
        scope.agencies,
        at,
        case,
        limit,
    )
    return [_from_row(row) for row in rows]


async def of_key(
    connection: Connection, key: str, scope: Scope, before: Before, limit: int
) -> list[CaseFile]:
    """Cases of every organ in scope that have exactly this number."""
    at, case = before or (None, None)
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM case_file c JOIN agency a ON a.id = c.agency_id"  # noqa: S608 - constant text
        " WHERE c.id IN (SELECT case_id FROM case_identifier"
        "  WHERE key = $1 AND in_scope(agency_id, $2))"
        " AND ($3::timestamptz IS NULL OR (c.created_at, c.id) < ($3, $4))"
        " ORDER BY c.created_at DESC, c.id DESC LIMIT $5",
        key,
        scope.agencies,
        at,
        case,
        limit,
    )
    return [_from_row(row) for row in rows]


async def of_ids(connection: Connection, found: list[CaseId]) -> list[CaseFile]:
    """These cases, newest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM case_file c JOIN agency a ON a.id = c.agency_id"  # noqa: S608 - constant text
        " WHERE c.id = ANY($1) ORDER BY c.id DESC",
        found,
    )
    return [_from_row(row) for row in rows]
