"""Uploads and task runs under way, failed work with its retry, and alarms."""

from __future__ import annotations

from aiohttp import web

from recorder.domain.ids import AlarmId, TaskRunId
from recorder.services import alarms, tasks
from recorder.web import live_updates, schemas, work_shapes
from recorder.web.api.parameters import id_in_path
from recorder.web.body import read_json, read_query
from recorder.web.content import json_answer
from recorder.web.keys import ACTOR, DEPS
from recorder.web.shapes import TaskShape, page_shape


async def show(request: web.Request) -> web.StreamResponse:
    read_query(request, schemas.NoQuery)
    work = await tasks.list_unfinished(request.app[DEPS], request[ACTOR])
    return json_answer(work_shapes.WorkShape.of(work))


async def stream(request: web.Request) -> web.StreamResponse:
    read_query(request, schemas.NoQuery)
    return await live_updates.stream(request, live_updates.WORK)


async def failed(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, schemas.PageQuery)
    page = await tasks.list_failed(request.app[DEPS], request[ACTOR], asked.cursor, asked.limit)
    return json_answer(page_shape(page, work_shapes.NamedTaskShape.of_named))


async def retry(request: web.Request) -> web.StreamResponse:
    run = await tasks.retry(request.app[DEPS], request[ACTOR], TaskRunId(id_in_path(request)))
    return json_answer(TaskShape.of(run))


async def list_alarms(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, schemas.AlarmsQuery)
    page = await alarms.list_alarms(
        request.app[DEPS], request[ACTOR],
        open_only=asked.open, cursor=asked.cursor, limit=asked.limit,
    )  # fmt: skip
    return json_answer(page_shape(page, work_shapes.AlarmShape.of))


async def acknowledge(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.NoteBody)
    alarm = await alarms.acknowledge(
        request.app[DEPS], request[ACTOR], AlarmId(id_in_path(request)), body.note
    )
    return json_answer(work_shapes.AlarmShape.of(alarm))


async def clear(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.NoteBody)
    alarm = await alarms.clear(
        request.app[DEPS], request[ACTOR], AlarmId(id_in_path(request)), body.note
    )
    return json_answer(work_shapes.AlarmShape.of(alarm))
