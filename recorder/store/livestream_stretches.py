"""Beginnings of playlists of running livestreams, kept for processes that have not written them.

They say what the segments say and are no evidence: without them those are read again.
"""

from __future__ import annotations

from dataclasses import dataclass

from recorder.domain.ids import LivestreamId
from recorder.store.connection import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Lines of a playlist behind each other, and what must be known of them to go on."""

    #: The number it comes behind, and the one it reaches to.
    after: int
    reached: int
    segments: int
    #: The last segment that is listed.
    last_number: int
    last_period: int
    first_us: int
    longest_us: int
    independent: bool
    lines: str


async def due(connection: Connection, segments: int) -> list[LivestreamId]:
    """Livestreams that are not closed and have so many segments behind what is kept."""
    rows = await connection.fetch(
        "SELECT l.id FROM livestream l WHERE l.state <> 'closed' AND l.highest_number - $1 >="
        " coalesce((SELECT max(s.reached_number) FROM livestream_stretch s"
        "  WHERE s.livestream_id = l.id), 0) ORDER BY l.id",
        segments,
    )
    return [row["id"] for row in rows]


async def all_of(connection: Connection, livestream: LivestreamId) -> list[Stretch]:
    """Its stretches in order; each comes behind the one before."""
    rows = await connection.fetch(
        "SELECT after_number, reached_number, segments, last_number, last_period, first_us,"
        " longest_us, independent, lines FROM livestream_stretch WHERE livestream_id = $1"
        " ORDER BY after_number",
        livestream,
    )
    return [
        Stretch(
            after=row["after_number"],
            reached=row["reached_number"],
            segments=row["segments"],
            last_number=row["last_number"],
            last_period=row["last_period"],
            first_us=row["first_us"],
            longest_us=row["longest_us"],
            independent=row["independent"],
            lines=row["lines"],
        )
        for row in rows
    ]


async def keep(connection: Connection, livestream: LivestreamId, stretch: Stretch) -> bool:
    """Keep it; False where another process has kept what comes behind the same number."""
    touched = await connection.execute(
        "INSERT INTO livestream_stretch (livestream_id, after_number, reached_number, segments,"
        " last_number, last_period, first_us, longest_us, independent, lines)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
        livestream,
        stretch.after,
        stretch.reached,
        stretch.segments,
        stretch.last_number,
        stretch.last_period,
        stretch.first_us,
        stretch.longest_us,
        stretch.independent,
        stretch.lines,
    )
    return touched == 1


async def forget_closed(connection: Connection) -> int:
    """Remove those of closed livestreams: their playlists stand by number."""
    return await connection.execute(
        "DELETE FROM livestream_stretch s USING livestream l"
        " WHERE l.id = s.livestream_id AND l.state = 'closed'"
    )
