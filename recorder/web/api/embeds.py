"""Addresses for frames of other systems' pages, and what the frame asks for.

The frame has no cookie and no token: the secret in its path is all that it has. What it asks for
is answered by the very handlers that answer people, with the embed's actor.
"""

from __future__ import annotations

from aiohttp import web

from recorder.services import embeds, review
from recorder.web import shapes
from recorder.web.api.parameters import id_in_path
from recorder.web.api.recordings import recording_id
from recorder.web.body import read_json
from recorder.web.content import json_answer
from recorder.web.embed_shapes import EmbedBody, EmbedShape
from recorder.web.keys import ACTOR, DEPS
from recorder.web.route import Handler


async def grant(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, EmbedBody)
    deps = request.app[DEPS]
    made = await embeds.grant(
        deps, request[ACTOR], number=body.number, on_behalf_of=body.on_behalf_of, organ=body.organ
    )
    base = (deps.config.public_url or f"{request.scheme}://{request.host}").rstrip("/")
    shape = EmbedShape(url=f"{base}/embed/{made.secret}", expires_at=made.expires_at)
    return json_answer(shape, 201)


def within(handler: Handler) -> Handler:
    """The handler, asked by an embed: about footage of its case only."""

    async def asked(request: web.Request) -> web.StreamResponse:
        embed = await embeds.opened(
            request.app[DEPS], request.match_info["embed"], id_in_path(request)
        )
        request[ACTOR] = embed.actor
        return await handler(request)

    # The description of the API names operations by their handlers.
    asked.__name__ = f"embedded_{handler.__name__}"
    return asked


async def grant_playback(request: web.Request) -> web.StreamResponse:
    recording = recording_id(request)
    given = await review.grant_playback(request.app[DEPS], request[ACTOR], recording)
    base = f"/api/v1/embeds/{request.match_info['embed']}"
    url = (
        f"{base}/livestreams/{given.ticket.livestream}/watch/{given.secret}/index.m3u8"
        if given.ticket
        else f"{base}/recordings/{recording}/playback/{given.secret}"
    )
    return json_answer(
        shapes.PlaybackShape(url=url, media_type=given.media_type, expires_at=given.expires_at)
    )
