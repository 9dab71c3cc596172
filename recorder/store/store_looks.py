"""When the whole store was last walked through, by the name of the walk. No evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recorder.store.connection import Connection


@dataclass(frozen=True, slots=True)
class StoreLook:
    """The last walk that came to its end."""

    began_at: datetime
    finished_at: datetime
    found: int


async def last(connection: Connection, name: str) -> StoreLook | None:
    """The last one of this name; None before the first."""
    row = await connection.fetchrow(
        "SELECT began_at, finished_at, found FROM store_look WHERE name = $1", name
    )
    return StoreLook(row["began_at"], row["finished_at"], row["found"]) if row else None


async def finish(connection: Connection, name: str, look: StoreLook) -> None:
    """Note a walk that has come to its end."""
    await connection.execute(
        "INSERT INTO store_look (name, began_at, finished_at, found) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (name) DO UPDATE SET began_at = $2, finished_at = $3, found = $4",
        name,
        look.began_at,
        look.finished_at,
        look.found,
    )
