"""Which case footage belongs to: evidence, each with its stated weight, and when it is clear.

One clear candidate is linked, and said to be linked by rule; several or weak ones are shown to a
person with their reasons. A false link hides an omission, so what contradicts weighs as much as
what speaks for it (docs/design/attribution.md).
"""

from __future__ import annotations

import enum
import math
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from recorder.domain.case import Stage
from recorder.domain.ids import CaseId, RecordingId
from recorder.domain.instant import CHINA, is_plausible

#: How far footage may reach beyond a scene when its clock was compared, and when it was not.
TOLERANCE, TOLERANCE_UNCOMPARED = timedelta(seconds=60), timedelta(minutes=16)
#: So soon after an arrival whose leaving was not told footage began there.
_SOON = timedelta(minutes=15)
#: The least part of the footage that must lie within the scene.
_LEAST_SHARE = 0.5
_AT_PLACE_M, _NEAR_M, _FAR_M = 250.0, 1_000.0, 5_000.0
#: A scan was made while filming, or shortly before.
_SCAN_BEFORE = timedelta(minutes=2)
#: What a link by rule needs, and how far behind the next case must be.
CLEAR_POINTS, CLEAR_MARGIN = 75, 30
#: Fewer are not worth a person's time.
WORTH_SHOWING, MOST_SHOWN = 30, 5
_EARTH_M = 6_371_000.0


class Evidence(enum.StrEnum):
    """What speaks for a scene, or against it. Stable words: proposals keep them."""

    #: The case's number stands in the file name, the note or the metadata.
    NUMBER_NAMED = "number_named"
    #: The case's number, or its scan registration, was filmed as a code.
    CODE_FILMED = "code_filmed"
    TIME_WITHIN = "time_within"
    #: The clock was not compared, so time says less.
    TIME_ABOUT = "time_about"
    #: By the hand-over log the wearer took part, or did not.
    WEARER_THERE = "wearer_there"
    WEARER_ELSEWHERE = "wearer_elsewhere"
    #: The officer that the camera names took part, or did not.
    OFFICER_THERE = "officer_there"
    OFFICER_ELSEWHERE = "officer_elsewhere"
    PLACE_THERE = "place_there"
    PLACE_NEAR = "place_near"
    PLACE_FAR = "place_far"
    #: The company's code was scanned while this was filmed.
    SCANNED_MEANWHILE = "scanned_meanwhile"
    #: The roster names the case, the inspection or the scan as what the officer was to do then.
    TASK_ROSTERED = "task_rostered"
    #: The officers' only task of the day.
    ONLY_TASK = "only_task"


