"""Footage on the time axis: the device's clock, corrected where it is known to be off."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta

from recorder.domain.coverage import spans
from recorder.domain.coverage.facts import CaseFacts, Footage, FootageMark, GapReason, Interval
from recorder.domain.finding import Confidence
from recorder.domain.ids import RecordingId
from recorder.domain.instant import is_plausible

#: Footage joins within this (R5); a device's own segments do within 0.04 s.
GAP_TOLERANCE = timedelta(seconds=2)
_ORDER = {word: rank for rank, word in enumerate(Confidence)}


@dataclass(frozen=True, slots=True)
class Placed:
    """Footage with the time it shows, as far as we know."""

    footage: Footage
    span: Interval
    #: The span without the gaps within.
    pieces: tuple[Interval, ...]
    marks: tuple[FootageMark, ...]
    reasons: tuple[GapReason, ...]
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class PlacedFootage:
    """All footage of a case, sorted by what can be said of it."""

    #: Admitted and with times, in the order of time.
    counted: tuple[Placed, ...]
    #: With times, but not admitted: it answers nothing, and makes an answer doubtful.
    withheld: tuple[Placed, ...]
    #: Without times.
    timeless: tuple[Footage, ...]
    #: Why there is no footage, as all that counts says it.
    reasons: tuple[GapReason, ...]
    #: Stretches that the counted footage shows without a gap, in the order of time.
    runs: tuple[Interval, ...] = ()


def place(facts: CaseFacts) -> PlacedFootage:
    counted, withheld, timeless = [], [], []
    for footage in sorted(facts.footage, key=lambda each: each.recording):
        placed = _placed(footage)
        if placed is None:
            timeless.append(footage)
        elif footage.admitted:
            counted.append(placed)
        else:
            withheld.append(placed)
    counted.sort(key=lambda each: (each.span.began_at, each.span.ended_at))
    reasons = tuple(reason for each in counted for reason in each.reasons)
    runs = spans.union(
        (piece for each in counted for piece in each.pieces), joined_within=GAP_TOLERANCE
    )
    return PlacedFootage(tuple(counted), tuple(withheld), tuple(timeless), reasons, tuple(runs))


def pieces_of(facts: CaseFacts) -> dict[RecordingId, tuple[Interval, ...]]:
    """When each recording shows something, admitted or not; who has no times is left out."""
    placed = place(facts)
    return {each.footage.recording: each.pieces for each in (*placed.counted, *placed.withheld)}


def shift_of(footage: Footage) -> timedelta:
    """By how much later than its device's clock says the footage was made."""
    if footage.clock_doubtful and footage.clock_offset_ms is not None:
        return timedelta(milliseconds=-footage.clock_offset_ms)
    return timedelta()


def _placed(footage: Footage) -> Placed | None:
    if footage.began_at is None or footage.ended_at is None:
        return None
    if footage.ended_at <= footage.began_at:
        return None
    if not (is_plausible(footage.began_at) and is_plausible(footage.ended_at)):
        return None
    shift = shift_of(footage)
    span = Interval(footage.began_at + shift, footage.ended_at + shift)
    gaps = [Interval(gap.began_at + shift, gap.ended_at + shift) for gap in footage.gaps]
    sure = footage.clock_offset_ms is not None and not footage.clock_doubtful
    return Placed(
        footage,
        span,
        tuple(spans.without(span, gaps)) if gaps else (span,),
        tuple(FootageMark(mark.kind, mark.at + shift) for mark in footage.marks),
        tuple(
            replace(each, began_at=each.began_at + shift, ended_at=each.ended_at + shift)
            for each in footage.reasons
        ),
        Confidence.CERTAIN if sure else Confidence.PROBABLE,
    )


def least_sure(words: Iterable[Confidence]) -> Confidence:
    """The weakest of them; nothing at all is certain."""
    return max(words, key=lambda word: _ORDER[word], default=Confidence.CERTAIN)
