"""Files of gateways: announced by a hook, arrived as footage, in whichever order.

Hints and bookkeeping, no evidence: every function takes a plain Connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import DockId, LivestreamId, RecordingId
from recorder.store.connection import Connection

#: Announcements that came to nothing do not pile up without end.
MOST_AWAITED = 10_000

#: One path ends with the other, at a folder.
_SAME = (
    "gateway_id = $1 AND name = $3 AND (path = $2 OR right(path, length($2) + 1) = '/' || $2"
    " OR right($2, length(path) + 1) = '/' || path)"
)


@dataclass(frozen=True, slots=True)
class AwaitedFile:
    """The gateway said that it is finished, and it has not come."""

    path: str
    announced_at: datetime


async def announce(connection: Connection, gateway: DockId, path: str, now: datetime) -> None:
    """The gateway says that the file is finished; saying so again changes nothing."""
    name = path.rpartition("/")[2]
    touched = await connection.execute(
        f"UPDATE gateway_file SET announced_at = coalesce(announced_at, $4) WHERE {_SAME}",  # noqa: S608 - constant text
        gateway,
        path,
        name,
        now,
    )
    if not touched:
        await connection.execute(
            "INSERT INTO gateway_file (gateway_id, path, name, announced_at)"
            " SELECT $1, $2, $3, $4 WHERE (SELECT count(*) FROM gateway_file"
            "  WHERE gateway_id = $1 AND recording_id IS NULL) < $5"
            " ON CONFLICT (gateway_id, path) DO NOTHING",
            gateway,
            path,
            name,
            now,
            MOST_AWAITED,
        )


async def arrive(
    connection: Connection, gateway: DockId, path: str, recording: RecordingId, now: datetime
) -> None:
    """The file is here as this recording; a later version of it counts."""
    name = path.rpartition("/")[2]
    touched = await connection.execute(
        f"UPDATE gateway_file SET recording_id = $4, arrived_at = $5 WHERE {_SAME}",  # noqa: S608 - constant text
        gateway,
        path,
        name,
        recording,
        now,
    )
    if not touched:
        await connection.execute(
            "INSERT INTO gateway_file (gateway_id, path, name, recording_id, arrived_at)"
            " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (gateway_id, path)"
            " DO UPDATE SET recording_id = $4, arrived_at = $5",
            gateway,
            path,
            name,
            recording,
            now,
        )


async def awaited(connection: Connection, gateway: DockId, limit: int) -> list[AwaitedFile]:
    """What was announced and has not come, the oldest first.

    Word and file at one moment may have made a row each: then it has come all the same.
    """
    rows = await connection.fetch(
        "SELECT f.path, f.announced_at FROM gateway_file f WHERE f.gateway_id = $1"
        " AND f.recording_id IS NULL AND NOT EXISTS (SELECT FROM gateway_file o"
        "  WHERE o.gateway_id = f.gateway_id AND o.name = f.name AND o.recording_id IS NOT NULL"
        "  AND (right(f.path, length(o.path) + 1) = '/' || o.path"
        "   OR right(o.path, length(f.path) + 1) = '/' || f.path))"
        " ORDER BY f.announced_at, f.path LIMIT $2",
        gateway,
        limit,
    )
    return [AwaitedFile(row["path"], row["announced_at"]) for row in rows]


async def copies_of(connection: Connection, livestream: LivestreamId) -> list[RecordingId]:
    """The recordings that are copies of the livestream, by their beginning."""
    rows = await connection.fetch(
        "SELECT id FROM recording WHERE copy_of = $1"
        " ORDER BY coalesce(started_at, received_at), id LIMIT 1000",
        livestream,
    )
    return [row["id"] for row in rows]
