"""Reading what a request brings: JSON and queries within limits; footage is upload_body's.

``100 Continue`` is sent here, at the first read: by then the sender is known and allowed, and the
handler has looked at its headers.
"""

from __future__ import annotations

from typing import TypeVar

from aiohttp import hdrs, web
from pydantic import BaseModel, ValidationError

from recorder.errors import InvalidInput, RecorderError, TooLarge, Unsupported

MAX_JSON_BYTES = 1024 * 1024
#: Errors listed in one answer; a body can be wrong in more places than anybody reads.
_MAX_ERRORS = 20

Model = TypeVar("Model", bound=BaseModel)
_CONTINUED: web.RequestKey[bool] = web.RequestKey("continued", bool)


async def no_continue_yet(request: web.Request) -> web.StreamResponse | None:
    """The expect handler of every route: promises nothing before the handler reads.

    Raises HTTPExpectationFailed for an expectation that HTTP does not know.
    """
    return None


def check_expectation(request: web.Request) -> None:
    """Raise InvalidInput ``expectation-failed`` for anything but ``100-continue``."""
    if request.headers.get(hdrs.EXPECT, "100-continue").strip().lower() != "100-continue":
        raise InvalidInput(
            "expectation-failed", "This service knows no expectation but 100-continue."
        )


async def send_continue(request: web.Request) -> None:
    """Tell a sender that waits for it that its body is welcome; once for a request."""
    if request.get(_CONTINUED) or request.version < (1, 1):
        return
    request[_CONTINUED] = True
    if hdrs.EXPECT in request.headers and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


async def read_body(request: web.Request, limit: int = MAX_JSON_BYTES) -> bytes:
    """The whole body, if it is within the limit.

    Raises TooLarge ``body-too-large``, and Unsupported for an encoded body: it is never unpacked.
    """
    refuse_encoding(request, "body-not-json")
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    await send_continue(request)
    body = bytearray()
    while chunk := await request.content.readany():
        body += chunk
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


def refuse_encoding(request: web.Request, code: str) -> None:
    """Raise Unsupported with this code when the body is compressed."""
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower() != "identity":
        raise Unsupported(code, "Bodies are taken as they are: send no Content-Encoding.")


def _too_large(limit: int) -> TooLarge:
    return TooLarge("body-too-large", f"The body may have {limit} bytes at most.", limit=limit)


async def read_json(request: web.Request, shape: type[Model]) -> Model:
    """The JSON body in this shape; InvalidInput ``body-invalid`` lists what is wrong."""
    if request.content_type not in ("application/json", "text/json"):
        raise Unsupported("body-not-json", "Send the body as application/json.")
    body = await read_body(request)
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        raise InvalidInput(
            "body-invalid", "The body does not have the shape that is asked for.",
            errors=describe(error),
        ) from error  # fmt: skip
    except RecorderError as error:
        raise InvalidInput("body-invalid", error.detail, errors=[str(error)]) from error


def read_query(request: web.Request, shape: type[Model]) -> Model:
    """The query in this shape; a parameter that is unknown or given twice is refused.

    Raises InvalidInput ``query-invalid``.
    """
    query = request.query
    twice = sorted({name for name in query if len(query.getall(name)) > 1})
    if twice:
        raise InvalidInput(
            "query-invalid", "A parameter may be given once.", errors=[f"{n}: twice" for n in twice]
        )
    try:
        return shape.model_validate(dict(query), strict=False)
    except ValidationError as error:
        raise InvalidInput(
            "query-invalid", "The query holds something unknown or wrong.", errors=describe(error)
        ) from error


def describe(error: ValidationError) -> list[str]:
    """Each wrong place with what is wrong there; what was given is not repeated."""
    listed = error.errors(include_input=False, include_url=False, include_context=False)
    return [
        f"{'.'.join(str(step) for step in entry['loc']) or 'body'}: {entry['msg']}"
        for entry in listed[:_MAX_ERRORS]
    ]


__all__ = [
    "MAX_JSON_BYTES", "check_expectation", "describe", "no_continue_yet", "read_body",
    "read_json", "read_query", "refuse_encoding", "send_continue",
]  # fmt: skip
