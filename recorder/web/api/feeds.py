"""Rows of case systems, and sources for those who look after them."""

from __future__ import annotations

from aiohttp import web

from recorder.services.feeding import proposing, receiving, replaying, sources
from recorder.web import feed_schemas, schemas
from recorder.web import feed_shapes as shapes
from recorder.web.api.parameters import id_in_path
from recorder.web.body import read_json, read_query
from recorder.web.content import json_answer
from recorder.web.feed_body import take_rows
from recorder.web.keys import ACTOR, DEPS


async def take(request: web.Request) -> web.StreamResponse:
    query = read_query(request, feed_schemas.FeedQuery)
    deps, actor = request.app[DEPS], request[ACTOR]
    source = await sources.own(deps, actor, _name(request))
    await receiving.check_quota(deps, source)
    answers = await take_rows(request, deps, actor, source, backfill=query.backfill)
    shape = shapes.FeedAnswerShape.of(answers, problems_only=query.answers == "problems")
    return json_answer(shape)


async def find(request: web.Request) -> web.StreamResponse:
    read_query(request, schemas.NoQuery)
    found = await sources.list_sources(request.app[DEPS], request[ACTOR])
    return json_answer(shapes.FeedSourcesShape(items=tuple(map(shapes.FeedSourceShape.of, found))))


async def show(request: web.Request) -> web.StreamResponse:
    read_query(request, schemas.NoQuery)
    view = await replaying.view_source(request.app[DEPS], request[ACTOR], _name(request))
    return json_answer(shapes.FeedViewShape.of_view(view))


async def pool(request: web.Request) -> web.StreamResponse:
    query = read_query(request, schemas.PageQuery)
    found = await replaying.pooled_rows(
        request.app[DEPS], request[ACTOR], _name(request), query.cursor, query.limit
    )
    return json_answer(shapes.PoolShape.of(found))


async def map_code(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, feed_schemas.MappingBody)
    found = await replaying.map_code(
        request.app[DEPS], request[ACTOR], _name(request),
        field=body.field, code=body.code, value=body.value, valid_from=body.valid_from,
    )  # fmt: skip
    return json_answer(shapes.ReplayShape.of(found), status=201)


async def proposals(request: web.Request) -> web.StreamResponse:
    query = read_query(request, schemas.PageQuery)
    found = await proposing.list_proposals(
        request.app[DEPS], request[ACTOR], query.cursor, query.limit
    )
    return json_answer(shapes.MergeProposalsShape.of(found))


async def decide(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, feed_schemas.MergeDecisionBody)
    decided = await proposing.decide(
        request.app[DEPS], request[ACTOR], id_in_path(request),
        merge=body.decision == "merged", reason=body.reason,
    )  # fmt: skip
    return json_answer(shapes.MergeProposalShape.of(decided))


def _name(request: web.Request) -> str:
    return request.match_info["source"]


async def add(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, feed_schemas.FeedSourceBody)
    added = await sources.add_source(
        request.app[DEPS], request[ACTOR],
        name=body.name, agency=body.agency, city=body.city, rows_per_minute=body.rows_per_minute,
    )  # fmt: skip
    shape = shapes.AddedFeedSourceShape.of_added(added.source, added.token)
    return json_answer(shape, status=201)


async def set_state(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, feed_schemas.FeedStateBody)
    changed = await sources.set_state(
        request.app[DEPS], request[ACTOR], _name(request),
        suspended=body.state == "suspended", reason=body.reason,
    )  # fmt: skip
    return json_answer(shapes.FeedSourceShape.of(changed))
