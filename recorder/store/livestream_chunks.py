"""Periods of livestreams in chunks: where their file begins, and whether each chunk can be shown.

The chunks themselves are rows of ``livestream_segments``, which knows everything else of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from recorder.domain.fragments import Track
from recorder.domain.ids import LivestreamId
from recorder.domain.webm import Walk
from recorder.store.change import Change
from recorder.store.connection import Connection


@dataclass(frozen=True, slots=True)
class FileBeginning:
    """The init segment of a period, inside one of its chunks."""

    tracks: tuple[Track, ...]
    #: The chunk it stands in; None while that has not come.
    number: int | None
    length: int | None
    #: Of WebM: how far its chunks have been followed.
    walk: Walk | None = None


async def beginning(
    connection: Connection, livestream: LivestreamId, period: int
) -> FileBeginning | None:
    """What is known of the file of a period; None before its first chunk."""
    row = await connection.fetchrow(
        "SELECT tracks, init_number, init_length_bytes, walk FROM livestream_period"
        " WHERE livestream_id = $1 AND number = $2",
        livestream,
        period,
    )
    if row is None:
        return None
    tracks = tuple(Track.from_json(each) for each in row["tracks"])
    walk = Walk.from_json(row["walk"]) if row["walk"] else None
    return FileBeginning(tracks, row["init_number"], row["init_length_bytes"], walk)


async def note_beginning(
    change: Change,
    livestream: LivestreamId,
    period: int,
    begins: FileBeginning,
) -> None:
    """Say in which chunk the file of a period begins; the first word stays."""
    await change.connection.execute(
        "UPDATE livestream_period SET tracks = $3, init_number = $4, init_length_bytes = $5"
        " WHERE livestream_id = $1 AND number = $2 AND init_number IS NULL",
        livestream,
        period,
        [track.to_json() for track in begins.tracks],
        begins.number,
        begins.length,
    )


async def note_walk(change: Change, livestream: LivestreamId, period: int, walk: Walk) -> None:
    """Say how far the chunks of a period have been followed; it never goes back."""
    await change.connection.execute(
        "UPDATE livestream_period SET walk = $3 WHERE livestream_id = $1 AND number = $2"
        " AND coalesce((walk ->> 'number')::bigint, 0) < $4::bigint",
        livestream,
        period,
        walk.to_json(),
        walk.number,
    )


async def shown_whole(connection: Connection, livestream: LivestreamId) -> bool:
    """Whether showing its chunks one by one leaves no picture out; of segments: always.

    Only the first and the last of a period may hold none: the description of the tracks, and the
    index that some recorders write at their end.
    """
    found: bool = await connection.fetchval(
        "SELECT NOT EXISTS (SELECT FROM (SELECT duration_us,"
        " lag(number) OVER along AS before, lead(number) OVER along AS behind"
        " FROM livestream_segment"
        " WHERE number > 0 AND state = 'stored' AND livestream_id ="
        " (SELECT id FROM livestream WHERE id = $1 AND form = 'chunked')"
        " WINDOW along AS (PARTITION BY period ORDER BY number)) AS s"
        " WHERE s.duration_us IS NULL AND s.before IS NOT NULL AND s.behind IS NOT NULL)",
        livestream,
    )
    return found


async def several_files(connection: Connection, livestream: LivestreamId) -> bool:
    """Whether its chunks are those of more than one file."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM livestream_period p JOIN livestream l ON l.id = p.livestream_id"
        " WHERE l.id = $1 AND l.form = 'chunked' AND p.number > 1)",
        livestream,
    )
    return found
