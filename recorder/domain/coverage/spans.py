"""Arithmetic of intervals of time, each with a length."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from recorder.domain.coverage.facts import Interval

_MS = timedelta(milliseconds=1)


def union(spans: Iterable[Interval], *, joined_within: timedelta = timedelta()) -> list[Interval]:
    """The same time in the fewest intervals, in their order; with gaps up to a length closed."""
    merged: list[Interval] = []
    for span in sorted(spans, key=lambda each: (each.began_at, each.ended_at)):
        if merged and span.began_at - merged[-1].ended_at <= joined_within:
            if span.ended_at > merged[-1].ended_at:
                merged[-1] = Interval(merged[-1].began_at, span.ended_at)
        else:
            merged.append(span)
    return merged


def clipped(spans: Iterable[Interval], began_at: datetime, ended_at: datetime) -> list[Interval]:
    """What of the spans lies within."""
    cut = (Interval(max(s.began_at, began_at), min(s.ended_at, ended_at)) for s in spans)
    return [span for span in cut if span.began_at < span.ended_at]


def without(span: Interval, gaps: Iterable[Interval]) -> list[Interval]:
    """The span without the gaps."""
    left, at = [], span.began_at
    for gap in union(clipped(gaps, span.began_at, span.ended_at)):
        if at < gap.began_at:
            left.append(Interval(at, gap.began_at))
        at = gap.ended_at
    if at < span.ended_at:
        left.append(Interval(at, span.ended_at))
    return left


def overlap(one: Interval, other: Interval) -> timedelta:
    """How long both last together; nothing is zero."""
    return max(
        timedelta(),
        min(one.ended_at, other.ended_at) - max(one.began_at, other.began_at),
    )


def milliseconds(length: timedelta) -> int:
    return length // _MS


def total_ms(spans: Iterable[Interval]) -> int:
    """The length of disjoint intervals."""
    return milliseconds(sum((s.ended_at - s.began_at for s in spans), timedelta()))
