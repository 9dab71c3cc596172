"""People, devices with their hand-over log, docks and tokens, for administrators.

A new token or enrolment code is the one answer to a post that is no redirect: it is shown once,
must stand in no address, and is kept nowhere.
"""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web

from recorder.domain.ids import DeviceId, TokenId
from recorder.domain.validity import EVER, FURTHER_NOTICE
from recorder.services import accounts, directory, own_account, registries, registry
from recorder.web.api.parameters import id_in_path
from recorder.web.keys import ACTOR, DEPS
from recorder.web.pages.forms import go, here, posted, read_form
from recorder.web.pages.rendering import page

_PEOPLE = "/administration/people"
_DEVICES = "/administration/devices"
_DOCKS = "/administration/docks"
_TOKENS = "/administration/tokens"


def _more(q: str, cursor: str | None) -> str | None:
    """The query of the next page."""
    if cursor is None:
        return None
    return urlencode(({"q": q} if q else {}) | {"cursor": cursor})


async def home(request: web.Request) -> web.StreamResponse:
    return go(_PEOPLE)


async def people(request: web.Request) -> web.StreamResponse:
    q = request.query.get("q", "").strip()
    found = await directory.list_people(
        request.app[DEPS], request[ACTOR], request.query.get("cursor"), q=q or None
    )
    return await page(
        request, "people.html", people=found.items, more=_more(q, found.next), q=q,
        agencies=await directory.list_agencies(request.app[DEPS], request[ACTOR]),
        roles=accounts.PEOPLES_ROLES,
    )  # fmt: skip


@posted(_PEOPLE)
async def add_person(request: web.Request) -> web.StreamResponse:
    form = await read_form(request)
    await accounts.add_person(
        request.app[DEPS],
        request[ACTOR],
        login=form.text("login"),
        name=form.optional("name"),
        role=form.text("role"),
        password=form.raw("password"),
        agency=form.optional("agency"),
        city=bool(form.text("city")),
        officer=form.optional("officer"),
    )
    return go(_PEOPLE, done="added")


@posted(_PEOPLE)
async def set_person_state(request: web.Request) -> web.StreamResponse:
    form = await read_form(request)
    await accounts.set_person_suspended(
        request.app[DEPS], request[ACTOR], login=form.text("login"),
        suspended=form.text("state") == "suspended", reason=form.text("reason"),
    )  # fmt: skip
    return go(_PEOPLE, done="changed")


@posted(_PEOPLE)
async def change_password(request: web.Request) -> web.StreamResponse:
    form = await read_form(request)
    await accounts.change_password(
        request.app[DEPS], request[ACTOR], login=form.text("login"), password=form.raw("password")
    )
    return go(_PEOPLE, done="changed")


@posted(_PEOPLE)
async def end_sessions(request: web.Request) -> web.StreamResponse:
    form = await read_form(request)
    await own_account.end_sessions_of(request.app[DEPS], request[ACTOR], login=form.text("login"))
    return go(_PEOPLE, done="sessions-ended")


async def devices(request: web.Request) -> web.StreamResponse:
    q = request.query.get("q", "").strip()
    found = await directory.list_devices(
        request.app[DEPS], request[ACTOR], request.query.get("cursor"), q=q or None
    )
    return await page(
        request, "devices.html", devices=found.items, more=_more(q, found.next), q=q,
        agencies=await directory.list_agencies(request.app[DEPS], request[ACTOR]),
    )  # fmt: skip


async def device(request: web.Request) -> web.StreamResponse:
    """One device: its state, who wore it when, and a code for enrolling it."""
    deps, actor, device_id = request.app[DEPS], request[ACTOR], _device_id(request)
    found = await registry.device(deps, actor, device_id)
    handovers = await directory.list_handovers(deps, actor, device_id)
    return await page(
        request, "device.html", device=found, handovers=handovers,
        registrations=await registries.registrations_of(deps, device_id),
        ever=EVER, further_notice=FURTHER_NOTICE,
        states=registry.DEVICE_STATES, agencies=await directory.list_agencies(deps, actor),
    )  # fmt: skip


