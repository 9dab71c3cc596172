"""Figures of a process without a web service: one address, ``GET /metrics``, for monitoring only.

No web framework here: requests are read to the end of their head, of at most 8 KiB, within five
seconds, and every connection ends with its answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

from recorder import metrics, telemetry

logger = logging.getLogger(__name__)

#: Gives the figures as Prometheus reads them.
Text: TypeAlias = Callable[[], Awaitable[str]]

_PATIENCE_S = 5.0
_LONGEST_HEAD = 8 * 1024


@dataclass(frozen=True, slots=True)
class _Answer:
    status: str
    text: str

    def encode(self, *, with_body: bool) -> bytes:
        body = self.text.encode()
        head = (
            f"HTTP/1.1 {self.status}\r\nContent-Type: {metrics.CONTENT_TYPE}\r\n"
            f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + (body if with_body else b"")


@asynccontextmanager
async def telling(listen: str | None, text: Text) -> AsyncIterator[int | None]:
    """Answer at HOST:PORT for the length of the block; gives the port, or None.

    A taken address is a line in the log and no reason not to work: evidence comes first, and a
    monitoring system sees by itself whom it cannot ask.
    """
    server: asyncio.Server | None = None
    if listen is not None:
        host, _, port = listen.rpartition(":")
        try:
            server = await asyncio.start_server(
                lambda reader, writer: _converse(text, reader, writer),
                host.strip("[]"),
                int(port),
                limit=_LONGEST_HEAD,
            )
        except (OSError, OverflowError) as error:
            logger.warning("no figures at %s: %s", listen, error)
    if server is None:
        yield None
        return
    bound = int(server.sockets[0].getsockname()[1])
    telemetry.log(logger, logging.INFO, "figures", host=host, port=bound)
    try:
        yield bound
    finally:
        server.close()


async def _converse(text: Text, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            head = await reader.readuntil(b"\r\n\r\n")
        method, path = _asked(head)
        writer.write((await _answer(text, method, path)).encode(with_body=method != "HEAD"))
        async with asyncio.timeout(_PATIENCE_S):
            await writer.drain()
    except (TimeoutError, OSError, EOFError, asyncio.LimitOverrunError):
        # Too slow, too long or gone: there is nobody to answer.
        writer.transport.abort()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _asked(head: bytes) -> tuple[str, str]:
    """Method and path of a request line; empty where it is none."""
    words = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return "", ""
    return words[0], words[1].partition("?")[0]


async def _answer(text: Text, method: str, path: str) -> _Answer:
    if not method:
        return _Answer("400 Bad Request", "This is no HTTP request.\n")
    if path != "/metrics":
        return _Answer("404 Not Found", "Only /metrics is here.\n")
    if method not in ("GET", "HEAD"):
        return _Answer("405 Method Not Allowed", "Figures can only be read.\n")
    return _Answer("200 OK", await text())
