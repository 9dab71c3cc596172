"""The sink that counts: periods and segments of one publisher become those of a livestream.

A segment is given again until it is safe; meanwhile the publisher is slowed down by its intake.
Under an old lease nothing is kept any more: then another process has the livestream.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from recorder import telemetry
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import PeriodCause
from recorder.domain.people import Actor
from recorder.errors import StorageFull, Unavailable
from recorder.live.sink import Cause, Period, Segment
from recorder.runtime import Deps
from recorder.services import live

_log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0

_CAUSES = {
    Cause.CODEC_CHANGED: PeriodCause.CODEC_CHANGE,
    Cause.TRACK_APPEARED: PeriodCause.CODEC_CHANGE,
    Cause.TIME_WENT_BACK: PeriodCause.TIME_JUMP,
    Cause.TIME_WENT_AHEAD: PeriodCause.TIME_JUMP,
    Cause.SILENCE: PeriodCause.SILENCE,
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
    ) -> None:
        self._livestream = livestream
        self._receiver = live.Receiver(deps, actor, livestream, fence)
        self._period = position.period
        self._number = position.segment
        self._first_cause = first_cause

    async def period(self, period: Period) -> None:
        """See SegmentSink."""
        self._period += 1
        cause = _CAUSES.get(period.cause, self._first_cause)
        telemetry.log(_log, logging.INFO, "a period began", livestream=str(self._livestream),
                      period=self._period, cause=period.cause.value,
                      stream_ms=dict(period.stream_ms), codecs=dict(period.codecs))  # fmt: skip
        arrival = live.InitArrival(
            period=self._period,
            body=period.init,
            cause=cause,
            arrived_at=period.arrived_at,
        )
        await self._until_safe(lambda: self._receiver.put_init(arrival))

    async def segment(self, segment: Segment) -> None:
        """See SegmentSink."""
        self._number += 1
        if segment.wrong_frames:
            telemetry.log(_log, logging.ERROR, "the media tool changed frames",
                          livestream=str(self._livestream), number=self._number,
                          frames=segment.wrong_frames)  # fmt: skip
        arrival = live.SegmentArrival(
            period=self._period,
            number=self._number,
            body=segment.content,
            arrived_at=segment.arrived_from,
        )
        await self._until_safe(lambda: self._receiver.put_segment(arrival))

    async def ended(self, cause: Cause, at: datetime) -> None:
        """See SegmentSink."""
        telemetry.log(_log, logging.INFO, "a publisher ended", livestream=str(self._livestream),
                      cause=cause.value)  # fmt: skip

    async def _until_safe(self, put: Callable[[], Awaitable[live.Receipt]]) -> None:
        pause = _FIRST_PAUSE_S
        while True:
            try:
                receipt = await put()
            except (Unavailable, StorageFull) as error:
                telemetry.log(_log, logging.WARNING, "a segment is given again",
                              livestream=str(self._livestream), why=error.code)  # fmt: skip
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)
                continue
            if receipt.conflicting:
                telemetry.log(_log, logging.ERROR, "a number was taken by other bytes",
                              livestream=str(self._livestream),
                              number=receipt.segment.number)  # fmt: skip
            return
