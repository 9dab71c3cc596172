"""Work in progress, failed work, alarms: what an operator looks at during the day."""

from __future__ import annotations

from aiohttp import web

from recorder.domain.ids import AlarmId, TaskRunId
from recorder.services import alarms, audit, directory, fixity, gateways, tasks
from recorder.web.api.parameters import id_in_path
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages.forms import go, here, posted, read_form
from recorder.web.pages.rendering import page


async def show(request: web.Request) -> web.StreamResponse:
    """Transfers and tasks under way; a script keeps them current."""
    work = await tasks.list_unfinished(request.app[DEPS], request[ACTOR])
    return await page(request, "work.html", work=work)


async def failed(request: web.Request) -> web.StreamResponse:
    """Tasks that ended without success, each with its reason."""
    found = await tasks.list_failed(
        request.app[DEPS], request[ACTOR], request.query.get("cursor"), 50
    )
    return await page(request, "failed.html", runs=found.items, more=found.next)


@posted("/work/failed")
async def retry(request: web.Request) -> web.StreamResponse:
    await tasks.retry(request.app[DEPS], request[ACTOR], TaskRunId(id_in_path(request)))
    return go(here(request, "/work/failed"), done="retried")


async def show_alarms(request: web.Request) -> web.StreamResponse:
    """Open alarms, or all of them."""
    everything = request.query.get("all") == "1"
    found = await alarms.list_alarms(
        request.app[DEPS],
        request[ACTOR],
        open_only=not everything,
        cursor=request.query.get("cursor"),
    )
    about = {alarm.recording for alarm in found.items if alarm.recording}
    return await page(
        request,
        "alarms.html",
        alarms=found.items,
        named=await directory.name_recordings(request.app[DEPS], request[ACTOR], about),
        agencies=await directory.list_agencies(request.app[DEPS], request[ACTOR]),
        more=found.next,
        everything=everything,
    )


async def show_checks(request: web.Request) -> web.StreamResponse:
    """Whether footage is still what was sealed: the age of fixity and the last audits."""
    return await page(
        request,
        "checks.html",
        fixity=await fixity.summary(request.app[DEPS]),
        runs=await audit.last_runs(request.app[DEPS]),
    )


async def show_gateways(request: web.Request) -> web.StreamResponse:
    """Media servers of others, whom they asked about, and what they said that has not come."""
    deps, actor = request.app[DEPS], request[ACTOR]
    found = await gateways.list_gateways(deps, actor)
    return await page(
        request,
        "gateways.html",
        views=[await gateways.view_gateway(deps, actor, each.id) for each in found],
        agencies=await directory.list_agencies(deps, actor),
    )


@posted("/alarms")
async def acknowledge(request: web.Request) -> web.StreamResponse:
    form = await read_form(request)
    await alarms.acknowledge(
        request.app[DEPS], request[ACTOR], AlarmId(id_in_path(request)), form.optional("note")
    )
    return go(here(request, "/alarms"), done="acknowledged")


@posted("/alarms")
async def clear(request: web.Request) -> web.StreamResponse:
    form = await read_form(request)
    await alarms.clear(
        request.app[DEPS], request[ACTOR], AlarmId(id_in_path(request)), form.optional("note")
    )
    return go(here(request, "/alarms"), done="cleared")
