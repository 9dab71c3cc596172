"""What an evaluation changes of the findings that are known: the least that makes them true."""

from __future__ import annotations

import bisect
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.coverage.facts import Interval
from recorder.domain.coverage.spans import overlap
from recorder.domain.finding import Finding, FindingKind, FindingState, Severity

#: Kinds of which a scene has several, told apart by when they begin: footage that arrives later
#: moves their edges.
_MOVING = frozenset({FindingKind.GAP_UNEXPLAINED})
_GRAVITY = {severity: rank for rank, severity in enumerate(Severity)}


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

    What a person settled stays settled unless it became graver; what was withdrawn and is found
    again is open again, under its old id.
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
    open_ones = [
        each
        for each in left.values()
        if each.state not in (FindingState.WITHDRAWN, FindingState.CLOSED)
    ]
    gaps = _gaps_of(open_ones)
    new: list[Finding] = []
    taken: set[uuid.UUID] = set()
    for finding in raised:
        moved = _moved(finding, gaps)
        if moved is None:
            new.append(finding)
        else:
            taken.add(moved.id)
            changed.append(Changed(moved, finding, moved.state))
    withdrawn = (each for each in open_ones if each.id not in taken)
    return Differences(tuple(new), tuple(changed), tuple(withdrawn))


def _change(before: KnownFinding, finding: Finding) -> Changed | None:
    state = before.state
    graver = _GRAVITY[finding.severity] < _GRAVITY[before.finding.severity]
    if state is FindingState.WITHDRAWN or (state is FindingState.CLOSED and graver):
        state = FindingState.OPEN
    if state is before.state and finding == before.finding:
        return None
    return Changed(before, finding, state)


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
