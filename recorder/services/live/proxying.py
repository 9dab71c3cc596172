"""Live proxies: a running livestream for browsers that cannot play it as it comes.

Each segment is made for itself, from its own bytes, when somebody asks for it: the same segment
gives the same pictures in every process, nothing goes on when nobody asks, and a child that dies
costs one answer. Sound is passed on as it came; that of WebM becomes AAC. Nothing of it is evidence
or stored; the list is that of the evidence itself (docs/design/live-proxy.md).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict, defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from recorder.adapters import live_proxy
from recorder.adapters.live_proxy import SOUND_CONFIG, SOUND_FRAME, Pictures, Section
from recorder.adapters.media import find_ffmpeg
from recorder.adapters.objects import Bucket
from recorder.domain import fragments, mp4, samples
from recorder.domain.fragments import Track
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import Form, Livestream, Segment
from recorder.domain.mp4 import PICTURE_SCALE, Sample, TrackForm
from recorder.domain.people import Actor
from recorder.errors import NotFound, Unavailable
from recorder.runtime import Deps
from recorder.services.live import chunks, volumes
from recorder.services.live.watching import OpenSegment, index, livestream_under
from recorder.services.live.webm_sources import webm_source
from recorder.store import livestream_segments

#: A livestream for which nobody has asked for so long gives its place to another.
_IDLE = timedelta(seconds=30)
#: Made segments that a process keeps for those who ask next: some three minutes of one.
_KEPT_BYTES = 64 << 20
_KEPT_INITS = 1_000
#: Where a segment begins without a keyframe, so many before it are decoded as well.
_RUN_UP = 8


@dataclass(slots=True, eq=False)
class _Booth:
    """What one process has made, and for whom it may make more."""

    made: OrderedDict[tuple[LivestreamId, int], bytes] = field(default_factory=OrderedDict)
    bytes_kept: int = 0
    inits: OrderedDict[tuple[LivestreamId, int], bytes] = field(default_factory=OrderedDict)
    #: When each livestream was last asked for.
    asked: dict[LivestreamId, datetime] = field(default_factory=dict)
    #: One child at a time for each livestream; who asks for the same waits for it.
    turns: defaultdict[LivestreamId, asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock)
    )

    def keep(self, key: tuple[LivestreamId, int], content: bytes) -> None:
        self.made[key] = content
        self.bytes_kept += len(content)
        while self.bytes_kept > _KEPT_BYTES:
            _, oldest = self.made.popitem(last=False)
            self.bytes_kept -= len(oldest)

    def admit(self, livestream: LivestreamId, most: int, now: datetime) -> None:
        """Raises Unavailable ``live-proxies-busy`` where others have all places."""
        for each in [each for each, at in self.asked.items() if now - at > _IDLE]:
            del self.asked[each]
            self.turns.pop(each, None)
        if livestream not in self.asked and len(self.asked) >= most:
            raise Unavailable(
                "live-proxies-busy",
                "As many livestreams as may be are being converted for browsers.",
                limit=most,
            )
        self.asked[livestream] = now


_BOOTHS: WeakKeyDictionary[Deps, _Booth] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class _Source:
    """A segment with everything that its pictures need."""

    livestream: Livestream
    segment: Segment
    init: bytes
    #: Segments before it, from the last keyframe on; empty where it begins with one.
    run_up: Sequence[bytes]
    body: bytes
    tracks: Sequence[Track]


@dataclass(frozen=True, slots=True)
class _Made:
    """A proxy, and the init segment of all proxies of its period."""

    period: int
    init: bytes
    segment: bytes


async def proxy_index(
    deps: Deps, actor: Actor, livestream_id: LivestreamId, secret: str, *, skip: bool = False
) -> str:
    """The playlist of the livestream; its addresses lead to proxies when asked beside it.

    Raises Unavailable ``live-proxies-busy``, and what ``index`` raises.
    """
    livestream = await livestream_under(deps, actor, livestream_id, secret)
    _booth(deps).admit(livestream.id, deps.config.live_proxies, deps.clock.now())
    return await index(deps, actor, livestream_id, secret, skip=skip)


async def open_proxy(
    deps: Deps, actor: Actor, livestream_id: LivestreamId, secret: str, number: int
) -> OpenSegment:
    """A proxy of one segment (negative: the init segment of all proxies of a period).

    Raises Unavailable ``live-proxies-busy``, ``media-tool-missing``; NotFound where there is no
    such segment, or no picture of it can be shown.
    """
    livestream = await livestream_under(deps, actor, livestream_id, secret, number)
    booth = _booth(deps)
    booth.admit(livestream.id, deps.config.live_proxies, deps.clock.now())
    async with booth.turns[livestream.id]:
        content = await _content(deps, booth, livestream, number)

    async def read(offset: int, length: int) -> AsyncIterator[bytes]:
        yield content[offset : offset + length]

    return OpenSegment(len(content), hashlib.sha256(content).hexdigest(), read)


def _booth(deps: Deps) -> _Booth:
    return _BOOTHS.setdefault(deps, _Booth())


async def _content(deps: Deps, booth: _Booth, livestream: Livestream, number: int) -> bytes:
    shelf = booth.inits if number < 0 else booth.made
    key = livestream.id, number
    if key not in shelf:
        # The description of a period is that of any of its segments: most likely, of the newest
        # one, which a player asks for next.
        of = await _newest_of(deps, livestream, -number) if number < 0 else number
        if number > 0 or (livestream.id, of) not in booth.made:
            make = _make_of_webm if livestream.is_webm else _make
            made = await make(deps, livestream, of)
            if (livestream.id, -made.period) not in booth.inits:
                booth.inits[livestream.id, -made.period] = made.init
                while len(booth.inits) > _KEPT_INITS:
                    booth.inits.popitem(last=False)
            booth.keep((livestream.id, of), made.segment)
    shelf[key] = shelf.pop(key)
    return shelf[key]


async def _newest_of(deps: Deps, livestream: Livestream, period: int) -> int:
    async with deps.database.acquire() as connection:
        number = await livestream_segments.newest_keyframe(connection, livestream.id, period)
    if number is None:
        raise _not_shown()
    return number


async def _make(deps: Deps, livestream: Livestream, number: int) -> _Made:
    source = await _source(deps, livestream, number)
    video = next((track for track in source.tracks if track.kind == "vide"), None)
    if video is None:
        raise _not_shown()
    shown = [each.time + each.shown_later for each in samples.samples(source.body, video)]
    if not shown:
        raise _not_shown()
    begins = (min(shown) - video.begins) / video.timescale
    tool = await find_ffmpeg(deps.config.ffmpeg)
    content = b"".join((source.init, *source.run_up, source.body))
    made = await live_proxy.pictures(tool, "mov", content, Section(begins))
    form = mp4.picture_form("avc1", made.record) if made else None
    if made is None or form is None:
        raise _not_shown()
    lasts = (source.segment.duration_us or 0) / 1_000_000
    runs = [(1, True, _pictures(made, round((begins + lasts) * PICTURE_SCALE)))]
    forms = [form]
    sound = next((track for track in source.tracks if track.kind == "soun"), None)
    entry = samples.sample_entry(source.init, sound) if sound else None
    if sound is not None and entry is not None:
        forms.append(TrackForm(False, sound.timescale, entry))
        heard = samples.samples(source.body, sound)
        runs.append(
            (2, False, [each._replace(time=max(0, each.time - sound.begins)) for each in heard])
        )
    return _Made(source.segment.period, mp4.init_segment(forms), mp4.media_segment(number, runs))


async def _make_of_webm(deps: Deps, livestream: Livestream, number: int) -> _Made:
    """Times are those of the file; frames of sound lie on one grid, so that segments join."""
    source = await webm_source(deps, livestream, number)
    if source is None:
        raise _not_shown()
    tool = await find_ffmpeg(deps.config.ffmpeg)
    made = await live_proxy.pictures(tool, "matroska", source.content, source.section)
    form = mp4.picture_form("avc1", made.record) if made else None
    if made is None or form is None:
        raise _not_shown()
    ends = round((source.section.ends_s or 0) * PICTURE_SCALE)
    runs = [(1, True, _pictures(made, ends))]
    forms = [form]
    sound = mp4.sound_form(SOUND_CONFIG) if source.header.has_sound else None
    if sound is not None:
        forms.append(sound)
        heard = [
            Sample((made.first_sound + n) * SOUND_FRAME, SOUND_FRAME, 0, True, frame)
            for n, frame in enumerate(made.sounds)
        ]
        runs.append((2, False, heard))
    period = source.chunk.period
    return _Made(period, mp4.init_segment(forms), mp4.media_segment(number, runs))


def _pictures(made: Pictures, ends: int) -> list[Sample]:
    """Its pictures with their times; the last one lasts until the segment's end."""
    times = [picture.at_ms * PICTURE_SCALE // 1000 for picture in made.frames]
    ends = max(ends, times[-1] + PICTURE_SCALE // 100)
    return [
        Sample(time, max(1, after - time), 0, picture.is_key, picture.content)
        for picture, time, after in zip(made.frames, times, [*times[1:], ends], strict=True)
    ]


async def _source(deps: Deps, livestream: Livestream, number: int) -> _Source:
    async with deps.database.acquire() as connection:
        led = await livestream_segments.run_up(connection, livestream.id, number, _RUN_UP)
    if not led or led[-1].number != number:
        raise _not_shown()
    segment = led[-1]
    before = _since_keyframe(led)
    init = await _bytes(deps, livestream, -segment.period)
    async with deps.database.acquire() as connection:
        known = await livestream_segments.tracks_of(connection, livestream.id, segment.period)
    return _Source(
        livestream,
        segment,
        init,
        [await _bytes(deps, livestream, each.number) for each in before],
        await _bytes(deps, livestream, number),
        known or fragments.read_init(init),
    )


def _since_keyframe(led: Sequence[Segment]) -> Sequence[Segment]:
    """Those before the last one that it needs; none where one of them is missing."""
    if led[-1].keyframe is not False:
        return []
    needed: list[Segment] = []
    for each in reversed(led[:-1]):
        if each.number != led[-1].number - len(needed) - 1:
            break
        needed.insert(0, each)
        if each.keyframe is not False:
            return needed
    return []


async def _bytes(deps: Deps, livestream: Livestream, number: int) -> bytes:
    """What is shown under a number. Raises NotFound where nothing is."""
    skip, length = 0, None
    async with deps.database.acquire() as connection:
        if livestream.form is Form.CHUNKED:
            number, skip, length = await chunks.shown_range(connection, livestream, number)
        found = await livestream_segments.stored(connection, livestream.id, number)
        where = await volumes.located(connection, found) if found else None
    if found is None or where is None:
        raise _not_shown()
    rest = found.length - skip if length is None else length
    key, version, begins = where
    blocks = deps.objects.read(Bucket.ORIGINALS, key, version, offset=begins + skip, length=rest)
    return b"".join([block async for block in blocks])


def _not_shown() -> NotFound:
    return NotFound("segment-not-found", "There is no such segment here, or nothing to see in it.")
