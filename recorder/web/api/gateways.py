"""Hooks of gateways in their own formats, and gateways for those who look after them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import parse_qsl

from aiohttp import web

from recorder.domain.gateway import Fields, GatewayKind, Refusal, Word, read
from recorder.domain.ids import DockId
from recorder.errors import Forbidden, InvalidInput, Unauthenticated
from recorder.services import gateways
from recorder.web import gateway_shapes as shapes
from recorder.web import schemas
from recorder.web.api.parameters import id_in_path
from recorder.web.body import read_body, read_json, read_query
from recorder.web.content import json_answer, no_content
from recorder.web.keys import ACTOR, DEPS

#: What no hook needs to be longer than.
MAX_HOOK_BYTES = 64 * 1024
_MOST_MEMBERS = 200
#: Gateways that read a refusal in the body of a 200; the others go by the status.
_READ_THE_BODY = (GatewayKind.SRS, GatewayKind.ZLMEDIAKIT)


async def hook(request: web.Request) -> web.StreamResponse:
    return await _hook(request, "")


async def named_hook(request: web.Request) -> web.StreamResponse:
    return await _hook(request, request.match_info["hook"])


async def _hook(request: web.Request, name: str) -> web.Response:
    """Any hook of any gateway: the secret says whose it is, and so in which words it speaks."""
    deps = request.app[DEPS]
    gateway = await gateways.gateway_of(deps, request.match_info["secret"])
    said = read(gateway.kind, name, _fields(request, await read_body(request, MAX_HOOK_BYTES)))
    if said.word in (Word.PUBLISH, Word.WATCH):
        return _answer(gateway.kind, await gateways.ask(deps, gateway, said))
    await gateways.hear(deps, gateway, said)
    # Files are given out by us alone, with an event for each.
    return json_answer(shapes.HookShape(err="refused" if name == "on_http_access" else ""))


def _answer(kind: GatewayKind, verdict: gateways.Verdict) -> web.Response:
    refusal = verdict.refusal
    if refusal is None:
        return json_answer(shapes.HookShape())
    if kind in _READ_THE_BODY:
        return json_answer(shapes.HookShape(code=403, msg=refusal.value, err=refusal.value))
    if refusal is Refusal.KEY_MISSING:
        # MediaMTX asks an RTSP client for its password only then.
        raise Unauthenticated("publisher-key-missing", "Give the token of the device as password.")
    raise Forbidden("publisher-refused", "This publishes nothing here.", refusal=refusal.value)


def _fields(request: web.Request, body: bytes) -> Fields:
    """The members of a JSON object, or of a form. Raises InvalidInput ``hook-malformed``."""
    try:
        text = body.decode("utf-8", "replace")
        if request.content_type == "application/x-www-form-urlencoded":
            return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_MEMBERS))
        members = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _malformed() from error
    if not isinstance(members, Mapping):
        raise _malformed()
    return members


def _malformed() -> InvalidInput:
    return InvalidInput("hook-malformed", "A hook is a JSON object, or a form.")


# --- for those who look after them ---------------------------------------------------------------


async def find(request: web.Request) -> web.StreamResponse:
    read_query(request, schemas.NoQuery)
    found = await gateways.list_gateways(request.app[DEPS], request[ACTOR])
    return json_answer(shapes.GatewaysShape(items=tuple(map(shapes.GatewayShape.of, found))))


async def show(request: web.Request) -> web.StreamResponse:
    read_query(request, schemas.NoQuery)
    view = await gateways.view_gateway(request.app[DEPS], request[ACTOR], _id(request))
    return json_answer(shapes.GatewayViewShape.of_view(view))


async def add(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.GatewayBody)
    added = await gateways.add_gateway(
        request.app[DEPS], request[ACTOR],
        name=body.name, kind=body.kind, trusted_apps=body.trusted_apps, agency=body.agency,
    )  # fmt: skip
    return json_answer(shapes.AddedGatewayShape.of_added(added), status=201)


async def renew_secret(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.ReasonBody)
    secret = await gateways.renew_secret(
        request.app[DEPS], request[ACTOR], _id(request), reason=body.reason
    )
    return json_answer(shapes.GatewaySecretShape.of(secret), status=201)


async def revoke(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.ReasonBody)
    await gateways.revoke(request.app[DEPS], request[ACTOR], _id(request), reason=body.reason)
    return no_content()


def _id(request: web.Request) -> DockId:
    return DockId(id_in_path(request))
