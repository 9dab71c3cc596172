"""Footage that may belong to a case, for people who decide."""

from __future__ import annotations

from aiohttp import web

from recorder.domain.ids import CaseId, RecordingId
from recorder.services import casework
from recorder.web.api.parameters import id_in_path
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages.forms import go, local, posted, read_form
from recorder.web.pages.rendering import page


async def show(request: web.Request) -> web.StreamResponse:
    """All undecided proposals in sight, the newest first."""
    found = await casework.find_proposals(
        request.app[DEPS], request[ACTOR], request.query.get("cursor")
    )
    return await page(request, "proposals.html", proposals=found.items, more=found.next)


@posted("/proposals")
async def decide(request: web.Request) -> web.StreamResponse:
    form, recording = await read_form(request), RecordingId(id_in_path(request))
    decision = form.text("decision")
    await casework.decide(
        request.app[DEPS], request[ACTOR], recording, CaseId(id_in_path(request, "case")), decision
    )
    back = local(form.text("back"), f"/recordings/{recording}")
    return go(back, done="linked" if decision == "accepted" else "proposal-rejected")
