"""Answers with content: JSON of a shape, and bytes of an object with ranges (RFC 9110, 14).

It must not know what the bytes are; services decide the media type, from the probe's list only.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from aiohttp import hdrs, web
from pydantic import BaseModel

from recorder import metrics
from recorder.errors import InvalidInput, Unavailable

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII)
#: Gives the bytes [offset, offset+length) in blocks.
Read = Callable[[int, int], AsyncIterator[bytes]]


def json_answer(
    body: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A model as JSON; never cached, since it is about evidence and depends on who asks."""
    return web.Response(
        body=body.model_dump_json().encode(),
        status=status,
        content_type="application/json",
        charset="utf-8",
        headers={hdrs.CACHE_CONTROL: "no-store", **(headers or {})},
    )


def text_answer(text: str, media_type: str = "text/plain") -> web.Response:
    """UTF-8 text, never cached."""
    return web.Response(
        text=text, content_type=media_type, headers={hdrs.CACHE_CONTROL: "no-store"}
    )


def no_content(headers: Mapping[str, str] | None = None) -> web.Response:
    """204."""
    return web.Response(status=204, headers=headers)


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes first to last, both included."""

    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1


def parse_range(header: str | None, length: int) -> Span | None:
    """The one range that is asked for; None means: answer with the whole.

    What is no range of bytes, and several ranges at once, are ignored as RFC 9110 allows. Raises
    InvalidInput ``range-not-satisfiable`` for a range outside the content.
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        wanted = min(int(last), length)
        span = Span(length - wanted, length - 1)
    else:
        span = Span(int(first), min(int(last), length - 1) if last else length - 1)
        if last and int(last) < int(first):
            return None
    if span.first >= length or span.length <= 0:
        raise InvalidInput(
            "range-not-satisfiable", f"The content has {length} bytes.", length=length
        )
    return span


def requested_span(request: web.Request, length: int, etag: str | None) -> Span | None:
    """The range of this request, if its If-Range still fits (RFC 9110, 13.1.5)."""
    condition = request.headers.get(hdrs.IF_RANGE)
    if condition is not None and (etag is None or condition.strip() != f'"{etag}"'):
        return None
    return parse_range(request.headers.get(hdrs.RANGE), length)


def has_newest(request: web.Request, etag: str | None) -> bool:
    """Whether If-None-Match says that the asker has this content already."""
    condition = request.headers.get(hdrs.IF_NONE_MATCH)
    if condition is None or etag is None:
        return False
    listed = [tag.strip().removeprefix("W/") for tag in condition.split(",")]
    return f'"{etag}"' in listed or "*" in listed


def attachment(name: str) -> str:
    """Content-Disposition for saving under a hostile name (RFC 6266, RFC 8187)."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".")[-100:] or "original"
    kept = "".join(c for c in name.replace("/", "_").replace("\\", "_") if c.isprintable())
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(kept[-200:], safe='')}"


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes to be sent: their whole length, and how they may be used."""

    length: int
    media_type: str
    #: SHA-256 in hexadecimal: the same tag means the same bytes.
    etag: str | None
    disposition: str = "inline"
    #: What it is sent for, as the figures name it.
    use: str = "other"
    headers: Mapping[str, str] = field(default_factory=dict)


async def send(
    request: web.Request, content: Content, open_span: Callable[[Span], Awaitable[Read]]
) -> web.StreamResponse:
    """Answer GET or HEAD with the whole or one range.

    ``open_span`` is called once, when bytes will really be sent, and gives their reader.
    """
    span = requested_span(request, content.length, content.etag)
    headers = {
        hdrs.ACCEPT_RANGES: "bytes",
        hdrs.CONTENT_TYPE: content.media_type,
        hdrs.CONTENT_DISPOSITION: content.disposition,
        hdrs.CACHE_CONTROL: "private, no-cache",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        **content.headers,
    }
    if content.etag:
        headers[hdrs.ETAG] = f'"{content.etag}"'
    if has_newest(request, content.etag):
        return web.Response(status=304, headers=headers)
    if span is not None:
        headers[hdrs.CONTENT_RANGE] = f"bytes {span.first}-{span.last}/{content.length}"
    response = web.StreamResponse(status=206 if span else 200, headers=headers)
    whole = Span(0, content.length - 1)
    response.content_length = (span or whole).length
    if request.method == hdrs.METH_HEAD or content.length == 0:
        await response.prepare(request)
        return response
    read = await open_span(span or whole)
    await response.prepare(request)
    await _send_span(response, read, span or whole, content.use)
    return response


async def _send_span(response: web.StreamResponse, read: Read, span: Span, use: str) -> None:
    """Write the span's bytes; Unavailable when the store ends before, so that nobody waits on."""
    figure = metrics.FOOTAGE_SENT_BYTES.labels(use)
    left = span.length
    async for block in read(span.first, span.length):
        await response.write(block)
        figure.inc(len(block))
        left -= len(block)
    if left:
        raise Unavailable("store-unavailable", f"The store gave {left} bytes too few.")
    await response.write_eof()
