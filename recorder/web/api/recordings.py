"""Recordings: lists, one, proof, custody, and letting quarantined footage in."""

from __future__ import annotations

from aiohttp import web

from recorder.domain.ids import RecordingId
from recorder.services import review
from recorder.web import schemas, shapes, work_shapes
from recorder.web.api.parameters import id_in_path
from recorder.web.body import read_json, read_query
from recorder.web.content import json_answer, text_answer
from recorder.web.keys import ACTOR, DEPS
from recorder.web.object_shapes import ContinuationShape, ObjectShape, ObjectsShape


async def find(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, schemas.RecordingsQuery)
    query = review.RecordingQuery(
        device=asked.device,
        officer=asked.officer,
        from_=asked.from_,
        to=asked.to,
        state=asked.state,
        flag=asked.flag,
        linked=asked.linked,
        restricted=asked.restricted,
        provenance=asked.provenance,
        camera=asked.camera,
        class_=asked.class_,
        review=asked.review,
        q=asked.q,
    )
    page = await review.find_recordings(
        request.app[DEPS], request[ACTOR], query, asked.cursor, asked.limit, agency=asked.agency,
        unmarked_overdue=asked.marks is not None,
    )  # fmt: skip
    return json_answer(shapes.page_shape(page, shapes.RecordingLineShape.of))


async def show(request: web.Request) -> web.StreamResponse:
    seen = await review.ask_recording(request.app[DEPS], request[ACTOR], recording_id(request))
    if isinstance(seen, review.SentRecording):
        return json_answer(work_shapes.SentRecordingShape.of(seen))
    return json_answer(shapes.RecordingShape.of_view(seen))


async def receipt(request: web.Request) -> web.StreamResponse:
    return text_answer(
        await review.receipt(request.app[DEPS], request[ACTOR], recording_id(request))
    )


async def events(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, schemas.EventsQuery)
    found = await review.recording_events(
        request.app[DEPS], request[ACTOR], recording_id(request),
        after=asked.after, limit=asked.limit,
    )  # fmt: skip
    more = found[-1].position if len(found) == asked.limit else None
    return json_answer(shapes.EventsShape(items=tuple(map(shapes.EventShape.of, found)), next=more))


async def objects(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, schemas.ObjectsQuery)
    found = await review.recording_objects(
        request.app[DEPS], request[ACTOR], recording_id(request),
        after=asked.after, limit=asked.limit,
    )  # fmt: skip
    more = found[-1].n if len(found) == asked.limit else None
    return json_answer(ObjectsShape(items=tuple(map(ObjectShape.of, found)), next=more))


async def continuation(request: web.Request) -> web.StreamResponse:
    found = await review.continuation(request.app[DEPS], request[ACTOR], recording_id(request))
    return json_answer(ContinuationShape.of(found))


async def admit(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.AdmitBody)
    await review.admit(
        request.app[DEPS], request[ACTOR], recording_id(request),
        reason=body.reason, agency=body.agency,
    )  # fmt: skip
    view = await review.recording(request.app[DEPS], request[ACTOR], recording_id(request))
    return json_answer(shapes.RecordingShape.of_view(view))


def recording_id(request: web.Request) -> RecordingId:
    return RecordingId(id_in_path(request))
