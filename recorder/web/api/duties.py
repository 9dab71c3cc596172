"""Duty lists: draft, change, compare, export, and have a second person approve."""

from __future__ import annotations

from aiohttp import web

from recorder.services import duties
from recorder.web import duty_shapes as shapes
from recorder.web.api.parameters import id_in_path
from recorder.web.approval_shapes import ApproveBody, RefuseBody
from recorder.web.body import read_json, read_query
from recorder.web.content import json_answer, text_answer
from recorder.web.keys import ACTOR, DEPS
from recorder.web.shapes import page_shape


async def find(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, shapes.DutyListsQuery)
    found = await duties.lists(
        request.app[DEPS], request[ACTOR], asked.agency,
        state=asked.state, cursor=asked.cursor, limit=asked.limit,
    )  # fmt: skip
    return json_answer(page_shape(found, shapes.DutyHeaderShape.of))


async def draft(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, shapes.DraftBody)
    view = await duties.draft(
        request.app[DEPS], request[ACTOR], title=body.title, valid_from=body.valid_from,
        valid_to=body.valid_to, profile=body.profile, text=body.table, agency=body.agency,
        note=body.note, wording=body.wording, marking_days=body.marking_days,
    )  # fmt: skip
    location = {"Location": f"/api/v1/duty-lists/{view.header.id}"}
    return json_answer(shapes.DutyListShape.view(view), status=201, headers=location)


async def show(request: web.Request) -> web.StreamResponse:
    view = await duties.list_view(request.app[DEPS], request[ACTOR], id_in_path(request))
    return json_answer(shapes.DutyListShape.view(view))


async def redraft(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, shapes.RedraftBody)
    view = await duties.redraft(
        request.app[DEPS], request[ACTOR], id_in_path(request), title=body.title, note=body.note,
        valid_from=body.valid_from, valid_to=body.valid_to, text=body.table,
        wording=body.wording, marking_days=body.marking_days,
    )  # fmt: skip
    return json_answer(shapes.DutyListShape.view(view))


async def table(request: web.Request) -> web.StreamResponse:
    text = await duties.table(request.app[DEPS], request[ACTOR], id_in_path(request))
    # A mark at the beginning, by which spreadsheet programs know UTF-8.
    answer = text_answer("\ufeff" + text, "text/csv")
    answer.headers["Content-Disposition"] = 'attachment; filename="duty-list.csv"'
    return answer


async def compare(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, shapes.CompareQuery)
    old, new, changes = await duties.compare(
        request.app[DEPS], request[ACTOR], asked.old, id_in_path(request)
    )
    return json_answer(
        shapes.ComparisonShape(
            old=shapes.DutyHeaderShape.of(old.header),
            new=shapes.DutyHeaderShape.of(new.header),
            changes=tuple(map(shapes.RuleChangeShape.of, changes)),
        )
    )


async def propose(request: web.Request) -> web.StreamResponse:
    await duties.propose(request.app[DEPS], request[ACTOR], id_in_path(request))
    return await show(request)


async def approve(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, ApproveBody)
    view = await duties.approve(
        request.app[DEPS], request[ACTOR], id_in_path(request), bytes.fromhex(body.digest)
    )
    return json_answer(shapes.DutyListShape.view(view))


async def refuse(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, RefuseBody)
    view = await duties.refuse(request.app[DEPS], request[ACTOR], id_in_path(request), body.reason)
    return json_answer(shapes.DutyListShape.view(view))


async def withdraw(request: web.Request) -> web.StreamResponse:
    view = await duties.withdraw(request.app[DEPS], request[ACTOR], id_in_path(request))
    return json_answer(shapes.DutyListShape.view(view))
