"""Staged pieces whose time is over: what the sweep may remove. Never decides what is durable."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from recorder.store.connection import Connection


async def leftover_pieces(
    connection: Connection, intended_before: datetime, limit: int
) -> list[tuple[str, str | None]]:
    """Key and version of staged objects that nothing needs any more, oldest first.

    Absorbed pieces, and intended ones that have been neither confirmed nor given up since
    ``intended_before``: their writer is gone. The version is None where it is not known.
    """
    rows = await connection.fetch(
        "SELECT object_key, version FROM upload_piece WHERE removed_at IS NULL"
        " AND (state = 'absorbed' OR (state = 'intended' AND created_at < $1))"
        " ORDER BY created_at LIMIT $2",
        intended_before,
        limit,
    )
    return [(row["object_key"], row["version"]) for row in rows]


async def mark_pieces_removed(connection: Connection, keys: Sequence[str], now: datetime) -> None:
    await connection.execute(
        "UPDATE upload_piece SET removed_at = $2"
        " WHERE object_key = ANY($1) AND removed_at IS NULL AND state <> 'durable'",
        list(keys),
        now,
    )
