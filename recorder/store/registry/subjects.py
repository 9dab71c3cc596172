"""Published subjects of enforcement (执法主体公告), over all days."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import date

from recorder.domain.ids import AgencyId
from recorder.domain.registry_facts import SubjectFacts
from recorder.domain.validity import Term
from recorder.store.change import Change
from recorder.store.connection import Connection, Row
from recorder.store.registry.entries import Entry, Stated, by_key, new_ids

#: The agency, and the name under which it was published.
SubjectKey = tuple[AgencyId, str]
SubjectEntry = Entry[SubjectKey, SubjectFacts]


def _from_row(row: Row) -> SubjectEntry:
    facts = SubjectFacts(kind=row["kind"], announced_at=row["announced_at"])
    key = (row["agency_id"], row["name"])
    return Entry(row["id"], key, Term(facts, row["valid_from"], row["valid_to"]))


async def valid_on(
    connection: Connection, agencies: Collection[AgencyId], day: date
) -> list[SubjectEntry]:
    """The publications of these agencies that are valid on the day."""
    rows = await connection.fetch(
        "SELECT id, agency_id, name, kind, announced_at, valid_from, valid_to"
        " FROM enforcement_subject WHERE agency_id = ANY($1) AND superseded_at IS NULL"
        " AND $2 BETWEEN valid_from AND valid_to ORDER BY agency_id, name",
        list(agencies),
        day,
    )
    return [_from_row(row) for row in rows]


async def entries(
    connection: Connection, keys: Collection[SubjectKey]
) -> dict[SubjectKey, tuple[SubjectEntry, ...]]:
    """The rows under these keys."""
    rows = await connection.fetch(
        "SELECT s.id, s.agency_id, s.name, s.kind, s.announced_at, s.valid_from, s.valid_to"
        " FROM enforcement_subject s JOIN unnest($1::uuid[], $2::text[]) AS k (agency, name)"
        " ON k.agency = s.agency_id AND k.name = s.name WHERE s.superseded_at IS NULL",
        [key[0] for key in keys],
        [key[1] for key in keys],
    )
    return by_key(_from_row(row) for row in rows)


async def supersede(change: Change, entries: Collection[uuid.UUID]) -> None:
    await change.connection.execute(
        "UPDATE enforcement_subject SET superseded_at = $2"
        " WHERE id = ANY($1) AND superseded_at IS NULL",
        list(entries),
        change.now,
    )


async def insert(
    change: Change, stated: Sequence[Stated[SubjectKey, SubjectFacts]], source: uuid.UUID | None
) -> None:
    """Write publications; ``source`` is the import that says so."""
    await change.connection.execute(
        "INSERT INTO enforcement_subject (id, agency_id, name, kind, announced_at, valid_from,"
        " valid_to, noted_at, import_id) SELECT n.*, $8, $9 FROM unnest($1::uuid[], $2::uuid[],"
        " $3::text[], $4::text[], $5::date[], $6::date[], $7::date[]) AS n",
        new_ids(len(stated), change.now),
        [key[0] for key, _ in stated],
        [key[1] for key, _ in stated],
        [term.facts.kind for _, term in stated],
        [term.facts.announced_at for _, term in stated],
        [term.begins for _, term in stated],
        [term.ends for _, term in stated],
        change.now,
        source,
    )
