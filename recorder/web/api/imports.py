"""Imports of registries: a table as the body is tried or taken, and those that were taken."""

from __future__ import annotations

from aiohttp import web

from recorder.errors import Unprocessable
from recorder.services import importing
from recorder.web import import_shapes as shapes
from recorder.web.body import read_query
from recorder.web.content import json_answer
from recorder.web.import_body import table_of
from recorder.web.keys import ACTOR, DEPS
from recorder.web.schemas import PageQuery
from recorder.web.shape import page_shape


async def take(request: web.Request) -> web.StreamResponse:
    """What the table did, or would do; a fault outside of a trial is a refusal that lists them."""
    asked = read_query(request, shapes.ImportQuery)
    async with table_of(request) as content:
        outcome = await importing.import_file(
            request.app[DEPS],
            request[ACTOR],
            kind=request.match_info["kind"],
            content=content,
            file_name=asked.name,
            agency=asked.agency,
            dry_run=asked.dry_run,
        )
    told = shapes.ImportShape.of(outcome)
    if outcome.faults and not asked.dry_run:
        raise Unprocessable(
            "import-faults",
            "Some lines have faults, so nothing was taken.",
            faults=outcome.faults,
            errors=[error.model_dump() for error in told.errors],
        )
    return json_answer(told)


async def find(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, PageQuery)
    page = await importing.list_files(
        request.app[DEPS], request[ACTOR], cursor=asked.cursor, limit=asked.limit
    )
    return json_answer(page_shape(page, shapes.ImportedFileShape.of))
