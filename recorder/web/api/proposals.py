"""Cases that a recording may belong to, by evidence, and what a person says of them."""

from __future__ import annotations

from aiohttp import web

from recorder.domain.ids import CaseId, RecordingId
from recorder.services import casework
from recorder.web import schemas
from recorder.web.api.parameters import id_in_path
from recorder.web.body import read_json
from recorder.web.content import json_answer
from recorder.web.keys import ACTOR, DEPS
from recorder.web.proposal_shapes import ProposalShape
from recorder.web.shape import ListShape


async def show(request: web.Request) -> web.StreamResponse:
    return await _listed(request)


async def decide(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.ProposalBody)
    await casework.decide(
        request.app[DEPS], request[ACTOR], _recording_id(request),
        CaseId(id_in_path(request, "case")), body.decision,
    )  # fmt: skip
    return await _listed(request)


async def _listed(request: web.Request) -> web.StreamResponse:
    found = await casework.proposals_of(request.app[DEPS], request[ACTOR], _recording_id(request))
    return json_answer(ListShape[ProposalShape](items=tuple(map(ProposalShape.of, found))))


def _recording_id(request: web.Request) -> RecordingId:
    return RecordingId(id_in_path(request))
