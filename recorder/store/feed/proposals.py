"""Pairs of cases that one row's numbers join; a person decides."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import AgencyId, CaseId, new_uuid
from recorder.domain.people import Scope
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

_COLUMNS = (
    "p.id, p.agency_id, p.case_id, p.other_id, s.name AS source, p.key, p.numbers, p.proposed_at,"
    " p.decision, p.decided_at, p.decided_by"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeProposal:
    id: uuid.UUID
    agency: AgencyId
    case: CaseId
    other: CaseId
    #: Which row joins them, and by which numbers as written.
    source: str
    key: str
    numbers: tuple[str, ...]
    proposed_at: datetime
    #: merged or rejected.
    decision: str | None
    decided_at: datetime | None
    decided_by: str | None


def _from_row(row: Row) -> MergeProposal:
    return MergeProposal(
        id=row["id"],
        agency=row["agency_id"],
        case=row["case_id"],
        other=row["other_id"],
        source=row["source"],
        key=row["key"],
        numbers=tuple(row["numbers"]),
        proposed_at=row["proposed_at"],
        decision=row["decision"],
        decided_at=row["decided_at"],
        decided_by=row["decided_by"],
    )


async def insert(
    change: Change,
    source: uuid.UUID,
    pairs: Sequence[tuple[AgencyId, CaseId, CaseId, str, tuple[str, ...]]],
) -> None:
    """Propose pairs (agency, smaller id, larger id, key of the row, numbers); known ones stay."""
    await change.connection.execute(
        "INSERT INTO case_merge_proposal (id, agency_id, case_id, other_id, source_id, key,"
        " numbers, proposed_at) SELECT p.id, p.agency_id, p.case_id, p.other_id, $1, p.key,"
        " string_to_array(p.numbers, E'\\x01'), $8::timestamptz"
        " FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[])"
        " AS p (id, agency_id, case_id, other_id, key, numbers)"
        " ON CONFLICT (case_id, other_id) DO NOTHING",
        source,
        [new_uuid(change.now) for _ in pairs],
        [agency for agency, _, _, _, _ in pairs],
        [case for _, case, _, _, _ in pairs],
        [other for _, _, other, _, _ in pairs],
        [key for _, _, _, key, _ in pairs],
        ["\x01".join(n.replace("\x01", " ") for n in numbers) for _, _, _, _, numbers in pairs],
        change.now,
    )


async def follow(change: Change, agency: AgencyId, merged: CaseId, into: CaseId) -> None:
    """What was proposed of a case that was merged, and nobody has decided, is of the other now."""
    rows = await change.connection.fetch(
        "SELECT p.source_id, p.agency_id, o.id AS other, p.key, p.numbers"
        " FROM case_merge_proposal p JOIN case_file o"
        " ON o.id = CASE p.case_id WHEN $2 THEN p.other_id ELSE p.case_id END"
        " WHERE p.decision IS NULL AND p.agency_id = $1 AND $2 IN (p.case_id, p.other_id)"
        " AND o.merged_into IS NULL AND o.id <> $3 ORDER BY p.proposed_at, p.id",
        agency,
        merged,
        into,
    )
    for row in rows:
        one, other = sorted((row["other"], into))
        pair = (row["agency_id"], one, other, row["key"], tuple(row["numbers"]))
        await insert(change, row["source_id"], [pair])


async def open_ones(
    connection: Connection, scope: Scope, after: tuple[datetime, uuid.UUID] | None, limit: int
) -> list[MergeProposal]:
    """Pairs that nobody has decided, the oldest first; those merged meanwhile are left out."""
    at, last = after or (None, None)
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM case_merge_proposal p JOIN feed_source s ON s.id = p.source_id"  # noqa: S608 - constant text
        " JOIN case_file a ON a.id = p.case_id AND a.merged_into IS NULL"
        " JOIN case_file b ON b.id = p.other_id AND b.merged_into IS NULL"
        " WHERE p.decision IS NULL AND in_scope(p.agency_id, $1)"
        " AND ($2::timestamptz IS NULL OR (p.proposed_at, p.id) > ($2, $3))"
        " ORDER BY p.proposed_at, p.id LIMIT $4",
        scope.agencies,
        at,
        last,
        limit,
    )
    return [_from_row(row) for row in rows]


async def find(connection: Connection, proposal: uuid.UUID, scope: Scope) -> MergeProposal | None:
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM case_merge_proposal p JOIN feed_source s ON s.id = p.source_id"  # noqa: S608 - constant text
        " WHERE p.id = $1 AND in_scope(p.agency_id, $2)",
        proposal,
        scope.agencies,
    )
    return _from_row(row) if row else None


async def decide(change: Change, proposal: uuid.UUID, decision: str) -> bool:
    """Note what a person decided; False when somebody has decided already."""
    touched = await change.connection.execute(
        "UPDATE case_merge_proposal SET decision = $2, decided_at = $3, decided_by = $4"
        " WHERE id = $1 AND decision IS NULL",
        proposal,
        decision,
        change.now,
        change.actor.name,
    )
    return touched == 1
