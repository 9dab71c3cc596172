"""A playlist, again and again, and each segment of it once, with the sound that is listed apart.

A bookmark names the segments that were taken last. It is written down before they are handed on,
so no process ever takes one twice; what a dying process had in its hands is lost, and told as the
gap that its death is.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterable
from datetime import datetime

from recorder.domain.source_address import Reach, SourceAddress
from recorder.live.fetching import Admit, Bookmark, Fetched, FetchError, Inlet, Trouble
from recorder.live.flv import Track
from recorder.live.hls import web
from recorder.live.hls.lane import Lane, Mark, Piece, Taken, listed_at
from recorder.live.hls.playlist import ListedSegment, Place, Playlist
from recorder.live.hls.sound import LEAD_MS, Beside, Sound, look, merged
from recorder.live.sink import Cause

#: A running playlist that does not change for so many target durations has ended.
_PATIENCE = 5


async def fetch(
    address: SourceAddress,
    reach: Reach,
    admit: Admit,
    now: Callable[[], datetime],
    bookmark: Bookmark,
) -> None:
    """Take what a playlist lists until it ends; always raises FetchError, which says why."""
    async with web.reaching(address, reach) as got:
        place = Place(address.url)
        listed = chosen = await listed_at(got, place)
        marks, apart = _read(bookmark.text), None
        if chosen.sound:
            sound = Lane(got, Place(chosen.sound), marks[1], LEAD_MS)
            # Before the pictures, so that none of what belongs to them is listed in between.
            first = await look(sound)
        if listed.variant is not None:
            place = Place(listed.variant)
            listed = await listed_at(got, place)
        if listed.variant is not None:
            raise FetchError(Trouble.BROKEN, "its playlists lead to playlists")
        peer = Fetched(address.host, encrypted=address.encrypted)
        inlet = await admit(peer)
        inlet.leave_out(chosen.left_out)
        pictures = Lane(got, place, marks[0], LEAD_MS if chosen.sound else None)
        if chosen.sound:
            apart = Sound(sound, peer, listed.target_s, chosen.sound_name, first)
        following = _Following(pictures, apart, peer, inlet, now, bookmark)
        try:
            await following.follow(listed)
        finally:
            following.end()
        raise FetchError(Trouble.ENDED, "it was ended here", peer.farewell)


def _read(text: str | None) -> tuple[Mark | None, Mark | None]:
    """The marks of pictures and of sound that a bookmark holds."""
    said = json.loads(text) if text else []
    marks = [Mark(int(said[n]), str(said[n + 1])) for n in range(0, len(said), 2)]
    return (*marks, None, None)[0], (*marks, None, None)[1]


class _Following:
    def __init__(
        self,
        pictures: Lane,
        sound: Sound | None,
        peer: Fetched,
        inlet: Inlet,
        now: Callable[[], datetime],
        bookmark: Bookmark,
    ) -> None:
        self._pictures = pictures
        self._sound = sound
        self._peer = peer
        self._inlet = inlet
        self._now = now
        self._bookmark = bookmark

    async def follow(self, listed: Playlist) -> None:
        """Take what is new, ask again, until it is over or nobody wants it."""
        loop = asyncio.get_running_loop()
        changed = loop.time()
        while True:
            fresh = self._pictures.fresh(listed)
            for n, segment in enumerate(fresh):
                if not await self._peer.turn():
                    return
                await self._take(segment, sum(each.lasts_s for each in fresh[n:]))
            if fresh:
                changed = loop.time()
            if listed.is_over:
                await self._take_rest()
                raise FetchError(Trouble.ENDED, "the playlist is over")
            if loop.time() - changed > _PATIENCE * listed.target_s:
                raise FetchError(Trouble.SILENT, "the playlist does not change")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(listed.target_s / (1 if fresh else 2)):
                    await self._peer.dismissed.wait()
            if self._peer.dismissed.is_set():
                return
            listed = await self._pictures.again()

    def end(self) -> None:
        """Hand on what nothing follows any more."""
        if self._sound is not None:
            self._hand_on(self._sound.ahead(), self._now())

    async def _take(self, segment: ListedSegment, tail_s: float) -> None:
        """Get one segment and hand it on with its sound, or tell that it is lost."""
        taken = await self._pictures.take(segment)
        pictures = await self._pictures.read_beside(taken)
        self._inlet.leave_out(self._pictures.left_out)
        beside = await self._beside(pictures, segment, tail_s)
        await self._bookmark.note(self._marks())
        now = self._now()
        self._hand_on(beside.before, now)
        cause = _cause(taken, beside)
        if cause is not None:
            self._inlet.break_off(cause)
        if segment.begins_at is not None and pictures:
            self._inlet.tell_time(now, pictures[0].tag.at_ms, segment.begins_at)
        self._hand_on(merged(pictures, beside.pieces), now)

    async def _take_rest(self) -> None:
        """Sound may go on for some frames behind the last picture."""
        if self._sound is not None and self._pictures.mark is not None:
            rest = await self._sound.rest()
            await self._bookmark.note(self._marks())
            self._hand_on(rest, self._now())

    async def _beside(self, pictures: list[Piece], segment: ListedSegment, tail_s: float) -> Beside:
        if self._sound is not None and any(p.tag.track is Track.AUDIO for p in pictures):
            # They carry their own; the other is one more language.
            self._inlet.leave_out([self._sound.name])
            self._sound = None
        if self._sound is None:
            return Beside()
        was_missing = self._sound.is_missing
        found = await self._sound.beside(pictures, segment, tail_s)
        self._inlet.leave_out(self._sound.lane.left_out)
        if self._sound.is_missing and not was_missing:
            await self._bookmark.miss_sound()
        return found

    def _marks(self) -> str:
        marks = [self._pictures.mark, self._sound.lane.mark if self._sound else None]
        return json.dumps([each for mark in marks if mark is not None for each in mark])

    def _hand_on(self, pieces: Iterable[Piece], now: datetime) -> None:
        for piece in pieces:
            if piece.is_behind_loss:
                self._inlet.break_off(Cause.MEDIA_LOST)
            self._inlet.take_tag(piece.tag, now)


def _cause(taken: Taken, beside: Beside) -> Cause | None:
    """Why a period begins here; lost sound tells it where pictures begin, not between two."""
    if beside.is_lossy:
        return Cause.MEDIA_LOST
    return taken.cause
