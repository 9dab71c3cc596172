"""Acts of two persons: what waits, what became of it, and deciding by the proposal's own id."""

from __future__ import annotations

from aiohttp import web

from recorder.domain.ids import ApprovalId
from recorder.services import approvals, deciding
from recorder.store.approvals import ListedApproval
from recorder.web import approval_shapes as shapes
from recorder.web.api.parameters import id_in_path
from recorder.web.body import read_json, read_query
from recorder.web.content import json_answer
from recorder.web.keys import ACTOR, DEPS
from recorder.web.shape import page_shape


async def find(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, shapes.ApprovalsQuery)
    deps, actor = request.app[DEPS], request[ACTOR]
    page = await approvals.list_approvals(
        deps, actor, approvals.Show(asked.show), kind=asked.kind, agency=asked.agency,
        cursor=asked.cursor, limit=asked.limit,
    )  # fmt: skip
    now = deps.clock.now()
    return json_answer(page_shape(page, lambda one: shapes.ApprovalShape.of(one, actor, now)))


async def show(request: web.Request) -> web.StreamResponse:
    found = await approvals.find_approval(request.app[DEPS], request[ACTOR], _id(request))
    return _told(request, found)


async def approve(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, shapes.ApproveBody)
    return _told(
        request,
        await deciding.approve(
            request.app[DEPS], request[ACTOR], _id(request), bytes.fromhex(body.digest)
        ),
    )


async def refuse(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, shapes.RefuseBody)
    return _told(
        request,
        await deciding.refuse(request.app[DEPS], request[ACTOR], _id(request), body.reason),
    )


async def withdraw(request: web.Request) -> web.StreamResponse:
    return _told(request, await deciding.withdraw(request.app[DEPS], request[ACTOR], _id(request)))


def _id(request: web.Request) -> ApprovalId:
    return ApprovalId(id_in_path(request))


def _told(request: web.Request, found: ListedApproval) -> web.StreamResponse:
    now = request.app[DEPS].clock.now()
    return json_answer(shapes.ApprovalShape.of(found, request[ACTOR], now))
