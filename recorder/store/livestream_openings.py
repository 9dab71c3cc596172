"""Locks of the descriptions that lie beside the segments of livestreams.

Extending a lock adds to what is promised and changes no evidence: a plain Connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import opening_key
from recorder.store.connection import Connection


@dataclass(frozen=True, slots=True)
class Opening:
    """The description of a livestream, pinned."""

    livestream: LivestreamId
    key: str
    version: str


async def with_lock_before(connection: Connection, moment: datetime, limit: int) -> list[Opening]:
    """Descriptions whose lock ends before the moment, those of which nobody knows it first."""
    rows = await connection.fetch(
        "SELECT id, key_prefix, opening_version FROM livestream WHERE opening_version IS NOT NULL"
        " AND coalesce(opening_lock_until, '-infinity') < $1"
        " ORDER BY coalesce(opening_lock_until, '-infinity') LIMIT $2",
        moment,
        limit,
    )
    return [
        Opening(row["id"], opening_key(row["key_prefix"]), row["opening_version"]) for row in rows
    ]


async def set_lock(connection: Connection, livestream: LivestreamId, until: datetime) -> None:
    """Note that the store has extended the lock; it never goes back."""
    await connection.execute(
        "UPDATE livestream SET opening_lock_until = greatest(opening_lock_until, $2) WHERE id = $1",
        livestream,
        until,
    )
