"""The forms of the page of a recording that restrict who may watch it, and end that."""

from __future__ import annotations

from aiohttp import web

from recorder.domain.ids import RecordingId, RestrictionId
from recorder.domain.restriction import RestrictionGround
from recorder.errors import InvalidInput
from recorder.services import review
from recorder.web.api.parameters import id_in_path
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages.forms import go, posted, read_form


@posted("/recordings")
async def restrict(request: web.Request) -> web.StreamResponse:
    recording, form = RecordingId(id_in_path(request)), await read_form(request)
    ground = form.text("ground")
    if ground not in set(RestrictionGround):
        raise InvalidInput("form-invalid", "The form names an unknown ground.")
    await review.restrict(
        request.app[DEPS], request[ACTOR], recording,
        ground=RestrictionGround(ground), basis=form.text("basis"),
    )  # fmt: skip
    return go(f"/recordings/{recording}", done="restricted")


@posted("/recordings")
async def lift(request: web.Request) -> web.StreamResponse:
    recording, form = RecordingId(id_in_path(request)), await read_form(request)
    await review.lift_restriction(
        request.app[DEPS], request[ACTOR], recording,
        RestrictionId(id_in_path(request, "restriction")), reason=form.text("reason"),
    )  # fmt: skip
    return go(f"/recordings/{recording}", done="restriction-lifted")
