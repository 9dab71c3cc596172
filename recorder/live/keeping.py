"""The sink that counts: periods and segments of one publisher become those of a livestream.

What store or database do not take within seconds goes to the spool, and so does all that comes
behind it until that is empty. Without a spool, or with a full one, a segment is given again until
it is safe; meanwhile the publisher is slowed down by its intake.
What came under a lease that another process has by now goes to the spool, and from there to a
livestream of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Collection
from datetime import datetime, timedelta

from recorder import metrics, telemetry
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import PeriodCause
from recorder.domain.people import Actor
from recorder.errors import Conflict, RecorderError, StorageFull, Unavailable
from recorder.live import bringing
from recorder.live.sink import Cause, Period, Segment
from recorder.live.spool import Arrived
from recorder.live.spooling import Spool
from recorder.runtime import Deps
from recorder.services import live

_log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
#: What the store has not taken by then goes to the spool; it may still take it.
_PATIENCE_S = 5.0
#: What is in hand for so long waits; a store that answers takes it sooner.
_SLOW_S = 2.0
#: Words of a source's clock that are remembered until its segments are through.
_MOST_SAID = 256
#: Times of showing and of decoding are apart by pictures; no segment that is fetched is longer.
_SLACK_MS, _LONGEST_MS = 500, 120_000

_CAUSES = {
    Cause.CODEC_CHANGED: PeriodCause.CODEC_CHANGE,
    Cause.TRACK_APPEARED: PeriodCause.CODEC_CHANGE,
    Cause.TIME_WENT_BACK: PeriodCause.TIME_JUMP,
    Cause.TIME_WENT_AHEAD: PeriodCause.TIME_JUMP,
    Cause.SILENCE: PeriodCause.SILENCE,
    Cause.DISCONTINUITY: PeriodCause.DISCONTINUITY,
    Cause.MEDIA_LOST: PeriodCause.MEDIA_LOST,
    Cause.MUXER_LOST: PeriodCause.INGEST_FAILED,
}


class KeptLivestream:
    """A SegmentSink. Numbers go on behind the ones that are there."""

    def __init__(
        self,
        deps: Deps,
        actor: Actor,
        livestream: LivestreamId,
        fence: int,
        position: live.Position,
        *,
        first_cause: PeriodCause,
        spool: Spool | None = None,
    ) -> None:
        self._deps = deps
        self._livestream = livestream
        self._fence = fence
        self._receiver = live.Receiver(deps, actor, livestream, fence)
        self._period = position.period
        self._number = position.segment
        self._first_cause = first_cause
        self._spool = spool
        self._clock = deps.clock
        self._init: Arrived | None = None
        #: Of the present period: the stream's own time at its beginning.
        self._stream_ms = 0
        #: What the source's own clock said: arrival, stream time, moment.
        self._said: deque[tuple[datetime, int, datetime]] = deque(maxlen=_MOST_SAID)
        #: By how much its own clock is ahead, and what of it is written down.
        self._offset_ms: int | None = None
        self._told_offset_ms: int | None = None
        #: What is not taken of what the source offers; what of it is written down.
        self._left_out: set[str] = set()
        self._told: set[str] = set()
        #: Puts that took too long; what they bring is in the spool as well.
        self._slow: set[asyncio.Task[None]] = set()
        #: Since when something is in hand that is safe nowhere, by the loop's clock.
        self._in_hand_since: float | None = None

    @property
    def has_waiting(self) -> bool:
        """Whether media of it are here and cannot go up: in the spool, or in memory for seconds."""
        if self._spool is not None and self._spool.is_waiting(self._livestream):
            return True
        since = self._in_hand_since
        return since is not None and asyncio.get_running_loop().time() - since >= _SLOW_S

    def tell_time(self, arrived: datetime, at_ms: int, said: datetime) -> None:
        """See SegmentSink."""
        self._said.append((arrived, at_ms, said))

    def tell_clock(self, now: datetime, said: datetime) -> None:
        """See SegmentSink; written down with the next segment."""
        self._offset_ms = (said - now) // timedelta(milliseconds=1)

    async def _tell_clock(self) -> None:
        told = self._told_offset_ms
        if self._offset_ms is None or (told is not None and abs(self._offset_ms - told) < 1000):
            return
        offset_ms = self._offset_ms
        with contextlib.suppress(RecorderError):
            await live.tell_clock(self._deps, self._livestream, self._fence, offset_ms)
            self._told_offset_ms = offset_ms

    def leave_out(self, names: Collection[str]) -> None:
        """See SegmentSink; written down with the next segment."""
        # A source may send new names without end; more than are told are not remembered.
        fresh = [name for name in names if name not in self._left_out]
        self._left_out.update(fresh[: live.MOST_LEFT_OUT - len(self._left_out)])

    async def _tell_left_out(self) -> None:
        if self._left_out == self._told:
            return
        named = set(self._left_out)
        with contextlib.suppress(RecorderError):
            await live.leave_out(self._deps, self._livestream, self._fence, named)
            self._told = named

    def _device_at(self, segment: Segment) -> datetime | None:
        """When its first frame was recorded by the source's clock, if that said so."""
        begins = self._stream_ms + segment.starts_ms
        for arrived, at_ms, said in reversed(self._said):
            # Stream times are counted in 32 bits.
            behind = (begins - at_ms + (1 << 31)) % (1 << 32) - (1 << 31)
            if arrived == segment.arrived_from and -_SLACK_MS <= behind <= _LONGEST_MS:
                return said + timedelta(milliseconds=behind)
        return None

    async def period(self, period: Period) -> None:
        """See SegmentSink."""
        self._period += 1
        self._stream_ms = period.stream_ms.get("video", next(iter(period.stream_ms.values()), 0))
        cause = _CAUSES.get(period.cause, self._first_cause)
        telemetry.log(_log, logging.INFO, "a period began", livestream=str(self._livestream),
                      period=self._period, cause=period.cause.value,
                      stream_ms=dict(period.stream_ms), codecs=dict(period.codecs))  # fmt: skip
        self._init = Arrived(
            self._livestream, self._period, 0, period.init, period.arrived_at, cause,
            fence=self._fence,
        )  # fmt: skip
        await self._keep(self._init)

    async def segment(self, segment: Segment) -> None:
        """See SegmentSink."""
        self._number += 1
        if segment.wrong_frames:
            telemetry.log(_log, logging.ERROR, "the media tool changed frames",
                          livestream=str(self._livestream), number=self._number,
                          frames=segment.wrong_frames)  # fmt: skip
        await self._keep(
            Arrived(
                self._livestream,
                self._period,
                self._number,
                segment.content,
                segment.arrived_to,
                device_at=self._device_at(segment),
                fence=self._fence,
            )
        )
        await self._tell_left_out()
        await self._tell_clock()

    async def ended(self, cause: Cause, at: datetime) -> None:
        """See SegmentSink."""
        await self._tell_left_out()
        telemetry.log(_log, logging.INFO, "a publisher ended", livestream=str(self._livestream),
                      cause=cause.value)  # fmt: skip

    async def _keep(self, arrived: Arrived) -> None:
        """After return it is safe: in the store and counted, or durable in the spool."""
        self._in_hand_since = asyncio.get_running_loop().time()
        try:
            await self._make_safe(arrived)
        finally:
            self._in_hand_since = None

    async def _make_safe(self, arrived: Arrived) -> None:
        metrics.INGEST_RECEIVED_BYTES.inc(len(arrived.body))
        spool = self._spool
        if spool is None or not spool.is_waiting(self._livestream):
            put = asyncio.create_task(self._put(arrived))
            try:
                done, _ = await asyncio.wait({put}, timeout=_PATIENCE_S if spool else None)
            except asyncio.CancelledError:
                put.cancel()
                raise
            if done and not self._is_to_be_spooled(put.exception()):
                put.result()
                return
            if not done:
                self._slow.add(put)
                put.add_done_callback(self._late)
        pause = _FIRST_PAUSE_S
        while not await self._is_spooled(arrived):
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)
            with contextlib.suppress(Unavailable, StorageFull):
                await self._put(arrived)
                return

    def _is_to_be_spooled(self, error: BaseException | None) -> bool:
        """Whether it is refused now; what came under a lease that was lost goes up from there."""
        if isinstance(error, (Unavailable, StorageFull)):
            return True
        is_lost = isinstance(error, Conflict) and error.code == "livestream-taken-over"
        return is_lost and self._spool is not None

    async def _is_spooled(self, arrived: Arrived) -> bool:
        if self._spool is None or self._init is None:
            return False
        try:
            await self._spool.keep(self._init, arrived if arrived.number else None)
        except (Unavailable, StorageFull) as error:
            telemetry.log(_log, logging.ERROR, "a segment waits in memory",
                          livestream=str(self._livestream), why=error.code)  # fmt: skip
            return False
        return True

    def _late(self, put: asyncio.Task[None]) -> None:
        self._slow.discard(put)
        if not put.cancelled() and (error := put.exception()) is not None:
            telemetry.log(_log, logging.WARNING, "a slow store refused in the end",
                          livestream=str(self._livestream), why=repr(error))  # fmt: skip

    async def _put(self, arrived: Arrived) -> None:
        receipt = await bringing.put(self._receiver, arrived, self._clock)
        if receipt.conflicting:
            telemetry.log(_log, logging.ERROR, "a number was taken by other bytes",
                          livestream=str(self._livestream),
                          number=receipt.segment.number)  # fmt: skip
