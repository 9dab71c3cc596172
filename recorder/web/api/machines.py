"""What devices and programs ask first: enrolment, the service's public key, who they are."""

from __future__ import annotations

from aiohttp import web

from recorder.services import registry
from recorder.web import schemas, work_shapes
from recorder.web.authentication import client_address
from recorder.web.body import read_json, read_query
from recorder.web.content import json_answer, text_answer
from recorder.web.keys import ACTOR, DEPS


async def service_key(request: web.Request) -> web.StreamResponse:
    return text_answer(f"{request.app[DEPS].signer.verifier.to_text()}\n")


async def me(request: web.Request) -> web.StreamResponse:
    read_query(request, schemas.NoQuery)
    actor = request[ACTOR]
    return json_answer(
        work_shapes.MeShape(
            kind=actor.kind.value,
            id=actor.id,
            name=actor.name,
            role=actor.role.value if actor.role else None,
            agency=actor.agency,
            city=actor.city,
            officer=actor.officer,
        )
    )


async def enrol(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.EnrolBody)
    enrolled = await registry.enrol(request.app[DEPS], body.code, address=client_address(request))
    return json_answer(
        work_shapes.EnrolledShape(
            token=enrolled.token, service_key=enrolled.verifier_key, device=enrolled.device.number
        ),
        status=201,
    )
