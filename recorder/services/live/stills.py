"""Fresh pictures for the wall, made while somebody looks at it; never stored, never evidence.

However many look at however many livestreams: one picture at a time in each process, and after
each the three-fold of its time nothing, so a quarter of one core at most. Who asks meanwhile gets
the picture that is there.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from recorder.adapters.live_still import still
from recorder.adapters.media import find_ffmpeg
from recorder.adapters.objects import Bucket
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import Form, Livestream, LivestreamState, Segment
from recorder.domain.people import Actor
from recorder.runtime import Deps
from recorder.services.live import chunks, volumes
from recorder.services.live.opening import watchable
from recorder.services.live.webm_sources import webm_source
from recorder.store import livestream_segments

#: Pictures kept, of some 20 KB each.
_MOST = 500
#: Whoever comes behind so many takes what is there.
_MOST_WAITING = 8
_REST = 3.0
#: More than a segment of two seconds ever has.
_MOST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class _Still:
    number: int
    jpeg: bytes | None


class _Studio:
    """The one place of a process where pictures are made."""

    def __init__(self) -> None:
        self.kept: OrderedDict[LivestreamId, _Still] = OrderedDict()
        self.turn = asyncio.Lock()
        self.waiting = 0
        self.rests_until = 0.0

    def keep(self, livestream: LivestreamId, made: _Still) -> None:
        self.kept[livestream] = made
        self.kept.move_to_end(livestream)
        while len(self.kept) > _MOST:
            self.kept.popitem(last=False)


_STUDIOS: WeakKeyDictionary[Deps, _Studio] = WeakKeyDictionary()


async def picture(deps: Deps, actor: Actor, livestream_id: LivestreamId) -> bytes | None:
    """A JPEG of a running livestream as new as can be had now; None if there is none.

    Raises NotFound, Forbidden ``footage-restricted``, Unavailable ``media-tool-missing``.
    """
    livestream = await watchable(deps, actor, livestream_id)
    studio = _STUDIOS.setdefault(deps, _Studio())
    kept = studio.kept.get(livestream.id)
    fresh = kept is not None and kept.number >= livestream.highest_number
    shown = livestream.state is not LivestreamState.CLOSED
    if shown and not fresh and studio.waiting < _MOST_WAITING:
        studio.waiting += 1
        try:
            async with studio.turn:
                await _rested(studio)
                await _make(deps, studio, livestream)
        finally:
            studio.waiting -= 1
    kept = studio.kept.get(livestream.id)
    return kept.jpeg if kept and shown else None


async def _rested(studio: _Studio) -> None:
    await asyncio.sleep(max(0.0, studio.rests_until - asyncio.get_running_loop().time()))


async def _make(deps: Deps, studio: _Studio, livestream: Livestream) -> None:
    async with deps.database.acquire() as connection:
        newest = await livestream_segments.newest(connection, livestream.id)
    kept = studio.kept.get(livestream.id)
    if newest is None or newest.length > _MOST_BYTES:
        return
    if kept is not None and kept.number >= newest.number:
        return
    content = await _content(deps, livestream, newest)
    if content is None:
        return
    tool = await find_ffmpeg(deps.config.ffmpeg)
    began = asyncio.get_running_loop().time()
    made = await still(tool, "matroska" if livestream.is_webm else "mov", content)
    ended = asyncio.get_running_loop().time()
    studio.rests_until = ended + _REST * (ended - began)
    # A segment without a keyframe leaves the last picture where it is.
    studio.keep(livestream.id, _Still(newest.number, made or (kept.jpeg if kept else None)))


async def _content(deps: Deps, livestream: Livestream, newest: Segment) -> bytes | None:
    """What its picture is decoded from; None where nothing is shown."""
    if livestream.is_webm:
        source = await webm_source(deps, livestream, newest.number)
        return source.content if source else None
    init = await _bytes(deps, livestream, -newest.period)
    body = await _bytes(deps, livestream, newest.number)
    return None if init is None or body is None else init + body


async def _bytes(deps: Deps, livestream: Livestream, number: int) -> bytes | None:
    """What is shown under a number; None where nothing is."""
    skip, length = 0, None
    async with deps.database.acquire() as connection:
        if livestream.form is Form.CHUNKED:
            number, skip, length = await chunks.shown_range(connection, livestream, number)
        found = await livestream_segments.stored(connection, livestream.id, number)
        where = await volumes.located(connection, found) if found else None
    if found is None or where is None:
        return None
    key, version, begins = where
    rest = found.length - skip if length is None else length
    blocks = deps.objects.read(Bucket.ORIGINALS, key, version, offset=begins + skip, length=rest)
    return b"".join([block async for block in blocks])
