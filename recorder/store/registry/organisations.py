"""Agencies as organisations: what is said of them, the tree, and whom its people see."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from recorder.domain.ids import AgencyId
from recorder.domain.organisation import InNameOf, OrganisationKind
from recorder.domain.people import Scope
from recorder.domain.registry_facts import OrganisationFacts
from recorder.domain.validity import Term
from recorder.store.change import Change
from recorder.store.connection import Connection, Row
from recorder.store.registry.entries import Entry, Stated, by_key, new_ids

_COLUMNS = (
    "o.id, o.agency_id, o.name, o.short_name, o.kind, o.parent_id, o.uscc, o.uscc_valid, o.region,"
    " o.predecessors, o.on_behalf_of, o.valid_from, o.valid_to"
)
OrganisationEntry = Entry[AgencyId, OrganisationFacts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """An agency as it is known on some day; one that nobody imported has no term."""

    agency: AgencyId
    code: str
    name: str
    term: Term[OrganisationFacts] | None


def _from_row(row: Row) -> OrganisationEntry:
    facts = OrganisationFacts(
        name=row["name"],
        short_name=row["short_name"],
        kind=OrganisationKind(row["kind"]),
        parent=row["parent_id"],
        uscc=row["uscc"],
        uscc_valid=row["uscc_valid"],
        region=row["region"],
        predecessors=tuple(row["predecessors"]),
        on_behalf_of=row["on_behalf_of"],
    )
    return Entry(row["id"], row["agency_id"], Term(facts, row["valid_from"], row["valid_to"]))


# --- reading ---------------------------------------------------------------------------------


async def of_agencies(
    connection: Connection, agencies: Collection[AgencyId]
) -> dict[AgencyId, tuple[OrganisationEntry, ...]]:
    """What is said of these agencies, over all days."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM organisation o"  # noqa: S608 - constant text
        " WHERE o.agency_id = ANY($1) AND o.superseded_at IS NULL",
        list(agencies),
    )
    return by_key(_from_row(row) for row in rows)


