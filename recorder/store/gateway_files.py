"""Files of gateways: announced by a hook, arrived as footage, in whichever order.

Hints and bookkeeping, no evidence: every function takes a plain Connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import AgencyId, DockId, LivestreamId, RecordingId
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


@dataclass(frozen=True, slots=True)
class Overdue:
    """How much of what a gateway spoke of has not come for too long."""

    gateway: DockId
    agency: AgencyId
    name: str
    count: int


#: A pull of ours ran when the file was finished, and the path names its stream.
_PULLED = (
    "EXISTS (SELECT FROM livestream l JOIN livestream_source s ON s.livestream_id = l.id"
    " CROSS JOIN LATERAL (VALUES (l.device_number), (l.id::text)) AS own (name)"
    " WHERE l.agency_id = k.agency_id AND l.first_arrival_at < f.announced_at"
    " AND l.last_arrival_at > f.announced_at - interval '10 minutes'"
    " AND (strpos('/' || f.path, '/' || own.name || '/') > 0"
    "  OR left(f.name, length(own.name) + 1) = own.name || '-'))"
)


async def overdue_files(connection: Connection, before: datetime) -> list[Overdue]:
    """Of gateways in use: files announced before the moment that neither came nor were pulled."""
    rows = await connection.fetch(
        "SELECT f.gateway_id, k.agency_id, k.name, count(*) FROM gateway_file f"  # noqa: S608 - constant text
        " JOIN gateway g ON g.dock_id = f.gateway_id AND g.revoked_at IS NULL"
        " JOIN dock k ON k.id = g.dock_id"
        " WHERE f.recording_id IS NULL AND f.announced_at < $1 AND NOT EXISTS (SELECT"
        "  FROM gateway_file o WHERE o.gateway_id = f.gateway_id AND o.name = f.name"
        "  AND o.recording_id IS NOT NULL AND (right(f.path, length(o.path) + 1) = '/' || o.path"
        "   OR right(o.path, length(f.path) + 1) = '/' || f.path))"
        f" AND NOT {_PULLED} GROUP BY f.gateway_id, k.agency_id, k.name",
        before,
    )
    return [Overdue(*row) for row in rows]


async def overdue_streams(connection: Connection, before: datetime) -> list[Overdue]:
    """Of gateways in use: streams that ended before the moment and of which nothing is here.

    One that was said to have begun and never to have ended counts as ended after a day; one of a
    few seconds may have held no picture. Its last part names a device, or a livestream.
    """
    rows = await connection.fetch(
        "SELECT s.gateway_id, k.agency_id, k.name, count(*) FROM gateway_stream s"
        " JOIN gateway g ON g.dock_id = s.gateway_id AND g.revoked_at IS NULL"
        " JOIN dock k ON k.id = g.dock_id"
        " CROSS JOIN LATERAL (SELECT greatest(s.began_at, s.accepted_at) AS began_at,"
        "  regexp_replace(s.stream, '^.*/', '') AS name) m"
        " CROSS JOIN LATERAL (SELECT CASE WHEN s.ended_at >= m.began_at THEN s.ended_at"
        "   WHEN s.began_at IS NOT NULL THEN m.began_at + interval '1 day' END AS at) o"
        " WHERE o.at < $1 AND o.at > m.began_at + interval '10 seconds'"
        " AND NOT EXISTS (SELECT FROM recording r WHERE r.device_number = m.name"
        "  AND r.created_at >= m.began_at AND r.dock_id = s.gateway_id)"
        " AND NOT EXISTS (SELECT FROM livestream l WHERE l.agency_id = k.agency_id"
        "  AND l.created_at > m.began_at - interval '30 days' AND l.last_arrival_at >= m.began_at"
        "  AND (l.device_number = m.name OR l.id::text = m.name))"
        " AND NOT EXISTS (SELECT FROM livestream l JOIN recording r ON r.copy_of = l.id"
        "  WHERE l.agency_id = k.agency_id AND l.created_at > m.began_at - interval '30 days'"
        "  AND l.id::text = m.name AND r.created_at >= m.began_at)"
        " GROUP BY s.gateway_id, k.agency_id, k.name",
        before,
    )
    return [Overdue(*row) for row in rows]


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
