"""What an evaluation changes of the findings that are known: the least that makes them true."""

from __future__ import annotations

import bisect
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from recorder.domain.coverage.facts import Interval
from recorder.domain.coverage.spans import overlap
from recorder.domain.finding import Finding, FindingKind, FindingState, Severity

#: Kinds of which a scene has several, told apart by when they begin: footage that arrives later
#: moves their edges.
_MOVING = frozenset({FindingKind.GAP_UNEXPLAINED})
_GRAVITY = {severity: rank for rank, severity in enumerate(Severity)}
#: What was settled is asked about again when so much more is missing than was then.
_MUCH_MORE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class KnownFinding:
    """A finding as it was written last."""

    id: uuid.UUID
    state: FindingState
    finding: Finding


@dataclass(frozen=True, slots=True)
class Changed:
    """A known finding whose facts or state are others now."""

    before: KnownFinding
    after: Finding
    state: FindingState


@dataclass(frozen=True, slots=True)
class Differences:
    raised: tuple[Finding, ...]
    changed: tuple[Changed, ...]
    withdrawn: tuple[KnownFinding, ...]

    @property
    def is_nothing(self) -> bool:
        return not (self.raised or self.changed or self.withdrawn)


def differences(known: Sequence[KnownFinding], found: Iterable[Finding]) -> Differences:
    """What must be written so that the known findings are those found.

    What a person settled stays settled unless it became graver: of more weight, or a minute longer
    than it was settled at. What was withdrawn and is found again is open again, under its old id.
    """
    left = {each.finding.identity: each for each in known}
    raised: list[Finding] = []
    changed: list[Changed] = []
    for finding in found:
        before = left.pop(finding.identity, None)
        if before is None:
            raised.append(finding)
        elif (change := _change(before, finding)) is not None:
            changed.append(change)
    # A withdrawn gap is none any more; what is left of a settled one stays settled.
    gaps = _gaps_of(each for each in left.values() if each.state is not FindingState.WITHDRAWN)
    open_ones = [
        each
        for each in left.values()
        if each.state not in (FindingState.WITHDRAWN, FindingState.CLOSED)
    ]
    new: list[Finding] = []
    taken: set[uuid.UUID] = set()
    for finding in raised:
        moved = _moved(finding, gaps)
        if moved is None:
            new.append(finding)
        else:
            taken.add(moved.id)
            changed.append(Changed(moved, finding, _state(moved, finding)))
    withdrawn = (each for each in open_ones if each.id not in taken)
    return Differences(tuple(new), tuple(changed), tuple(withdrawn))


def _change(before: KnownFinding, finding: Finding) -> Changed | None:
    state = _state(before, finding)
    if state is before.state and finding == before.finding:
        return None
    return Changed(before, finding, state)


def _state(before: KnownFinding, finding: Finding) -> FindingState:
    if before.state is FindingState.WITHDRAWN:
        return FindingState.OPEN
    if before.state is FindingState.CLOSED and _is_graver(before.finding, finding):
        return FindingState.OPEN
    return before.state


def _is_graver(before: Finding, now: Finding) -> bool:
    if _GRAVITY[now.severity] < _GRAVITY[before.severity]:
        return True
    return any(
        isinstance(was := before.facts.get(name), int)
        and isinstance(told := now.facts.get(name), int)
        and timedelta(milliseconds=told - was) > _MUCH_MORE
        for name in _LENGTHS
    )


#: Facts that say how much of something there is too much, in milliseconds.
_LENGTHS = ("missing_ms", "difference_ms", "late_ms", "overlap_ms")

#: Kind and scene → its gaps in the order of time; those of one evaluation never overlap.
_Gaps = dict[tuple[FindingKind, str | None], list[KnownFinding]]


def _gaps_of(known: Iterable[KnownFinding]) -> _Gaps:
    gaps: _Gaps = {}
    for each in sorted(known, key=_begin):
        if each.finding.kind in _MOVING:
            gaps.setdefault((each.finding.kind, each.finding.scene), []).append(each)
    return gaps


def _moved(finding: Finding, gaps: _Gaps) -> KnownFinding | None:
    """Take out the known gap of the scene that this one is what is left of, or has grown from."""
    if finding.kind not in _MOVING:
        return None
    span, known = _span(finding), gaps.get((finding.kind, finding.scene), [])
    first = bisect.bisect_right(known, span.began_at, key=_end)
    behind = bisect.bisect_left(known, span.ended_at, key=_begin)
    if first >= behind:
        return None
    return known.pop(
        max(
            range(first, behind),
            key=lambda n: (overlap(span, _span(known[n].finding)), known[n].id.int),
        )
    )


def _begin(known: KnownFinding) -> datetime:
    return known.finding.began_at


def _end(known: KnownFinding) -> datetime:
    return _span(known.finding).ended_at


def _span(finding: Finding) -> Interval:
    if finding.ended_at is None:
        raise ValueError(f"a {finding.kind} has a beginning and an end")
    return Interval(finding.began_at, finding.ended_at)
