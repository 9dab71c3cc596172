"""What codes of sources mean, from a day on. Only added to; of one day the last one counts."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.feed.mapping import WORDS, CodeMeaning, MappedField
from recorder.domain.ids import new_uuid
from recorder.store.change import Change
from recorder.store.connection import Connection, Row
from recorder.store.feed.rows import Place


@dataclass(frozen=True, slots=True)
class MadeMapping:
    """A meaning with who gave it and when."""

    id: uuid.UUID
    meaning: CodeMeaning
    made_at: datetime
    made_by: str


def _from_row(row: Row) -> MadeMapping:
    meaning = CodeMeaning(MappedField(row["field"]), row["code"], row["value"], row["valid_from"])
    return MadeMapping(row["id"], meaning, row["made_at"], row["made_by"])


async def insert(change: Change, source: uuid.UUID, meaning: CodeMeaning) -> None:
    """Say what a code means; the clock has it spread to every row that holds the code.

    Rows that were taken are read again only where one of them can hold it: the code was mapped
    before, or is a word of ours, or of documents, which mean themselves.
    """
    made = new_uuid(change.now)
    own_word = meaning.field not in WORDS or meaning.code in WORDS[meaning.field]
    await change.connection.execute(
        "INSERT INTO feed_mapping (id, source_id, field, code, value, valid_from, made_at,"
        " made_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        made,
        source,
        meaning.field.value,
        meaning.code,
        meaning.value,
        meaning.valid_from,
        change.now,
        change.actor.name,
    )
    await change.connection.execute(
        "INSERT INTO feed_mapping_spread (mapping_id, source_id, rereads)"
        " SELECT $1, $2, $5 OR EXISTS (SELECT FROM feed_mapping m WHERE m.source_id = $2"
        "  AND m.field = $3 AND m.code = $4 AND m.id <> $1)",
        made,
        source,
        meaning.field.value,
        meaning.code,
        own_word,
    )


async def of_source(connection: Connection, source: uuid.UUID) -> list[MadeMapping]:
    """All meanings in the order in which they were given."""
    rows = await connection.fetch(
        "SELECT id, field, code, value, valid_from, made_at, made_by FROM feed_mapping"
        " WHERE source_id = $1 ORDER BY made_at, id",
        source,
    )
    return [_from_row(row) for row in rows]


# --- spreading -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spread:
    """A mapping on its way through the rows of its source."""

    mapping: uuid.UUID
    source: uuid.UUID
    meaning: CodeMeaning
    #: Whether rows that were taken may hold the code.
    rereads: bool
    #: Rows up to here have been read again.
    after: Place


async def unspread(connection: Connection) -> Spread | None:
    """The oldest mapping that has not been through all rows of its source."""
    row = await connection.fetchrow(
        "SELECT s.mapping_id, s.source_id, s.rereads, s.after_key, s.after_digest, m.field, m.code,"
        " m.value, m.valid_from FROM feed_mapping_spread s"
        " JOIN feed_mapping m ON m.id = s.mapping_id"
        " WHERE s.done_at IS NULL ORDER BY s.mapping_id LIMIT 1"
    )
    if row is None:
        return None
    meaning = CodeMeaning(MappedField(row["field"]), row["code"], row["value"], row["valid_from"])
    return Spread(
        row["mapping_id"],
        row["source_id"],
        meaning,
        row["rereads"],
        (row["after_key"], row["after_digest"]),
    )


async def advance(change: Change, spread: Spread, place: Place | None) -> bool:
    """Rows up to a place have been read again; None: all. False where somebody else did it."""
    key, digest = place or spread.after
    touched = await change.connection.execute(
        "UPDATE feed_mapping_spread SET after_key = $2, after_digest = $3,"
        " done_at = CASE WHEN $4::boolean THEN $5::timestamptz END"
        " WHERE mapping_id = $1 AND done_at IS NULL AND (after_key, after_digest) = ($6, $7)",
        spread.mapping,
        key,
        digest,
        place is None,
        change.now,
        *spread.after,
    )
    return touched == 1
