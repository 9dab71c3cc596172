"""A livestream as a recording: its periods, how long its media last, and what is missing.

Length and times come from the segments themselves: whoever reads the joined file sees one period
only. The length is that of the media; from begin to end by the clock may be longer, by the gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from recorder.domain.fragments import Track
from recorder.domain.livestream import Gap, PeriodCause

_MS = timedelta(milliseconds=1)


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
        return sum((period.lasts for period in self.periods), timedelta()) // _MS

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
        span = (self.ends_at - self.begins_at) // _MS
        return span if span >= 0 else None

    @property
    def missing_ms(self) -> int:
        """How long the gaps last of which both sides are known."""
        lengths = (
            gap.ends_at - gap.begins_at for gap in self.gaps if gap.begins_at and gap.ends_at
        )
        return sum((max(length, timedelta()) for length in lengths), timedelta()) // _MS


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of segments without a gap: as one, wall and media time go on together."""

    began_at: datetime
    #: Media before it.
    before: timedelta
    lasts: timedelta


def media_ms_at(runs: Sequence[Run], moment: datetime, said_ms: int | None) -> int | None:
    """Where in the media a picture is that was shown with this wall time; None without media.

    A clock that was set back shows a time twice: then the place counts that is nearest to what the
    player said itself. A time in a gap, or outside, is at the nearest edge.
    """
    found: list[tuple[timedelta, int, int]] = []
    for run in runs:
        within = min(max(moment - run.began_at, timedelta()), run.lasts)
        away = abs(run.began_at + within - moment)
        ms = (run.before + within) // _MS
        found.append((away, abs(ms - said_ms) if said_ms is not None else 0, ms))
    return min(found)[2] if found else None


def moment_at(runs: Sequence[Run], media_ms: int) -> datetime | None:
    """The wall time of the picture at this place; None behind the end or without media."""
    place = timedelta(milliseconds=media_ms)
    for run in runs:
        if run.before <= place <= run.before + run.lasts:
            return run.began_at + (place - run.before)
    return None
