"""One team's year: its cases, laid out as scenes that never overlap, unless that is planted."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from recorder.domain.case import Stage
from recorder.domain.case_event import ActType, EventKind
from recorder.domain.instant import CHINA
from recorder.simulation.calendar import Calendar
from recorder.simulation.dice import Dice
from recorder.simulation.model import Case, Scene, Team
from recorder.simulation.violations import MUST, WHOLE, Planted, choose

#: A working day has six beginnings; a scene is over before the next one begins.
_SLOTS = (9 * 60, 10 * 60 + 15, 13 * 60 + 30, 14 * 60 + 45, 16 * 60, 17 * 60 + 15)
_LATEST_START_MINUTES, _LONGEST_MINUTES = 12, 42
_SIGNS = {ActType.PENALTY: "罚", ActType.INSPECTION: "检", ActType.COERCION: "强"}
#: Numbers of cases that a team may use; twins take theirs from the second half.
_NUMBERS = 10_000
_FAR_AWAY_DEGREES = 0.2


@dataclass(slots=True)
class Day:
    """What a team did on one day."""

    day: date
    opened: list[Case] = field(default_factory=list)
    scenes: list[Scene] = field(default_factory=list)
    moments: list[tuple[Case, EventKind, Stage, datetime]] = field(default_factory=list)
    #: Scans behind which there is nothing, on purpose.
    empty_scans: list[tuple[Case, datetime]] = field(default_factory=list)
    #: Who leads the team is on duty from late in the morning on only.
    late_shift: bool = False


class TeamYear:
    """Lays cases out over the days; what finds no place on its day comes on the next."""

    def __init__(
        self, team: Team, counts: dict[ActType, int], calendar: Calendar, seed: int
    ) -> None:
        self._team, self._calendar = team, calendar
        self._dice = Dice(seed, f"casework/{team.number}")
        kinds = [kind for kind, count in counts.items() for _ in range(count)]
        # Sorting by a throw shuffles.
        self._kinds = [k for _, _, k in sorted((self._dice.between(0, 1), k, k) for k in kinds)]
        #: Day on which it is due, order, and what.
        self._waiting: list[tuple[int, int, Case, EventKind, Stage]] = []
        self._order = self._opened = self._twins = 0

    def days(self) -> Iterator[Day]:
        """The days on which the team worked, in order: all working days, few others."""
        every = self._calendar.days()
        days = [d for d in every if self._calendar.is_working(d) or self._dice.chance(0.05)]
        # The same for all teams, which have their other days each for itself.
        turns = {d: n for n, d in enumerate(d for d in every if self._calendar.is_working(d))}
        for n, day in enumerate(days):
            done = Day(day)
            while self._opened < len(self._kinds) * (n + 1) // len(days):
                self._open(n, done)
            shares, turn = self._team.siblings, turns.get(day)
            own_day_of = shares if turn is not None and turn % shares == self._team.place else 0
            for slot in _SLOTS:
                if not self._waiting or self._waiting[0][0] > n:
                    break
                self._act(done, slot, own_day_of)
            yield done

    def _open(self, n: int, done: Day) -> None:
        case = self._case(self._kinds[self._opened], self._opened)
        self._opened += 1
        done.opened.append(case)
        morning = self._moment(done.day, 8 * 60 + 30)
        if case.act_type is ActType.INSPECTION and self._dice.chance(0.01):
            done.empty_scans.append((case, morning))
            return
        if case.act_type is ActType.COERCION:
            done.moments.append((case, EventKind.DECISION, Stage.DECISION, morning))
            kind = EventKind.SEIZURE if self._dice.chance(0.7) else EventKind.DEMOLITION
            self._later(n, case, kind, Stage.ENFORCEMENT)
            return
        # Only inspections are preceded by a scan of the company's code.
        is_inspection = case.act_type is ActType.INSPECTION
        kind = EventKind.ONSITE_INSPECTION if is_inspection else EventKind.EVIDENCE_TAKING
        self._later(n, case, kind, Stage.INVESTIGATION)
        if case.act_type is ActType.PENALTY and self._dice.chance(0.2):
            done.moments.append((case, EventKind.FILING, Stage.INITIATION, morning))
            self._ordinary(n, case)

    def _ordinary(self, n: int, case: Case) -> None:
        """The further scenes of a penalty by the ordinary procedure."""
        dice = self._dice
        if dice.chance(0.3):
            self._later(n + dice.whole(3, 8), case, EventKind.QUESTIONING, Stage.INVESTIGATION)
        if dice.chance(0.03):
            self._later(n + dice.whole(9, 14), case, EventKind.HEARING, Stage.REVIEW)
        kind = EventKind.SERVICE_IN_PERSON
        if dice.chance(0.5):
            by_leaving = dice.chance(0.8)
            kind = EventKind.SERVICE_BY_LEAVING if by_leaving else EventKind.SERVICE_BY_ANNOUNCEMENT
        self._later(n + dice.whole(15, 30), case, kind, Stage.SERVICE)

    def _later(self, n: int, case: Case, kind: EventKind, stage: Stage) -> None:
        self._order += 1
        heapq.heappush(self._waiting, (n, self._order, case, kind, stage))

    def _act(self, done: Day, slot: int, own_day_of: int) -> None:
        _, order, case, kind, stage = heapq.heappop(self._waiting)
        dice, team = self._dice, self._team
        began = self._moment(done.day, slot, dice.whole(0, _LATEST_START_MINUTES * 60))
        minutes = dice.between(20, _LONGEST_MINUTES) if kind in WHOLE else dice.between(8, 35)
        scene = Scene(
            case=case,
            key=f"{case.key}-S{order}",
            kind=kind,
            stage=stage,
            began=began,
            ended=began + timedelta(minutes=minutes),
            officers=team.officers,
            latitude=team.agency.latitude + dice.between(-0.02, 0.02),
            longitude=team.agency.longitude + dice.between(-0.02, 0.02),
        )
        done.scenes.append(scene)
        if kind not in MUST:
            return
        scanned = case.scan is not None
        scene.planted = choose(
            dice, kind, done.day, self._calendar,
            scanned=scanned, own_day_of=own_day_of, is_first=slot == _SLOTS[0],
        )  # fmt: skip
        if scene.planted == Planted.ONE_OFFICER:
            scene.officers = team.officers[:1]
        elif scene.planted == Planted.EXPIRED_CERTIFICATE:
            scene.officers = (team.officers[0], team.expired)
        elif scene.planted == Planted.EXEMPT:
            scene.exempt = True
        elif scene.planted == Planted.OFF_DUTY:
            done.late_shift = True
        elif scene.planted == Planted.TWO_PLACES:
            twin = self._twin(scene)
            done.opened.append(twin.case)
            done.scenes.append(twin)

    def _twin(self, scene: Scene) -> Scene:
        """A scene far away at the same time, at which the first officer is said to be too."""
        self._twins += 1
        case = self._case(ActType.PENALTY, _NUMBERS // 2 + self._twins)
        return Scene(
            case=case,
            key=f"{case.key}-S1",
            kind=EventKind.EVIDENCE_TAKING,
            stage=Stage.INVESTIGATION,
            began=scene.began + timedelta(minutes=2),
            ended=scene.ended,
            officers=(self._team.stand_in, scene.officers[0]),
            latitude=scene.latitude + _FAR_AWAY_DEGREES,
            longitude=scene.longitude,
            planted=Planted.TWO_PLACES,
        )

    def _case(self, act: ActType, n: int) -> Case:
        team, year = self._team, self._calendar.year
        number = team.place * _NUMBERS + n + 1
        return Case(
            key=f"{team.agency.code}-{team.number}-{n + 1}",
            number=f"{team.agency.sign}{_SIGNS[act]}〔{year}〕{number}号",
            act_type=act,
            matter=team.matters[tuple(_SIGNS).index(act)],
            team=team,
            scan=f"JD{team.number:05d}{n + 1:06d}" if act is ActType.INSPECTION else None,
        )

    def _moment(self, day: date, minute: int, seconds: int = 0) -> datetime:
        moment = datetime.combine(day, time(minute // 60, minute % 60), CHINA)
        return moment.astimezone(UTC) + timedelta(seconds=seconds)
