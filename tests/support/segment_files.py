"""A sink that keeps what it is given, as files too, and can be slow or broken."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from recorder.errors import RecorderError
from recorder.live.sink import Cause, Period, Segment


@dataclass(slots=True)
class SegmentFiles:
    """Periods and segments in the order in which they came."""

    folder: Path
    periods: list[Period] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    ends: list[Cause] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    left_out: set[str] = field(default_factory=set)
    #: Cleared to make the next segment wait.
    open: asyncio.Event = field(default_factory=asyncio.Event)
    #: Raised instead of taking a segment.
    broken: RecorderError | None = None

    def __post_init__(self) -> None:
        self.open.set()

    def tell_time(self, arrived: datetime, at_ms: int, said: datetime) -> None: ...

    def tell_clock(self, now: datetime, said: datetime) -> None: ...

    def leave_out(self, names: Collection[str]) -> None:
        self.left_out.update(names)

    async def period(self, period: Period) -> None:
        assert period.number == len(self.periods)
        self.periods.append(period)

    async def segment(self, segment: Segment) -> None:
        await self.open.wait()
        if self.broken is not None:
            raise self.broken
        assert segment.period == len(self.periods) - 1
        assert segment.number == len(self.of(segment.period))
        self.segments.append(segment)

    async def ended(self, cause: Cause, at: datetime) -> None:
        assert at.tzinfo is not None
        self.ends.append(cause)
        self.over.set()

    def of(self, period: int) -> list[Segment]:
        return [segment for segment in self.segments if segment.period == period]

    def file(self, period: int) -> Path:
        """The period as one file: what a player gets to see."""
        path = self.folder / f"period-{period}.mp4"
        parts = [self.periods[period].init, *(s.content for s in self.of(period))]
        path.write_bytes(b"".join(parts))
        return path

    def frames(self, track: str) -> int:
        return sum(segment.frames.get(track, 0) for segment in self.segments)
