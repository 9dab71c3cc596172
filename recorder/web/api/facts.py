"""The feed of event facts: JSON lines, as many as there are, sent page by page."""

from __future__ import annotations

import hashlib

from aiohttp import hdrs, web

from recorder.domain.people import Actor
from recorder.services import coverage
from recorder.services.coverage import FactsAhead
from recorder.web import fact_shapes as shapes
from recorder.web.body import read_query
from recorder.web.content import has_newest
from recorder.web.keys import ACTOR, DEPS

CURSOR = "Recorder-Cursor"


async def read(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, shapes.FactsQuery)
    deps, actor = request.app[DEPS], request[ACTOR]
    ahead = await coverage.facts_ahead(deps, asked.after, asked.from_, asked.to)
    tag = _tag(ahead, actor)
    headers = {
        hdrs.ETAG: f'W/"{tag}"',
        hdrs.VARY: f"{hdrs.ACCEPT_ENCODING}, {hdrs.AUTHORIZATION}",
        CURSOR: ahead.cursor,
    }
    if has_newest(request, tag):
        return web.Response(status=304, headers=headers)
    response = web.StreamResponse(headers=headers)
    response.content_type = "application/x-ndjson"
    if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        response.enable_compression(web.ContentCoding.gzip)
    await response.prepare(request)
    async for page in coverage.read_facts(deps, actor, ahead):
        await response.write(shapes.lines_of(ahead.epoch, page))
    await response.write_eof()
    return response


def _tag(ahead: FactsAhead, actor: Actor) -> str:
    """The same while nothing was told and the asker sees the same agencies."""
    agencies = actor.scope.agencies
    seen = "all" if agencies is None else " ".join(sorted(map(str, agencies)))
    return f"{ahead.cursor}.{hashlib.sha256(seen.encode()).hexdigest()[:12]}"
