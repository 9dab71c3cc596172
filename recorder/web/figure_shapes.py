"""JSON of the dashboard's figures, and what may be asked of them."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta
from typing import Annotated

from pydantic import Field, WithJsonSchema
from typing_extensions import override

from recorder.services.dashboard import Comparison, Dashboard, Line, Place, Question, Settled
from recorder.store.case_classes import ClassLine
from recorder.store.coverage.days import SceneCount
from recorder.store.coverage.lines import DeviceLine, OfficerLine, SceneWithHoles
from recorder.store.coverage.sums import DeviceUse
from recorder.web.schemas import Query
from recorder.web.shape import Shape

#: Without days it is asked about so many, today the last.
USUAL_DAYS = 30
_Word = Annotated[str, Field(min_length=1, max_length=100)]
_Comparison = Annotated[
    Comparison, WithJsonSchema({"type": "string", "enum": [one.value for one in Comparison]})
]


class DaysQuery(Query):
    """Whose figures, of which days."""

    agency: Annotated[_Word | None, Field(description="agency code; else all one sees")] = None
    from_: Annotated[date | None, Field(alias="from", description="first day, in China")] = None
    to: Annotated[date | None, Field(description="last day, in China; else today")] = None

    def days(self, today: date) -> tuple[date, date]:
        last = self.to or today
        return self.from_ or last - timedelta(days=USUAL_DAYS - 1), last

    def question(self, today: date) -> Question:
        first, last = self.days(today)
        return Question(first=first, last=last, agency=self.agency)


class ScenesQuery(DaysQuery):
    """Whose scenes, of which days."""

    officer: Annotated[_Word | None, Field(description="officer's number")] = None

    @override
    def question(self, today: date) -> Question:
        first, last = self.days(today)
        return Question(first=first, last=last, agency=self.agency, officer=self.officer)


class FiguresQuery(ScenesQuery):
    """Whose figures, of which days, beside what."""

    compare: Annotated[
        _Comparison,
        Field(description="with as many days before, the same of the year before, or nothing"),
    ] = Comparison.PREVIOUS
    beside: Annotated[
        _Word | None, Field(description="code of an agency to compare with, in the same days")
    ] = None

    @override
    def question(self, today: date) -> Question:
        first, last = self.days(today)
        return Question(
            first=first,
            last=last,
            agency=self.agency,
            officer=self.officer,
            comparison=self.compare,
            beside=self.beside,
        )


class ScenesShape(Shape):
    """Scenes that were counted."""

    scenes: int
    must: int = Field(description="that must be recorded")
    recorded: int
    holes: int = Field(description="scenes with parts missing")
    unrecorded: int
    awaited: int = Field(description="not all is there, and there is still time")
    gaps: int = Field(description="holes of scenes whose time has passed")
    explained: int = Field(description="those of the gaps that somebody gave a reason for")
    recordings: int = Field(description="that show the scenes")
    late: int = Field(description="those of the recordings that were handed in late")
    expected_ms: int
    covered_ms: int
    missing_ms: int = Field(description="expected, not there, and its time has passed")
    permille: int | None = Field(description="covered of covered and missing; null: nothing due")

    @classmethod
    def of(cls, count: SceneCount) -> ScenesShape:
        return cls.model_validate(count, from_attributes=True)


class SettledShape(Shape):
    """Findings by state."""

    open: int
    replied: int
    appealed: int
    closed: int

    @classmethod
    def of(cls, settled: Settled) -> SettledShape:
        return cls.model_validate(settled, from_attributes=True)


class DeviceUseShape(Shape):
    """Devices of an organisation over the days."""

    registered: int
    used: int = Field(description="with footage, registered or not")
    idle: int = Field(description="registered and without footage")
    days: int = Field(description="days with footage, added up over devices")
    workdays: int = Field(description="those of them that are working days, of registered devices")

    @classmethod
    def of(cls, use: DeviceUse) -> DeviceUseShape:
        return cls.model_validate(use, from_attributes=True)


class PlaceShape(Shape):
    """An organisation."""

    code: str
    name: str
    kind: str | None = Field(description="city, district, street, bureau, branch or entrusted")

    @classmethod
    def of(cls, place: Place) -> PlaceShape:
        return cls(code=place.code, name=place.name, kind=place.kind)


class FigureLineShape(Shape):
    """An organisation's figures; unlinked footage is that of now, however old."""

    place: PlaceShape
    own: bool = Field(description="the organisation by itself, without those below")
    scenes: ScenesShape
    before: ScenesShape | None = Field(description="of what it is compared with")
    late_median_h: int | None = Field(
        description="half of the late recordings came within so many hours behind their term"
    )
    late_p90_h: int | None = Field(description="nine in ten of them")
    findings: SettledShape
    overdue: int = Field(description="of the findings, unanswered although their time is over")
    unlinked: int
    unlinked_ms: int
    recordings: int
    footage_ms: int
    marked: int = Field(description="those of the recordings that bear marks")
    unmarked_overdue: int = Field(description="without a mark although their term is over")
    devices: DeviceUseShape

    @classmethod
    def of(cls, line: Line) -> FigureLineShape:
        return cls(
            place=PlaceShape.of(line.place),
            own=line.is_own,
            scenes=ScenesShape.of(line.scenes),
            before=ScenesShape.of(line.before) if line.before else None,
            late_median_h=line.lateness.median_h,
            late_p90_h=line.lateness.p90_h,
            findings=SettledShape.of(line.findings),
            overdue=line.overdue,
            unlinked=line.unlinked,
            unlinked_ms=line.unlinked_ms,
            recordings=line.recordings,
            footage_ms=line.footage_ms,
            marked=line.marked,
            unmarked_overdue=line.unmarked_overdue,
            devices=DeviceUseShape.of(line.devices),
        )


