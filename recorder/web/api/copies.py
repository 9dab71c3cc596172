"""Card copies beside live copies: see, decide, release."""

from __future__ import annotations

from aiohttp import web

from recorder.domain.ids import RecordingId
from recorder.services import card_copies
from recorder.web import schemas
from recorder.web.api.parameters import id_in_path
from recorder.web.api.recordings import recording_id
from recorder.web.body import read_json
from recorder.web.content import json_answer
from recorder.web.copy_shapes import CopiesShape
from recorder.web.keys import ACTOR, DEPS


async def show(request: web.Request) -> web.StreamResponse:
    return await _answer(request)


async def decide(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.CopyBody)
    await card_copies.decide(
        request.app[DEPS], request[ACTOR], recording_id(request), _other(request),
        state=body.state, reason=body.reason,
    )  # fmt: skip
    return await _answer(request)


async def release(request: web.Request) -> web.StreamResponse:
    return await _release(request, released=True)


async def keep(request: web.Request) -> web.StreamResponse:
    return await _release(request, released=False)


async def _release(request: web.Request, *, released: bool) -> web.StreamResponse:
    body = await read_json(request, schemas.ReasonBody)
    await card_copies.release(
        request.app[DEPS], request[ACTOR], recording_id(request),
        released=released, reason=body.reason,
    )  # fmt: skip
    return await _answer(request)


async def _answer(request: web.Request) -> web.StreamResponse:
    found = await card_copies.copies_of(request.app[DEPS], request[ACTOR], recording_id(request))
    return json_answer(CopiesShape.of(found))


def _other(request: web.Request) -> RecordingId:
    return RecordingId(id_in_path(request, "recording"))
