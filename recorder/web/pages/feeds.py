"""The page of sources: how late each is, what came by day, what waits and how it is mended."""

from __future__ import annotations

from datetime import date

from aiohttp import web

from recorder.domain.case import Stage
from recorder.domain.case_event import ActType, EventKind
from recorder.domain.feed.mapping import MappedField
from recorder.errors import InvalidInput
from recorder.services import directory
from recorder.services.feeding import proposing, replaying, sources
from recorder.services.feeding.batch import Outcome
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages.forms import go, posted, read_form
from recorder.web.pages.rendering import page

#: What the form of a code offers, by the member it stands in; documents take any word.
CHOICES: dict[str, tuple[str, ...]] = {
    MappedField.EVENT.value: tuple(EventKind),
    MappedField.ACT_TYPE.value: tuple(ActType),
    MappedField.STAGE.value: tuple(Stage),
}

#: Of what waits in one pool, while others stand beside it.
_MOST_LINES = 10


async def show(request: web.Request) -> web.StreamResponse:
    """Every source with its days and what waits most, or one with all of it; cases that join."""
    deps, actor = request.app[DEPS], request[ACTOR]
    found = await sources.list_sources(deps, actor)
    asked = request.query.get("source")
    if asked is not None:
        found = [each for each in found if each.name == asked]
    joined = await proposing.list_proposals(deps, actor, request.query.get("cursor"))
    now = deps.clock.now()
    return await page(
        request,
        "feeds.html",
        views=[await replaying.view_source(deps, actor, each.name) for each in found],
        proposals=joined.items if asked is None else (),
        more=joined.next if asked is None else None,
        asked=asked,
        most_lines=None if asked is not None else _MOST_LINES,
        agencies=await directory.list_agencies(deps, actor),
        choices=CHOICES,
        late=lambda at: None if at is None else max(0, int((now - at).total_seconds() * 1000)),
    )


@posted("/feeds")
async def map_code(request: web.Request) -> web.StreamResponse:
    form = await read_form(request)
    field, value = form.text("field"), form.optional("value")
    if field not in set(MappedField):
        raise InvalidInput("form-invalid", "The form holds something unknown.")
    found = await replaying.map_code(
        request.app[DEPS],
        request[ACTOR],
        request.match_info["source"],
        field=MappedField(field),
        code=form.text("code"),
        value=None if form.text("ignore") else value,
        valid_from=_day(form.optional("valid_from")),
    )
    mended = sum(found.values()) - found[Outcome.POOLED]
    return go("/feeds", done="feed-mapped", count=mended)


@posted("/feeds")
async def decide(request: web.Request) -> web.StreamResponse:
    form = await read_form(request)
    await proposing.decide(
        request.app[DEPS],
        request[ACTOR],
        form.identifier("proposal"),
        merge=form.text("decision") == "merge",
        reason=form.text("reason"),
    )
    return go("/feeds", done="merge-decided")


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise InvalidInput("form-invalid", "The form holds something unknown.") from error
