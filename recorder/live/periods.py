"""Where one codec configuration, one clock and one unbroken delivery end, and the next begin.

The media tool notices none of it (docs/design/live-rtmp.md, what changes in a stream): it would
go on with the old description, squeeze times or drop a track, with exit code 0. So the decision is
made here, in front of it, from headers and time stamps alone. No frame is dropped or moved: times
are only counted from the period's beginning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeAlias

from recorder.live import flv
from recorder.live.flv import Look, Part, Track
from recorder.live.sink import Cause, Gap

#: Steps back within a track that encoders make by rounding; the media tool evens them out.
_BACK_MS = 100
#: How far both tracks may be ahead of what came last: more is a hole, not a pause.
_AHEAD_MS = 5_000
#: Tracks further apart than this have clocks of their own.
_APART_MS = 10_000
#: How long a period waits for a track that was promised.
_WAIT_MS = 1_000
#: A late sound track waits for the next keyframe, so that the new period begins with one.
_HELD_MS = 15_000
_HELD_FRAMES = 2_000


class Frame(NamedTuple):
    """One frame on its way through; ``at_ms`` counts from the period's beginning."""

    track: Track
    is_key: bool
    at_ms: int
    size: int
    arrived: datetime
    body: bytes
    #: The stream's own time, unwrapped.
    stream_ms: int


@dataclass(frozen=True, slots=True)
class Begin:
    """A period begins. ``headers`` are FLV bodies, empty for codecs that need none."""

    cause: Cause
    gap: Gap | None
    codecs: dict[Track, str]
    headers: dict[Track, bytes]
    stream_ms: dict[Track, int]
    description: bytes


@dataclass(frozen=True, slots=True)
class Finish:
    """The period that was begun first of those not finished gets no more frames."""


Step: TypeAlias = Begin | Frame | Finish


@dataclass(slots=True)
class _Running:
    """A period that takes frames."""

    codecs: dict[Track, str]
    headers: dict[Track, bytes]
    bases: dict[Track, int]
    last: dict[Track, int]

    def frame(self, look: Look, stream_ms: int, arrived: datetime) -> Frame:
        self.last[look.track] = max(stream_ms, self.last.get(look.track, stream_ms))
        at = max(0, stream_ms - self.bases[look.track])
        return Frame(look.track, look.is_key, at, look.size, arrived, look.body, stream_ms)


class _Pending(NamedTuple):
    look: Look
    stream_ms: int
    arrived: datetime


