"""One's own account: another password, and the sessions that are open."""

from __future__ import annotations

from aiohttp import web

from recorder.errors import NotFound
from recorder.services import own_account
from recorder.web.api.parameters import id_in_path
from recorder.web.authentication import client_address
from recorder.web.keys import ACTOR, DEPS, SIGN_IN
from recorder.web.pages.forms import go, posted, read_form
from recorder.web.pages.rendering import page

_PLACE = "/account"


async def show(request: web.Request) -> web.StreamResponse:
    found = request[SIGN_IN]
    sessions = await own_account.list_sessions(
        request.app[DEPS], request[ACTOR], found.secret if found else None
    )
    return await page(request, "account.html", sessions=sessions)


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


def _secret(request: web.Request) -> str:
    """The secret of the session that asks; tokens have none."""
    found = request[SIGN_IN]
    if found is None:
        raise NotFound("session-not-found", "Only a person who has signed in has sessions.")
    return found.secret
