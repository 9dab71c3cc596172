"""Published subjects, entrustments and days off; what was ever said of one row of any registry."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from recorder.domain.registry_columns import RegistryKind
from recorder.domain.validity import EVER, FURTHER_NOTICE
from recorder.errors import InvalidInput
from recorder.services import directory, registries, registry_looks
from recorder.web.api.parameters import id_in_path
from recorder.web.exports import exported, wanted_form
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages.forms import identifier
from recorder.web.pages.rendering import page

_OPEN: dict[str, Any] = {"ever": EVER, "further_notice": FURTHER_NOTICE}


async def subjects(request: web.Request) -> web.StreamResponse:
    """Of a day; as a list, as a table, or as a page for publication."""
    deps, actor = request.app[DEPS], request[ACTOR]
    asked = registries.read_day(request.query.get("day", ""))
    q = request.query.get("q", "").strip()
    if form := wanted_form(request):
        lines = await registry_looks.table(deps, actor, RegistryKind.SUBJECTS, asked, q or None)
        return await exported(form, "执法主体", lines)
    return await page(
        request,
        "subjects_published.html" if request.path.endswith("/publication") else "subjects.html",
        subjects=await registry_looks.subjects(deps, actor, asked, q or None), q=q,
        day=asked or registries.today(deps),
        agencies=await directory.list_agencies(deps, actor), **_OPEN,
    )  # fmt: skip


async def entrustments(request: web.Request) -> web.StreamResponse:
    deps, actor = request.app[DEPS], request[ACTOR]
    asked = registries.read_day(request.query.get("day", ""))
    q, after = request.query.get("q", "").strip(), request.query.get("after")
    if form := wanted_form(request):
        kind = RegistryKind.ENTRUSTMENTS
        lines = await registry_looks.table(deps, actor, kind, asked, q or None)
        return await exported(form, "行政执法委托", lines)
    found, more = await registry_looks.entrustments(
        deps, actor, asked, q or None, identifier(after) if after else None
    )
    return await page(
        request, "entrustments.html", entrustments=found, more=more, q=q,
        day=asked or registries.today(deps), **_OPEN,
    )  # fmt: skip


async def holidays(request: web.Request) -> web.StreamResponse:
    """A year as deadlines count it."""
    deps, actor = request.app[DEPS], request[ACTOR]
    number = _year(request.query.get("year", "")) or registries.today(deps).year
    year = await registry_looks.holidays(deps, number)
    if form := wanted_form(request):
        first = registries.read_day(f"{number}-01-01")
        lines = await registry_looks.table(deps, actor, RegistryKind.HOLIDAYS, first)
        return await exported(form, f"{number}年节假日", lines)
    return await page(request, "holidays.html", year=year)


def _year(text: str) -> int | None:
    if not text:
        return None
    if len(text) == 4 and text.isascii() and text.isdecimal():
        return int(text)
    raise InvalidInput("query-invalid", "A year is written like 2026.")


def said_of(kind: RegistryKind) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The page that shows what was ever said of one row of this kind."""

    async def show(request: web.Request) -> web.StreamResponse:
        said, papers = await registry_looks.said_of(
            request.app[DEPS], request[ACTOR], kind, id_in_path(request)
        )
        return await page(
            request, "registry_history.html", kind=kind.value, said=said, papers=papers,
            coded=CODED, **_OPEN,
        )  # fmt: skip

    return show


#: Facts whose values have words of their own.
CODED = {
    "subject_kind": "subject_kind",
    "day_kind": "day_kind",
    "act_type": "registry_act_type",
    "organisation_kind": "organisation_kind",
}
