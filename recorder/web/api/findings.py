"""Findings and coverage: list, show, reply, assign, appeal, close; a case at a moment."""

from __future__ import annotations

from aiohttp import web

from recorder.domain.ids import CaseId
from recorder.services import coverage
from recorder.store.coverage.findings import ToldFinding
from recorder.web import finding_shapes as shapes
from recorder.web.api.parameters import id_in_path
from recorder.web.body import read_json, read_query
from recorder.web.content import json_answer
from recorder.web.keys import ACTOR, DEPS
from recorder.web.shape import page_shape


async def find(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, shapes.FindingsQuery)
    deps = request.app[DEPS]
    page = await coverage.findings(
        deps, request[ACTOR], asked.wanted(deps.clock.now()), cursor=asked.cursor,
        limit=asked.limit,
    )  # fmt: skip
    return json_answer(page_shape(page, shapes.FindingShape.told))


async def show(request: web.Request) -> web.StreamResponse:
    view = await coverage.finding(request.app[DEPS], request[ACTOR], id_in_path(request))
    return json_answer(shapes.FindingViewShape.view(view))


async def reply(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, shapes.TextBody)
    return _told(
        await coverage.reply(request.app[DEPS], request[ACTOR], id_in_path(request), text=body.text)
    )


async def appeal(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, shapes.TextBody)
    return _told(
        await coverage.appeal(
            request.app[DEPS], request[ACTOR], id_in_path(request), text=body.text
        )
    )


async def close(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, shapes.TextBody)
    return _told(
        await coverage.close(request.app[DEPS], request[ACTOR], id_in_path(request), text=body.text)
    )


async def assign(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, shapes.AssignBody)
    return _told(
        await coverage.assign(
            request.app[DEPS], request[ACTOR], id_in_path(request),
            owner=body.owner, answer_by=body.answer_by, text=body.text,
        )
    )  # fmt: skip


async def of_case(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, shapes.CoverageQuery)
    case = await coverage.case_coverage(
        request.app[DEPS], request[ACTOR], CaseId(id_in_path(request)), as_of=asked.as_of
    )
    return json_answer(shapes.CoverageShape.of(case))


def _told(finding: ToldFinding) -> web.StreamResponse:
    return json_answer(shapes.FindingShape.told(finding))
