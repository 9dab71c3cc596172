"""Where the recordings of a case stand on its time axis. Pure arithmetic, drawn as SVG.

A case spans months and holds minutes of footage, so the axis shows time with footage only:
recordings closer together than half an hour form one group, drawn to scale; what lies between
groups is a break of fixed width that says how long it is. Recordings at the same time (several
cameras) go into lanes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

BREAK = timedelta(minutes=30)
#: A recording whose length nobody knows is drawn as if it were this long.
UNKNOWN = timedelta(seconds=20)
MOST_LANES = 4
#: In hundredths of the width of the whole axis.
BREAK_WIDTH = 2.5
NARROWEST_GROUP = 7.0
NARROWEST_BAR = 0.7


class Placed(Protocol):
    """Anything with a beginning, and perhaps an end."""

    @property
    def at(self) -> datetime: ...
    @property
    def ended_at(self) -> datetime | None: ...
    @property
    def media(self) -> dict[str, object] | None: ...


T = TypeVar("T", bound=Placed)


@dataclass(frozen=True, slots=True)
class Bar(Generic[T]):
    """One recording: where it begins and how wide it is, in percent of the axis."""

    item: T
    x: float
    width: float
    lane: int


@dataclass(frozen=True, slots=True)
class Group(Generic[T]):
    """Recordings close together, with the axis to scale."""

    x: float
    width: float
    began: datetime
    ended: datetime
    bars: tuple[Bar[T], ...]
    #: The time without footage before this group; None for the first.
    gap: timedelta | None


@dataclass(frozen=True, slots=True)
class Axis(Generic[T]):
    """All groups in the order of time."""

    groups: tuple[Group[T], ...]
    lanes: int


def end_of(item: Placed) -> datetime:
    """When it ends: as said, else by the length of its media, else a guess that can be seen."""
    if item.ended_at is not None and item.ended_at > item.at:
        return item.ended_at
    length = (item.media or {}).get("length_ms")
    if isinstance(length, int) and length > 0:
        return item.at + timedelta(milliseconds=length)
    return item.at + UNKNOWN


def lay_out(items: Sequence[T]) -> Axis[T]:
    """Place the items; every bar lies within its group, every group within 0 to 100."""
    runs = _runs(sorted(items, key=lambda item: item.at))
    if not runs:
        return Axis((), 0)
    free = 100.0 - BREAK_WIDTH * (len(runs) - 1)
    widths = _widths([_span(run) for run in runs], free)
    groups: list[Group[T]] = []
    x, before, lanes = 0.0, None, 0
    for run, width in zip(runs, widths, strict=True):
        began, ended = run[0].at, max(map(end_of, run))
        bars = _bars(run, began, ended, x, width)
        groups.append(Group(x, width, began, ended, bars, began - before if before else None))
        lanes = max(lanes, *(bar.lane + 1 for bar in bars))
        x, before = x + width + BREAK_WIDTH, ended
    return Axis(tuple(groups), lanes)


def _runs(items: list[T]) -> list[list[T]]:
    runs: list[list[T]] = []
    ended: datetime | None = None
    for item in items:
        if ended is None or item.at - ended > BREAK:
            runs.append([])
            ended = None
        runs[-1].append(item)
        ended = max(ended or end_of(item), end_of(item))
    return runs


def _span(run: list[T]) -> float:
    return max(1.0, (max(map(end_of, run)) - run[0].at).total_seconds())


def _widths(spans: list[float], free: float) -> list[float]:
    """Shares of the free width: at least a readable one each, the rest by length."""
    least = max(0.1, min(NARROWEST_GROUP, free / len(spans)))
    rest, whole = max(0.0, free - least * len(spans)), sum(spans)
    return [least + rest * span / whole for span in spans]


def _bars(
    run: list[T], began: datetime, ended: datetime, x: float, width: float
) -> tuple[Bar[T], ...]:
    whole = max(1.0, (ended - began).total_seconds())
    scale = max(0.0, width - NARROWEST_BAR) / whole
    free_at: list[datetime] = []
    bars = []
    for item in run:
        ends = end_of(item)
        lane = next((n for n, free in enumerate(free_at) if free <= item.at), len(free_at))
        lane = min(lane, MOST_LANES - 1)
        if lane == len(free_at):
            free_at.append(ends)
        free_at[lane] = max(free_at[lane], ends)
        left = x + (item.at - began).total_seconds() * scale
        bars.append(Bar(item, left, NARROWEST_BAR + (ends - item.at).total_seconds() * scale, lane))
    return tuple(bars)


def spoken(gap: timedelta) -> tuple[str, int]:
    """A gap in its largest whole unit: ``("days", 3)``, ``("hours", 5)`` or ``("minutes", 40)``."""
    seconds = int(gap.total_seconds())
    if seconds >= 86400:
        return "days", seconds // 86400
    if seconds >= 3600:
        return "hours", seconds // 3600
    return "minutes", max(1, seconds // 60)
