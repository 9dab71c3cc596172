"""Segments of livestreams that reached us and can never be stored: nobody waits for them."""

from __future__ import annotations

from recorder.domain.ids import LivestreamId
from recorder.store.change import Change
from recorder.store.connection import Connection


async def insert(change: Change, livestream: LivestreamId, period: int, number: int) -> bool:
    """Write down that it is lost; False when that was said before."""
    touched = await change.connection.execute(
        "INSERT INTO livestream_loss (livestream_id, number, period, told_at)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        livestream,
        number,
        period,
        change.now,
    )
    return touched == 1


async def numbers(connection: Connection, livestream: LivestreamId) -> set[int]:
    """The numbers of its segments that were said to be lost; some may have come since."""
    rows = await connection.fetch(
        "SELECT number FROM livestream_loss WHERE livestream_id = $1 AND number > 0", livestream
    )
    return {row["number"] for row in rows}
