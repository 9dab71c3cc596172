"""Addresses that livestreams are fetched from, sealed, and what keeps them from coming."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import LivestreamId
from recorder.store.change import Change
from recorder.store.connection import Connection


@dataclass(frozen=True, slots=True)
class LivestreamSource:
    livestream: LivestreamId
    protocol: str
    #: Host and port.
    host: str
    #: None once it is needed no more.
    sealed_address: bytes | None
    #: Why nothing comes from it at the moment.
    trouble: str | None = None
    trouble_at: datetime | None = None
    #: How far it was taken.
    bookmark: str | None = None


async def insert(change: Change, source: LivestreamSource) -> None:
    await change.connection.execute(
        "INSERT INTO livestream_source (livestream_id, protocol, host, sealed_address)"
        " VALUES ($1, $2, $3, $4)",
        source.livestream,
        source.protocol,
        source.host,
        source.sealed_address,
    )


async def find(connection: Connection, livestream: LivestreamId) -> LivestreamSource | None:
    row = await connection.fetchrow(
        "SELECT livestream_id, protocol, host, sealed_address, trouble, trouble_at,"
        " bookmark FROM livestream_source WHERE livestream_id = $1",
        livestream,
    )
    return LivestreamSource(*row) if row else None


async def in_trouble(connection: Connection) -> dict[LivestreamId, datetime]:
    """Livestreams of which nothing can be fetched at the moment, and since when."""
    rows = await connection.fetch(
        "SELECT livestream_id, trouble_at FROM livestream_source WHERE trouble_at IS NOT NULL"
    )
    return {row["livestream_id"]: row["trouble_at"] for row in rows}


async def free(connection: Connection, now: datetime, limit: int) -> list[LivestreamId]:
    """Running livestreams that are to be fetched and that nobody fetches, in any order."""
    rows = await connection.fetch(
        "SELECT l.id FROM livestream_source s JOIN livestream l ON l.id = s.livestream_id"
        " WHERE s.sealed_address IS NOT NULL AND l.state IN ('open', 'live', 'interrupted')"
        " AND (l.holder IS NULL OR l.held_until < $1) ORDER BY random() LIMIT $2",
        now,
        limit,
    )
    return [row["id"] for row in rows]


async def tell(
    connection: Connection, livestream: LivestreamId, fence: int, trouble: str | None, at: datetime
) -> None:
    """Write down why nothing comes, and since when; or that it comes. Nothing under an old fence:
    who fetches it by now knows better."""
    await connection.execute(
        "UPDATE livestream_source s SET trouble = $3, trouble_at = CASE WHEN $3::text IS NULL"
        " THEN NULL WHEN s.trouble IS NULL THEN $4 ELSE s.trouble_at END"
        " FROM livestream l WHERE s.livestream_id = $1 AND l.id = s.livestream_id"
        " AND l.fence = $2 AND s.trouble IS DISTINCT FROM $3",
        livestream,
        fence,
        trouble,
        at,
    )


async def mark(connection: Connection, livestream: LivestreamId, fence: int, bookmark: str) -> bool:
    """Write down how far it was taken; False under an old fence."""
    touched = await connection.execute(
        "UPDATE livestream_source s SET bookmark = $3 FROM livestream l"
        " WHERE s.livestream_id = $1 AND l.id = s.livestream_id AND l.fence = $2",
        livestream,
        fence,
        bookmark,
    )
    return touched == 1


async def forget(connection: Connection) -> int:
    """Remove the addresses of livestreams that take nothing more."""
    return await connection.execute(
        "UPDATE livestream_source s SET sealed_address = NULL, trouble = NULL, trouble_at = NULL"
        " FROM livestream l WHERE l.id = s.livestream_id AND s.sealed_address IS NOT NULL"
        " AND l.state IN ('closing', 'closed')"
    )
