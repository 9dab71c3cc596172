"""A playlist, again and again, and each segment of it once.

A bookmark names the segment that was taken last. It is written down before the segment is handed
on, so no process ever takes one twice; what a dying process had in its hands is lost, and told as
the gap that its death is.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from recorder.domain.source_address import Reach, SourceAddress
from recorder.live.elementary import Tag
from recorder.live.fetching import Admit, Bookmark, Fetched, FetchError, Inlet, Trouble
from recorder.live.fragmented import FragmentedMp4
from recorder.live.hls import playlist, web
from recorder.live.hls.playlist import ListedSegment, Place, Playlist
from recorder.live.hls.web import Web
from recorder.live.mpegts import TransportStream
from recorder.live.rtmp.violation import ViolationError
from recorder.live.sink import Cause

_LONGEST_PLAYLIST = 16 << 20
_LONGEST_SEGMENT = 64 << 20
#: Where a running playlist is begun: so many segments before its end.
_FROM_END = 3
_TRIES = 3
_TRY_AGAIN_S = 0.5
#: A running playlist that does not change for so many target durations has ended.
_PATIENCE = 5


@dataclass(slots=True)
class _Mark:
    """The last segment that was taken."""

    sequence: int
    name: str

    def text(self) -> str:
        return json.dumps([self.sequence, self.name])

    @classmethod
    def read(cls, text: str | None) -> _Mark | None:
        if not text:
            return None
        sequence, name = json.loads(text)
        return cls(int(sequence), str(name))


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
        listed = await _listed(got, place)
        if listed.variant is not None:
            place = Place(listed.variant)
            listed = await _listed(got, place)
        if listed.variant is not None:
            raise FetchError(Trouble.BROKEN, "its playlists lead to playlists")
        peer = Fetched(address.host, encrypted=address.encrypted)
        inlet = await admit(peer)
        following = _Following(got, place, peer, inlet, now, bookmark)
        try:
            await following.follow(listed)
        finally:
            following.end()
        raise FetchError(Trouble.ENDED, "it was ended here", peer.farewell)


async def _listed(got: Web, place: Place) -> Playlist:
    found = await got.get(place, _LONGEST_PLAYLIST)
    try:
        listed = playlist.read(found.content.decode("utf-8", "replace"), found.url)
    except (ViolationError, ValueError) as error:
        # An address in it may be none at all.
        raise FetchError(Trouble.BROKEN, "it is no playlist that can be read") from error
    if listed.is_encrypted:
        raise FetchError(Trouble.ENCRYPTED, "its segments are encrypted")
    return listed


class _Following:
    def __init__(
        self,
        got: Web,
        place: Place,
        peer: Fetched,
        inlet: Inlet,
        now: Callable[[], datetime],
        bookmark: Bookmark,
    ) -> None:
        self._web = got
        self._place = place
        self._peer = peer
        self._inlet = inlet
        self._now = now
        self._bookmark = bookmark
        self._mark = _Mark.read(bookmark.text)
        #: What the init segment that was got last says, and where it was.
        self._init: tuple[Place, bytes] | None = None
        #: Of the segments that are handed on: what describes them, and what reads them.
        self._described = b""
        self._stream: TransportStream | FragmentedMp4 = TransportStream()

    async def follow(self, listed: Playlist) -> None:
        """Take what is new, ask again, until it is over or nobody wants it."""
        loop = asyncio.get_running_loop()
        changed = loop.time()
        while True:
            fresh = self._fresh(listed)
            for segment in fresh:
                if not await self._peer.turn():
                    return
                await self._take(segment)
            if fresh:
                changed = loop.time()
            if listed.is_over:
                raise FetchError(Trouble.ENDED, "the playlist is over")
            if loop.time() - changed > _PATIENCE * listed.target_s:
                raise FetchError(Trouble.SILENT, "the playlist does not change")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(listed.target_s / (1 if fresh else 2)):
                    await self._peer.dismissed.wait()
            if self._peer.dismissed.is_set():
                return
            listed = await self._again()

    async def _again(self) -> Playlist:
        """The playlist as it is now; one answer that fails is no end."""
        for _ in range(_TRIES - 1):
            try:
                return await _listed(self._web, self._place)
            except FetchError as error:
                if error.trouble in (Trouble.FORBIDDEN, Trouble.ENCRYPTED):
                    raise
            await asyncio.sleep(_TRY_AGAIN_S)
        return await _listed(self._web, self._place)

    def end(self) -> None:
        """Hand on what nothing follows any more."""
        self._hand_on(self._stream.end(), self._now())

    def _fresh(self, listed: Playlist) -> list[ListedSegment]:
        """The segments behind the bookmark; a playlist that does not know it has begun anew."""
        mark, segments = self._mark, list(listed.segments)
        if not segments:
            return []
        if mark is None or self._is_another(mark, segments):
            self._mark = None
            return segments if listed.is_over else segments[-_FROM_END:]
        return [each for each in segments if each.sequence > mark.sequence]

    @staticmethod
    def _is_another(mark: _Mark, segments: list[ListedSegment]) -> bool:
        if mark.sequence > segments[-1].sequence:
            return True
        same = [each for each in segments if each.sequence == mark.sequence]
        return bool(same) and _name(same[0]) != mark.name

    def _joins(self, segment: ListedSegment) -> bool:
        """Whether nothing lies between it and the one before."""
        last = self._mark
        return last is not None and segment.sequence == last.sequence + 1 and not segment.breaks_off

    async def _take(self, segment: ListedSegment) -> None:
        """Get one segment and hand it on, or tell that it is lost."""
        last = self._mark
        init = await self._description(segment)
        content = None
        if init is not None and not segment.is_missing:
            content = await self._content(segment.place)
        self._mark = _Mark(segment.sequence, _name(segment))
        await self._bookmark.note(self._mark.text())
        is_behind = last is not None and segment.sequence > last.sequence + 1
        if content is None or is_behind:
            self._break_off(Cause.MEDIA_LOST)
        elif segment.breaks_off and last is not None:
            self._break_off(Cause.DISCONTINUITY)
        if init is not None and content is not None:
            self._describe(init)
            # No frame goes from one segment into the next.
            now = self._now()
            tags = itertools.chain(self._stream.feed(content), self._stream.end())
            self._hand_on(tags, now, segment.begins_at)

    async def _description(self, segment: ListedSegment) -> bytes | None:
        """The init segment that belongs to it, empty where it needs none; None when it cannot be
        had."""
        place = segment.init
        if place is None or segment.is_missing:
            return b""
        # Where something is amiss, another one may lie at the same place by now.
        if self._init is None or self._init[0] != place or not self._joins(segment):
            content = await self._content(place)
            if content is None:
                return None
            described = FragmentedMp4(content)
            if described.is_encrypted:
                raise FetchError(Trouble.ENCRYPTED, "its tracks are encrypted")
            if not described.tracks:
                only = ", ".join(sorted(described.left_out)) or "nothing"
                raise FetchError(Trouble.NOTHING_RECORDABLE, f"only {only}")
            self._init = place, content
        return self._init[1]

    async def _content(self, place: Place) -> bytes | None:
        """The whole of it; None when it cannot be had any more."""
        for again in range(_TRIES):
            try:
                return (await self._web.get(place, _LONGEST_SEGMENT)).content
            except FetchError as error:
                if error.trouble in (Trouble.FORBIDDEN, Trouble.UNAUTHORISED):
                    raise
            if again + 1 < _TRIES:
                await asyncio.sleep(_TRY_AGAIN_S)
        return None

    def _describe(self, init: bytes) -> None:
        """Read what follows by this; another header than before begins another period."""
        if init != self._described:
            self.end()
            self._described, self._stream = init, _reader(init)

    def _break_off(self, cause: Cause) -> None:
        """What follows joins nothing: neither frames nor clocks go over it."""
        self.end()
        self._stream = _reader(self._described)
        self._inlet.break_off(cause)

    def _hand_on(self, tags: Iterator[Tag], now: datetime, said: datetime | None = None) -> None:
        for tag in tags:
            if said is not None:
                self._inlet.tell_time(now, tag.at_ms, said)
                said = None
            if self._stream.lost:
                self._stream.lost = 0
                self._inlet.break_off(Cause.MEDIA_LOST)
            self._inlet.take_tag(tag, now)


def _reader(init: bytes) -> TransportStream | FragmentedMp4:
    return FragmentedMp4(init) if init else TransportStream()


def _name(segment: ListedSegment) -> str:
    """What tells a segment from another one of its number; queries may hold keys that change."""
    place = segment.place
    name = urlsplit(place.url).path + (f"@{place.part[0]}" if place.part else "")
    return hashlib.sha256(name.encode()).hexdigest()[:16]
