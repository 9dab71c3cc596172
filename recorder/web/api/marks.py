"""Marks on recordings, and reasons for their gaps."""

from __future__ import annotations

from aiohttp import web

from recorder.domain.ids import MarkId
from recorder.services import review
from recorder.web import mark_shapes, schemas, shapes
from recorder.web.api.parameters import id_in_path
from recorder.web.api.recordings import recording_id
from recorder.web.body import read_json
from recorder.web.content import json_answer
from recorder.web.keys import ACTOR, DEPS


async def find(request: web.Request) -> web.StreamResponse:
    found = await review.recording_marks(request.app[DEPS], request[ACTOR], recording_id(request))
    return json_answer(
        shapes.ListShape[mark_shapes.MarkShape](
            items=tuple(map(mark_shapes.MarkShape.of, found)), next=None
        )
    )


async def mark(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, mark_shapes.RecordingMarkBody)
    made = await review.mark_recording(
        request.app[DEPS], request[ACTOR], recording_id(request),
        kind=body.kind, note=body.note, media_ms=body.media_ms, origin=body.origin,
    )  # fmt: skip
    return json_answer(mark_shapes.MarkShape.of(made), 201)


async def withdraw(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.ReasonBody)
    withdrawn = await review.withdraw_mark(
        request.app[DEPS], request[ACTOR], recording_id(request),
        MarkId(id_in_path(request, "mark")), reason=body.reason,
    )  # fmt: skip
    return json_answer(mark_shapes.MarkShape.of(withdrawn))


async def gap_reasons(request: web.Request) -> web.StreamResponse:
    found = await review.gap_reasons_of(request.app[DEPS], request[ACTOR], recording_id(request))
    return json_answer(
        shapes.ListShape[mark_shapes.GapReasonShape](
            items=tuple(map(mark_shapes.GapReasonShape.of, found)), next=None
        )
    )


async def give_gap_reason(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, mark_shapes.GapReasonBody)
    given = await review.give_gap_reason(
        request.app[DEPS], request[ACTOR], recording_id(request),
        place=body.place, gap=body.gap, cause=body.reason, note=body.note,
        reported_at=body.reported_at, begins_at=body.from_, ends_at=body.to,
    )  # fmt: skip
    return json_answer(mark_shapes.GapReasonShape.of(given), 201)
