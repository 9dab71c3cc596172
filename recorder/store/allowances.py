"""What one asker has spent of a limit, counted for all processes together; and open streams.

No evidence: every function takes a plain Connection. The tables are unlogged (schema.sql).
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from recorder.store.connection import Connection


async def spend(
    connection: Connection,
    what: str,
    asker: str,
    now: datetime,
    *,
    cost: timedelta,
    window: timedelta,
) -> bool:
    """Spend the cost of one request; False, and nothing spent, when the window is full.

    ``spent_until`` is the moment at which everything spent so far has been earned back (GCRA,
    ITU-T I.371). One beyond the window is of a clock that has gone back, and counts for nothing.
    """
    spent = await connection.fetchval(
        "INSERT INTO allowance AS a (what, asker, spent_until)"
        " VALUES ($1, $2, $3::timestamptz + $4::interval)"
        " ON CONFLICT (what, asker) DO UPDATE SET spent_until = $4::interval + CASE"
        "  WHEN a.spent_until BETWEEN $3 AND $3 + $5::interval THEN a.spent_until ELSE $3 END"
        " WHERE a.spent_until + $4::interval <= $3 + $5::interval"
        " OR a.spent_until > $3 + $5::interval"
        " RETURNING true",
        what,
        asker,
        now,
        cost,
        window,
    )
    return spent is not None


async def charge(
    connection: Connection, what: str, asker: str, now: datetime, *, cost: timedelta
) -> None:
    """Spend that much, however much is spent already."""
    await connection.execute(
        "INSERT INTO allowance AS a (what, asker, spent_until)"
        " VALUES ($1, $2, $3::timestamptz + $4::interval)"
        " ON CONFLICT (what, asker) DO UPDATE"
        " SET spent_until = greatest(a.spent_until, $3) + $4::interval",
        what,
        asker,
        now,
        cost,
    )


async def spent_until(connection: Connection, what: str, asker: str) -> datetime | None:
    """When everything that the asker has spent is earned back; None: nothing was spent."""
    moment: datetime | None = await connection.fetchval(
        "SELECT spent_until FROM allowance WHERE what = $1 AND asker = $2", what, asker
    )
    return moment


async def remove_earned_back(connection: Connection, before: datetime) -> int:
    return await connection.execute("DELETE FROM allowance WHERE spent_until < $1", before)


async def insert_stream(
    connection: Connection, stream: uuid.UUID, asker: str, ends_at: datetime
) -> None:
    """Note a stream that ends by that moment at the latest."""
    await connection.execute(
        "INSERT INTO open_stream (id, asker, ends_at) VALUES ($1, $2, $3)", stream, asker, ends_at
    )


async def count_streams(connection: Connection, asker: str, now: datetime, latest: datetime) -> int:
    """The asker's streams that can still be open; none ends later than ``latest``."""
    count: int = await connection.fetchval(
        "SELECT count(*) FROM open_stream WHERE asker = $1 AND ends_at > $2 AND ends_at <= $3",
        asker,
        now,
        latest,
    )
    return count


async def remove_stream(connection: Connection, stream: uuid.UUID) -> None:
    await connection.execute("DELETE FROM open_stream WHERE id = $1", stream)


async def remove_ended_streams(connection: Connection, before: datetime) -> int:
    """Remove streams whose process died before it could."""
    return await connection.execute("DELETE FROM open_stream WHERE ends_at < $1", before)
