"""The list of powers (职权事项), over all days."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from recorder.domain.case_event import ActType
from recorder.domain.ids import AgencyId
from recorder.domain.matter import MatterTerm
from recorder.domain.people import Scope
from recorder.domain.registry_facts import MatterFacts
from recorder.domain.validity import Term
from recorder.store.change import Change
from recorder.store.connection import Connection, Row
from recorder.store.registry.entries import Entry, Stated, by_key, counts_at, new_ids

#: Code, and the agency that has the power.
MatterKey = tuple[str, AgencyId]
MatterEntry = Entry[MatterKey, MatterFacts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """A power of an agency for some days."""

    id: uuid.UUID
    code: str
    agency: AgencyId
    agency_code: str
    name: str
    act_type: ActType | None
    legal_basis: str
    valid_from: date
    valid_to: date


def _from_row(row: Row) -> MatterEntry:
    facts = MatterFacts(
        name=row["name"],
        act_type=ActType(row["act_type"]) if row["act_type"] else None,
        legal_basis=row["legal_basis"],
    )
    key = (row["code"], row["agency_id"])
    return Entry(row["id"], key, Term(facts, row["valid_from"], row["valid_to"]))


def _matter(row: Row) -> Matter:
    return Matter(
        id=row["id"],
        code=row["code"],
        agency=row["agency_id"],
        agency_code=row["agency_code"],
        name=row["name"],
        act_type=ActType(row["act_type"]) if row["act_type"] else None,
        legal_basis=row["legal_basis"],
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
    )


async def by_codes(connection: Connection, codes: Collection[str]) -> dict[str, tuple[Matter, ...]]:
    """The powers of these codes, of every agency, whenever valid, in order of days."""
    rows = await connection.fetch(
        "SELECT m.id, m.code, m.agency_id, a.code AS agency_code, m.name, m.act_type,"
        " m.legal_basis, m.valid_from, m.valid_to FROM matter m JOIN agency a ON a.id = m.agency_id"
        " WHERE m.code = ANY($1) AND m.superseded_at IS NULL ORDER BY m.valid_from, a.code",
        list(codes),
    )
    found: dict[str, list[Matter]] = defaultdict(list)
    for row in rows:
        found[row["code"]].append(_matter(row))
    return {code: tuple(own) for code, own in found.items()}


async def handed_over(
    connection: Connection, codes: Collection[str] | None = None, as_of: datetime | None = None
) -> dict[str, tuple[MatterTerm, ...]]:
    """Whose these matters are when, of those that one organ's days of end as another's begin.

    In order of days; None: every matter. ``as_of``: as it was known at a moment. Most matters
    never pass, and are absent.
    """
    rows = await connection.fetch(
        "WITH known AS (SELECT * FROM matter WHERE ($1::text[] IS NULL OR code = ANY($1))"  # noqa: S608 - constant text
        f"  AND {counts_at('$2')}),"
        # Rows that are stated anew end and begin too: they are no giver's and no taker's.
        " ended AS (SELECT code, valid_to + 1 AS day FROM known g WHERE valid_to < 'infinity'"
        "  AND NOT EXISTS (SELECT FROM known s WHERE s.code = g.code"
        "  AND s.agency_id = g.agency_id AND s.valid_from = g.valid_to + 1)),"
        " begun AS (SELECT code, valid_from AS day FROM known t WHERE valid_from > '-infinity'"
        "  AND NOT EXISTS (SELECT FROM known s WHERE s.code = t.code"
        "  AND s.agency_id = t.agency_id AND s.valid_to = t.valid_from - 1)),"
        " passed AS (SELECT DISTINCT code FROM ended JOIN begun USING (code, day))"
        " SELECT k.code, k.agency_id, a.name AS organ, k.name, k.act_type, k.valid_from,"
        " k.valid_to FROM known k JOIN passed p ON p.code = k.code JOIN agency a"
        " ON a.id = k.agency_id ORDER BY k.code, k.valid_from, a.code",
        None if codes is None else list(codes),
        as_of,
    )
    found: dict[str, list[MatterTerm]] = defaultdict(list)
    for row in rows:
        found[row["code"]].append(
            MatterTerm(
                agency=row["agency_id"],
                organ=row["organ"],
                name=row["name"],
                act_type=ActType(row["act_type"]) if row["act_type"] else None,
                begins=row["valid_from"],
                ends=row["valid_to"],
            )
        )
    return {code: tuple(terms) for code, terms in found.items()}


async def entries(
    connection: Connection, keys: Collection[MatterKey]
) -> dict[MatterKey, tuple[MatterEntry, ...]]:
    """The rows under these keys."""
    rows = await connection.fetch(
        "SELECT m.id, m.code, m.agency_id, m.name, m.act_type, m.legal_basis, m.valid_from,"
        " m.valid_to FROM matter m JOIN unnest($1::text[], $2::uuid[]) AS k (code, agency)"
        " ON k.code = m.code AND k.agency = m.agency_id WHERE m.superseded_at IS NULL",
        [key[0] for key in keys],
        [key[1] for key in keys],
    )
    return by_key(_from_row(row) for row in rows)


async def listed(
    connection: Connection,
    scope: Scope,
    q: str | None,
    day: date | None,
    after: tuple[str, AgencyId] | None,
    limit: int,
) -> list[Matter]:
    """Powers in scope by code, as known last, or those of a day.

    ``q``: beginning of a code, piece of a name, or code or name of an agency.
    """
    code, agency = after or (None, None)
    rows = await connection.fetch(
        "SELECT DISTINCT ON (m.code, m.agency_id) m.id, m.code, m.agency_id, a.code AS agency_code,"
        " m.name, m.act_type, m.legal_basis, m.valid_from, m.valid_to"
        " FROM matter m JOIN agency a ON a.id = m.agency_id"
        " WHERE m.superseded_at IS NULL AND in_scope(m.agency_id, $1)"
        " AND ($2::text IS NULL OR starts_with(m.code, $2) OR strpos(m.name, $2) > 0"
        "  OR $2 IN (a.code, a.name))"
        " AND ($3::text IS NULL OR (m.code, m.agency_id) > ($3, $4::uuid))"
        " AND ($5::date IS NULL OR $5 BETWEEN m.valid_from AND m.valid_to)"
        " ORDER BY m.code, m.agency_id, m.valid_from DESC LIMIT $6",
        scope.agencies,
        q,
        code,
        agency,
        day,
        limit,
    )
    return [_matter(row) for row in rows]


async def supersede(change: Change, entries: Collection[uuid.UUID]) -> None:
    await change.connection.execute(
        "UPDATE matter SET superseded_at = $2 WHERE id = ANY($1) AND superseded_at IS NULL",
        list(entries),
        change.now,
    )


async def insert(
    change: Change, stated: Sequence[Stated[MatterKey, MatterFacts]], source: uuid.UUID | None
) -> None:
    """Write powers; ``source`` is the import that says so."""
    await change.connection.execute(
        "INSERT INTO matter (id, code, agency_id, name, act_type, legal_basis, valid_from,"
        " valid_to, noted_at, import_id) SELECT n.*, $9, $10 FROM unnest($1::uuid[], $2::text[],"
        " $3::uuid[], $4::text[], $5::text[], $6::text[], $7::date[], $8::date[]) AS n",
        new_ids(len(stated), change.now),
        [key[0] for key, _ in stated],
        [key[1] for key, _ in stated],
        [term.facts.name for _, term in stated],
        [term.facts.act_type.value if term.facts.act_type else None for _, term in stated],
        [term.facts.legal_basis for _, term in stated],
        [term.begins for _, term in stated],
        [term.ends for _, term in stated],
        change.now,
        source,
    )
