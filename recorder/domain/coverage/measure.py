"""The coverage of one scene: the union of its footage against its time, and the holes."""

from __future__ import annotations

import enum
import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter

from recorder.domain.case import Stage
from recorder.domain.case_event import ActType, EventKind
from recorder.domain.coverage import spans
from recorder.domain.coverage.facts import CaseFacts, FootageMark, GapReason, Interval
from recorder.domain.coverage.placing import GAP_TOLERANCE, Placed, PlacedFootage, least_sure
from recorder.domain.coverage.scenes import Scene
from recorder.domain.deadline import Deadline, deadline, parse_term
from recorder.domain.duty import DutyLevel
from recorder.domain.finding import Confidence
from recorder.domain.ids import AgencyId, RecordingId

#: At arrival and leaving, which people write down to the minute.
EDGE_TOLERANCE = timedelta(seconds=60)
#: Those present may be told before the scene begins, in the same footage (R6).
MARKED_BEFORE = timedelta(minutes=10)
#: Where no rule says when footage is to be handed in.
USUAL_TERM = "1wd"


class HolePlace(enum.StrEnum):
    START = "start"
    MIDDLE = "middle"
    END = "end"
    #: Nothing was recorded at all.
    WHOLE = "whole"


class SceneState(enum.StrEnum):
    """One word for each scene, as pages show it."""

    RECORDED = "recorded"
    #: Parts are missing.
    HOLES = "holes"
    UNRECORDED = "unrecorded"
    #: Nothing or not all is there, and there is still time.
    AWAITED = "awaited"
    #: It has begun and not ended.
    OPEN = "open"
    OPTIONAL = "optional"
    EXEMPT = "exempt"


@dataclass(frozen=True, slots=True)
class Hole:
    """Time of a scene without footage."""

    span: Interval
    place: HolePlace
    #: In the officer's words, where it was explained.
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneCoverage:
    """What of a scene is recorded. Plain values: rows of `coverage_scene` hold the same."""

    key: str
    agency: AgencyId
    kind: EventKind
    act_type: ActType | None
    stage: Stage | None
    matter: str | None
    officers: tuple[str, ...]
    state: SceneState
    level: DutyLevel
    #: Code of the rule that applies, and what it rests on.
    rule: str | None
    legal_basis: str | None
    began_at: datetime
    ended_at: datetime | None
    expected_ms: int
    covered_ms: int
    holes: tuple[Hole, ...]
    recordings: tuple[RecordingId, ...]
    due_at: datetime
    provisional: bool
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Measured:
    """A scene with everything that its rules look at."""

    scene: Scene
    #: What shows it.
    footage: tuple[Placed, ...]
    #: That with what joins it without a gap: a camera cuts one recording into files.
    joined: tuple[Placed, ...]
    marks: tuple[FootageMark, ...]
    holes: tuple[Hole, ...]
    covered_ms: int
    due: Deadline
    #: Time is up: what is missing now counts as missing.
    is_due: bool
    confidence: Confidence

    @property
    def recordings(self) -> tuple[RecordingId, ...]:
        return tuple(placed.footage.recording for placed in self.footage)

    @property
    def is_missed(self) -> bool:
        """Nothing of it was recorded, and its time is up."""
        return self.is_due and not self.footage


def measure(facts: CaseFacts, scene: Scene, placed: PlacedFootage) -> Measured:
    """Lay the case's footage on the scene."""
    window = scene.span
    shown = tuple(each for each in placed.counted if _touches(each, scene))
    joined = _joined(scene, shown, placed)
    term = parse_term(scene.rule.deadline if scene.rule else USUAL_TERM)
    due = deadline(scene.ended_at or scene.began_at, term, facts.calendar)
    holes: tuple[Hole, ...] = ()
    covered_ms = 0
    if window is not None:
        covered = spans.union(
            spans.clipped(
                (piece for each in shown for piece in each.pieces),
                window.began_at,
                window.ended_at,
            )
        )
        covered_ms = spans.total_ms(covered)
        # A moment is covered by footage that shows it, however little that is.
        if not shown or window.began_at < window.ended_at:
            holes = tuple(_holes(window, covered, placed.reasons))
    is_due = due.at <= facts.at
    return Measured(
        scene=scene,
        footage=shown,
        joined=joined,
        marks=tuple(
            mark
            for each in joined
            for mark in each.marks
            if scene.began_at - MARKED_BEFORE <= mark.at <= scene.until
        ),
        holes=holes,
        covered_ms=covered_ms,
        due=due,
        is_due=is_due,
        confidence=_confidence(scene, shown, placed, is_provisional=is_due and due.provisional),
    )


def _touches(placed: Placed, scene: Scene) -> bool:
    if scene.until == scene.began_at:
        return placed.span.began_at <= scene.began_at <= placed.span.ended_at
    within = Interval(scene.began_at, scene.until)
    return any(spans.overlap(piece, within) for piece in placed.pieces)


def _joined(scene: Scene, shown: tuple[Placed, ...], placed: PlacedFootage) -> tuple[Placed, ...]:
    """What shows the scene, with what joins that before the arrival and after the leaving."""
    if not shown or len(shown) == len(placed.counted):
        return shown
    first = bisect_left(placed.runs, scene.began_at, key=_end)
    runs = placed.runs[first : bisect_right(placed.runs, scene.until, key=_begin)]
    # The stretches between lie within the scene, and so does all of their footage.
    edges = [run for run in {*runs[:1], *runs[-1:]} if _reaches(run, scene)]
    own = {each.footage.recording for each in shown}
    return tuple(
        each
        for each in placed.counted
        if each.footage.recording in own
        or any(spans.overlap(piece, run) for piece in each.pieces for run in edges)
    )


