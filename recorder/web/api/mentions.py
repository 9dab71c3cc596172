"""Plans and parties of cases, cases found by them, and joint checks."""

from __future__ import annotations

from aiohttp import web

from recorder.domain.ids import CaseId
from recorder.services import casework
from recorder.web import schemas, shapes
from recorder.web.api.parameters import id_in_path
from recorder.web.body import read_json, read_query
from recorder.web.content import json_answer
from recorder.web.keys import ACTOR, DEPS
from recorder.web.mention_shapes import (
    JointCheckQuery,
    JointCheckShape,
    MentionBody,
    MentioningQuery,
    MentionShape,
)


async def find(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, MentioningQuery)
    page = await casework.cases_mentioning(
        request.app[DEPS], request[ACTOR], casework.SoughtBy(asked.by), asked.text,
        begins_at=asked.from_, ends_at=asked.to, cursor=asked.cursor, limit=asked.limit,
    )  # fmt: skip
    return json_answer(shapes.page_shape(page, shapes.CaseLineShape.of))


async def of_case(request: web.Request) -> web.StreamResponse:
    found = await casework.mentions_of(request.app[DEPS], request[ACTOR], _case_id(request))
    items = tuple(map(MentionShape.of, found))
    return json_answer(shapes.ListShape[MentionShape](items=items, next=None))


async def mention(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, MentionBody)
    said = await casework.mention(
        request.app[DEPS], request[ACTOR], _case_id(request),
        kind=body.kind, text=body.text, code=body.code,
    )  # fmt: skip
    return json_answer(MentionShape.of(said), 201)


async def withdraw(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.ReasonBody)
    await casework.withdraw_mention(
        request.app[DEPS], request[ACTOR], _case_id(request), id_in_path(request, "mention"),
        reason=body.reason,
    )  # fmt: skip
    return web.Response(status=204)


async def joint_check(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, JointCheckQuery)
    found = await casework.joint_check(request.app[DEPS], request[ACTOR], asked.plan)
    return json_answer(JointCheckShape.of(found))


def _case_id(request: web.Request) -> CaseId:
    return CaseId(id_in_path(request))
