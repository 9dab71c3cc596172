"""Who acts in whose name, matter by matter (委托, R83), over all days."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import date

from recorder.domain.ids import AgencyId
from recorder.domain.registry_facts import EntrustmentFacts
from recorder.domain.validity import Term
from recorder.store.change import Change
from recorder.store.connection import Connection, Row
from recorder.store.registry.entries import Entry, Stated, by_key, new_ids

#: Principal, agent, and the code of the matter; empty: every matter.
EntrustmentKey = tuple[AgencyId, AgencyId, str]
EntrustmentEntry = Entry[EntrustmentKey, EntrustmentFacts]


def _from_row(row: Row) -> EntrustmentEntry:
    key = (row["agency_id"], row["agent_id"], row["matter"])
    facts = EntrustmentFacts(document=row["document"])
    return Entry(row["id"], key, Term(facts, row["valid_from"], row["valid_to"]))


async def valid_on(
    connection: Connection, agents: Collection[AgencyId], day: date
) -> list[EntrustmentEntry]:
    """What these agencies may do in the name of others on the day."""
    rows = await connection.fetch(
        "SELECT id, agency_id, agent_id, matter, document, valid_from, valid_to FROM entrustment"
        " WHERE agent_id = ANY($1) AND superseded_at IS NULL"
        " AND $2 BETWEEN valid_from AND valid_to ORDER BY agent_id, matter, agency_id",
        list(agents),
        day,
    )
    return [_from_row(row) for row in rows]


async def entries(
    connection: Connection, keys: Collection[EntrustmentKey]
) -> dict[EntrustmentKey, tuple[EntrustmentEntry, ...]]:
    """The rows under these keys."""
    rows = await connection.fetch(
        "SELECT e.id, e.agency_id, e.agent_id, e.matter, e.document, e.valid_from, e.valid_to"
        " FROM entrustment e JOIN unnest($1::uuid[], $2::uuid[], $3::text[])"
        " AS k (principal, agent, matter) ON k.principal = e.agency_id AND k.agent = e.agent_id"
        " AND k.matter = e.matter WHERE e.superseded_at IS NULL",
        [key[0] for key in keys],
        [key[1] for key in keys],
        [key[2] for key in keys],
    )
    return by_key(_from_row(row) for row in rows)


async def supersede(change: Change, entries: Collection[uuid.UUID]) -> None:
    await change.connection.execute(
        "UPDATE entrustment SET superseded_at = $2 WHERE id = ANY($1) AND superseded_at IS NULL",
        list(entries),
        change.now,
    )


async def insert(
    change: Change,
    stated: Sequence[Stated[EntrustmentKey, EntrustmentFacts]],
    source: uuid.UUID | None,
) -> None:
    """Write entrustments; ``source`` is the import that says so."""
    await change.connection.execute(
        "INSERT INTO entrustment (id, agency_id, agent_id, matter, document, valid_from,"
        " valid_to, noted_at, import_id) SELECT n.*, $8, $9 FROM unnest($1::uuid[], $2::uuid[],"
        " $3::uuid[], $4::text[], $5::text[], $6::date[], $7::date[]) AS n",
        new_ids(len(stated), change.now),
        [key[0] for key, _ in stated],
        [key[1] for key, _ in stated],
        [key[2] for key, _ in stated],
        [term.facts.document for _, term in stated],
        [term.begins for _, term in stated],
        [term.ends for _, term in stated],
        change.now,
        source,
    )
