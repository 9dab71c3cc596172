"""Signing in and out, and how pages look to one browser: language, light or dark."""

from __future__ import annotations

from aiohttp import hdrs, web

from recorder.domain.people import ActorKind
from recorder.errors import RateLimited, Unauthenticated
from recorder.services import accounts
from recorder.services.accounts import Session
from recorder.web import authentication, i18n
from recorder.web.authentication import check_csrf, check_same_origin, client_address
from recorder.web.keys import ACTOR, DEPS, SIGN_IN
from recorder.web.pages import rendering
from recorder.web.pages.forms import go, local, read_form

_YEAR_S = 365 * 86400


async def show_sign_in(request: web.Request) -> web.StreamResponse:
    target = local(request.query.get("target", "/"))
    return rendering.draw(request, "sign_in.html", target=target, refused=None)


async def sign_in(request: web.Request) -> web.StreamResponse:
    check_same_origin(request)
    form = await read_form(request)
    target = local(form.text("target") or "/")
    try:
        session = await accounts.sign_in(
            request.app[DEPS],
            login=form.text("login"),
            password=form.raw("password"),
            address=client_address(request),
        )
    except (Unauthenticated, RateLimited) as refusal:
        return _refused(request, "sign_in.html", refusal, target, form.text("login"))
    if session.awaits_code:
        response = go("/sign-in/code", target=target)
        authentication.set_session_cookie(request, response, session.secret, session.expires_at)
        return response
    return _welcome(request, session, target)


async def show_code(request: web.Request) -> web.StreamResponse:
    target = local(request.query.get("target", "/"))
    return rendering.draw(request, "sign_in_code.html", target=target, refused=None)


async def give_code(request: web.Request) -> web.StreamResponse:
    check_same_origin(request)
    form = await read_form(request)
    target = local(form.text("target") or "/")
    try:
        session = await accounts.give_code(
            request.app[DEPS],
            secret=request.cookies.get(authentication.cookie_name(request), ""),
            code=form.text("code"),
            address=client_address(request),
        )
    except (Unauthenticated, RateLimited) as refusal:
        if refusal.code == "sign-in-stale":
            return _refused(request, "sign_in.html", refusal, target)
        return _refused(request, "sign_in_code.html", refusal, target)
    return _welcome(request, session, target)


def _refused(
    request: web.Request,
    template: str,
    refusal: Unauthenticated | RateLimited,
    target: str,
    login: str = "",
) -> web.StreamResponse:
    """The form again, with what was wrong."""
    status = 429 if isinstance(refusal, RateLimited) else 401
    response = rendering.draw(
        request, template, status=status, refused=refusal.code, target=target, login=login
    )
    if status == 429:
        response.headers[hdrs.RETRY_AFTER] = str(refusal.facts.get("retry_after_s", 60))
    return response


async def show_link(request: web.Request) -> web.StreamResponse:
    """A page with a button: programs that preview addresses do not use the link up."""
    return rendering.draw(request, "sign_in_link.html")


async def use_link(request: web.Request) -> web.StreamResponse:
    check_same_origin(request)
    try:
        session = await accounts.sign_in_by_link(
            request.app[DEPS],
            secret=request.match_info["secret"],
            address=client_address(request),
        )
    except Unauthenticated as refusal:
        return rendering.draw(request, "sign_in.html", status=401, target="/", refused=refusal.code)
    return _welcome(request, session, "/")


def _welcome(request: web.Request, session: Session, target: str) -> web.Response:
    response = go(target)
    authentication.set_session_cookie(request, response, session.secret, session.expires_at)
    return response


async def sign_out(request: web.Request) -> web.StreamResponse:
    found = request[SIGN_IN]
    if found is not None:
        await accounts.sign_out(request.app[DEPS], request[ACTOR], found.secret)
    response = go("/sign-in", done="signed-out")
    authentication.clear_session_cookie(request, response)
    return response


async def prefer(request: web.Request) -> web.StreamResponse:
    """Keep the language and the look that this browser asks for."""
    form = await read_form(request)
    try:
        actor = await authentication.recognise(request)
    except Unauthenticated:
        # The session has ended; how pages look is nobody's secret.
        actor = None
    found = request.get(SIGN_IN)
    if found is not None:
        await check_csrf(request, found.csrf_token)
    else:
        check_same_origin(request)
    response = go(local(form.text("back") or "/"))
    locale, theme = form.text("locale"), form.text("theme")
    if locale in i18n.LOCALES:
        if actor is not None and actor.kind is ActorKind.PERSON:
            await accounts.set_locale(request.app[DEPS], actor, locale)
        _keep(request, response, rendering.LOCALE_COOKIE, locale)
    if theme in (*rendering.THEMES, "auto"):
        _keep(request, response, rendering.THEME_COOKIE, theme)
    return response


def _keep(request: web.Request, response: web.Response, name: str, value: str) -> None:
    response.set_cookie(
        name, value, max_age=_YEAR_S, path="/", httponly=True, samesite="Lax",
        secure=authentication.is_secure(request),
    )  # fmt: skip