@posted(_DEVICES)
async def add_device(request: web.Request) -> web.StreamResponse:
    form = await read_form(request)
    added = await registry.add_device(
        request.app[DEPS], request[ACTOR], number=form.text("number"),
        agency=form.optional("agency"),
    )  # fmt: skip
    return await page(
        request, "secret.html", kind="token", name=added.device.number, secret=added.token,
        back=f"{_DEVICES}/{added.device.id}",
    )  # fmt: skip


@posted(_DEVICES)
async def set_device_state(request: web.Request) -> web.StreamResponse:
    form = await read_form(request)
    await registry.set_device_state(
        request.app[DEPS], request[ACTOR], device=_device_id(request),
        state=form.text("state"), reason=form.text("reason"),
    )  # fmt: skip
    return go(here(request, _DEVICES), done="changed")


@posted(_DEVICES)
async def hand_over(request: web.Request) -> web.StreamResponse:
    form = await read_form(request)
    at = form.instant("at")
    await registry.hand_over(
        request.app[DEPS], request[ACTOR], device=_device_id(request),
        officer=form.optional("officer"), at=at.at if at else None,
    )  # fmt: skip
    return go(here(request, _DEVICES), done="noted")


@posted(_DEVICES)
async def make_enrolment_code(request: web.Request) -> web.StreamResponse:
    device_id = _device_id(request)
    found = await registry.device(request.app[DEPS], request[ACTOR], device_id)
    code = await registry.enrolment_code(request.app[DEPS], request[ACTOR], device=device_id)
    return await page(
        request, "secret.html", kind="code", name=found.number, secret=code,
        back=f"{_DEVICES}/{device_id}",
    )  # fmt: skip


async def docks(request: web.Request) -> web.StreamResponse:
    q = request.query.get("q", "").strip()
    found = await directory.list_docks(
        request.app[DEPS], request[ACTOR], request.query.get("cursor"), q=q or None
    )
    return await page(
        request, "docks.html", docks=found.items, more=_more(q, found.next), q=q,
        agencies=await directory.list_agencies(request.app[DEPS], request[ACTOR]),
    )  # fmt: skip


@posted(_DOCKS)
async def add_dock(request: web.Request) -> web.StreamResponse:
    form = await read_form(request)
    added = await registry.add_dock(
        request.app[DEPS], request[ACTOR], name=form.text("name"), agency=form.optional("agency")
    )
    return await page(
        request, "secret.html", kind="token", name=added.dock.name, secret=added.token,
        back=_DOCKS,
    )  # fmt: skip


async def tokens(request: web.Request) -> web.StreamResponse:
    q = request.query.get("q", "").strip()
    found = await directory.list_tokens(
        request.app[DEPS], request[ACTOR], request.query.get("cursor"), q=q or None
    )
    return await page(
        request, "tokens.html", tokens=found.items, more=_more(q, found.next), q=q,
        agencies=await directory.list_agencies(request.app[DEPS], request[ACTOR]),
        roles=accounts.PROGRAMS_ROLES,
    )  # fmt: skip


@posted(_TOKENS)
async def add_token(request: web.Request) -> web.StreamResponse:
    form = await read_form(request)
    added = await registry.add_token(
        request.app[DEPS], request[ACTOR], name=form.text("name"), role=form.text("role"),
        agency=form.optional("agency"), city=bool(form.text("city")),
    )  # fmt: skip
    return await page(
        request, "secret.html", kind="token", name=added.token.name, secret=added.secret,
        back=_TOKENS,
    )  # fmt: skip


@posted(_TOKENS)
async def revoke_token(request: web.Request) -> web.StreamResponse:
    form = await read_form(request)
    await registry.revoke_token(
        request.app[DEPS], request[ACTOR], TokenId(id_in_path(request)), reason=form.text("reason")
    )
    return go(_TOKENS, done="revoked")


def _device_id(request: web.Request) -> DeviceId:
    return DeviceId(id_in_path(request))
