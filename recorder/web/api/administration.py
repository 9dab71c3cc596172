"""People, devices, docks, tokens and the hand-over log, for administrators."""

from __future__ import annotations

from aiohttp import web

from recorder.domain.ids import DeviceId, TokenId
from recorder.services import accounts, directory, registry
from recorder.web import administration_shapes as shapes
from recorder.web import schemas
from recorder.web.api.parameters import id_in_path
from recorder.web.body import read_json, read_query
from recorder.web.content import json_answer, no_content
from recorder.web.keys import ACTOR, DEPS
from recorder.web.shapes import page_shape


async def list_agencies(request: web.Request) -> web.StreamResponse:
    read_query(request, schemas.NoQuery)
    found = await directory.list_agencies(request.app[DEPS], request[ACTOR])
    return json_answer(shapes.AgenciesShape(items=tuple(map(shapes.AgencyShape.of, found))))


async def list_people(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, schemas.NamedQuery)
    page = await directory.list_people(
        request.app[DEPS], request[ACTOR], asked.cursor, asked.limit, asked.q
    )
    return json_answer(page_shape(page, shapes.PersonShape.of))


async def add_person(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.PersonBody)
    person = await accounts.add_person(
        request.app[DEPS], request[ACTOR], login=body.login, name=body.name, role=body.role,
        password=body.password, agency=body.agency, city=body.city, officer=body.officer,
    )  # fmt: skip
    return json_answer(shapes.PersonShape.of(person), status=201)


async def change_password(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.PasswordBody)
    await accounts.change_password(
        request.app[DEPS], request[ACTOR], login=request.match_info["login"], password=body.password
    )
    return no_content()


async def set_person_state(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.PersonStateBody)
    await accounts.set_person_suspended(
        request.app[DEPS], request[ACTOR], login=request.match_info["login"],
        suspended=body.state == "suspended", reason=body.reason,
    )  # fmt: skip
    return no_content()


async def list_devices(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, schemas.NamedQuery)
    page = await directory.list_devices(
        request.app[DEPS], request[ACTOR], asked.cursor, asked.limit, asked.q
    )
    return json_answer(page_shape(page, shapes.DeviceShape.of))


async def add_device(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.DeviceBody)
    added = await registry.add_device(
        request.app[DEPS], request[ACTOR], number=body.number, agency=body.agency
    )
    shape = shapes.AddedDeviceShape(
        **dict(shapes.DeviceShape.of(added.device)), token=added.token, token_id=added.token_id
    )
    return json_answer(shape, status=201)


async def set_device_state(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.DeviceStateBody)
    device = await registry.set_device_state(
        request.app[DEPS], request[ACTOR],
        device=_device_id(request), state=body.state, reason=body.reason,
    )  # fmt: skip
    return json_answer(shapes.DeviceShape.of(device))


async def make_enrolment_code(request: web.Request) -> web.StreamResponse:
    code = await registry.enrolment_code(
        request.app[DEPS], request[ACTOR], device=_device_id(request)
    )
    return json_answer(shapes.EnrolmentCodeShape(code=code), status=201)


async def list_handovers(request: web.Request) -> web.StreamResponse:
    read_query(request, schemas.NoQuery)
    found = await directory.list_handovers(request.app[DEPS], request[ACTOR], _device_id(request))
    return json_answer(shapes.HandoversShape(items=tuple(map(shapes.HandoverShape.of, found))))


async def hand_over(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.HandOverBody)
    await registry.hand_over(
        request.app[DEPS], request[ACTOR],
        device=_device_id(request), officer=body.officer, at=body.at,
    )  # fmt: skip
    return no_content()


async def list_docks(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, schemas.NamedQuery)
    page = await directory.list_docks(
        request.app[DEPS], request[ACTOR], asked.cursor, asked.limit, asked.q
    )
    return json_answer(page_shape(page, shapes.DockShape.of))


async def add_dock(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.DockBody)
    added = await registry.add_dock(
        request.app[DEPS], request[ACTOR], name=body.name, agency=body.agency
    )
    shape = shapes.AddedDockShape(
        **dict(shapes.DockShape.of(added.dock)), token=added.token, token_id=added.token_id
    )
    return json_answer(shape, status=201)


async def list_tokens(request: web.Request) -> web.StreamResponse:
    asked = read_query(request, schemas.NamedQuery)
    page = await directory.list_tokens(
        request.app[DEPS], request[ACTOR], asked.cursor, asked.limit, asked.q
    )
    return json_answer(page_shape(page, shapes.TokenShape.of))


async def add_token(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.TokenBody)
    added = await registry.add_token(
        request.app[DEPS], request[ACTOR],
        name=body.name, role=body.role, agency=body.agency, city=body.city,
    )  # fmt: skip
    shape = shapes.AddedTokenShape(**dict(shapes.TokenShape.of(added.token)), token=added.secret)
    return json_answer(shape, status=201)


async def revoke_token(request: web.Request) -> web.StreamResponse:
    body = await read_json(request, schemas.ReasonBody)
    await registry.revoke_token(
        request.app[DEPS], request[ACTOR], TokenId(id_in_path(request)), reason=body.reason
    )
    return no_content()


def _device_id(request: web.Request) -> DeviceId:
    return DeviceId(id_in_path(request))
