"""Bytes of recordings: the original, what is played, the poster. Ranges, never inline HTML."""

from __future__ import annotations

from aiohttp import web

from recorder.services import card_copies, review
from recorder.web import shapes
from recorder.web.api import live_watching
from recorder.web.api.recordings import recording_id
from recorder.web.content import Content, Read, Span, attachment, json_answer, send
from recorder.web.keys import ACTOR, DEPS


async def original(request: web.Request) -> web.StreamResponse:
    deps, actor, recording = request.app[DEPS], request[ACTOR], recording_id(request)
    found = (await review.recording(deps, actor, recording)).recording

    async def open_span(span: Span) -> Read:
        # Only now bytes leave: the custody event names exactly these.
        opened = await review.open_original(deps, actor, recording, span.first, span.last)
        return opened.read

    content = Content(
        found.length,
        review.original_media_type(found),
        found.sha256.hex() if found.sha256 else None,
        attachment(found.original_name),
        use="original",
    )
    return await send(request, content, open_span)


async def grant_playback(request: web.Request) -> web.StreamResponse:
    recording = recording_id(request)
    deps, actor = request.app[DEPS], request[ACTOR]
    grant = await review.grant_playback(deps, actor, recording)
    preferred = (await card_copies.preferred_of(deps, actor, [recording])).get(recording)
    return json_answer(
        shapes.PlaybackShape(
            url=live_watching.address_of(grant.ticket)
            if grant.ticket
            else f"/api/v1/recordings/{recording}/playback/{grant.secret}",
            media_type=grant.media_type,
            expires_at=grant.expires_at,
            recording=recording,
            preferred=preferred.card if preferred else recording,
        )
    )


async def playback(request: web.Request) -> web.StreamResponse:
    opened = await review.open_playback(
        request.app[DEPS], request[ACTOR], recording_id(request), request.match_info["secret"]
    )
    return await _send(request, opened, "playback")


async def poster(request: web.Request) -> web.StreamResponse:
    opened = await review.poster(request.app[DEPS], request[ACTOR], recording_id(request))
    return await _send(request, opened, "poster")


async def _send(request: web.Request, opened: review.OpenObject, use: str) -> web.StreamResponse:
    async def open_span(_span: Span) -> Read:
        return opened.read

    content = Content(opened.length, opened.media_type, opened.etag, use=use)
    return await send(request, content, open_span)