class WordCountShape(Shape):
    """Scenes of a stage or an act type; '' where none is known."""

    word: str
    scenes: ScenesShape


class TimeCountShape(Shape):
    """Scenes of a day, or of the week or month that begins with it."""

    since: date
    scenes: ScenesShape


class KindCountShape(Shape):
    """Findings of a kind."""

    kind: str
    findings: SettledShape


class UnlinkedAgeShape(Shape):
    """Footage without a case of a class of age."""

    recordings: int
    footage_ms: int


class FiguresShape(Shape):
    """The figures of an organisation or an officer, and of those directly below."""

    first: date
    last: date
    unit: str = Field(description="of `times`: day, week or month")
    path: tuple[PlaceShape, ...] = Field(description="from the top down to whom it is about")
    officer: str | None
    compared_first: date | None
    compared_last: date | None
    beside: PlaceShape | None
    total: FigureLineShape
    below: tuple[FigureLineShape, ...] = Field(description="who has most to mend first")
    stages: tuple[WordCountShape, ...]
    act_types: tuple[WordCountShape, ...]
    times: tuple[TimeCountShape, ...]
    times_before: tuple[TimeCountShape, ...] = Field(description="of what it is compared with")
    kinds: tuple[KindCountShape, ...]
    waiting: tuple[int, ...] = Field(
        description="findings not settled now, of 0-2, 3-7, 8-30, 31-90 and more days"
    )
    unlinked: tuple[UnlinkedAgeShape, ...] = Field(description="footage now, by the same ages")
    workdays: int
    silent_days: int = Field(description="working days without footage of registered devices")
    officers: int = Field(description="on the register today")

    @classmethod
    def of(cls, told: Dashboard) -> FiguresShape:
        return cls(
            first=told.first,
            last=told.last,
            unit=told.unit,
            path=tuple(map(PlaceShape.of, told.path)),
            officer=told.officer[0] if told.officer else None,
            compared_first=told.compared[0] if told.compared else None,
            compared_last=told.compared[1] if told.compared else None,
            beside=PlaceShape.of(told.beside) if told.beside else None,
            total=FigureLineShape.of(told.total),
            below=tuple(map(FigureLineShape.of, told.lines)),
            stages=_words(told.stages),
            act_types=_words(told.act_types),
            times=_times(told.times),
            times_before=_times(told.times_before),
            kinds=tuple(
                KindCountShape(kind=kind, findings=SettledShape.of(settled))
                for kind, settled in told.kinds
            ),
            waiting=told.waiting,
            unlinked=tuple(
                UnlinkedAgeShape(recordings=recordings, footage_ms=footage_ms)
                for recordings, footage_ms in told.unlinked
            ),
            workdays=told.workdays,
            silent_days=told.silent_days,
            officers=told.officers,
        )


