"""Restrictions of who may watch a recording, where it comes from, its classes."""

from __future__ import annotations

from aiohttp import web

from recorder.domain.ids import RestrictionId
from recorder.services import review, stating
from recorder.web import schemas
from recorder.web.api.parameters import id_in_path
from recorder.web.api.recordings import recording_id
from recorder.web.body import read_json
from recorder.web.content import json_answer
from recorder.web.keys import ACTOR, DEPS
from recorder.web.provenance_shapes import (
    ClassesBody,
    ClassesShape,
    ProvenanceBody,
    ProvenanceShape,
)
from recorder.web.restriction_shapes import RestrictionBody, RestrictionShape
from recorder.web.shape import ListShape


async def find(request: web.Request) -> web.StreamResponse:
    found = await review.recording_restrictions(
        request.app[DEPS], request[ACTOR], recording_id(request)
    )
    items = tuple(map(RestrictionShape.of, found))
    return json_answer(ListShape[RestrictionShape](items=items, next=None))


async def restrict(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, RestrictionBody)
    imposed = await review.restrict(
        request.app[DEPS], request[ACTOR], recording_id(request),
        ground=body.ground, basis=body.basis,
    )  # fmt: skip
    return json_answer(RestrictionShape.of(imposed), 201)


async def lift(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.ReasonBody)
    lifted = await review.lift_restriction(
        request.app[DEPS], request[ACTOR], recording_id(request),
        RestrictionId(id_in_path(request, "restriction")), reason=body.reason,
    )  # fmt: skip
    return json_answer(RestrictionShape.of(lifted))


async def provenance(request: web.Request) -> web.StreamResponse:
    said = await stating.provenance_of(request.app[DEPS], request[ACTOR], recording_id(request))
    items = (ProvenanceShape.of(said),) if said else ()
    return json_answer(ListShape[ProvenanceShape](items=items, next=None))


async def state_provenance(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, ProvenanceBody)
    said = await stating.state_provenance(
        request.app[DEPS], request[ACTOR], recording_id(request), kind=body.kind,
        reason=body.reason, provider=body.provider, handed_over_at=body.handed_over_at,
        receipt=body.receipt,
    )  # fmt: skip
    return json_answer(ProvenanceShape.of(said))


async def class_recording(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, ClassesBody)
    classed = await stating.class_recording(
        request.app[DEPS], request[ACTOR], recording_id(request),
        classes=body.classes, reason=body.reason,
    )  # fmt: skip
    return json_answer(ClassesShape(classes=classed.classes))