_begin, _end = attrgetter("began_at"), attrgetter("ended_at")


def _reaches(run: Interval, scene: Scene) -> bool:
    return scene.until == scene.began_at or (
        run.began_at < scene.until and scene.began_at < run.ended_at
    )


def _holes(
    window: Interval, covered: list[Interval], reasons: Sequence[GapReason]
) -> Iterable[Hole]:
    if not covered:
        yield Hole(window, HolePlace.WHOLE, _reason(window, reasons))
        return
    start = Interval(window.began_at, covered[0].began_at)
    if start.ended_at - start.began_at > EDGE_TOLERANCE:
        yield Hole(start, HolePlace.START, _reason(start, reasons))
    for before, after in itertools.pairwise(covered):
        gap = Interval(before.ended_at, after.began_at)
        if gap.ended_at - gap.began_at > GAP_TOLERANCE:
            yield from _explained(gap, reasons)
    end = Interval(covered[-1].ended_at, window.ended_at)
    if end.ended_at - end.began_at > EDGE_TOLERANCE:
        yield Hole(end, HolePlace.END, _reason(end, reasons))


def _explained(gap: Interval, reasons: Sequence[GapReason]) -> Iterable[Hole]:
    """The gap, or what of it was explained and what was not, in the order of time."""
    told = _touching(gap, reasons)
    rest = spans.without(gap, map(_time_of, told))
    if not told or not rest or _reason(gap, told):
        yield Hole(gap, HolePlace.MIDDLE, _reason(gap, told))
        return
    holes = [Hole(each, HolePlace.MIDDLE) for each in rest]
    holes += (
        Hole(part, HolePlace.MIDDLE, _touching(part, told)[-1].reason)
        for part in spans.without(gap, rest)
    )
    yield from sorted(holes, key=lambda each: each.span.began_at)


def _reason(hole: Interval, reasons: Iterable[GapReason]) -> str | None:
    """The last reason, where they explain all of the hole; some minutes explain no more."""
    told = _touching(hole, reasons)
    if any(map(_is_point, told)) or (told and not spans.without(hole, map(_time_of, told))):
        return told[-1].reason
    return None


def _touching(hole: Interval, reasons: Iterable[GapReason]) -> list[GapReason]:
    return [
        each
        for each in reasons
        if each.began_at <= hole.ended_at + GAP_TOLERANCE
        and each.ended_at >= hole.began_at - GAP_TOLERANCE
    ]


def _is_point(reason: GapReason) -> bool:
    """Nobody said until when: it speaks of the hole at whose edge it stands."""
    return reason.began_at == reason.ended_at


def _time_of(reason: GapReason) -> Interval:
    # Officers write times down to the minute.
    return Interval(reason.began_at - EDGE_TOLERANCE, reason.ended_at + EDGE_TOLERANCE)


def _confidence(
    scene: Scene, shown: tuple[Placed, ...], placed: PlacedFootage, *, is_provisional: bool
) -> Confidence:
    if placed.timeless or any(_touches(each, scene) for each in placed.withheld):
        return Confidence.DOUBTFUL
    # Footage by a wrong clock that lies beside the scene might belong within; and of a year whose
    # holidays are not announced nobody knows for certain that the time is up.
    words = [Confidence.PROBABLE] if is_provisional else []
    return least_sure([*words, *(each.confidence for each in shown or placed.counted)])


def coverage(measured: Measured) -> SceneCoverage:
    """What pages and figures are told of a scene."""
    scene, window = measured.scene, measured.scene.span
    return SceneCoverage(
        key=scene.key,
        agency=scene.agency,
        kind=scene.kind,
        act_type=scene.act_type,
        stage=scene.stage,
        matter=scene.matter,
        officers=tuple(officer.number for officer in scene.officers),
        state=_state(measured),
        level=scene.level,
        rule=scene.rule.code if scene.rule else None,
        legal_basis=scene.rule.legal_basis if scene.rule else None,
        began_at=scene.began_at,
        ended_at=scene.ended_at,
        expected_ms=spans.milliseconds(window.ended_at - window.began_at)
        if window and scene.level.must
        else 0,
        covered_ms=measured.covered_ms if scene.level.must else 0,
        holes=measured.holes,
        recordings=measured.recordings,
        due_at=measured.due.at,
        provisional=measured.due.provisional,
        confidence=measured.confidence,
    )


def _state(measured: Measured) -> SceneState:
    if measured.scene.level is DutyLevel.EXEMPT:
        return SceneState.EXEMPT
    if not measured.scene.level.must:
        return SceneState.OPTIONAL
    if measured.scene.span is None:
        # Whenever they left: nothing of it is there, and it is too late to bring it.
        return SceneState.UNRECORDED if measured.is_missed else SceneState.OPEN
    if measured.footage and not measured.holes:
        return SceneState.RECORDED
    if not measured.is_due:
        return SceneState.AWAITED
    return SceneState.HOLES if measured.footage else SceneState.UNRECORDED
