"""Every failure as RFC 9457 problem details: the only place that makes an error answer.

The kind of an error decides its status; a few codes have a status of their own, prescribed by
HTTP or tus. Browsers that ask for HTML get a page, if ``web/pages`` has registered how to draw
one. Integrity and internal failures say a reference number and nothing else.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import hdrs, web

from recorder.errors import Fact, Kind, RecorderError
from recorder.telemetry import log
from recorder.web.keys import REQUEST_ID
from recorder.web.problem_catalogue import CATALOGUE

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

_STATUS_OF_KIND: Mapping[Kind, int] = {
    Kind.INVALID: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.GONE: 410,
    Kind.PRECONDITION: 412,
    Kind.TOO_LARGE: 413,
    Kind.UNSUPPORTED: 415,
    Kind.UNPROCESSABLE: 422,
    Kind.LOCKED: 423,
    Kind.RATE_LIMITED: 429,
    Kind.UNAVAILABLE: 503,
    Kind.STORAGE_FULL: 507,
    Kind.INTEGRITY: 500,
    Kind.INTERNAL: 500,
}
#: Codes whose status HTTP or tus 1.0.0 prescribes, whatever their kind.
_STATUS_OF_CODE: Mapping[str, int] = {
    "method-not-allowed": 405,
    "upload-silent": 408,
    "range-not-satisfiable": 416,
    "expectation-failed": 417,
    "headers-too-large": 431,
    "upload-checksum-mismatch": 460,
}
#: Reason phrases that are not in the standard library.
_REASONS: Mapping[int, str] = {460: "Checksum Mismatch"}
#: Seconds after which trying again makes sense, where the failure names none itself.
_RETRY_AFTER_S: Mapping[int, int] = {423: 1, 429: 30, 503: 5, 507: 60}
#: Members that facts of an error never overwrite (RFC 9457, section 3.1).
_RESERVED = frozenset({"type", "title", "status", "detail", "code", "instance"})
#: Titles for codes of one kind that the catalogue does not hold.
_TITLES: Mapping[Kind, str] = {kind: kind.value.replace("-", " ").capitalize() for kind in Kind}


@dataclass(frozen=True, slots=True)
class Problem:
    """One failure, ready to be told."""

    status: int
    code: str
    title: str
    detail: str
    #: The name of the request, which is also the reference number for the operator.
    instance: str
    facts: Mapping[str, Fact]
    headers: Mapping[str, str]

    @property
    def reason(self) -> str:
        """The reason phrase of the status line."""
        return _REASONS.get(self.status) or HTTPStatus(self.status).phrase

    def body(self) -> dict[str, object]:
        """The members of the JSON object."""
        return {
            "type": f"/docs/problems#{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "instance": self.instance,
            **{name: value for name, value in self.facts.items() if name not in _RESERVED},
        }


#: Draws a problem for a browser; registered by ``web/pages``.
RenderProblemPage = Callable[[web.Request, Problem], Awaitable[web.Response]]
PROBLEM_PAGE: web.AppKey[RenderProblemPage] = web.AppKey("problem_page")


def status_of(kind: Kind) -> int:
    """The status that stands for a kind of failure."""
    return _STATUS_OF_KIND[kind]


def status_of_code(code: str) -> int:
    """The status that a code of the catalogue is answered with."""
    return _STATUS_OF_CODE.get(code) or status_of(CATALOGUE[code].kind)


def problem_of(error: BaseException, instance: str) -> Problem:
    """The problem that tells of a failure, whatever raised it; logs what an operator must see."""
    if isinstance(error, web.HTTPException):
        return _of_framework(error, instance)
    if not isinstance(error, RecorderError) or error.kind in (Kind.INTERNAL, Kind.INTEGRITY):
        logger.error("a request failed: %s", error, exc_info=error)
        return _internal(instance)
    status = _STATUS_OF_CODE.get(error.code) or status_of(error.kind)
    if status >= 500:
        log(logger, logging.WARNING, "a request cannot be served now", code=error.code,
            cause=repr(error.__cause__) if error.__cause__ else None)  # fmt: skip
    entry = CATALOGUE.get(error.code)
    return Problem(
        status=status,
        code=error.code,
        title=entry.title if entry else _TITLES[error.kind],
        detail=error.detail,
        instance=instance,
        facts=error.facts,
        headers=_headers(status, error),
    )


def _internal(instance: str) -> Problem:
    return Problem(
        status=500,
        code="internal",
        title=CATALOGUE["internal"].title,
        detail=f"The service made a mistake. Its log knows more under {instance}.",
        instance=instance,
        facts={},
        headers={},
    )


_FRAMEWORK_CODES: Mapping[int, str] = {
    400: "request-malformed",
    404: "route-not-found",
    405: "method-not-allowed",
    413: "body-too-large",
    417: "expectation-failed",
}


def _of_framework(error: web.HTTPException, instance: str) -> Problem:
    """404, 405, 413 and the like, raised by aiohttp itself; Allow survives."""
    code = _FRAMEWORK_CODES.get(error.status, "http-error")
    facts: dict[str, Fact] = {}
    kept: dict[str, str] = {}
    if hdrs.ALLOW in error.headers:
        kept[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
    if isinstance(error, web.HTTPMethodNotAllowed):
        facts["allowed"] = sorted(error.allowed_methods)
    entry = CATALOGUE[code]
    return Problem(error.status, code, entry.title, entry.advice, instance, facts, kept)


def _headers(status: int, error: RecorderError) -> dict[str, str]:
    headers: dict[str, str] = {}
    if status == 401:
        headers[hdrs.WWW_AUTHENTICATE] = 'Bearer realm="recorder"'
    if status in _RETRY_AFTER_S:
        wished = error.facts.get("retry_after_s")
        headers[hdrs.RETRY_AFTER] = str(wished if wished is not None else _RETRY_AFTER_S[status])
    if status == 416:
        headers[hdrs.CONTENT_RANGE] = f"bytes */{error.facts.get('length')}"
    return headers


async def answer(request: web.Request, error: Exception) -> web.StreamResponse:
    """The answer that tells of a failure: JSON, or a page for browsers."""
    problem = problem_of(error, request.get(REQUEST_ID, ""))
    render = request.config_dict.get(PROBLEM_PAGE)
    if render is not None and _wants_page(request):
        response = await render(request, problem)
        response.set_status(problem.status, problem.reason)
    else:
        response = json_answer(problem)
    response.headers.update(problem.headers)
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    response.headers.add(hdrs.VARY, hdrs.ACCEPT)
    if not request.content.is_eof():
        # The rest of the body is read for a moment and thrown away, so that the sender sees this.
        response.force_close()
    return response


def json_answer(problem: Problem) -> web.Response:
    """The problem as application/problem+json."""
    return web.Response(
        status=problem.status,
        reason=problem.reason,
        body=json.dumps(problem.body(), ensure_ascii=False).encode(),
        content_type=MEDIA_TYPE,
        headers=dict(problem.headers),
    )


def _wants_page(request: web.Request) -> bool:
    """Whether the asker prefers HTML: it names text/html, before any JSON."""
    accept = request.headers.get(hdrs.ACCEPT, "").lower()
    html, as_json = accept.find("text/html"), accept.find("json")
    return html >= 0 and (as_json < 0 or html < as_json)
