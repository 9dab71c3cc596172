"""Registries: the tree, officers with certificates, powers, and taking a table."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from recorder.domain.ids import AgencyId
from recorder.domain.instant import Instant
from recorder.domain.registry_columns import COLUMNS, RegistryKind
from recorder.domain.validity import EVER, FURTHER_NOTICE
from recorder.services import directory, importing, registries
from recorder.web.import_body import table_of
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages.forms import identifier, posted
from recorder.web.pages.rendering import draw, page

#: Terms are open at these.
_OPEN: dict[str, Any] = {"ever": EVER, "further_notice": FURTHER_NOTICE}


async def organisations(request: web.Request) -> web.StreamResponse:
    deps, asked = request.app[DEPS], registries.read_day(request.query.get("day", ""))
    lines = await registries.tree(deps, request[ACTOR], asked)
    names = {line.organisation.agency: line.organisation.name for line in lines}
    return await page(
        request, "organisations.html", lines=lines, names=names,
        day=asked or registries.today(deps), **_OPEN,
    )  # fmt: skip


async def officers(request: web.Request) -> web.StreamResponse:
    deps, actor = request.app[DEPS], request[ACTOR]
    q, after = request.query.get("q", "").strip(), request.query.get("after")
    asked = registries.read_day(request.query.get("day", ""))
    lines, more = await registries.list_officers(deps, actor, q or None, after, asked)
    return await page(
        request, "officers.html", lines=lines, more=more, q=q, asked=asked,
        today=asked or registries.today(deps),
        agencies=await directory.list_agencies(deps, actor), **_OPEN,
    )  # fmt: skip


async def matters(request: web.Request) -> web.StreamResponse:
    deps, actor = request.app[DEPS], request[ACTOR]
    q = request.query.get("q", "").strip()
    asked = registries.read_day(request.query.get("day", ""))
    found, more = await registries.list_matters(deps, actor, q or None, _after(request), asked)
    return await page(
        request, "matters.html", matters=found, more=more, q=q, asked=asked,
        today=asked or registries.today(deps),
        agencies=await directory.list_agencies(deps, actor), **_OPEN,
    )  # fmt: skip


async def rosters(request: web.Request) -> web.StreamResponse:
    """Who is on duty on a day, today unless another is asked for."""
    deps, actor = request.app[DEPS], request[ACTOR]
    day = registries.read_day(request.query.get("day", "")) or registries.today(deps)
    officer, at = request.query.get("after"), request.query.get("at")
    after = (officer, Instant.parse(at).at) if officer and at else None
    lines, more = await registries.list_rosters(deps, actor, day, after)
    return await page(
        request, "rosters.html", lines=lines, more=more, day=day,
        agencies=await directory.list_agencies(deps, actor),
    )  # fmt: skip


def _after(request: web.Request) -> tuple[str, AgencyId] | None:
    code, agency = request.query.get("after"), request.query.get("agency")
    return (code, AgencyId(identifier(agency))) if code and agency else None


async def show_import(request: web.Request) -> web.StreamResponse:
    deps, actor = request.app[DEPS], request[ACTOR]
    return await page(
        request, "import.html", files=(await importing.list_files(deps, actor)).items,
        kinds=[kind for kind in RegistryKind if actor.city or kind not in importing.OF_ALL],
        columns={kind: COLUMNS[kind] for kind in RegistryKind},
        agencies=await directory.list_agencies(deps, actor),
    )  # fmt: skip


@posted("/import")
async def take_import(request: web.Request) -> web.StreamResponse:
    """The table as the body itself, so that its length is no form's; answers with what it does."""
    asked = request.query
    is_trial = asked.get("dry_run") != "no"
    async with table_of(request) as content:
        outcome = await importing.import_file(
            request.app[DEPS],
            request[ACTOR],
            kind=asked.get("kind", ""),
            content=content,
            file_name=asked.get("name", ""),
            agency=asked.get("agency") or None,
            dry_run=is_trial,
        )
    return draw(request, "import_outcome.html", outcome=outcome, is_trial=is_trial)