def _words(told: tuple[tuple[str, SceneCount], ...]) -> tuple[WordCountShape, ...]:
    return tuple(WordCountShape(word=word, scenes=ScenesShape.of(count)) for word, count in told)


def _times(told: tuple[tuple[date, SceneCount], ...]) -> tuple[TimeCountShape, ...]:
    return tuple(TimeCountShape(since=since, scenes=ScenesShape.of(count)) for since, count in told)


class OfficerFiguresShape(Shape):
    """An officer's figures."""

    officer: str
    name: str
    scenes: ScenesShape
    footage_ms: int
    recordings: int = Field(description="that the officer made")
    marked: int = Field(description="those of them that bear marks")
    unmarked_overdue: int = Field(description="without a mark although their term is over")

    @classmethod
    def of(cls, line: OfficerLine) -> OfficerFiguresShape:
        return cls(
            officer=line.number,
            name=line.name,
            scenes=ScenesShape.of(line.count),
            footage_ms=line.footage_ms,
            recordings=line.recordings,
            marked=line.marked,
            unmarked_overdue=line.unmarked_overdue,
        )


class DeviceFiguresShape(Shape):
    """A device's figures."""

    device: str
    state: str | None = Field(description="active, suspended or lost; null: not registered here")
    days: int = Field(description="with footage")
    silent_days: int = Field(description="working days without")
    recordings: int
    footage_ms: int
    unlinked: int
    last_day: date | None = Field(description="the last one with footage in these days")

    @classmethod
    def of(cls, told: tuple[DeviceLine, int]) -> DeviceFiguresShape:
        line, silent = told
        return cls(
            device=line.number,
            state=line.state,
            days=line.days,
            silent_days=silent,
            recordings=line.recordings,
            footage_ms=line.footage_ms,
            unlinked=line.unlinked,
            last_day=line.last_day,
        )


class ClassFiguresShape(Shape):
    """How many cases are of a class."""

    word: str = Field(
        description="evidence, obstruction, mass_incident, major, first_breach, slight_breach"
    )
    cases: int

    @classmethod
    def of(cls, line: ClassLine) -> ClassFiguresShape:
        return cls(word=line.name.value, cases=line.cases)


class MissingShape(Shape):
    """A piece of a scene without footage."""

    began_at: datetime
    ended_at: datetime
    place: str = Field(description="start, middle, end or whole")
    reason: str | None


class SceneFiguresShape(Shape):
    """A scene with something missing or late."""

    case: uuid.UUID
    number: str
    agency: str
    scene: str = Field(description="its key in the case")
    kind: str
    stage: str | None
    state: str
    officers: tuple[str, ...]
    began_at: datetime
    ended_at: datetime | None
    expected_ms: int
    covered_ms: int
    holes: tuple[MissingShape, ...]
    recordings: tuple[uuid.UUID, ...]
    late: int

    @classmethod
    def of(cls, one: SceneWithHoles) -> SceneFiguresShape:
        return cls(
            case=one.case,
            number=one.number,
            agency=one.agency_code,
            scene=one.key,
            kind=one.kind,
            stage=one.stage,
            state=one.state,
            officers=one.officers,
            began_at=one.began_at,
            ended_at=one.ended_at,
            expected_ms=one.expected_ms,
            covered_ms=one.covered_ms,
            holes=tuple(MissingShape.model_validate(dict(hole)) for hole in one.holes),
            recordings=one.recordings,
            late=one.late,
        )
