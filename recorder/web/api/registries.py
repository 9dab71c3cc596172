"""Rows of the registries, for other systems."""

from __future__ import annotations

from aiohttp import web

from recorder.services import registries, registry_looks, registry_rows
from recorder.services.registry_rows import Listed, R
from recorder.web import registry_shapes as shapes
from recorder.web.body import read_query
from recorder.web.content import json_answer
from recorder.web.keys import ACTOR, DEPS
from recorder.web.route import Handler
from recorder.web.shape import Shape, page_shape


def listing(name: str, listed: Listed[R], shape: type[Shape]) -> Handler:
    """The handler that lists one registry; operations are called after their handlers."""

    async def show(request: web.Request) -> web.StreamResponse:
        asked = read_query(request, shapes.RegistryQuery)
        page = await registry_rows.rows(request.app[DEPS], request[ACTOR], listed, asked.wanted())
        return json_answer(page_shape(page, shape.model_validate))

    show.__name__ = name
    return show


async def holidays(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, shapes.HolidaysQuery)
    deps = request.app[DEPS]
    year = await registry_looks.holidays(deps, asked.year or registries.today(deps).year)
    return json_answer(shapes.HolidaysShape.of(year))
