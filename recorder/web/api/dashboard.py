"""Figures of the dashboard: an organisation or an officer, officers, devices, scenes."""

from __future__ import annotations

from datetime import date

from aiohttp import web

from recorder.domain.instant import CHINA
from recorder.services import dashboard
from recorder.web import figure_shapes as shapes
from recorder.web.body import read_query
from recorder.web.content import json_answer
from recorder.web.keys import ACTOR, DEPS
from recorder.web.shape import ListShape


async def figures(request: web.Request) -> web.StreamResponse:
    question = read_query(request, shapes.FiguresQuery).question(today(request))
    told = await dashboard.dashboard(request.app[DEPS], request[ACTOR], question)
    return json_answer(shapes.FiguresShape.of(told))


async def officers(request: web.Request) -> web.StreamResponse:
    question = read_query(request, shapes.DaysQuery).question(today(request))
    found = await dashboard.officers(request.app[DEPS], request[ACTOR], question)
    items = tuple(map(shapes.OfficerFiguresShape.of, found))
    return json_answer(ListShape[shapes.OfficerFiguresShape](items=items))


async def devices(request: web.Request) -> web.StreamResponse:
    question = read_query(request, shapes.DaysQuery).question(today(request))
    found = await dashboard.devices(request.app[DEPS], request[ACTOR], question)
    items = tuple(map(shapes.DeviceFiguresShape.of, found))
    return json_answer(ListShape[shapes.DeviceFiguresShape](items=items))


async def classes(request: web.Request) -> web.StreamResponse:
    question = read_query(request, shapes.DaysQuery).question(today(request))
    found = await dashboard.classes(request.app[DEPS], request[ACTOR], question)
    items = tuple(map(shapes.ClassFiguresShape.of, found))
    return json_answer(ListShape[shapes.ClassFiguresShape](items=items))


async def scenes(request: web.Request) -> web.StreamResponse:
    question = read_query(request, shapes.ScenesQuery).question(today(request))
    found = await dashboard.scenes(request.app[DEPS], request[ACTOR], question)
    items = tuple(map(shapes.SceneFiguresShape.of, found))
    return json_answer(ListShape[shapes.SceneFiguresShape](items=items))


def today(request: web.Request) -> date:
    return request.app[DEPS].clock.now().astimezone(CHINA).date()
