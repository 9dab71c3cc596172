"""One's own account: another password, a second factor, and the sessions that are open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from recorder.errors import NotFound
from recorder.services import own_account, second_factor
from recorder.web.api.parameters import id_in_path
from recorder.web.authentication import client_address
from recorder.web.keys import ACTOR, DEPS, SIGN_IN
from recorder.web.pages.forms import go, posted, read_form
from recorder.web.pages.rendering import page

_PLACE = "/account"
_FACTOR = "/account/second-factor"


async def show(request: web.Request) -> web.StreamResponse:
    found = request[SIGN_IN]
    sessions = await own_account.list_sessions(
        request.app[DEPS], request[ACTOR], found.secret if found else None
    )
    factor = await second_factor.state_of(request.app[DEPS], request[ACTOR]) if found else None
    return await page(request, "account.html", sessions=sessions, factor=factor)


@posted(_PLACE)
async def change_password(request: web.Request) -> web.StreamResponse:
    form = await read_form(request)
    await own_account.change_password(
        request.app[DEPS], request[ACTOR], present=form.raw("present"), new=form.raw("password"),
        secret=_secret(request), address=client_address(request),
    )  # fmt: skip
    return go(_PLACE, done="password-changed")


@posted(_PLACE)
async def end_session(request: web.Request) -> web.StreamResponse:
    await own_account.end_session(request.app[DEPS], request[ACTOR], id_in_path(request))
    return go(_PLACE, done="sessions-ended")


@posted(_PLACE)
async def end_others(request: web.Request) -> web.StreamResponse:
    await own_account.end_other_sessions(request.app[DEPS], request[ACTOR], _secret(request))
    return go(_PLACE, done="sessions-ended")


@posted(_PLACE)
async def begin_factor(request: web.Request) -> web.StreamResponse:
    await second_factor.begin(request.app[DEPS], request[ACTOR])
    return go(_FACTOR)


async def show_factor(request: web.Request) -> web.StreamResponse:
    draft = await second_factor.draft_of(request.app[DEPS], request[ACTOR])
    return await page(request, "second_factor.html", secret=draft.secret)


async def picture(request: web.Request) -> web.StreamResponse:
    """The QR code of the secret that is to be confirmed."""
    draft = await second_factor.draft_of(request.app[DEPS], request[ACTOR])
    return web.Response(body=draft.picture, content_type="image/svg+xml")


@posted(_FACTOR)
async def confirm_factor(request: web.Request) -> web.StreamResponse:
    return await _with_codes(request, second_factor.confirm)


@posted(_PLACE)
async def renew_codes(request: web.Request) -> web.StreamResponse:
    return await _with_codes(request, second_factor.renew_codes)


async def _with_codes(
    request: web.Request, act: Callable[..., Awaitable[list[str]]]
) -> web.StreamResponse:
    """The recovery codes stand on this answer and on no other: loading it again shows none."""
    codes = await act(request.app[DEPS], request[ACTOR], **await _proof(request))
    return await page(request, "recovery_codes.html", codes=codes)


@posted(_PLACE)
async def end_factor(request: web.Request) -> web.StreamResponse:
    await second_factor.end(request.app[DEPS], request[ACTOR], **await _proof(request))
    return go(_PLACE, done="second-factor-ended")


async def _proof(request: web.Request) -> dict[str, str]:
    form = await read_form(request)
    return {
        "present": form.raw("present"),
        "code": form.text("code"),
        "address": client_address(request),
    }


def _secret(request: web.Request) -> str:
    """The secret of the session that asks; tokens have none."""
    found = request[SIGN_IN]
    if found is None:
        raise NotFound("session-not-found", "Only a person who has signed in has sessions.")
    return found.secret
