"""Rosters (排班): who is on duty from when to when, and for what. A later word supersedes."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.coverage import Shift
from recorder.domain.ids import AgencyId
from recorder.domain.people import Scope
from recorder.domain.registry_facts import RosterFacts
from recorder.domain.validity import Term
from recorder.store.change import Change
from recorder.store.connection import Connection, Row
from recorder.store.registry.entries import Entry, Stated, by_key, counts_at, new_ids

#: An officer's number and when the shift begins.
RosterKey = tuple[str, datetime]
RosterEntry = Entry[RosterKey, RosterFacts]


def _from_row(row: Row) -> RosterEntry:
    facts = RosterFacts(
        agency=row["agency_id"],
        ends_at=row["ends_at"],
        duty=row["duty"],
        cancelled=row["cancelled"],
    )
    key = (row["officer"], row["begins_at"])
    return Entry(row["id"], key, Term(facts, row["valid_from"], row["valid_to"]))


async def entries(
    connection: Connection, keys: Collection[RosterKey]
) -> dict[RosterKey, tuple[RosterEntry, ...]]:
    """The rows under these keys."""
    rows = await connection.fetch(
        "SELECT r.id, r.officer, r.agency_id, r.begins_at, r.ends_at, r.duty, r.cancelled,"
        " r.valid_from, r.valid_to"
        " FROM roster r JOIN unnest($1::text[], $2::timestamptz[]) AS k (officer, at)"
        " ON k.officer = r.officer AND k.at = r.begins_at WHERE r.superseded_at IS NULL",
        [key[0] for key in keys],
        [key[1] for key in keys],
    )
    return by_key(_from_row(row) for row in rows)


async def supersede(change: Change, entries: Collection[uuid.UUID]) -> None:
    await change.connection.execute(
        "UPDATE roster SET superseded_at = $2 WHERE id = ANY($1) AND superseded_at IS NULL",
        list(entries),
        change.now,
    )


async def insert(
    change: Change, stated: Sequence[Stated[RosterKey, RosterFacts]], source: uuid.UUID | None
) -> None:
    """Write shifts; ``source`` is the import that says so."""
    await change.connection.execute(
        "INSERT INTO roster (id, officer, agency_id, begins_at, ends_at, duty, cancelled,"
        " valid_from, valid_to, noted_at, import_id) SELECT n.*, $10, $11"
        " FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $5::timestamptz[],"
        " $6::text[], $7::boolean[], $8::date[], $9::date[]) AS n",
        new_ids(len(stated), change.now),
        [key[0] for key, _ in stated],
        [term.facts.agency for _, term in stated],
        [key[1] for key, _ in stated],
        [term.facts.ends_at for _, term in stated],
        [term.facts.duty for _, term in stated],
        [term.facts.cancelled for _, term in stated],
        [term.begins for _, term in stated],
        [term.ends for _, term in stated],
        change.now,
        source,
    )


async def shifts_between(
    connection: Connection,
    officers: Collection[str],
    first: datetime,
    last: datetime,
    as_of: datetime | None = None,
) -> dict[str, tuple[Shift, ...]]:
    """The shifts of these officers that begin in that time, as known now or at a moment."""
    rows = await connection.fetch(
        "SELECT officer, begins_at, ends_at, duty FROM roster WHERE officer = ANY($1)"  # noqa: S608 - constant text
        f" AND begins_at BETWEEN $2 AND $3 AND NOT cancelled AND {counts_at('$4')}"
        " ORDER BY officer, begins_at",
        list(officers),
        first,
        last,
        as_of,
    )
    found: dict[str, list[Shift]] = {}
    for row in rows:
        shift = Shift(row["begins_at"], row["ends_at"], row["duty"])
        found.setdefault(row["officer"], []).append(shift)
    return {officer: tuple(shifts) for officer, shifts in found.items()}


@dataclass(frozen=True, slots=True)
class RosterLine:
    """A shift as the page shows it; the name where the officer is on file."""

    officer: str
    name: str
    agency: AgencyId
    begins_at: datetime
    ends_at: datetime
    duty: str
    cancelled: bool


async def listed(
    connection: Connection,
    scope: Scope,
    first: datetime,
    last: datetime,
    after: RosterKey | None,
    limit: int,
) -> list[RosterLine]:
    """Shifts in scope that touch that time, by their beginning."""
    officer, at = after or (None, None)
    rows = await connection.fetch(
        "SELECT r.officer, r.agency_id, r.begins_at, r.ends_at, r.duty, r.cancelled,"
        " coalesce((SELECT o.name FROM officer o WHERE o.number = r.officer"
        "  AND o.superseded_at IS NULL ORDER BY o.valid_from DESC LIMIT 1), '') AS name"
        " FROM roster r WHERE r.superseded_at IS NULL AND in_scope(r.agency_id, $1)"
        " AND ($2::text IS NULL OR r.officer = $2) AND r.begins_at < $4 AND r.ends_at > $3"
        " AND ($5::text IS NULL OR (r.begins_at, r.officer) > ($6, $5))"
        " ORDER BY r.begins_at, r.officer LIMIT $7",
        scope.agencies,
        scope.officer,
        first,
        last,
        officer,
        at,
        limit,
    )
    return [
        RosterLine(
            row["officer"],
            row["name"],
            row["agency_id"],
            row["begins_at"],
            row["ends_at"],
            row["duty"],
            row["cancelled"],
        )
        for row in rows
    ]
