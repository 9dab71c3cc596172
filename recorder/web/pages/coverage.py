"""The supervisor's figures: what had to be recorded and was, agency by agency, and as CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date, timedelta

from aiohttp import hdrs, web

from recorder.domain.instant import CHINA
from recorder.errors import InvalidInput
from recorder.services import dashboard
from recorder.store.coverage.days import SceneCount
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages.findings import day_of
from recorder.web.pages.rendering import page

#: What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
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
    if request.query.get("as") == "csv":
        return _csv(rows, first, last)
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


def _csv(rows: list[FigureRow], first: date, last: date) -> web.Response:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["agency", "name", *_COLUMNS, "covered_permille", "covered_permille_before"])
    for row in rows:
        counts = [getattr(row.now, name) for name in _COLUMNS]
        writer.writerow(
            [safe(row.code), safe(row.name), *counts, row.permille, row.permille_before]
        )
    # The mark tells spreadsheets of the encoding.
    return web.Response(
        body=b"\xef\xbb\xbf" + text.getvalue().encode(),
        content_type="text/csv",
        charset="utf-8",
        headers={hdrs.CONTENT_DISPOSITION: f'attachment; filename="coverage-{first}-{last}.csv"'},
    )


def safe(cell: str) -> str:
    """The text, kept from being taken for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
