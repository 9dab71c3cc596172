"""One publisher's media, from messages to the sink: periods, the media tool, order, back-pressure.

Frames go straight to the media tool; what it gives back goes to the sink one after the other, also
over the borders of periods. Nothing is dropped to keep pace: a sink that is slow slows the
publisher.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from recorder import telemetry
from recorder.adapters.clock import Clock
from recorder.errors import RecorderError
from recorder.live import muxing
from recorder.live.elementary import Tag
from recorder.live.flv import Track
from recorder.live.muxing import PeriodMuxer
from recorder.live.periods import Begin, Frame, PeriodPlanner, Step
from recorder.live.rtmp.chunks import Message
from recorder.live.rtmp.reception import Farewell, Peer
from recorder.live.rtmp.session import AUDIO, DATA, VIDEO
from recorder.live.sink import Cause, Period, Segment, SegmentSink
from recorder.live.together import next_moment
from recorder.live.writing import PeriodWriter, forms_of

_log = logging.getLogger(__name__)

_CAUSES = {
    Farewell.UNPUBLISHED: Cause.UNPUBLISHED,
    Farewell.VIOLATION: Cause.VIOLATION,
    Farewell.SILENT: Cause.SILENCE,
    Farewell.TAKEN_OVER: Cause.TAKEN_OVER,
    Farewell.SHUTDOWN: Cause.SHUTDOWN,
    Farewell.NOT_RECORDABLE: Cause.NOT_RECORDABLE,
    Farewell.NOT_KEPT: Cause.NOT_KEPT,
}
_TRACKS = {VIDEO: Track.VIDEO, AUDIO: Track.AUDIO}
Muxer: TypeAlias = PeriodMuxer | PeriodWriter

_TICK_S = 0.5
#: Media tools in a row that die before a segment is whole.
_MOST_LOSSES = 3


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """When a publisher is slowed down, taken for silent, or sent away."""

    #: Frames that nobody has taken over; a publisher is not read beyond it.
    held_bytes: int = 64 << 20
    #: Without a message the period ends, so that what came is safe.
    silence_s: float = 8.0
    #: A media tool that holds frames for so long without a sign is replaced.
    stall_s: float = 15.0
    #: Whether the media tool writes also what we could write ourselves.
    always_tool: bool = False
    #: Periods in a minute; a stream that needs more is no stream.
    most_periods: int = 60


class Intake:
    """A Reception. ``done`` is set when the sink has everything and was told the end."""

    def __init__(
        self,
        tool: Path,
        sink: SegmentSink,
        peer: Peer,
        clock: Clock,
        limits: IntakeLimits | None = None,
    ) -> None:
        self.done = asyncio.Event()
        self._tool = tool
        self._sink = sink
        self._peer = peer
        self._clock = clock
        self._limits = limits or IntakeLimits()
        self._loop = asyncio.get_running_loop()
        self._planner = PeriodPlanner()
        #: Begun and not yet delivered to the end, and the one that takes frames.
        self._muxers: deque[Muxer] = deque()
        self._current: Muxer | None = None
        self._arrival = asyncio.Event()
        self._ending: Cause | None = None
        self._heard = self._loop.time()
        self._is_silent = False
        self._is_over = False
        self._paused = False
        self._losses = 0
        self._periods = 0
        self._begun: deque[float] = deque(maxlen=self._limits.most_periods)
        self._complained: frozenset[str] = frozenset()
        self._timer = self._next_tick()
        self._delivery = asyncio.create_task(self._deliver())

    @property
    def heard(self) -> float:
        """When the last media message came, by the loop's clock; now while we do not read."""
        return self._loop.time() if self._paused else self._heard

    @property
    def is_delivering(self) -> bool:
        """Whether the publisher has left and what it sent is still on its way."""
        return self._ending is not None and not self.done.is_set()

    def take(self, messages: Sequence[Message]) -> None:
        """See Reception."""
        arrived = self._clock.now()
        has_media = False
        for kind, _, at_ms, payload in messages:
            if kind == DATA:
                self._planner.describe(payload)
            else:
                has_media = True
                self._take(_TRACKS[kind], at_ms, payload, arrived)
        if has_media:
            self._heed()

    def take_tag(self, tag: Tag, arrived: datetime | None = None) -> None:
        """Take a header or a frame, from whatever protocol it came."""
        self._take(tag.track, tag.at_ms & 0xFFFFFFFF, tag.body, arrived or self._clock.now())
        self._heed()

    def _take(self, track: Track, at_ms: int, body: bytes, arrived: datetime) -> None:
        frame = self._planner.simple(track, at_ms, body, arrived)
        if frame is None:
            for step in self._planner.take(track, at_ms, body, arrived):
                self._step(step)
        elif self._current is not None:
            self._current.feed(frame)

    def _heed(self) -> None:
        """Something came: it is not silent, and may be more than can be held."""
        self._heard = self._loop.time()
        self._is_silent = False
        if self._held() > self._limits.held_bytes and not self._paused:
            self._paused = True
            self._peer.pause()

    def break_off(self, cause: Cause) -> None:
        """End the period: what comes next does not join what came."""
        for step in self._planner.pause(cause):
            self._step(step)

    def tell_time(self, arrived: datetime, at_ms: int, said: datetime) -> None:
        """See Inlet."""
        self._sink.tell_time(arrived, at_ms, said)

    def tell_clock(self, now: datetime, said: datetime) -> None:
        """See Inlet."""
        self._sink.tell_clock(now, said)

    def leave_out(self, names: Collection[str]) -> None:
        """See Inlet."""
        self._sink.leave_out(names)

    def left(self, farewell: Farewell) -> None:
        """See Reception."""
        if self._ending is None:
            self._end(_CAUSES.get(farewell, Cause.CONNECTION_LOST))

    def _end(self, cause: Cause) -> None:
        self._ending = cause
        self._timer.cancel()
        self._complain()
        for step in self._planner.pause(cause):
            self._step(step)
        for muxer in self._muxers:
            if not muxer.is_finished:
                muxer.finish()
        self._arrival.set()

    def _step(self, step: Step) -> None:
        if isinstance(step, Begin):
            self._begin(step)
        elif self._current is None:
            return  # It was given up; the publisher is being sent away.
        elif isinstance(step, Frame):
            self._current.feed(step)
        else:
            self._current.finish()

    def _begin(self, begin: Begin) -> None:
        now = self._loop.time()
        if len(self._begun) == self._begun.maxlen and now - self._begun[0] < 60:
            self._loop.call_soon(self._peer.dismiss, Farewell.VIOLATION)
            self._current = None
            return
        self._begun.append(now)
        if not self._is_over:
            forms = None if self._limits.always_tool else forms_of(begin)
            if forms is None:
                self._current = self._muxer(begin)
            else:
                self._current = PeriodWriter(begin, forms, self._clock.now())
            self._muxers.append(self._current)
            self._arrival.set()

    def _muxer(self, begin: Begin, offset_ms: int = 0) -> PeriodMuxer:
        return PeriodMuxer(self._tool, begin, self._clock.now(), self._muxer_ended, offset_ms)

    def _muxer_ended(self, muxer: PeriodMuxer) -> None:
        """Give what a dead media tool left over to a new one, in its place."""
        left = muxer.left_over
        if not left or self._is_over:
            return
        self._losses = 0 if muxer.segments else self._losses + 1
        telemetry.log(_log, logging.ERROR, "a media tool was lost", frames=len(left),
                      in_a_row=self._losses)  # fmt: skip
        if self._losses >= _MOST_LOSSES:
            self._is_over, self._current = True, None
            self._peer.dismiss(Farewell.NOT_RECORDABLE)
            return
        begin = replace(muxing.again(muxer.begin, left), cause=Cause.MUXER_LOST)
        successor = self._muxer(begin, min(frame.at_ms for frame in left))
        self._muxers.insert(self._muxers.index(muxer) + 1, successor)
        for frame in left:
            successor.feed(frame)
        if muxer.is_finished:
            successor.finish()
        elif self._current is muxer:
            self._current = successor

    def _next_tick(self) -> asyncio.TimerHandle:
        return self._loop.call_at(next_moment(self._loop.time(), _TICK_S), self._tick)

    def _tick(self) -> None:
        self._timer = self._next_tick()
        for step in self._planner.tick(self._clock.now()):
            self._step(step)
        silent_s = self._loop.time() - self.heard
        if silent_s >= self._limits.silence_s and not self._is_silent:
            self._is_silent = True
            self.break_off(Cause.SILENCE)
        for muxer in self._muxers:
            if muxer.stalled_s() > self._limits.stall_s:
                muxer.stop()
        self._complain()

    def _complain(self) -> None:
        unknown = self._planner.unrecordable
        if unknown != self._complained:
            self._complained = unknown
            self._sink.leave_out(unknown)
            telemetry.log(_log, logging.WARNING, "a stream holds what no period can hold",
                          codecs=sorted(unknown), address=self._peer.address)  # fmt: skip

    def _held(self) -> int:
        if len(self._muxers) == 1:
            return self._muxers[0].held_bytes
        return sum(muxer.held_bytes for muxer in self._muxers)

    async def _deliver(self) -> None:
        """Give everything to the sink in order; afterwards nothing of ours is left running."""
        try:
            while (muxer := await self._next_muxer()) is not None:
                while (output := await muxer.next_output()) is not None:
                    await self._give(muxer, output)
                await muxer.closed()
                self._muxers.remove(muxer)
        except RecorderError as error:
            telemetry.log(_log, logging.ERROR, "a stream could not be kept", why=error.code)
            self._ending = Cause.NOT_KEPT
            self._peer.dismiss(Farewell.NOT_KEPT)
        finally:
            self._is_over, self._current = True, None
            self._timer.cancel()
            for muxer in list(self._muxers):
                muxer.stop()
                await muxer.closed()
            self._muxers.clear()
        await self._sink.ended(self._ending or Cause.CONNECTION_LOST, self._clock.now())
        self.done.set()

    async def _next_muxer(self) -> Muxer | None:
        """The muxer whose turn it is; None when the publisher left and all was given out."""
        while not self._muxers:
            if self._ending is not None:
                return None
            self._arrival.clear()
            await self._arrival.wait()
        return self._muxers[0]

    async def _give(self, muxer: Muxer, output: Period | Segment) -> None:
        if isinstance(output, Period):
            await self._sink.period(replace(output, number=self._periods))
            self._periods += 1
            return
        await self._sink.segment(replace(output, period=self._periods - 1))
        muxer.taken(output)
        if self._paused and self._held() < self._limits.held_bytes // 2:
            self._paused = False
            self._peer.resume()
