"""A livestream as a recording: its periods, how long its media last, and what is missing.

Length and times come from the segments themselves: whoever reads the joined file sees one period
only. The length is that of the media; from begin to end by the clock may be longer, by the gaps.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from recorder.domain.fragments import Track
from recorder.domain.livestream import Gap, PeriodCause

_US = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedPeriod:
    """What a recording has of one period."""

    number: int
    cause: PeriodCause
    tracks: tuple[Track, ...]
    segments: int
    #: Of these nobody can read how long they last; they count as nothing.
    unreadable: int
    lasts: timedelta
    #: By the device's clock where every segment says it, else by arrival.
    clock: str
    begins_at: datetime
    ends_at: datetime

    @property
    def video(self) -> Track | None:
        """The track with the picture."""
        return next((track for track in self.tracks if track.kind == "vide"), None)

    @property
    def audio(self) -> Track | None:
        """The track with the sound."""
        return next((track for track in self.tracks if track.kind == "soun"), None)


@dataclass(frozen=True, slots=True)
class RecordedStream:
    """Periods in order, and the gaps as they were at the closing."""

    periods: tuple[RecordedPeriod, ...]
    gaps: tuple[Gap, ...]

    @property
    def segments(self) -> int:
        return sum(period.segments for period in self.periods)

    @property
    def unreadable(self) -> int:
        return sum(period.unreadable for period in self.periods)

    @property
    def media_ms(self) -> int:
        """How long its media last together: what a player shows as the length."""
        return sum((period.lasts for period in self.periods), timedelta()) // (1000 * _US)

    @property
    def clock(self) -> str:
        """Whose clock begin and end are of: device, arrival, or mixed."""
        clocks = {period.clock for period in self.periods}
        return clocks.pop() if len(clocks) == 1 else "mixed"

    @property
    def begins_at(self) -> datetime | None:
        return self.periods[0].begins_at if self.periods else None

    @property
    def ends_at(self) -> datetime | None:
        return self.periods[-1].ends_at if self.periods else None

    @property
    def span_ms(self) -> int | None:
        """From begin to end by one clock; None where two are mixed, or they run backwards."""
        if self.begins_at is None or self.ends_at is None or self.clock == "mixed":
            return None
        span = (self.ends_at - self.begins_at) // (1000 * _US)
        return span if span >= 0 else None

    @property
    def missing_ms(self) -> int:
        """How long the gaps last of which both sides are known."""
        lengths = (
            gap.ends_at - gap.begins_at for gap in self.gaps if gap.begins_at and gap.ends_at
        )
        return sum((max(length, timedelta()) for length in lengths), timedelta()) // (1000 * _US)
