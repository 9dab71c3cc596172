"""One media playlist of a source: which of its segments come next, and what is in them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from recorder.live.elementary import Tag
from recorder.live.fetching import FetchError, Trouble
from recorder.live.fragmented import FragmentedMp4
from recorder.live.hls import playlist
from recorder.live.hls.playlist import ListedSegment, Place, Playlist
from recorder.live.hls.web import Web
from recorder.live.mpegts import PackedSound, TransportStream
from recorder.live.rtmp.violation import ViolationError
from recorder.live.sink import Cause

_LONGEST_PLAYLIST = 16 << 20
_LONGEST_SEGMENT = 64 << 20
#: Where a running playlist is begun: so many segments before its end.
_FROM_END = 3
_TRIES = 3
_TRY_AGAIN_S = 0.5
#: Reading more than this takes longer than others should wait.
_LARGE = 256 << 10


Result = TypeVar("Result")


class Mark(NamedTuple):
    """The last segment that was taken."""

    sequence: int
    name: str


class Piece(NamedTuple):
    """A header or a frame; ``is_behind_loss``: what should be before it is not there."""

    tag: Tag
    is_behind_loss: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """A segment that was got: its content, and what describes it; None where it is lost."""

    segment: ListedSegment
    init: bytes | None
    content: bytes | None
    #: Why it does not join what was taken before it; None where it does.
    cause: Cause | None


async def _beside(size: int, work: Callable[[], Result]) -> Result:
    """Do it; what is large not in the loop, in which all other livestreams are."""
    return work() if size < _LARGE else await asyncio.to_thread(work)


async def listed_at(got: Web, place: Place, since: int = 0) -> Playlist:
    """What is listed there now, from that number on. Raises FetchError."""
    found = await got.get(place, _LONGEST_PLAYLIST)

    def read() -> Playlist:
        return playlist.read(found.content.decode("utf-8", "replace"), found.url, since)

    try:
        listed = await _beside(len(found.content), read)
    except (ViolationError, ValueError) as error:
        # An address in it may be none at all.
        raise FetchError(Trouble.BROKEN, "it is no playlist that can be read") from error
    if listed.is_encrypted:
        raise FetchError(Trouble.ENCRYPTED, "its segments are encrypted")
    return listed


class Lane:
    """Takes the segments of one playlist, each once."""

    def __init__(
        self, got: Web, place: Place, mark: Mark | None, lead_ms: int | None = None
    ) -> None:
        self.mark = mark
        #: How much later times are told than the source counts them; None: as it comes out.
        self._lead_ms = lead_ms
        self._web = got
        self._place = place
        #: What the init segment that was got last says, and where it was.
        self._init: tuple[Place, bytes] | None = None
        #: Of the segments that are read: what describes them, and what reads them.
        self._described = b""
        self._reader: TransportStream | FragmentedMp4 = TransportStream()

    @property
    def left_out(self) -> set[str]:
        """What is in its segments and is not read."""
        return self._reader.left_out

    async def again(self) -> Playlist:
        """The playlist as it is now; one answer that fails is no end."""
        since = self.mark.sequence if self.mark else 0
        for _ in range(_TRIES - 1):
            try:
                return await listed_at(self._web, self._place, since)
            except FetchError as error:
                if error.trouble in (Trouble.FORBIDDEN, Trouble.ENCRYPTED):
                    raise
            await asyncio.sleep(_TRY_AGAIN_S)
        return await listed_at(self._web, self._place, since)

    def fresh(self, listed: Playlist, tail_s: float | None = None) -> list[ListedSegment]:
        """The segments behind the mark; a playlist that does not know it has begun anew.

        Without a mark those of the last ``tail_s`` seconds, where that is given.
        """
        mark, segments = self.mark, list(listed.segments)
        if not segments:
            return []
        if mark is None or _is_another(mark, segments):
            self.mark = None
            if tail_s is not None:
                return _tail(segments, tail_s)
            return segments if listed.is_over else segments[-_FROM_END:]
        return [each for each in segments if each.sequence > mark.sequence]

    async def take(self, segment: ListedSegment) -> Taken:
        """Get one segment, or find that it is lost; the mark is behind it now."""
        last = self.mark
        init = await self._description(segment)
        content = None
        if init is not None and not segment.is_missing:
            content = await self._content(segment.place)
        self.mark = Mark(segment.sequence, _name(segment))
        cause = None
        if content is None or (last is not None and segment.sequence > last.sequence + 1):
            cause = Cause.MEDIA_LOST
        elif segment.breaks_off and last is not None:
            cause = Cause.DISCONTINUITY
        return Taken(segment, init, content, cause)

    async def read_beside(self, taken: Taken) -> list[Piece]:
        """The same as ``read``, which a large segment would hold everybody up with."""
        return await _beside(len(taken.content or b""), lambda: self.read(taken))

    def read(self, taken: Taken) -> list[Piece]:
        """Its frames, in their order; no frame goes from one segment into the next."""
        if taken.cause is not None:
            self._read_by(self._described, TransportStream)
        if taken.init is None or taken.content is None:
            return []
        form = PackedSound if PackedSound.is_it(taken.content) else TransportStream
        if taken.init != self._described or not (taken.init or type(self._reader) is form):
            self._read_by(taken.init, form)
        return [*self._pieces(taken.content)]

    def _read_by(self, init: bytes, form: type[TransportStream]) -> None:
        self._described = init
        self._reader = FragmentedMp4(init) if init else form()

    def _pieces(self, content: bytes) -> Iterator[Piece]:
        for tags in (self._reader.feed(content), self._reader.end()):
            for tag in tags:
                is_behind_loss, self._reader.lost = self._reader.lost > 0, 0
                yield Piece(self._told(tag), is_behind_loss)

    def _told(self, tag: Tag) -> Tag:
        if self._lead_ms is None:
            return tag
        at_ms = tag.at_ms + self._lead_ms - self._reader.lead_ms
        return tag._replace(at_ms=at_ms & 0xFFFFFFFF)

    def _joins(self, segment: ListedSegment) -> bool:
        """Whether nothing lies between it and the one before."""
        last = self.mark
        return last is not None and segment.sequence == last.sequence + 1 and not segment.breaks_off

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


def _is_another(mark: Mark, segments: list[ListedSegment]) -> bool:
    if mark.sequence > segments[-1].sequence:
        return True
    same = [each for each in segments if each.sequence == mark.sequence]
    return bool(same) and _name(same[0]) != mark.name


def _tail(segments: list[ListedSegment], seconds: float) -> list[ListedSegment]:
    """The last of them that last so long together."""
    at = len(segments)
    while at and seconds > 0.01:
        at -= 1
        seconds -= segments[at].lasts_s
    return segments[at:]


def _name(segment: ListedSegment) -> str:
    """What tells a segment from another one of its number; queries may hold keys that change."""
    place = segment.place
    name = urlsplit(place.url).path + (f"@{place.part[0]}" if place.part else "")
    return hashlib.sha256(name.encode()).hexdigest()[:16]
