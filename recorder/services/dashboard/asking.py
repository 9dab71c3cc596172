"""Answering the dashboard's question: a dozen sums over figures of days, and their names."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Concatenate, ParamSpec, TypeVar

from recorder.domain.case import Stage
from recorder.domain.case_event import ActType
from recorder.domain.finding import FindingKind
from recorder.domain.ids import AgencyId
from recorder.domain.instant import CHINA
from recorder.domain.marking_term import MarkingDue
from recorder.domain.organisation import OrganisationKind
from recorder.domain.organisation_tree import Holding
from recorder.domain.people import Actor, Permission
from recorder.errors import NotFound
from recorder.runtime import Deps
from recorder.services import duties
from recorder.services.coverage import calendar
from recorder.services.dashboard.answer import Dashboard, Line, Place, Settled, settle, sum_of
from recorder.services.dashboard.question import (
    Ground,
    Question,
    by_years,
    ground,
    officer_asked,
    oldest_weeks,
    whole_weeks,
    working_days,
)
from recorder.store import unmarked
from recorder.store.connection import Connection
from recorder.store.coverage import lines, sums, weeks
from recorder.store.coverage.days import SceneCount
from recorder.store.coverage.sums import AGES, SceneLine

#: Above these nobody wants to see officers one by one.
_HIGH = (OrganisationKind.CITY, OrganisationKind.DISTRICT)
#: Gives the line of somebody directly below, made when something is said of it first.
_Lines = Callable[[AgencyId], Line]
_P = ParamSpec("_P")
_T = TypeVar("_T")


async def dashboard(deps: Deps, actor: Actor, question: Question) -> Dashboard:
    """The figures of an organisation or an officer, of those below, and of what it stands beside.

    Raises NotFound ``agency-not-found``, ``officer-not-found``, Forbidden
    ``permission-missing``, InvalidInput ``days-invalid``.
    """
    officer = officer_asked(actor, question)
    asked = _Asked(deps, actor, question)
    if officer is not None:
        return await asked.of_officer(officer)
    return await asked.of_agency()


class _Asked:
    """One question on its way through the sums.

    They are asked for side by side, each on a connection of its own: the sums of a whole city are
    a second's work of one processor.
    """

    def __init__(self, deps: Deps, actor: Actor, question: Question) -> None:
        self._database, self._actor, self._now = deps.database, actor, deps.clock.now()
        self._usual = deps.config.duty_profile
        self._today = self._now.astimezone(CHINA).date()
        self._question = question
        self._scope = actor.scope

    async def of_agency(self) -> Dashboard:
        base, holdings = await self._grounded()
        always = base.always(self._actor, self._today)
        found: dict[AgencyId, Line] = {}

        def line(way: AgencyId) -> Line:
            if way not in found:
                own = base.node is not None and way == base.node.id
                found[way] = Line(place=self._place(base, way), is_own=own)
            return found[way]

        sums_of_scenes = asyncio.gather(
            self._scenes(holdings),
            self._compared(base),
            self._findings(line, holdings),
        )
        others = asyncio.gather(
            self._devices(line, holdings),
            self._unlinked(line, always),
            self._waiting(always),
            self._ask(sums.officers_there, self._scope, always, self._today),
            self._late(line, holdings),
            self._of_footage(line, holdings),
        )
        (
            (told, (compared, beside), kinds),
            (workdays, ages, waiting, officers, _, _),
            _,
        ) = await asyncio.gather(sums_of_scenes, others, self._unmarked(line, holdings))
        seen = {each.way: each.count for each in _by(told, "way") if each.way is not None}
        for way, count in seen.items():
            line(way).scenes = count
        for each in _by(compared, "way"):
            if each.way in seen and beside is None:
                found[each.way].before = each.count
        return self._answer(
            told,
            compared,
            path=self._path(base),
            beside=beside,
            lines=tuple(sorted(found.values(), key=lambda one: (one.burns, one.place.code))),
            kinds=kinds,
            waiting=tuple(waiting.get(age, 0) for age in range(len(AGES) + 1)),
            unlinked=ages,
            workdays=workdays,
            officers=officers,
            has_officers=self._has_officers(base),
        )

    async def of_officer(self, officer: str) -> Dashboard:
        """One officer, by way of the agencies that the scenes belong to."""
        named = await self._ask(lines.officer_named, self._scope, officer)
        home = named[1] if named else self._actor.agency
        base = await self._ask(ground, self._actor, None, self._today)
        question = self._question
        told = await self._officer_scenes(officer, question.first, question.last)
        known = named is not None or bool(told) or officer == self._scope.officer
        if not known and not await self._officer_scenes(officer, date(1970, 1, 1), self._today):
            raise NotFound("officer-not-found", f"There is no officer {officer}.")
        span = question.compared if question.beside is None else None
        compared = await self._officer_scenes(officer, *span) if span else []
        found = [
            Line(place=self._place(base, each.way), is_own=False, scenes=each.count)
            for each in _by(told, "way")
            if each.way is not None
        ]
        recordings, footage_ms, marked = await self._ask(
            lines.filmed_by, self._scope, officer, question.first, question.last
        )
        if found:
            found[0].recordings, found[0].footage_ms = recordings, footage_ms
            found[0].marked = marked
            everywhere = [Holding(one, one, question.first, question.last) for one in base.named]
            if due := await self._due(everywhere):
                late = await self._ask(unmarked.by_officer, self._scope, due, officer)
                found[0].unmarked_overdue = late.get(officer, 0)
            found[0].lateness.add(
                await self._ask(
                    sums.officer_lateness, self._scope, officer, question.first, question.last
                )
            )
        path = self._way(base, home) if home and home in base.named else ()
        return self._answer(
            told,
            compared,
            path=path,
            officer=(officer, named[0] if named else ""),
            lines=tuple(found),
            officers=1,
        )

    async def _ask(
        self,
        statement: Callable[Concatenate[Connection, _P], Awaitable[_T]],
        *args: _P.args,
        **kwargs: _P.kwargs,
    ) -> _T:
        async with self._database.acquire(patient=True) as connection:
            return await statement(connection, *args, **kwargs)

    async def _grounded(self) -> tuple[Ground, list[Holding]]:
        """The organisation asked about, or the only one in sight that has figures; its days."""
        base = await self._ask(ground, self._actor, self._question.agency, self._today)
        span = self._question.first, self._question.last
        holdings = base.holdings(self._actor, *span)
        if base.node is None and (lone := await self._lone(holdings)) in base.named:
            base = replace(base, node=base.named[lone])
            holdings = base.holdings(self._actor, *span)
        return base, holdings

    async def _lone(self, holdings: Sequence[Holding]) -> AgencyId | None:
        """The one above all that has any figures, where others in sight have none."""
        told = {each.way for each in _by(await self._scenes(holdings), "way")}
        told.update(await self._ask(sums.footage, self._scope, holdings))
        return told.pop() if len(told) == 1 else None

    # --- parts ---------------------------------------------------------------------------------

    async def _scenes(self, holdings: Sequence[Holding]) -> list[SceneLine]:
        unit, span = self._question.unit, _span(holdings)
        parts = whole_weeks(*span, holdings) if unit != "day" else None
        if parts is not None:
            return await self._ask(weeks.scenes, self._scope, holdings, unit, parts)
        return await self._ask(sums.scenes, self._scope, holdings, unit)

    async def _late(self, line: _Lines, holdings: Sequence[Holding]) -> None:
        parts = whole_weeks(*_span(holdings), holdings)
        if parts is not None:
            late = await self._ask(weeks.lateness, self._scope, holdings, parts)
        else:
            late = await self._ask(sums.lateness, self._scope, holdings)
        for way, hours in late.items():
            line(way).lateness.add(hours)

    async def _officer_scenes(self, officer: str, first: date, last: date) -> list[SceneLine]:
        return await self._ask(
            sums.officer_scenes, self._scope, officer, first, last, self._question.unit
        )

    async def _compared(self, base: Ground) -> tuple[list[SceneLine], Place | None]:
        span = self._question.compared
        if span is None:
            return [], None
        if self._question.beside is None:
            return await self._scenes(base.holdings(self._actor, *span)), None
        other = await self._ask(ground, self._actor, self._question.beside, self._today)
        told = await self._scenes(other.holdings(self._actor, *span))
        return told, self._path(other)[-1]

    async def _of_footage(self, line: _Lines, holdings: Sequence[Holding]) -> None:
        parts = whole_weeks(*_span(holdings), holdings)
        if parts is not None:
            filmed = await self._ask(weeks.footage, self._scope, holdings, parts)
        else:
            filmed = await self._ask(sums.footage, self._scope, holdings)
        for way, (recordings, footage_ms, marked) in filmed.items():
            line(way).recordings, line(way).footage_ms = recordings, footage_ms
            line(way).marked = marked

    async def _unmarked(self, line: _Lines, holdings: Sequence[Holding]) -> None:
        if due := await self._due(holdings):
            late = await self._ask(unmarked.by_way, self._scope, due)
            for way, recordings in late.items():
                line(way).unmarked_overdue = recordings

    async def _due(self, holdings: Sequence[Holding]) -> list[MarkingDue]:
        return await self._ask(duties.due_for_marking, self._usual, holdings, self._today)

    async def _findings(
        self, line: _Lines, holdings: Sequence[Holding]
    ) -> tuple[tuple[str, Settled], ...]:
        kinds: dict[str, Settled] = defaultdict(Settled)
        parts = whole_weeks(*_span(holdings), holdings)
        if parts is not None:
            found = await self._ask(weeks.findings, self._scope, holdings, parts)
        else:
            found = await self._ask(sums.findings, self._scope, holdings)
        for each in found:
            if each.way is not None:
                settle(line(each.way).findings, each.state, each.findings)
            elif each.kind is not None:
                settle(kinds[each.kind], each.state, each.findings)
        overdue = await self._ask(sums.overdue, self._scope, holdings, self._now)
        for way, late in overdue.items():
            line(way).overdue = late
        order = [kind.value for kind in FindingKind]
        return tuple(sorted(kinds.items(), key=lambda one: (-one[1].waiting, order.index(one[0]))))

    async def _waiting(self, always: Sequence[Holding]) -> dict[int, int]:
        old = oldest_weeks(self._today)
        if old is None or not always:
            return {}
        return await self._ask(weeks.waiting_by_age, self._scope, always, self._today, old)

    async def _unlinked(
        self, line: _Lines, always: Sequence[Holding]
    ) -> tuple[tuple[int, int], ...]:
        ages = [(0, 0)] * (len(AGES) + 1)
        old = oldest_weeks(self._today)
        if old is None or not always:
            return tuple(ages)
        pool = await self._ask(weeks.unlinked, self._scope, always, self._today, old)
        for each in pool:
            if each.way is not None:
                told = line(each.way)
                told.unlinked, told.unlinked_ms = each.recordings, each.footage_ms
            elif each.age is not None:
                ages[each.age] = (each.recordings, each.footage_ms)
        return tuple(ages)

    async def _devices(self, line: _Lines, holdings: Sequence[Holding]) -> int:
        """Writes the use of devices into the lines; gives the working days that have come."""
        first, last = self._question.first, self._question.last
        known = await self._ask(calendar.known)
        working = working_days(known, first, min(last, self._today))
        spans = {(each.first, each.last) for each in holdings}
        use = await self._ask(sums.devices, self._scope, holdings, last, by_years(spans, working))
        for way, devices in use.items():
            line(way).devices = devices
        return len(working)

    # --- the answer ----------------------------------------------------------------------------

    def _answer(
        self,
        told: list[SceneLine],
        compared: list[SceneLine],
        *,
        path: tuple[Place, ...],
        lines: tuple[Line, ...],
        beside: Place | None = None,
        officer: tuple[str, str] | None = None,
        kinds: tuple[tuple[str, Settled], ...] = (),
        waiting: tuple[int, ...] = (),
        unlinked: tuple[tuple[int, int], ...] = (),
        workdays: int = 0,
        officers: int = 0,
        has_officers: bool = False,
    ) -> Dashboard:
        question = self._question
        span = question.compared
        total = sum_of(lines, path[-1] if path else None)
        if span is not None:
            total.before = SceneCount()
            for each in _by(compared, "way"):
                total.before.add(each.count)
        return Dashboard(
            first=question.first,
            last=question.last,
            today=self._today,
            unit=question.unit,
            path=path,
            officer=officer,
            compared=span,
            beside=beside,
            lines=lines,
            total=total,
            stages=_in_order(told, "stage", [stage.value for stage in Stage]),
            act_types=_in_order(told, "act_type", [act.value for act in ActType]),
            times=_times(told),
            times_before=_times(compared),
            kinds=kinds,
            waiting=waiting,
            unlinked=unlinked,
            workdays=workdays,
            officers=officers,
            has_officers=has_officers,
        )

    def _place(self, base: Ground, agency: AgencyId) -> Place:
        named = base.named.get(agency)
        at = base.tree.standing(agency, min(self._question.last, self._today))
        kind = at.kind.value if at else None
        if named is None:
            return Place(agency, "", "", kind)
        return Place(agency, named.code, named.name, kind)

    def _path(self, base: Ground) -> tuple[Place, ...]:
        return self._way(base, base.node.id) if base.node else ()

    def _way(self, base: Ground, agency: AgencyId) -> tuple[Place, ...]:
        """The steps in sight from the top down to the agency."""
        steps = base.tree.path(agency, min(self._question.last, self._today))
        return tuple(self._place(base, step) for step in steps if step in base.named)

    def _has_officers(self, base: Ground) -> bool:
        if base.node is None or not self._actor.may(Permission.COMPARE_OFFICERS):
            return False
        at = base.tree.standing(base.node.id, self._today)
        return at is None or at.kind not in _HIGH


def _span(holdings: Sequence[Holding]) -> tuple[date, date]:
    first = min((each.first for each in holdings), default=date.max)
    return first, max((each.last for each in holdings), default=date.max)


def _by(told: Iterable[SceneLine], by: str) -> list[SceneLine]:
    return [each for each in told if each.by == by]


def _in_order(
    told: Iterable[SceneLine], by: str, order: Sequence[str]
) -> tuple[tuple[str, SceneCount], ...]:
    found = {each.word: each.count for each in _by(told, by) if each.count.must}
    return tuple((word, found[word]) for word in (*order, "") if word in found)


def _times(told: Iterable[SceneLine]) -> tuple[tuple[date, SceneCount], ...]:
    return tuple((each.since, each.count) for each in _by(told, "since") if each.since)
