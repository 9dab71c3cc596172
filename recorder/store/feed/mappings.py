"""What codes of sources mean, from a day on. Only added to; of one day the last one counts."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.feed.mapping import CodeMeaning, MappedField
from recorder.domain.ids import new_uuid
from recorder.store.change import Change
from recorder.store.connection import Connection, Row


@dataclass(frozen=True, slots=True)
class MadeMapping:
    """A meaning with who gave it and when."""

    meaning: CodeMeaning
    made_at: datetime
    made_by: str


def _from_row(row: Row) -> MadeMapping:
    meaning = CodeMeaning(MappedField(row["field"]), row["code"], row["value"], row["valid_from"])
    return MadeMapping(meaning, row["made_at"], row["made_by"])


async def insert(change: Change, source: uuid.UUID, meaning: CodeMeaning) -> None:
    await change.connection.execute(
        "INSERT INTO feed_mapping (id, source_id, field, code, value, valid_from, made_at,"
        " made_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        new_uuid(change.now),
        source,
        meaning.field.value,
        meaning.code,
        meaning.value,
        meaning.valid_from,
        change.now,
        change.actor.name,
    )


async def of_source(connection: Connection, source: uuid.UUID) -> list[MadeMapping]:
    """All meanings in the order in which they were given."""
    rows = await connection.fetch(
        "SELECT field, code, value, valid_from, made_at, made_by FROM feed_mapping"
        " WHERE source_id = $1 ORDER BY made_at, id",
        source,
    )
    return [_from_row(row) for row in rows]