async def all_entries(connection: Connection) -> dict[AgencyId, tuple[OrganisationEntry, ...]]:
    """What is said of every agency; a city has some hundred."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM organisation o WHERE o.superseded_at IS NULL"  # noqa: S608 - constant text
    )
    return by_key(_from_row(row) for row in rows)


async def listed(connection: Connection, scope: Scope, day: date) -> list[Organisation]:
    """The agencies in scope by their codes, with what holds on the day or held last before."""
    rows = await connection.fetch(
        f"SELECT a.id AS agency, a.code, a.name AS agency_name, {_COLUMNS}"  # noqa: S608 - constant text
        " FROM agency a LEFT JOIN LATERAL (SELECT * FROM organisation"
        "  WHERE agency_id = a.id AND superseded_at IS NULL AND valid_from <= $2"
        "  ORDER BY valid_from DESC LIMIT 1) o ON true"
        " WHERE in_scope(a.id, $1) ORDER BY a.code",
        scope.agencies,
        day,
    )
    return [
        Organisation(
            agency=row["agency"],
            code=row["code"],
            name=row["name"] or row["agency_name"],
            term=_from_row(row).term if row["id"] else None,
        )
        for row in rows
    ]


async def by_codes(connection: Connection, codes: Collection[str]) -> dict[str, AgencyId]:
    """The agencies of these codes, or unified social credit codes; unknown ones are left out."""
    rows = await connection.fetch(
        "SELECT code, id FROM agency WHERE code = ANY($1) UNION ALL"
        # Of organs that had one after the other it is the latest one's.
        " (SELECT uscc, agency_id FROM organisation"
        " WHERE uscc = ANY($1) AND uscc <> '' AND superseded_at IS NULL"
        " ORDER BY valid_to DESC, valid_from DESC, agency_id)",
        list(codes),
    )
    found: dict[str, AgencyId] = {}
    for row in rows:
        found.setdefault(row["code"], row["id"])
    return found


async def subtree(connection: Connection, agency: AgencyId, day: date) -> list[AgencyId]:
    """The agency and all below it as the tree stood on that day."""
    rows = await connection.fetch(
        "WITH RECURSIVE below (id) AS (SELECT $1::uuid UNION SELECT o.agency_id"
        "  FROM below b JOIN organisation o ON o.parent_id = b.id AND o.superseded_at IS NULL"
        "  AND $2 BETWEEN o.valid_from AND o.valid_to)"
        " SELECT id FROM below",
        agency,
        day,
    )
    return [row["id"] for row in rows]


async def reach_of(connection: Connection, agency: AgencyId) -> list[AgencyId]:
    """Which other agencies people of the agency see now."""
    rows = await connection.fetch(
        "SELECT seen_id FROM agency_reach WHERE agency_id = $1 ORDER BY seen_id", agency
    )
    return [row["seen_id"] for row in rows]


async def in_name_of(connection: Connection) -> dict[AgencyId, tuple[InNameOf, ...]]:
    """In whose name branches and entrusted bodies act, over all days; a city has some hundred."""
    rows = await connection.fetch(
        "SELECT agency_id, coalesce(on_behalf_of, parent_id) AS organ_id, valid_from, valid_to,"
        " kind = 'entrusted' AS entrusted"
        " FROM organisation WHERE superseded_at IS NULL AND kind IN ('branch', 'entrusted')"
        " AND coalesce(on_behalf_of, parent_id) IS NOT NULL ORDER BY agency_id, valid_from"
    )
    found: dict[AgencyId, tuple[InNameOf, ...]] = {}
    for row in rows:
        told = InNameOf(
            agency=row["agency_id"],
            organ=row["organ_id"],
            begins=row["valid_from"],
            ends=row["valid_to"],
            entrusted=row["entrusted"],
        )
        found[told.agency] = (*found.get(told.agency, ()), told)
    return found


# --- writing ---------------------------------------------------------------------------------


async def insert_agencies(
    change: Change, agencies: Sequence[tuple[AgencyId, str, str]]
) -> list[AgencyId]:
    """Agencies of these ids, codes and names; gives those that had to be made."""
    rows = await change.connection.fetch(
        "INSERT INTO agency (id, code, name, created_at)"
        " SELECT id, code, name, $4 FROM unnest($1::uuid[], $2::text[], $3::text[])"
        " AS n (id, code, name) ON CONFLICT (code) DO NOTHING RETURNING id",
        [one[0] for one in agencies],
        [one[1] for one in agencies],
        [one[2] for one in agencies],
        change.now,
    )
    return [row["id"] for row in rows]


async def supersede(change: Change, entries: Collection[uuid.UUID]) -> None:
    await change.connection.execute(
        "UPDATE organisation SET superseded_at = $2 WHERE id = ANY($1) AND superseded_at IS NULL",
        list(entries),
        change.now,
    )


async def insert(
    change: Change, stated: Sequence[Stated[AgencyId, OrganisationFacts]], source: uuid.UUID | None
) -> None:
    """Write what is said of agencies; ``source`` is the import that says so."""
    await change.connection.executemany(
        "INSERT INTO organisation (id, agency_id, name, short_name, kind, parent_id, uscc,"
        " uscc_valid, region, predecessors, on_behalf_of, valid_from, valid_to, noted_at,"
        " import_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        [
            (
                row_id,
                agency,
                term.facts.name,
                term.facts.short_name,
                term.facts.kind.value,
                term.facts.parent,
                term.facts.uscc,
                term.facts.uscc_valid,
                term.facts.region,
                list(term.facts.predecessors),
                term.facts.on_behalf_of,
                term.begins,
                term.ends,
                change.now,
                source,
            )
            for row_id, (agency, term) in zip(new_ids(len(stated), change.now), stated, strict=True)
        ],
    )


async def take_names(change: Change, agencies: Collection[AgencyId], day: date) -> None:
    """Agencies are called what is said of them for the day."""
    await change.connection.execute(
        "UPDATE agency a SET name = o.name FROM organisation o"
        " WHERE a.id = ANY($1) AND o.agency_id = a.id AND o.superseded_at IS NULL"
        " AND $2 BETWEEN o.valid_from AND o.valid_to AND a.name <> o.name",
        list(agencies),
        day,
    )


async def renew_reach(connection: Connection, day: date) -> int:
    """Have ``agency_reach`` say whom people see as the tree stands on the day; rows changed.

    An organisation that has ended stays where it stood last, and whoever took its place sees it:
    nobody's cases are out of everybody's sight. No evidence: it is made of what is.
    """
    changed: int = await connection.fetchval(
        "WITH RECURSIVE latest AS (SELECT DISTINCT ON (agency_id) agency_id, kind, parent_id,"
        "   predecessors FROM organisation WHERE superseded_at IS NULL AND valid_from <= $1"
        "   ORDER BY agency_id, valid_from DESC),"
        " edges (above, below, acts) AS ("
        "  SELECT parent_id, agency_id, kind = 'branch' FROM latest WHERE parent_id IS NOT NULL"
        "  UNION ALL SELECT l.agency_id, p, true FROM latest l, unnest(l.predecessors) p),"
        " walked (agency_id, seen_id, acts) AS (SELECT above, below, acts FROM edges"
        "  UNION SELECT w.agency_id, e.below, w.acts AND e.acts"
        "  FROM walked w JOIN edges e ON e.above = w.seen_id),"
        " wanted AS (SELECT agency_id, seen_id, bool_or(acts) AS acts FROM walked"
        "  WHERE agency_id <> seen_id GROUP BY agency_id, seen_id),"
        " gone AS (DELETE FROM agency_reach r WHERE NOT EXISTS (SELECT FROM wanted w"
        "  WHERE w.agency_id = r.agency_id AND w.seen_id = r.seen_id) RETURNING 1),"
        " came AS (INSERT INTO agency_reach AS r (agency_id, seen_id, acts)"
        "  SELECT agency_id, seen_id, acts FROM wanted ON CONFLICT (agency_id, seen_id)"
        "  DO UPDATE SET acts = excluded.acts WHERE r.acts <> excluded.acts RETURNING 1)"
        " SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM came)",
        day,
    )
    return changed