POINTS: Mapping[Evidence, int] = {
    Evidence.NUMBER_NAMED: 100,
    Evidence.CODE_FILMED: 100,
    Evidence.TIME_WITHIN: 45,
    Evidence.TIME_ABOUT: 10,
    Evidence.WEARER_THERE: 30,
    Evidence.WEARER_ELSEWHERE: -30,
    Evidence.OFFICER_THERE: 20,
    Evidence.OFFICER_ELSEWHERE: -25,
    Evidence.PLACE_THERE: 25,
    Evidence.PLACE_NEAR: 10,
    Evidence.PLACE_FAR: -60,
    Evidence.SCANNED_MEANWHILE: 10,
    Evidence.TASK_ROSTERED: 10,
    Evidence.ONLY_TASK: 5,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clue:
    """What is known of one recording."""

    recording: RecordingId
    #: By the camera's clock; without both only numbers and codes speak.
    began_at: datetime | None = None
    ended_at: datetime | None = None
    #: The camera's clock minus ours; None where nobody compared.
    clock_offset_ms: int | None = None
    #: Who wore the camera by the hand-over log, and whom the camera names.
    wearer: str | None = None
    officer: str | None = None
    #: Degrees of latitude and longitude.
    place: tuple[float, float] | None = None
    #: Search keys of numbers in the file name, the note and the metadata; of filmed codes.
    named: frozenset[str] = frozenset()
    filmed: frozenset[str] = frozenset()
    #: Search keys of what the roster says wearer or officer were to do then.
    tasks: frozenset[str] = frozenset()
    #: Cases from which a person has taken this recording away, or which a person refused.
    refused: frozenset[CaseId] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class PossibleScene:
    """A scene that footage may belong to; without a time, a case known by its numbers only."""

    case: CaseId
    event: uuid.UUID | None = None
    stage: Stage | None = None
    began_at: datetime | None = None
    #: None until the leaving was told.
    ended_at: datetime | None
    officers: frozenset[str] = frozenset()
    #: Degrees of latitude and longitude.
    place: tuple[float, float] | None = None
    #: Search keys of the case's numbers, and of its scan.
    numbers: frozenset[str] = frozenset()
    scanned_at: datetime | None = None
    #: None of its officers has another task that day.
    only_task: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A scene with what speaks for and against it."""

    scene: PossibleScene
    evidence: tuple[Evidence, ...]

    @property
    def points(self) -> int:
        return sum(POINTS[one] for one in self.evidence)


@dataclass(frozen=True, slots=True)
class Attribution:
    """What follows: a clear case, or candidates for a person, or nothing."""

    clear: Candidate | None = None
    proposals: tuple[Candidate, ...] = field(default=())


def attribute(clue: Clue, scenes: Iterable[PossibleScene]) -> Attribution:
    """The one clear candidate, else the best of those that a person should look at.

    The order of the scenes does not matter.
    """
    best: dict[CaseId, Candidate] = {}
    for scene in sorted(scenes, key=lambda s: (str(s.began_at), str(s.event))):
        if scene.case in clue.refused:
            continue
        candidate = Candidate(scene, tuple(_evidence(clue, scene)))
        known = best.get(scene.case)
        if candidate.evidence and (known is None or known.points < candidate.points):
            best[scene.case] = candidate
    ranked = sorted(best.values(), key=lambda c: (-c.points, c.scene.case))
    if not ranked:
        return Attribution()
    behind = max(0, ranked[1].points) if len(ranked) > 1 else 0
    first = ranked[0]
    if first.points >= CLEAR_POINTS and first.points - behind >= CLEAR_MARGIN:
        return Attribution(clear=first)
    shown = [c for c in ranked[:MOST_SHOWN] if c.points >= WORTH_SHOWING]
    return Attribution(proposals=tuple(shown))


def with_tasks(scenes: Iterable[PossibleScene]) -> list[PossibleScene]:
    """The scenes, those marked whose officers have no other case on that day."""
    every = list(scenes)
    busy: dict[tuple[str, date], set[CaseId]] = {}
    for scene in every:
        for key in _days(scene):
            busy.setdefault(key, set()).add(scene.case)
    return [
        replace(s, only_task=bool(s.officers) and all(len(busy[k]) == 1 for k in _days(s)))
        for s in every
    ]


def _days(scene: PossibleScene) -> list[tuple[str, date]]:
    if scene.began_at is None:
        return []
    day = scene.began_at.astimezone(CHINA).date()
    return [(officer, day) for officer in scene.officers]


def window(clue: Clue) -> tuple[datetime, datetime] | None:
    """From when to when scenes may matter; None when the footage cannot be placed."""
    span = _true_span(clue)
    if span is None:
        return None
    tolerance = _tolerance(clue)
    return span[0] - tolerance, span[1] + tolerance


def _evidence(clue: Clue, scene: PossibleScene) -> Iterable[Evidence]:
    """Everything that bears on the scene; nothing when neither time nor a number leads to it."""
    named = [
        evidence
        for evidence, keys in (
            (Evidence.NUMBER_NAMED, clue.named),
            (Evidence.CODE_FILMED, clue.filmed),
        )
        if keys & scene.numbers
    ]
    when = _when(clue, scene)
    if not named and when is None:
        return
    yield from named
    if when is not None:
        yield when
    yield from _who(clue, scene)
    where = _where(clue, scene)
    if where is not None:
        yield where
    if _scanned_meanwhile(clue, scene):
        yield Evidence.SCANNED_MEANWHILE
    if clue.tasks & scene.numbers:
        yield Evidence.TASK_ROSTERED
    elif scene.only_task:
        yield Evidence.ONLY_TASK


def _scanned_meanwhile(clue: Clue, scene: PossibleScene) -> bool:
    span = _true_span(clue)
    if span is None or clue.clock_offset_ms is None or scene.scanned_at is None:
        return False
    return span[0] - _SCAN_BEFORE <= scene.scanned_at <= span[1]


def _who(clue: Clue, scene: PossibleScene) -> Iterable[Evidence]:
    if not scene.officers:
        return
    if clue.wearer is not None:
        there = clue.wearer in scene.officers
        yield Evidence.WEARER_THERE if there else Evidence.WEARER_ELSEWHERE
    if clue.officer is not None:
        there = clue.officer in scene.officers
        yield Evidence.OFFICER_THERE if there else Evidence.OFFICER_ELSEWHERE


def _true_span(clue: Clue) -> tuple[datetime, datetime] | None:
    if clue.began_at is None or clue.ended_at is None or clue.ended_at <= clue.began_at:
        return None
    if not (is_plausible(clue.began_at) and is_plausible(clue.ended_at)):
        return None
    shift = timedelta(milliseconds=-(clue.clock_offset_ms or 0))
    return clue.began_at + shift, clue.ended_at + shift


def _tolerance(clue: Clue) -> timedelta:
    return TOLERANCE if clue.clock_offset_ms is not None else TOLERANCE_UNCOMPARED


def _when(clue: Clue, scene: PossibleScene) -> Evidence | None:
    span = _true_span(clue)
    if span is None or scene.began_at is None:
        return None
    tolerance = _tolerance(clue)
    began, ended = scene.began_at - tolerance, (scene.ended_at or span[1]) + tolerance
    together = min(span[1], ended) - max(span[0], began)
    if together < _LEAST_SHARE * (span[1] - span[0]):
        return None
    if clue.clock_offset_ms is None:
        return Evidence.TIME_ABOUT
    # An open end says when it began and no more: they may have left soon, and filmed elsewhere.
    is_open = scene.ended_at is None and span[0] - scene.began_at > _SOON
    return Evidence.TIME_ABOUT if is_open else Evidence.TIME_WITHIN


def _where(clue: Clue, scene: PossibleScene) -> Evidence | None:
    if clue.place is None or scene.place is None:
        return None
    apart = distance_m(*clue.place, *scene.place)
    if apart <= _AT_PLACE_M:
        return Evidence.PLACE_THERE
    if apart <= _NEAR_M:
        return Evidence.PLACE_NEAR
    return Evidence.PLACE_FAR if apart > _FAR_M else None


def distance_m(latitude: float, longitude: float, other_lat: float, other_lon: float) -> float:
    """Metres along the ground; good enough within a city."""
    a, b = math.radians(latitude), math.radians(other_lat)
    across = math.radians(other_lon - longitude) * math.cos((a + b) / 2)
    return _EARTH_M * math.hypot(b - a, across)
