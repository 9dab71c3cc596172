"""The supervisor's dashboard: figures of an organisation or an officer, and the weekly sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from aiohttp import web

from recorder.domain.instant import format_utc
from recorder.domain.people import Permission
from recorder.services import dashboard, directory
from recorder.services.dashboard import Comparison, Dashboard, Line
from recorder.store.case_classes import ClassLine
from recorder.store.coverage.lines import DeviceLine, OfficerLine, SceneWithHoles
from recorder.store.coverage.sums import AGES
from recorder.web import i18n
from recorder.web.exports import exported, wanted_form
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages import figure_table
from recorder.web.pages.burning import OLD, Burning, burning
from recorder.web.pages.dashboard_question import Asked, spans
from recorder.web.pages.rendering import locale_of, page

_SECOND = timedelta(seconds=1)
#: That a page shows; an export has more.
_MOST_SCENES = 50
#: Organisations on paper, the worst first; the others are one line.
_MOST_LINES = 40


@dataclass(frozen=True, slots=True)
class LastLevel:
    """Lists behind which there are only cases."""

    officers: Sequence[OfficerLine] = ()
    devices: Sequence[tuple[DeviceLine, int]] = ()
    scenes: Sequence[SceneWithHoles] = ()


async def show(request: web.Request) -> web.StreamResponse:
    agencies = await directory.list_agencies(request.app[DEPS], request[ACTOR])
    asked = Asked.of(request).beside_one_of(agencies)
    told = await dashboard.dashboard(request.app[DEPS], request[ACTOR], asked.question)
    last = await _last_level(request, asked, told)
    classes = await _classes(request, asked, told)
    if form := wanted_form(request):
        messages = i18n.catalogue(locale_of(request))
        (_, lines), *others = figure_table.sheets(
            messages, told, last.officers, last.devices, last.scenes, classes
        )
        return await exported(form, f"coverage-{told.first}-{told.last}", lines, others)
    return await page(
        request,
        "coverage.html",
        asked=asked,
        told=told,
        last=last,
        classes=classes,
        burning=burning(told),
        spans=spans(asked.today),
        comparisons=list(Comparison),
        agencies=agencies,
        links=Links(asked, told),
        most=dashboard.MOST,
        most_scenes=_MOST_SCENES,
    )


async def week(request: web.Request) -> web.StreamResponse:
    """The sheet of a week: on paper, for whoever does not click."""
    asked = Asked.of(request)
    monday = asked.question.last - timedelta(days=asked.question.last.weekday())
    first = monday if "to" in request.query else asked.question.first
    sheet = Asked(_with_days(asked, first, first + timedelta(days=6)), asked.today)
    told = await dashboard.dashboard(request.app[DEPS], request[ACTOR], sheet.question)
    return await page(
        request,
        "coverage_week.html",
        asked=sheet,
        told=told,
        last=await _last_level(request, sheet, told),
        burning=burning(told),
        most_lines=_MOST_LINES,
        rest=dashboard.sum_of(told.lines[_MOST_LINES:]) if len(told.lines) > _MOST_LINES else None,
        links=Links(sheet, told),
        printed_at=request.app[DEPS].clock.now(),
    )


def _with_days(asked: Asked, first: date, last: date) -> dashboard.Question:
    question = asked.question
    return dashboard.Question(
        first=first, last=last, agency=question.agency, officer=question.officer
    )


async def _classes(request: web.Request, asked: Asked, told: Dashboard) -> Sequence[ClassLine]:
    """Cases of the organisation by class; empty where none bears any, and for one officer."""
    actor = request[ACTOR]
    if told.officer is not None or not actor.may(Permission.COMPARE_OFFICERS):
        return ()
    question = asked.question
    if told.place is not None:
        question = replace(question, agency=told.place.code)
    found = await dashboard.classes(request.app[DEPS], actor, question)
    return found if any(each.cases for each in found) else ()


async def _last_level(request: web.Request, asked: Asked, told: Dashboard) -> LastLevel:
    is_file = wanted_form(request) is not None
    many, most = (
        (dashboard.MOST_EXPORTED, dashboard.MOST_EXPORTED)
        if is_file
        else (dashboard.MOST, _MOST_SCENES)
    )
    deps, actor, question = request.app[DEPS], request[ACTOR], asked.question
    if told.officer is not None:
        return LastLevel(scenes=await dashboard.scenes(deps, actor, question, limit=most))
    if not told.has_officers:
        return LastLevel()
    return LastLevel(
        officers=await dashboard.officers(deps, actor, question, limit=many),
        devices=await dashboard.devices(deps, actor, question, limit=many),
        scenes=await dashboard.scenes(deps, actor, question, limit=most),
    )


@dataclass(frozen=True, slots=True)
class Links:
    """Where each figure leads: one level down."""

    asked: Asked
    told: Dashboard

    def line(self, line: Line) -> str:
        """To an organisation below; by itself to its findings."""
        if line.is_own:
            return self.findings(agency=line.place.code)
        return self.asked.address(agency=line.place.code, officer=None, beside=None)

    def officer(self, number: str) -> str:
        return self.asked.address(officer=number, beside=None)

    def findings(self, **words: object) -> str:
        """To the list of findings of these days."""
        told: dict[str, object] = {"from": self.told.first, "to": self.told.last}
        if self.told.officer is not None:
            told["officer"] = self.told.officer[0]
        elif self.told.place is not None:
            told["agency"] = self.told.place.code
        told.update(words)
        return f"/findings?{urlencode({n: str(v) for n, v in told.items() if v})}"

    def burning(self, one: Burning) -> str:
        """To what the sentence is about."""
        if one.line is not None:
            return self.line(one.line)
        return {
            "unrecorded": self.findings(kind="unrecorded"),
            "fallen": "#over-time",
            "waiting": self.findings(**self._older_than(OLD), state="waiting"),
            "pool": self.pool(**self._older_than(OLD)),
            "gaps": self.findings(kind="gap_unexplained"),
            "late": self.findings(kind="upload_late"),
            "idle": "#devices",
        }[one.word]

    def _days_of(self, age: int) -> dict[str, object]:
        """The days of a class of age; the oldest class has no first one."""
        youngest = AGES[age - 1] if age else 0
        first = self.told.today - timedelta(days=AGES[age] - 1) if age < len(AGES) else ""
        return {"from": first, "to": self.told.today - timedelta(days=youngest)}

    def _older_than(self, age: int) -> dict[str, object]:
        """The days of this class of age and of all older ones."""
        return self._days_of(age) | {"from": ""}

    def waiting(self, age: int) -> str:
        """To findings of a class of age that nobody has settled."""
        return self.findings(**self._days_of(age), state="waiting")

    def pool(self, **words: object) -> str:
        """To footage of here that belongs to no case."""
        told: dict[str, object] = {"linked": "no"}
        if self.told.place is not None:
            told["agency"] = self.told.place.code
        told.update(words)
        return f"/recordings?{urlencode({n: str(v) for n, v in told.items() if v})}"

    def pool_of(self, age: int) -> str:
        """To footage of a class of age that belongs to no case."""
        return self.pool(**self._days_of(age))

    def unmarked(self, **words: object) -> str:
        """To footage of these days that bears no mark although the term for that is over."""
        told: dict[str, object] = {"marks": "overdue", "from": self.told.first}
        told["to"] = self.told.last
        if self.told.officer is not None:
            told["officer"] = self.told.officer[0]
        elif self.told.place is not None:
            told["agency"] = self.told.place.code
        told.update(words)
        return f"/recordings?{urlencode({n: str(v) for n, v in told.items() if v})}"

    @staticmethod
    def second(scene: SceneWithHoles, began_at: str) -> str:
        """To the case, and the player at the second before a hole."""
        at = datetime.fromisoformat(began_at) - _SECOND
        return f"/cases/{scene.case}?{urlencode({'at': format_utc(at)})}"
