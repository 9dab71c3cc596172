"""Who asks: a bearer token, or a session cookie with its protection against foreign pages.

Knows cookies and headers; whose they are is the word of services/accounts.
"""

from __future__ import annotations

import ipaddress
import secrets
from datetime import datetime
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from recorder.config import Config
from recorder.domain.people import NOBODY, Actor, Permission
from recorder.errors import Forbidden, Unauthenticated
from recorder.services import accounts
from recorder.web.body import refuse_encoding, send_continue
from recorder.web.keys import ACTOR, DEPS, SIGN_IN, SignIn

#: With TLS the name itself demands Secure, Path=/ and no Domain (RFC 6265bis, 4.1.3.2).
COOKIE = "recorder_session"
SECURE_COOKIE = "__Host-recorder_session"
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf_token"
SAFE_METHODS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def is_secure(request: web.Request) -> bool:
    """Whether the asker reaches us by HTTPS, here or at a proxy whose address is configured."""
    public = request.app[DEPS].config.public_url
    return request.secure or (public or "").startswith("https:")


def cookie_name(request: web.Request) -> str:
    return SECURE_COOKIE if is_secure(request) else COOKIE


def set_session_cookie(
    request: web.Request, response: web.StreamResponse, secret: str, expires_at: datetime
) -> None:
    """Give the browser its session; scripts cannot read it, foreign pages cannot post with it."""
    lasts = expires_at - request.app[DEPS].clock.now()
    response.set_cookie(
        cookie_name(request),
        secret,
        max_age=max(0, int(lasts.total_seconds())),
        path="/",
        httponly=True,
        secure=is_secure(request),
        # Lax: a login link in a message opens signed in; unsafe methods are never sent along.
        samesite="Lax",
    )


def clear_session_cookie(request: web.Request, response: web.StreamResponse) -> None:
    """Have the browser forget its session."""
    response.del_cookie(
        cookie_name(request), path="/", httponly=True, secure=is_secure(request), samesite="Lax"
    )


def trusted_proxies(config: Config) -> frozenset[str]:
    """The addresses of proxies whose word about their clients is believed."""
    return frozenset(text.strip() for text in config.trusted_proxies.split(",") if text.strip())


def client_address(request: web.Request) -> str:
    """The address that asks, for rate limits: X-Forwarded-For counts from trusted proxies only."""
    trusted = trusted_proxies(request.app[DEPS].config)
    peer = request.transport.get_extra_info("peername") if request.transport else None
    address = str(peer[0]) if isinstance(peer, tuple) else ""
    # A proxy may add a line of its own behind those that came; all of them are one list.
    lines = request.headers.getall("X-Forwarded-For", [])
    hops = [hop.strip() for hop in ",".join(lines).split(",")]
    while address in trusted and hops:
        hop = hops.pop()
        try:
            address = str(ipaddress.ip_address(hop))
        except ValueError:
            break
    return address


async def recognise(request: web.Request) -> Actor:
    """Find out who asks; afterwards request[ACTOR] and request[SIGN_IN] say so.

    Nobody is no failure here; a credential that is not ours is: Unauthenticated.
    """
    known: Actor | None = request.get(ACTOR)
    if known is not None and known is not NOBODY:
        return known
    deps = request.app[DEPS]
    actor, sign_in = NOBODY, None
    request[ACTOR], request[SIGN_IN] = actor, sign_in
    header = request.headers.get(hdrs.AUTHORIZATION)
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip() or not token.isascii():
            raise Unauthenticated("token-invalid", "Send `Authorization: Bearer TOKEN`.")
        actor = await accounts.actor_of_token(deps, token.strip())
    elif secret := request.cookies.get(cookie_name(request)):
        # News that a page listens to by itself keeps no session alive.
        in_use = request.headers.get(hdrs.ACCEPT) != "text/event-stream"
        session = await accounts.actor_of_session(deps, secret, in_use=in_use)
        actor, sign_in = session.actor, SignIn(secret, session.csrf_token, session.locale)
    request[ACTOR], request[SIGN_IN] = actor, sign_in
    return actor


async def require(request: web.Request, permission: Permission) -> None:
    """Let the request pass only if who asks may; request[ACTOR] is set afterwards.

    Raises Unauthenticated, Forbidden ``permission-missing`` or ``csrf-token-invalid``.
    """
    if permission is Permission.PUBLIC:
        # Nothing is looked up: health checks and the public key must answer without a database.
        request[ACTOR], request[SIGN_IN] = NOBODY, None
        return
    actor = await recognise(request)
    if actor is NOBODY:
        raise Unauthenticated("credentials-missing", "Sign in, or send a bearer token.")
    if not actor.may(permission):
        if actor.suspended:
            raise Forbidden(
                "device-suspended", "This device is suspended: it may upload and nothing else."
            )
        if actor.unready:
            raise Forbidden(
                "second-factor-missing",
                "Your role needs a second factor: set it up on the page of your account first.",
            )
        raise Forbidden(
            "permission-missing", "Your role does not allow this.", permission=permission.value
        )
    sign_in = request[SIGN_IN]
    if sign_in is not None and request.method not in SAFE_METHODS:
        await check_csrf(request, sign_in.csrf_token)


async def check_csrf(request: web.Request, expected: str) -> None:
    """Refuse an unsafe request that a page of ours did not make.

    Two independent checks: what the browser says about the request's origin, and the token that
    only our own pages can read. Raises Forbidden ``csrf-token-invalid``.
    """
    check_same_origin(request)
    given = request.headers.get(CSRF_HEADER)
    if given is None and request.content_type in _FORMS:
        given = await _form_token(request)
    if given is None or not secrets.compare_digest(given.encode(), expected.encode()):
        raise _foreign("The request does not carry the token of your session.")


def check_same_origin(request: web.Request) -> None:
    """Refuse what the browser says comes from another site (Fetch Metadata; RFC 6454).

    For forms that are posted without a session too, such as the one that signs in.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in ("same-origin", "none"):
        raise _foreign("The request comes from a page of another site.")
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return
    ours = {request.host}
    if public := request.app[DEPS].config.public_url:
        ours.add(urlsplit(public).netloc)
    if urlsplit(origin).netloc not in ours:
        raise _foreign("The request comes from a page of another site.")


async def _form_token(request: web.Request) -> str | None:
    refuse_encoding(request, "body-not-json")
    await send_continue(request)
    # aiohttp keeps the parsed form, so that the handler reads it again; client_max_size limits it.
    value = (await request.post()).get(CSRF_FIELD)
    return value if isinstance(value, str) else None


def _foreign(sentence: str) -> Forbidden:
    return Forbidden("csrf-token-invalid", sentence)


__all__ = [
    "CSRF_FIELD", "CSRF_HEADER", "check_csrf", "check_same_origin", "clear_session_cookie",
    "client_address", "is_secure", "recognise", "require", "set_session_cookie", "trusted_proxies",
]  # fmt: skip
