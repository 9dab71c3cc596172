"""Days off work and made-up working days, as they were announced; a later word supersedes."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import date, datetime

from recorder.domain.registry_facts import HolidayFacts
from recorder.domain.validity import Term
from recorder.store.change import Change
from recorder.store.connection import Connection
from recorder.store.registry.entries import Entry, Stated, by_key, counts_at, new_ids

HolidayEntry = Entry[date, HolidayFacts]


async def between(
    connection: Connection, first: date, last: date, as_of: datetime | None = None
) -> dict[date, HolidayFacts]:
    """The announced days from the first to the last one; ``as_of``: as they were at a moment."""
    rows = await connection.fetch(
        "SELECT day, kind, name FROM holiday WHERE day BETWEEN $1 AND $2"  # noqa: S608 - constant text
        f" AND {counts_at('$3')} ORDER BY day",
        first,
        last,
        as_of,
    )
    return {row["day"]: HolidayFacts(kind=row["kind"], name=row["name"]) for row in rows}


async def entries(
    connection: Connection, days: Collection[date]
) -> dict[date, tuple[HolidayEntry, ...]]:
    """The rows of these days."""
    rows = await connection.fetch(
        "SELECT id, day, kind, name FROM holiday WHERE day = ANY($1) AND superseded_at IS NULL",
        list(days),
    )
    return by_key(
        Entry(row["id"], row["day"], Term(HolidayFacts(kind=row["kind"], name=row["name"])))
        for row in rows
    )


async def supersede(change: Change, entries: Collection[uuid.UUID]) -> None:
    await change.connection.execute(
        "UPDATE holiday SET superseded_at = $2 WHERE id = ANY($1) AND superseded_at IS NULL",
        list(entries),
        change.now,
    )


async def insert(
    change: Change, stated: Sequence[Stated[date, HolidayFacts]], source: uuid.UUID | None
) -> None:
    """Write days; ``source`` is the import that says so."""
    await change.connection.execute(
        "INSERT INTO holiday (id, day, kind, name, noted_at, import_id) SELECT n.*, $5, $6"
        " FROM unnest($1::uuid[], $2::date[], $3::text[], $4::text[]) AS n",
        new_ids(len(stated), change.now),
        [key for key, _ in stated],
        [term.facts.kind for _, term in stated],
        [term.facts.name for _, term in stated],
        change.now,
        source,
    )
