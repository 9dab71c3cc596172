"""Watching livestreams: a ticket, the playlist under it, and the segments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from recorder.domain.ids import LivestreamId
from recorder.domain.people import Actor
from recorder.runtime import Deps
from recorder.services import live
from recorder.web import live_updates, mark_shapes, schemas, shapes
from recorder.web.api.livestreams import livestream_id, number_in_path
from recorder.web.body import read_json, read_query
from recorder.web.content import Content, Read, Span, json_answer, send, text_answer
from recorder.web.keys import ACTOR, DEPS

_Opening = Callable[[Deps, Actor, LivestreamId, str, int], Awaitable[live.OpenSegment]]


def address_of(ticket: live.Ticket) -> str:
    """Where the playlist under a ticket is; its segments stand beside it."""
    place = f"/api/v1/livestreams/{ticket.livestream}/watch/{ticket.secret}"
    return f"{place}/proxy/index.m3u8" if ticket.only_proxies else f"{place}/index.m3u8"


async def stream(request: web.Request) -> web.StreamResponse:
    one = read_query(request, schemas.WallQuery).livestream
    topic = live_updates.wall_of(LivestreamId(one)) if one else live_updates.WALL
    return await live_updates.stream(request, topic)


async def mark(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, mark_shapes.MarkBody)
    made = await live.make_mark(
        request.app[DEPS], request[ACTOR], livestream_id(request),
        kind=body.kind, note=body.note, shown_at=body.shown_at, media_ms=body.media_ms,
    )  # fmt: skip
    return json_answer(mark_shapes.MarkShape.of(made), 201)


async def marks(request: web.Request) -> web.StreamResponse:
    found = await live.livestream_marks(request.app[DEPS], request[ACTOR], livestream_id(request))
    return json_answer(
        shapes.ListShape[mark_shapes.MarkShape](
            items=tuple(map(mark_shapes.MarkShape.of, found)), next=None
        )
    )


async def grant(request: web.Request) -> web.StreamResponse:
    ticket = await live.grant(request.app[DEPS], request[ACTOR], livestream_id(request))
    return json_answer(
        shapes.PlaybackShape(
            url=address_of(ticket), media_type=live.PLAYLIST_TYPE, expires_at=ticket.expires_at
        )
    )


async def index(request: web.Request) -> web.StreamResponse:
    ticket = await live.grant(request.app[DEPS], request[ACTOR], livestream_id(request))
    headers = {hdrs.LOCATION: address_of(ticket), hdrs.CACHE_CONTROL: "no-store"}
    return web.Response(status=307, headers=headers)


async def playlist(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, schemas.PlaylistQuery)
    text = await live.index(
        request.app[DEPS], request[ACTOR], livestream_id(request), request.match_info["secret"],
        skip=asked.skip is not None,
    )  # fmt: skip
    return text_answer(text, live.PLAYLIST_TYPE)


async def init(request: web.Request) -> web.StreamResponse:
    return await _send(request, -number_in_path(request, "period"))


async def segment(request: web.Request) -> web.StreamResponse:
    return await _send(request, number_in_path(request, "number"))


async def proxy_playlist(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, schemas.PlaylistQuery)
    text = await live.proxy_index(
        request.app[DEPS], request[ACTOR], livestream_id(request), request.match_info["secret"],
        skip=asked.skip is not None,
    )  # fmt: skip
    return text_answer(text, live.PLAYLIST_TYPE)


async def proxy_init(request: web.Request) -> web.StreamResponse:
    return await _send(request, -number_in_path(request, "period"), live.open_proxy)


async def proxy_segment(request: web.Request) -> web.StreamResponse:
    return await _send(request, number_in_path(request, "number"), live.open_proxy)


async def _send(
    request: web.Request, number: int, opening: _Opening = live.open_segment
) -> web.StreamResponse:
    opened = await opening(
        request.app[DEPS], request[ACTOR], livestream_id(request),
        request.match_info["secret"], number,
    )  # fmt: skip

    async def open_span(_span: Span) -> Read:
        return opened.read

    content = Content(opened.length, live.SEGMENT_TYPE, opened.etag, use="livestream")
    return await send(request, content, open_span)
