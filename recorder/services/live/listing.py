"""What is listed of a running livestream: its beginning from where it is kept, the rest from rows.

The beginning never changes (``playlist.at_rest``). A process keeps it in memory, and the chore
``keep_beginnings`` in the database, so that no process reads a day of segments.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import Form, Livestream
from recorder.domain.people import EVERYTHING
from recorder.runtime import Deps
from recorder.services.live import playlist
from recorder.services.live.playlist import Beginning, Entry, Listed
from recorder.services.live.playlist_shelf import shelf_of
from recorder.store import livestream_segments, livestream_stretches, livestreams
from recorder.store.connection import Connection
from recorder.store.livestream_segments import EntryRow
from recorder.store.livestream_stretches import Stretch

#: Segments that one row of the database lists at least.
STRETCH = 1_000
#: Rows that are looked at without asking a thread.
AT_ONCE = 2_000


def shown(livestream: Livestream, entries: Sequence[Entry]) -> Sequence[Entry]:
    """Those of them that a player can be told of."""
    if livestream.form is Form.CHUNKED:
        # One that holds no picture is a description or an index, and no media segment.
        return [entry for entry in entries if entry.duration_us is not None]
    return entries


async def beginning_of(
    connection: Connection, shelf_beginning: Beginning, livestream: Livestream
) -> Beginning:
    """What this process or another has written of it already."""
    if shelf_beginning.reached or livestream.highest_number < STRETCH:
        return shelf_beginning
    return joined(await livestream_stretches.all_of(connection, livestream.id))


def joined(stretches: Sequence[Stretch]) -> Beginning:
    """Stretches behind each other as one beginning."""
    if not stretches:
        return Beginning()
    last = stretches[-1]
    return Beginning(
        lines="".join(each.lines for each in stretches),
        segments=sum(each.segments for each in stretches),
        last=Listed(last.last_number, last.last_period),
        reached=last.reached,
        first_us=stretches[0].first_us,
        longest_us=max(each.longest_us for each in stretches),
        independent=all(each.independent for each in stretches),
    )


def grown(
    livestream: Livestream, beginning: Beginning, rows: Sequence[EntryRow], now: datetime
) -> tuple[Beginning, Sequence[Entry]]:
    """The beginning with what these rows behind it add, and what is listed behind that."""
    known = playlist.settled(list(map(Entry._make, rows)), now, beginning.reached)
    rest = playlist.at_rest(known, now)
    more = beginning.reaching(rest, shown(livestream, rest))
    return more, shown(livestream, known[len(rest) :])


async def running_playlist(deps: Deps, livestream: Livestream, skip: bool) -> str:
    """The playlist of a livestream that is not closed, as it stands now."""
    shelf, now = shelf_of(deps), deps.clock.now()
    async with deps.database.acquire() as connection:
        beginning = await beginning_of(connection, shelf.beginning(livestream.id), livestream)
        rows = await livestream_segments.entries(connection, livestream.id, None, beginning.reached)

    def written() -> tuple[str, Beginning]:
        more, tail = grown(livestream, beginning, rows, now)
        return playlist.media_playlist(tail, running=True, beginning=more, skip=skip), more

    # A long one would hold up everybody else.
    text, more = await asyncio.to_thread(written) if len(rows) > AT_ONCE else written()
    shelf.keep_beginning(livestream.id, more)
    return text


async def keep_beginnings(deps: Deps) -> int:
    """Chore: write down what never changes of long playlists; says how many stretches.

    Any process may do it at any time: the first stretch behind a number counts.
    """
    async with deps.database.acquire() as connection:
        await livestream_stretches.forget_closed(connection)
        due = await livestream_stretches.due(connection, STRETCH)
    return sum([await _keep(deps, livestream) for livestream in due])


async def _keep(deps: Deps, livestream_id: LivestreamId) -> bool:
    async with deps.database.acquire() as connection:
        livestream = await livestreams.find(connection, livestream_id, EVERYTHING)
        if livestream is None:
            return False
        kept = joined(await livestream_stretches.all_of(connection, livestream_id))
        rows = await livestream_segments.entries(connection, livestream_id, None, kept.reached)
    behind = Beginning(last=kept.last, reached=kept.reached)
    more, _ = await asyncio.to_thread(grown, livestream, behind, rows, deps.clock.now())
    if more.segments < STRETCH or more.last is None:
        return False
    stretch = Stretch(
        after=kept.reached,
        reached=more.reached,
        segments=more.segments,
        last_number=more.last.number,
        last_period=more.last.period,
        first_us=more.first_us,
        longest_us=more.longest_us,
        independent=more.independent,
        lines=more.lines,
    )
    async with deps.database.acquire() as connection:
        return await livestream_stretches.keep(connection, livestream_id, stretch)
