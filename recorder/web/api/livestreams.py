"""Livestreams pushed segment by segment: open, put, close, ask."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from aiohttp import hdrs, web

from recorder.domain.ids import LivestreamId
from recorder.domain.instant import Instant
from recorder.domain.livestream import (
    LONGEST_INIT_BYTES,
    LONGEST_SEGMENT_BYTES,
    Form,
    PeriodCause,
)
from recorder.errors import Conflict, InvalidInput, NotFound, TooLarge
from recorder.services import live
from recorder.web import live_shapes, schemas, shapes
from recorder.web.api.parameters import id_in_path
from recorder.web.body import read_json, read_query, refuse_encoding, send_continue
from recorder.web.content import json_answer
from recorder.web.keys import ACTOR, BODIES, DEPS
from recorder.web.pushed_bodies import Place
from recorder.web.upload_body import silence

#: The device's own clock at the first frame of a segment, as RFC 3339 writes it.
DEVICE_TIME = "Recorder-Device-Time"
CONTENT_DIGEST = "Content-Digest"
#: RFC 9530 names the algorithm, RFC 8941 writes bytes between colons.
_SHA256 = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]*):\s*(?:;[^,]*)?(?=$|,)")


async def open_livestream(request: web.Request) -> web.StreamResponse:
    deps, actor = request.app[DEPS], request[ACTOR]
    body = await read_json(request, schemas.LivestreamBody)
    opened = await live.open_livestream(
        deps, actor,
        replace(_opening(body), media_type=body.media_type, form=Form(body.form)),
    )  # fmt: skip
    view = live.LivestreamView(opened, ())
    place = f"/api/v1/livestreams/{opened.id}"
    return json_answer(live_shapes.LivestreamShape.of_view(view), 201, {hdrs.LOCATION: place})


async def open_pulled(request: web.Request) -> web.StreamResponse:
    deps, actor = request.app[DEPS], request[ACTOR]
    body = await read_json(request, schemas.PullBody)
    opened = await live.open_pulled(deps, actor, _opening(body), body.address)
    view = await live.view_livestream(deps, actor, opened.id)
    place = f"/api/v1/livestreams/{opened.id}"
    return json_answer(live_shapes.LivestreamShape.of_view(view), 201, {hdrs.LOCATION: place})


def _opening(body: schemas.LivestreamBody | schemas.PullBody) -> live.Opening:
    return live.Opening(
        title=body.title,
        case_numbers=body.case_numbers,
        stage=body.stage.value if body.stage else None,
        officer=body.officer,
        device_number=body.device,
        device_clock_at=body.device_clock_at,
        latitude=body.lat,
        longitude=body.lon,
        accuracy_m=body.accuracy_m,
    )


async def find(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, schemas.LivestreamsQuery)
    page = await live.list_livestreams(
        request.app[DEPS], request[ACTOR],
        running=asked.running, cursor=asked.cursor, limit=asked.limit,
    )  # fmt: skip
    return json_answer(shapes.page_shape(page, live_shapes.LivestreamLineShape.of))


async def show(request: web.Request) -> web.StreamResponse:
    view = await live.view_livestream(request.app[DEPS], request[ACTOR], livestream_id(request))
    return json_answer(live_shapes.LivestreamShape.of_view(view))


async def put_init(request: web.Request) -> web.StreamResponse:
    deps, actor, livestream = request.app[DEPS], request[ACTOR], livestream_id(request)
    asked = read_query(request, schemas.InitQuery)
    await live.check_delivery(deps, actor, livestream)
    digest = _content_digest(request)
    async with _body(request, LONGEST_INIT_BYTES) as body:
        arrival = live.InitArrival(
            period=number_in_path(request, "period"),
            body=body,
            cause=PeriodCause(asked.cause),
            declared_sha256=digest,
        )
        return _answer(await live.put_init(deps, actor, livestream, arrival))


async def put_segment(request: web.Request) -> web.StreamResponse:
    deps, actor, livestream = request.app[DEPS], request[ACTOR], livestream_id(request)
    await live.check_delivery(deps, actor, livestream)
    digest = _content_digest(request)
    said = request.headers.get(DEVICE_TIME)
    async with _body(request, LONGEST_SEGMENT_BYTES) as body:
        arrival = live.SegmentArrival(
            period=number_in_path(request, "period"),
            number=number_in_path(request, "number"),
            device_at=Instant.parse(said).at if said else None,
            body=body,
            declared_sha256=digest,
        )
        return _answer(await live.put_segment(deps, actor, livestream, arrival))


async def put_chunk(request: web.Request) -> web.StreamResponse:
    deps, actor, livestream = request.app[DEPS], request[ACTOR], livestream_id(request)
    asked = read_query(request, schemas.InitQuery)
    await live.check_delivery(deps, actor, livestream)
    digest = _content_digest(request)
    said = request.headers.get(DEVICE_TIME)
    async with _body(request, LONGEST_SEGMENT_BYTES) as body:
        arrival = live.ChunkArrival(
            period=number_in_path(request, "period"),
            number=number_in_path(request, "number"),
            cause=PeriodCause(asked.cause),
            device_at=Instant.parse(said).at if said else None,
            body=body,
            declared_sha256=digest,
        )
        return _answer(await live.put_chunk(deps, actor, livestream, arrival))


async def make_push_key(request: web.Request) -> web.StreamResponse:
    made = await live.make_push_key(request.app[DEPS], request[ACTOR], livestream_id(request))
    return json_answer(live_shapes.PushKeyShape(key=made.secret, expires_at=made.expires_at), 201)


async def close(request: web.Request) -> web.StreamResponse:
    deps, actor, livestream = request.app[DEPS], request[ACTOR], livestream_id(request)
    body = await read_json(request, schemas.CloseLivestreamBody)
    await live.request_close(deps, actor, livestream, last=body.last)
    view = await live.view_livestream(deps, actor, livestream)
    return json_answer(live_shapes.LivestreamShape.of_view(view))


def _answer(receipt: live.Receipt) -> web.Response:
    if receipt.conflicting:
        raise Conflict(
            "segment-conflicting",
            "Another body has this number; this one is kept beside it and counts for nothing.",
            number=receipt.segment.number,
            sha256=receipt.segment.sha256.hex(),
        )
    return json_answer(live_shapes.SegmentShape.of(receipt), 201 if receipt.fresh else 200)


def livestream_id(request: web.Request) -> LivestreamId:
    return LivestreamId(id_in_path(request))


def number_in_path(request: web.Request, name: str) -> int:
    """The number in the address; what is none names nothing: NotFound ``id-malformed``."""
    text = request.match_info[name]
    if not re.fullmatch(r"(0|[1-9][0-9]{0,14})", text, re.ASCII):
        raise NotFound("id-malformed", "There is nothing at this address.")
    return int(text)


def _content_digest(request: web.Request) -> bytes:
    """The SHA-256 that the sender says (RFC 9530); other algorithms beside it are passed over."""
    header = request.headers.get(CONTENT_DIGEST)
    if header is None:
        raise InvalidInput(
            "content-digest-missing", "Say what the body is: Content-Digest: sha-256=:BASE64:."
        )
    match = _SHA256.search(header)
    try:
        digest = base64.b64decode(match[1], validate=True) if match else b""
    except binascii.Error:
        digest = b""
    if len(digest) != 32:
        raise InvalidInput(
            "content-digest-invalid", "Content-Digest holds no SHA-256: sha-256=:BASE64:."
        )
    return digest


@asynccontextmanager
async def _body(request: web.Request, limit: int) -> AsyncIterator[bytes]:
    """The whole body, if it is within the limit and its sender keeps talking.

    It has a place in the memory for bodies as long as the block lasts.
    """
    refuse_encoding(request, "upload-content-encoding")
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    await send_continue(request)
    with request.app[BODIES].place() as place:
        yield await _read(request, limit, place)


async def _read(request: web.Request, limit: int, place: Place) -> bytes:
    body = bytearray()
    silence_s = request.app[DEPS].config.upload_silence_s
    while True:
        try:
            async with asyncio.timeout(silence_s):
                chunk = await request.content.readany()
        except TimeoutError as error:
            raise silence(request, silence_s) from error
        if not chunk:
            return bytes(body)
        if len(body) + len(chunk) > limit:
            raise _too_large(limit)
        await place.grow(len(chunk))
        body += chunk


def _too_large(limit: int) -> TooLarge:
    return TooLarge("segment-too-large", f"It may have {limit} bytes at most.", limit=limit)