@dataclass(slots=True)
class PeriodPlanner:
    """Takes tags in the order of their arrival and says what each of them means for periods."""

    description: bytes = b""
    _headers: dict[Track, bytes] = field(default_factory=dict)
    _codecs: dict[Track, str] = field(default_factory=dict)
    #: Tracks that the next period waits for.
    _promised: set[Track] = field(default_factory=lambda: {Track.VIDEO, Track.AUDIO})
    _running: _Running | None = None
    _pending: list[_Pending] = field(default_factory=list)
    #: Frames of a late sound track until the next keyframe.
    _held: list[_Pending] = field(default_factory=list)
    _cause: Cause = Cause.STARTED
    _clock: dict[Track, int] = field(default_factory=dict)
    #: Stream time and arrival of the newest frame.
    _last: tuple[int, datetime] | None = None
    _lost: int = 0
    _unknown: set[str] = field(default_factory=set)

    @property
    def is_waiting(self) -> bool:
        """Whether a period is to begin and waits for a promised track."""
        return bool(self._pending)

    @property
    def unrecordable(self) -> frozenset[str]:
        """Codecs that came and that no period can hold."""
        return frozenset(self._unknown)

    def describe(self, script: bytes) -> None:
        """Keep what the encoder says of itself; it also says which tracks to wait for."""
        self.description = flv.script(script)
        if self._running is None and not self._pending:
            named = {
                track
                for track, word in ((Track.VIDEO, b"videocodecid"), (Track.AUDIO, b"audiocodecid"))
                if word in self.description
            }
            self._promised = named or self._promised

    def take(self, track: Track, timestamp: int, body: bytes, arrived: datetime) -> Iterator[Step]:
        """What follows from one audio or video message."""
        look = flv.look(track, body)
        if look.part is Part.HEADER:
            yield from self._header(look)
            return
        if look.part is Part.UNKNOWN:
            self._unknown.add(look.codec)
            self._lost += 1
            return
        if look.part is Part.NOTHING:
            return
        if not flv.needs_header(look.codec) and self._codecs.get(track) != look.codec:
            self._headers[track], self._codecs[track] = b"", look.codec
        if self._codecs.get(track) != look.codec:
            self._lost += 1  # A frame whose header never came can be shown by nobody.
            return
        yield from self._frame(_Pending(look, self._unwrapped(track, timestamp), arrived))

    def simple(self, track: Track, timestamp: int, body: bytes, arrived: datetime) -> Frame | None:
        """The frame that the body is, where nothing else can follow from it: nearly always.

        None, and nothing changed, where ``take`` must look closer.
        """
        running = self._running
        if running is None or self._pending or self._held:
            return None
        usual, last = flv.usual(track, body), running.last.get(track)
        if usual is None or last is None:
            return None
        codec, is_key, size = usual
        if self._codecs.get(track) != codec or running.headers[track] != self._headers[track]:
            return None
        clock = self._clock[track]
        at = clock + ((timestamp - clock + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
        if not last - _BACK_MS <= at <= last + _AHEAD_MS:
            return None
        self._clock[track] = at
        self._last = at, arrived
        if at > last:
            running.last[track] = at
        at_ms = at - running.bases[track]
        return Frame(track, is_key, at_ms if at_ms > 0 else 0, size, arrived, body, at)

    def tick(self, now: datetime) -> Iterator[Step]:
        """Begin what has waited long enough for a track."""
        if self._pending and _ms(self._pending[0].arrived, now) >= _WAIT_MS:
            yield from self._begin()

    def pause(self, cause: Cause) -> Iterator[Step]:
        """End the period; what comes next begins another one for this cause."""
        yield from self._begin()
        if self._held:
            self._pending, self._held = self._held, []
            self._cause = Cause.TRACK_APPEARED
            yield from self._begin()
        if self._running is not None:
            yield Finish()
            self._promised = set(self._running.codecs)
            self._running = None
        self._cause = cause

    def _header(self, look: Look) -> Iterator[Step]:
        """Keep the header for the frames behind it; those before it belong to the old one."""
        track = look.track
        if self._headers.get(track, look.body) != look.body:
            if any(each.look.track is track for each in self._held):
                self._pending += self._held
                self._held, self._cause = [], Cause.TRACK_APPEARED
            if any(each.look.track is track for each in self._pending):
                yield from self._begin()
        self._headers[track], self._codecs[track] = look.body, look.codec

    def _frame(self, pending: _Pending) -> Iterator[Step]:
        running, track = self._running, pending.look.track
        if self._pending:
            if running is not None and self._goes_on(running, pending):
                yield running.frame(*pending)
                return
            if not _breaks_off(self._pending, pending):
                yield from self._wait(pending)
                return
            yield from self._begin()
            running = self._running
        if running is None:
            yield from self._wait(pending)
            return
        cause = self._break(running, pending)
        if cause is Cause.TRACK_APPEARED and self._may_hold(running, pending):
            if _breaks_off(self._held, pending):
                yield from self._begin_held()
                yield from self._frame(pending)
            else:
                self._held.append(pending)
            return
        if cause is None and self._held and track is Track.VIDEO and pending.look.is_key:
            cause = Cause.TRACK_APPEARED
        if cause is not None:
            self._cause = cause
            self._promised = {*running.codecs, track}
            held, self._held = self._held, []
            for each in [*held, pending]:
                yield from self._wait(each)
            return
        self._last = pending.stream_ms, pending.arrived
        yield running.frame(*pending)

    def _break(self, running: _Running, pending: _Pending) -> Cause | None:
        """Why this frame cannot belong to the period, if it cannot."""
        track, at = pending.look.track, pending.stream_ms
        if track not in running.codecs:
            return Cause.TRACK_APPEARED
        if running.headers[track] != self._headers[track]:
            return Cause.CODEC_CHANGED
        last = running.last.get(track)
        if last is None:
            return None
        if at < last - _BACK_MS:
            return Cause.TIME_WENT_BACK
        ahead = min(at - last, at - self._latest(running, track))
        return Cause.TIME_WENT_AHEAD if ahead > _AHEAD_MS else None

    @staticmethod
    def _latest(running: _Running, track: Track) -> int:
        """The furthest time of any track, as the clock of this track would say it."""
        base = running.bases[track]
        return max(at - running.bases[other] + base for other, at in running.last.items())

    def _may_hold(self, running: _Running, pending: _Pending) -> bool:
        if pending.look.track is not Track.AUDIO or Track.VIDEO not in running.codecs:
            return False
        first = self._held[0] if self._held else pending
        return len(self._held) < _HELD_FRAMES and _ms(first.arrived, pending.arrived) < _HELD_MS

    def _goes_on(self, running: _Running, pending: _Pending) -> bool:
        """Whether a frame still belongs to the old clock while the new period waits."""
        track = pending.look.track
        if self._cause not in (Cause.TIME_WENT_BACK, Cause.TIME_WENT_AHEAD):
            return False
        if any(each.look.track is track for each in self._pending):
            return False
        if self._break(running, pending) is not None:
            return False
        old = abs(pending.stream_ms - running.last.get(track, pending.stream_ms))
        new = abs(pending.stream_ms - self._pending[0].stream_ms)
        return old < new

    def _begin_held(self) -> Iterator[Step]:
        """Begin a period with the late track alone; its clock has jumped while it was held."""
        self._pending, self._held = self._held, []
        self._cause = Cause.TRACK_APPEARED
        yield from self._begin()

    def _wait(self, pending: _Pending) -> Iterator[Step]:
        self._pending.append(pending)
        there = {each.look.track for each in self._pending}
        first = self._pending[0]
        waited = max(_ms(first.arrived, pending.arrived), pending.stream_ms - first.stream_ms)
        if self._promised <= there or waited >= _WAIT_MS:
            yield from self._begin()

    def _begin(self) -> Iterator[Step]:
        """Begin the period with everything that waited for it."""
        waiting, self._pending = self._pending, []
        if not waiting:
            return
        if self._running is not None:
            yield Finish()
        firsts: dict[Track, int] = {}
        for each in waiting:
            track = each.look.track
            firsts[track] = min(firsts.get(track, each.stream_ms), each.stream_ms)
        base = min(firsts.values())
        bases = {
            track: base if first - base <= _APART_MS else first for track, first in firsts.items()
        }
        running = _Running(
            {track: self._codecs[track] for track in firsts},
            {track: self._headers[track] for track in firsts},
            bases,
            {},
        )
        yield Begin(
            self._cause, self._gap(waiting[0]), running.codecs, running.headers, bases,
            self.description,
        )  # fmt: skip
        self._running, self._lost = running, 0
        self._last = waiting[-1].stream_ms, waiting[-1].arrived
        yield from self._replayed(running, waiting)

    @staticmethod
    def _replayed(running: _Running, waiting: list[_Pending]) -> Iterator[Frame]:
        """Frames in their order, but one of each track first: the media tool looks at no more."""
        first = {each.look.track: each for each in reversed(waiting)}
        ahead = [first[track] for track in Track if track in first]
        for each in [*ahead, *(each for each in waiting if each not in ahead)]:
            yield running.frame(*each)

    def _gap(self, first: _Pending) -> Gap | None:
        if self._last is None:
            return None
        stream_ms, arrived = self._last
        return Gap(arrived, first.arrived, first.stream_ms - stream_ms, self._lost)

    def _unwrapped(self, track: Track, timestamp: int) -> int:
        """The time without its wrap after 49 days; each track is followed on its own."""
        last = self._clock.get(track, max(self._clock.values(), default=timestamp))
        step = (timestamp - last + (1 << 31)) % (1 << 32) - (1 << 31)
        self._clock[track] = last + step
        return last + step


def _breaks_off(waiting: list[_Pending], pending: _Pending) -> bool:
    """Whether the frame's track has jumped since those that wait."""
    for each in reversed(waiting):
        if each.look.track is pending.look.track:
            return not -_BACK_MS <= pending.stream_ms - each.stream_ms <= _AHEAD_MS
    return False


def _ms(since: datetime, until: datetime) -> int:
    return int((until - since).total_seconds() * 1000)
