"""What happens around every handler: name, log line, headers, failures, permission.

Outermost first: ``record`` names the request and writes its log line, ``translate`` turns
failures into problems, ``admit`` lets nobody in whom the route row does not allow, and nothing
be decided about footage or cases while the store is ahead of the database.
"""

from __future__ import annotations

import logging
import re
import time

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from recorder import metrics
from recorder.domain.ids import new_uuid
from recorder.domain.people import NOBODY
from recorder.errors import RateLimited
from recorder.services import guard, limits
from recorder.telemetry import bind, log
from recorder.web import authentication, problems
from recorder.web.body import check_expectation
from recorder.web.keys import ACTOR, DEPS, FRAMED_BY, HEAD_SENT, REQUEST_ID
from recorder.web.route import Route

logger = logging.getLogger(__name__)
access = logging.getLogger("recorder.access")

#: The row of the table that a route of the application was made from.
ROWS: web.AppKey[dict[web.AbstractRoute, Route]] = web.AppKey("rows", dict)

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
_IDENTIFIER = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    # blob: what a script of ours feeds into a player piece by piece (hls.js).
    " media-src 'self' blob:; connect-src 'self'; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script';"
    " trusted-types recorder"
)
_NO_FRAME = "frame-ancestors 'none'"
#: What every answer carries, unless its handler is stricter; docs/design/threat-model.md says why.
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Evidence is kept in no cache; what may be kept says so itself.
    hdrs.CACHE_CONTROL: "no-store",
}
_HSTS = "max-age=31536000"


def row_of(request: web.Request) -> Route | None:
    """The row of the route table that this request is for; None for unknown addresses."""
    route = request.match_info.route
    return request.app[ROWS].get(route) if route else None


@web.middleware
async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Name the request, and write one line about it when it has ended."""
    wished = request.headers.get("X-Request-Id", "")
    name = wished if _SANE_REQUEST_ID.fullmatch(wished) else str(new_uuid())
    request[REQUEST_ID] = name
    began = time.perf_counter()
    status: int | None = None
    sent = 0
    with bind(request=name):
        try:
            response = await handler(request)
            status, sent = response.status, max(0, response.body_length)
            return response
        except web.HTTPException as outcome:
            # A redirect; failures have become problems below.
            status = outcome.status
            raise
        finally:
            _write_line(request, status, sent, time.perf_counter() - began)


def _write_line(request: web.Request, status: int | None, sent: int, seconds: float) -> None:
    row = row_of(request)
    # The template and its method: what askers make up must not become a series.
    method, route = (row.method, row.path) if row else ("other", "other")
    metrics.HTTP_REQUESTS.labels(method, route, str(status or "none")).inc()
    metrics.HTTP_SECONDS.labels(method, route).observe(seconds)
    actor = request.get(ACTOR, NOBODY)
    log(
        access,
        logging.INFO,
        "request",
        method=request.method,
        # The template, not the path: paths may hold secrets and names.
        route=row.path if row else None,
        subject=_subject(request),
        # None: the asker was gone before the end.
        status=status,
        duration_ms=round(seconds * 1000, 1),
        received_bytes=request.content.total_bytes,
        sent_bytes=sent,
        actor=f"{actor.kind.value}:{actor.id}" if actor.id else None,
        remote=authentication.client_address(request),
    )


def _subject(request: web.Request) -> str | None:
    """The identifier in the address; anything else that was written there is not repeated."""
    text = request.match_info.get("id", "")
    return text if _IDENTIFIER.fullmatch(text) else None


@web.middleware
async def translate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every failure into a problem; a failure in mid-answer breaks the connection instead."""
    try:
        return await handler(request)
    except ConnectionError:
        # The asker is gone; there is nobody to answer.
        raise
    except web.HTTPException as outcome:
        if outcome.status < 400:
            raise
        return await problems.answer(request, outcome)
    except Exception as error:
        if request.get(HEAD_SENT):
            problems.problem_of(error, request[REQUEST_ID])
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("the answer broke off") from error
        return await problems.answer(request, error)


@web.middleware
async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let the handler run only if the route row allows it to who asks."""
    row = row_of(request)
    if row is None or not row.brings_footage:
        _refuse_one_too_many(request)
    if row is not None:
        check_expectation(request)
        await authentication.require(request, row.permission)
        if row.waits_for_whole:
            await guard.require_whole(request.app[DEPS], at_once=True)
        if row.limit is not None:
            await limits.take(request.app[DEPS], request[ACTOR], row.limit)
    return await handler(request)


def _refuse_one_too_many(request: web.Request) -> None:
    """Footage comes over any number of connections; for the rest an address has enough of them."""
    # Set by web/connection.py, which needs this module.
    if getattr(request.protocol, "is_one_too_many", False):
        raise RateLimited(
            "connections-limited", "Your address has too many connections.", retry_after_s=10
        )


async def complete_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler: headers that every answer carries, unless the handler set them."""
    request[HEAD_SENT] = True
    if origins := request.get(FRAMED_BY):
        # The one page that others show: by these origins only, and its address tells nobody.
        headers = response.headers
        headers["Content-Security-Policy"] = _POLICY.replace(
            _NO_FRAME, f"frame-ancestors {origins}"
        )
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        headers["Referrer-Policy"] = "no-referrer"
    for name, value in HEADERS.items():
        if not (origins and name == "X-Frame-Options"):
            response.headers.setdefault(name, value)
    response.headers.setdefault("X-Request-Id", request.get(REQUEST_ID, ""))
    if authentication.is_secure(request):
        response.headers.setdefault(hdrs.STRICT_TRANSPORT_SECURITY, _HSTS)
    response.headers.popall(hdrs.SERVER, None)


MIDDLEWARES = (record, translate, admit)

__all__ = ["HEADERS", "MIDDLEWARES", "ROWS", "complete_headers", "row_of"]
