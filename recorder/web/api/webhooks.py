"""Webhooks: which systems are told of facts, how that goes, and telling again."""

from __future__ import annotations

from aiohttp import web

from recorder.services import webhooks
from recorder.web import feed_schemas, schemas
from recorder.web import webhook_shapes as shapes
from recorder.web.api.parameters import id_in_path
from recorder.web.body import read_json, read_query
from recorder.web.content import json_answer, no_content
from recorder.web.keys import ACTOR, DEPS


async def find(request: web.Request) -> web.StreamResponse:
    read_query(request, schemas.NoQuery)
    found = await webhooks.list_endpoints(request.app[DEPS], request[ACTOR])
    return json_answer(shapes.WebhooksShape(items=tuple(map(shapes.WebhookShape.of, found))))


async def add(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, feed_schemas.WebhookBody)
    added = await webhooks.add_endpoint(
        request.app[DEPS], request[ACTOR],
        url=body.url, topics=body.topics, agency=body.agency, city=body.city,
    )  # fmt: skip
    return json_answer(shapes.AddedWebhookShape.of_added(added), status=201)


async def deliveries(request: web.Request) -> web.StreamResponse:
    query = read_query(request, schemas.EventsQuery)
    found = await webhooks.deliveries(
        request.app[DEPS], request[ACTOR], id_in_path(request), after=query.after, limit=query.limit
    )
    return json_answer(shapes.DeliveriesShape(items=tuple(map(shapes.DeliveryShape.of, found))))


async def stop(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.ReasonBody)
    await webhooks.stop(request.app[DEPS], request[ACTOR], id_in_path(request), reason=body.reason)
    return no_content()


async def replay(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, feed_schemas.ReplayBody)
    count = await webhooks.replay(
        request.app[DEPS], request[ACTOR], id_in_path(request),
        after=body.after, everything=body.everything,
    )  # fmt: skip
    return json_answer(shapes.ReplayedShape(messages=count))
