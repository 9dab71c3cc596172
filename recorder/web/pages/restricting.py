"""The forms of recordings and livestreams that restrict who may watch them, and end that."""

from __future__ import annotations

from aiohttp import web

from recorder.domain.ids import LivestreamId, RecordingId, RestrictionId
from recorder.domain.restriction import RestrictionGround
from recorder.errors import InvalidInput
from recorder.services import live, review
from recorder.web.api.parameters import id_in_path
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages.forms import Form, go, posted, read_form


@posted("/recordings")
async def restrict(request: web.Request) -> web.StreamResponse:
    recording, form = RecordingId(id_in_path(request)), await read_form(request)
    await review.restrict(
        request.app[DEPS], request[ACTOR], recording, ground=_ground(form), basis=form.text("basis")
    )
    return go(f"/recordings/{recording}", done="restricted")


@posted("/recordings")
async def lift(request: web.Request) -> web.StreamResponse:
    recording, form = RecordingId(id_in_path(request)), await read_form(request)
    await review.lift_restriction(
        request.app[DEPS], request[ACTOR], recording,
        RestrictionId(id_in_path(request, "restriction")), reason=form.text("reason"),
    )  # fmt: skip
    return go(f"/recordings/{recording}", done="restriction-lifted")


@posted("/livestreams")
async def restrict_livestream(request: web.Request) -> web.StreamResponse:
    livestream, form = LivestreamId(id_in_path(request)), await read_form(request)
    await live.restrict_livestream(
        request.app[DEPS], request[ACTOR], livestream,
        ground=_ground(form), basis=form.text("basis"),
    )  # fmt: skip
    return go(f"/livestreams/{livestream}", done="restricted")


@posted("/livestreams")
async def lift_from_livestream(request: web.Request) -> web.StreamResponse:
    livestream, form = LivestreamId(id_in_path(request)), await read_form(request)
    await live.lift_livestream_restriction(
        request.app[DEPS], request[ACTOR], livestream,
        RestrictionId(id_in_path(request, "restriction")), reason=form.text("reason"),
    )  # fmt: skip
    return go(f"/livestreams/{livestream}", done="restriction-lifted")


def _ground(form: Form) -> RestrictionGround:
    ground = form.text("ground")
    if ground not in set(RestrictionGround):
        raise InvalidInput("form-invalid", "The form names an unknown ground.")
    return RestrictionGround(ground)
