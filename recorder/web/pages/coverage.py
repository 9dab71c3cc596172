"""The supervisor's figures: what had to be recorded and was, agency by agency, and as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from aiohttp import web

from recorder.domain.instant import CHINA
from recorder.errors import InvalidInput
from recorder.services import dashboard
from recorder.store.coverage.days import SceneCount
from recorder.web.exports import exported, wanted_form
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages.findings import day_of
from recorder.web.pages.rendering import page

_USUAL_DAYS, _MOST_DAYS = 30, 3660
_COLUMNS = ("scenes", "must", "recorded", "holes", "unrecorded", "awaited")


@dataclass(frozen=True, slots=True)
class FigureRow:
    """An agency's figures in a span of days, and in the span of the same length before it."""

    code: str
    name: str
    now: SceneCount
    before: SceneCount

    @property
    def permille(self) -> int | None:
        return self.now.permille

    @property
    def permille_before(self) -> int | None:
        return self.before.permille


async def show(request: web.Request) -> web.StreamResponse:
    first, last = _span(request)
    rows = await _rows(request, first, last)
    if form := wanted_form(request):
        return await exported(form, f"coverage-{first}-{last}", _lines(rows))
    return await page(
        request,
        "coverage.html",
        rows=rows,
        total=_total(rows),
        first=first,
        last=last,
        today=_today(request),
        columns=_COLUMNS,
    )


def _today(request: web.Request) -> date:
    return request.app[DEPS].clock.now().astimezone(CHINA).date()


def _span(request: web.Request) -> tuple[date, date]:
    last = day_of(request.query.get("to", "")) or _today(request)
    first = day_of(request.query.get("from", "")) or last - timedelta(days=_USUAL_DAYS - 1)
    if not 0 <= (last - first).days < _MOST_DAYS:
        raise InvalidInput("form-invalid", "The first day comes before the last one.")
    return first, last


async def _rows(request: web.Request, first: date, last: date) -> list[FigureRow]:
    question = dashboard.Question(first=first, last=last)
    told = await dashboard.dashboard(request.app[DEPS], request[ACTOR], question)
    return [
        FigureRow(one.place.code, one.place.name, one.scenes, one.before or SceneCount())
        for one in told.lines
        if one.scenes.scenes
    ]


def _total(rows: list[FigureRow]) -> FigureRow:
    now, before = SceneCount(), SceneCount()
    for row in rows:
        now.add(row.now)
        before.add(row.before)
    return FigureRow("", "", now, before)


def _lines(rows: list[FigureRow]) -> Iterator[Sequence[str | int | None]]:
    yield ("agency", "name", *_COLUMNS, "covered_permille", "covered_permille_before")
    for row in rows:
        counts = [getattr(row.now, name) for name in _COLUMNS]
        yield (row.code, row.name, *counts, row.permille, row.permille_before)
