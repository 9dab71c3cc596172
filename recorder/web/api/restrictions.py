"""Restrictions of who may watch a recording, where it comes from, its classes."""

from __future__ import annotations

from aiohttp import web

from recorder.domain.ids import LivestreamId, RestrictionId
from recorder.services import live, review, stating
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
    ReviewBody,
    ReviewShape,
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


async def find_of_livestream(request: web.Request) -> web.StreamResponse:
    found = await live.livestream_restrictions_of(
        request.app[DEPS], request[ACTOR], LivestreamId(id_in_path(request))
    )
    items = tuple(map(RestrictionShape.of, found))
    return json_answer(ListShape[RestrictionShape](items=items, next=None))


async def restrict_livestream(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, RestrictionBody)
    imposed = await live.restrict_livestream(
        request.app[DEPS], request[ACTOR], LivestreamId(id_in_path(request)),
        ground=body.ground, basis=body.basis,
    )  # fmt: skip
    return json_answer(RestrictionShape.of(imposed), 201)


async def lift_from_livestream(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.ReasonBody)
    lifted = await live.lift_livestream_restriction(
        request.app[DEPS], request[ACTOR], LivestreamId(id_in_path(request)),
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


async def review_content(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, ReviewBody)
    reviewed = await stating.review_content(
        request.app[DEPS], request[ACTOR], recording_id(request),
        passed=body.outcome == "passed", reason=body.reason,
    )  # fmt: skip
    return json_answer(ReviewShape(review=str(reviewed.review)))


async def class_recording(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, ClassesBody)
    classed = await stating.class_recording(
        request.app[DEPS], request[ACTOR], recording_id(request),
        classes=body.classes, reason=body.reason,
    )  # fmt: skip
    return json_answer(ClassesShape(classes=classed.classes))
