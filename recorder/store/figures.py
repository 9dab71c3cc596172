"""Figures of the whole installation for a monitoring system. Reads only, each bounded.

Every count stops at ``MOST`` rows of an index that holds little else, so that asking costs the
same in a database of any size.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recorder.store.connection import Connection

MOST = 10_000


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """Unfinished work of one queue."""

    pending: int
    claimed: int
    #: When the oldest run that is due became so; None without any.
    oldest_due_at: datetime | None


async def uploads_open(connection: Connection) -> int:
    """Uploads that are open or completing."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM (SELECT FROM upload WHERE state IN ('open', 'completing')"
        " LIMIT $1) bounded",
        MOST,
    )
    return found


async def livestreams(connection: Connection) -> dict[str, int]:
    """Livestreams that are not closed, by state."""
    rows = await connection.fetch(
        "SELECT state, count(*) AS number FROM"
        " (SELECT state FROM livestream WHERE state <> 'closed' LIMIT $1) bounded GROUP BY state",
        MOST,
    )
    return {row["state"]: row["number"] for row in rows}


async def queue(connection: Connection, name: str, now: datetime) -> QueueFigures:
    """Length and age of a queue; of more than ``MOST`` pending runs, those that come first."""
    (row,) = await connection.fetch(
        "SELECT count(*) AS pending, min(due_at) FILTER (WHERE due_at <= $2) AS oldest_due_at,"
        " (SELECT count(*) FROM (SELECT FROM task_run"
        "  WHERE state = 'claimed' AND queue = $1 LIMIT $3) held) AS claimed"
        " FROM (SELECT due_at FROM task_run WHERE state = 'pending' AND queue = $1"
        "  ORDER BY priority DESC, due_at LIMIT $3) bounded",
        name,
        now,
        MOST,
    )
    return QueueFigures(row["pending"], row["claimed"], row["oldest_due_at"])


async def failed_runs(connection: Connection) -> dict[str, int]:
    """Failed runs by task; tasks without any are left out."""
    rows = await connection.fetch(
        "SELECT task, count(*) AS number FROM"
        " (SELECT task FROM task_run WHERE state = 'failed' LIMIT $1) bounded GROUP BY task",
        MOST,
    )
    return {row["task"]: row["number"] for row in rows}


async def oldest_unsealed(connection: Connection) -> datetime | None:
    """When the oldest recording began to exist that is received and not sealed."""
    found: datetime | None = await connection.fetchval(
        "SELECT created_at FROM recording WHERE integrity = 'received' ORDER BY created_at LIMIT 1"
    )
    return found


async def locks_ending(connection: Connection, before: datetime) -> int:
    """Originals whose lock ends before then."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM (SELECT FROM original_object"
        " WHERE lock_until < $1 AND lock_kept LIMIT $2) bounded",
        before,
        MOST,
    )
    return found


async def soonest_lock_end(connection: Connection) -> datetime | None:
    """When the first lock of an original ends."""
    found: datetime | None = await connection.fetchval(
        "SELECT lock_until FROM original_object WHERE lock_kept ORDER BY lock_until LIMIT 1"
    )
    return found


async def compactions_waiting(connection: Connection, priority: int) -> int:
    """Recordings whose small objects wait to be put into volumes; failed ones are told by task."""
    found: int = await connection.fetchval(
        "SELECT (SELECT count(*) FROM (SELECT FROM task_run WHERE state = 'pending'"
        "  AND queue = 'io' AND priority = $1 AND task = 'compact' LIMIT $2) bounded)"
        " + (SELECT count(*) FROM (SELECT FROM task_run WHERE state = 'claimed'"
        "  AND task = 'compact' LIMIT $2) held)",
        priority,
        MOST,
    )
    return found


async def superseded(connection: Connection, before: datetime) -> int:
    """Superseded objects whose lock ended before then."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM (SELECT FROM superseded_object"
        " WHERE lock_until < $1 LIMIT $2) bounded",
        before,
        MOST,
    )
    return found


async def alarms_open(connection: Connection) -> dict[str, int]:
    """Open alarms by code; codes without any are left out."""
    rows = await connection.fetch(
        "SELECT code, count(*) AS number FROM"
        " (SELECT code FROM alarm WHERE cleared_at IS NULL LIMIT $1) bounded GROUP BY code",
        MOST,
    )
    return {row["code"]: row["number"] for row in rows}


async def quarantined(connection: Connection) -> int:
    """Recordings that wait for a decision."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM (SELECT FROM recording WHERE admission = 'quarantined'"
        " LIMIT $1) bounded",
        MOST,
    )
    return found


async def unlinked(connection: Connection) -> int:
    """Recordings that belong to no case."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM (SELECT FROM recording WHERE links = 0 LIMIT $1) bounded", MOST
    )
    return found
