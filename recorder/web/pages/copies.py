"""What a person decides on the page of a recording about its card copy or live copy."""

from __future__ import annotations

from aiohttp import web

from recorder.domain.ids import RecordingId
from recorder.errors import InvalidInput
from recorder.services import card_copies
from recorder.web.api.parameters import id_in_path
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages.forms import go, posted, read_form


@posted("/recordings")
async def decide(request: web.Request) -> web.StreamResponse:
    """The two are a pair, or are none."""
    form, recording = await read_form(request), RecordingId(id_in_path(request))
    state = form.text("state")
    if state not in ("matched", "rejected"):
        raise InvalidInput("form-invalid", "A pair is matched or rejected.")
    await card_copies.decide(
        request.app[DEPS], request[ACTOR], recording, RecordingId(id_in_path(request, "recording")),
        state=state, reason=form.text("reason"),
    )  # fmt: skip
    return go(f"/recordings/{recording}", done="copy-decided")


@posted("/recordings")
async def release(request: web.Request) -> web.StreamResponse:
    """Let the live copy's locks end, or keep them."""
    form, recording = await read_form(request), RecordingId(id_in_path(request))
    await card_copies.release(
        request.app[DEPS], request[ACTOR], recording,
        released=form.text("released") == "yes", reason=form.text("reason"),
    )  # fmt: skip
    return go(f"/recordings/{recording}", done="copy-decided")
