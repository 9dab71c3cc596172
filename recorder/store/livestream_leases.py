"""Leases of livestreams that are received: who has which, and what its holders said of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import LivestreamState
from recorder.store.connection import Connection


async def take(
    connection: Connection,
    livestream: LivestreamId,
    holder: str,
    now: datetime,
    until: datetime,
    longest: datetime,
) -> int | None:
    """Take the lease and give its new fence; None while another holder lives.

    One held for longer than ``longest`` was taken by a wrong clock.
    """
    fence: int | None = await connection.fetchval(
        "UPDATE livestream SET holder = $2, held_until = $4, fence = fence + 1"
        " WHERE id = $1 AND state <> 'closed' AND (holder IS NULL OR held_until < $3"
        " OR held_until > $5) RETURNING fence",
        livestream,
        holder,
        now,
        until,
        longest,
    )
    return fence


async def keep_each(
    connection: Connection,
    leases: Sequence[tuple[LivestreamId, int, bool]],
    now: datetime,
    until: datetime,
) -> dict[LivestreamId, LivestreamState]:
    """Extend these leases: livestream, fence, and whether media wait in its holder's hands.

    Gives those that no other process has taken, and how they stand. Rows are locked in the order
    in which everybody locks many of them.
    """
    rows = await connection.fetch(
        "WITH held AS (SELECT l.id, g.waits FROM livestream l"
        " JOIN unnest($1::uuid[], $2::bigint[], $3::boolean[]) AS g(livestream, fence, waits)"
        "  ON l.id = g.livestream AND l.fence = g.fence"
        " WHERE l.holder IS NOT NULL ORDER BY l.id FOR NO KEY UPDATE OF l)"
        " UPDATE livestream AS l SET held_until = $5,"
        " heard_at = CASE WHEN held.waits THEN $4 ELSE l.heard_at END"
        " FROM held WHERE l.id = held.id RETURNING l.id, l.state",
        [livestream for livestream, _, _ in leases],
        [fence for _, fence, _ in leases],
        [waits for _, _, waits in leases],
        now,
        until,
    )
    return {row["id"]: LivestreamState(row["state"]) for row in rows}


async def promise(
    connection: Connection, livestream: LivestreamId, fence: int, period: int, number: int
) -> None:
    """Say that everything up to these numbers reached us; nothing under an old fence."""
    await connection.execute(
        "UPDATE livestream SET promised_period = greatest(promised_period, $3),"
        " promised_number = greatest(promised_number, $4) WHERE id = $1 AND fence = $2",
        livestream,
        fence,
        period,
        number,
    )


async def let_go(connection: Connection, livestream: LivestreamId, fence: int) -> None:
    """Let another process take the lease at once."""
    await connection.execute(
        "UPDATE livestream SET holder = NULL, held_until = NULL WHERE id = $1 AND fence = $2",
        livestream,
        fence,
    )
