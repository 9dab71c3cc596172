"""Turns: work that one process of the installation does at a time. No evidence."""

from __future__ import annotations

from datetime import datetime, timedelta

from recorder.store.connection import Connection


async def take(
    connection: Connection, name: str, holder: str, now: datetime, length: timedelta
) -> bool:
    """Take or keep a turn; False while another holder lives.

    One that is held for much longer than anybody may ask for was taken by a wrong clock.
    """
    touched = await connection.execute(
        "INSERT INTO turn AS t (name, holder, held_until) VALUES ($1, $2, $4)"
        " ON CONFLICT (name) DO UPDATE SET holder = $2, held_until = $4"
        " WHERE t.holder = $2 OR t.held_until < $3 OR t.held_until > $5",
        name,
        holder,
        now,
        now + length,
        now + 10 * length,
    )
    return touched == 1


async def give_back(connection: Connection, name: str, holder: str, now: datetime) -> None:
    """Let others take the turn at once."""
    await connection.execute(
        "UPDATE turn SET held_until = $3::timestamptz - interval '1 microsecond'"
        " WHERE name = $1 AND holder = $2",
        name,
        holder,
        now,
    )
