"""One original behind a one-time address on the loopback, so that a media tool can seek in it.

The bytes come from a callable that reads ranges of the pinned version; each range is asked for
anew, so a job may outlive any signed address. HTTP/1.1 (RFC 9110, 9112) as far as a media tool
speaks it: GET and HEAD, one range, connections that stay open. Everything is bounded; nothing
is cached; a wrong path is 404 and tells nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from recorder.errors import RecorderError

#: Gives the bytes [offset, offset+length) of the original in blocks.
ReadRange = Callable[[int, int], AsyncIterator[bytes]]

_MAX_HEADER_BYTES = 16 << 10
_MAX_CONNECTIONS = 16
_IDLE_S = 600.0
_RANGE = re.compile(rb"bytes=(\d{0,19})-(\d{0,19})$")


@dataclass(slots=True)
class RangeServer:
    """What the user of an open server sees."""

    url: str
    port: int
    length: int
    #: Why the source could not be read, empty while all is well. Says nothing about the footage.
    failure: str = ""
    #: Bytes given out so far, and requests answered: for logs and tests.
    sent_bytes: int = 0
    requests: int = 0
    _open: set[asyncio.Task[None]] = field(default_factory=set)


@contextlib.asynccontextmanager
async def serve_ranges(length: int, read: ReadRange) -> AsyncIterator[RangeServer]:
    """Serve one original of ``length`` bytes until the block ends.

    After the block no connection and no reader is left open.
    """
    path = "/" + secrets.token_urlsafe(32)
    state = RangeServer(url="", port=0, length=length)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(state._open) >= _MAX_CONNECTIONS:
            writer.close()
            return
        state._open.add(task)
        try:
            await _converse(state, path.encode(), read, reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError):
            # The media tool went away or spoke something else; closing is the answer.
            pass
        finally:
            state._open.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=_MAX_HEADER_BYTES)
    state.port = server.sockets[0].getsockname()[1]
    state.url = f"http://127.0.0.1:{state.port}{path}"
    try:
        yield state
    finally:
        server.close()
        tasks = list(state._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _converse(
    state: RangeServer,
    path: bytes,
    read: ReadRange,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Answer requests on one connection until one side has enough."""
    while True:
        async with asyncio.timeout(_IDLE_S):
            header = await reader.readuntil(b"\r\n\r\n")
        line, *fields = header[:-4].split(b"\r\n")
        method, _, rest = line.partition(b" ")
        target, _, version = rest.partition(b" ")
        names = {
            name.strip().lower(): value.strip()
            for name, _, value in (entry.partition(b":") for entry in fields)
        }
        state.requests += 1
        stay = version == b"HTTP/1.1" and names.get(b"connection", b"").lower() != b"close"
        if not secrets.compare_digest(target, path):
            _answer(writer, HTTPStatus.NOT_FOUND, 0)
        elif method not in (b"GET", b"HEAD"):
            _answer(writer, HTTPStatus.METHOD_NOT_ALLOWED, 0, "Allow: GET, HEAD")
        else:
            stay &= await _range(
                state, read, writer, names.get(b"range"), only_head=method == b"HEAD"
            )
        await writer.drain()
        if not stay:
            return


async def _range(
    state: RangeServer,
    read: ReadRange,
    writer: asyncio.StreamWriter,
    wanted: bytes | None,
    *,
    only_head: bool,
) -> bool:
    """Send what was asked for; False when the answer broke off and the connection must end."""
    span = parse_range(wanted, state.length)
    if span is None:
        _answer(
            writer,
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            0,
            f"Content-Range: bytes */{state.length}",
        )
        return True
    start, end = span
    if wanted is None:
        _answer(writer, HTTPStatus.OK, end - start)
    else:
        place = f"Content-Range: bytes {start}-{end - 1}/{state.length}"
        _answer(writer, HTTPStatus.PARTIAL_CONTENT, end - start, place)
    if only_head or start == end:
        return True
    left = end - start
    blocks = read(start, left)
    try:
        async for block in blocks:
            left -= len(block)
            if left < 0:
                break
            writer.write(block)
            state.sent_bytes += len(block)
            await writer.drain()
    except RecorderError as error:
        state.failure = error.detail or error.code
        return False
    finally:
        close = getattr(blocks, "aclose", None)
        if close is not None:
            await close()
    if left:
        state.failure = f"The source gave {end - start - left} of {end - start} bytes."
    return left == 0


def parse_range(wanted: bytes | None, length: int) -> tuple[int, int] | None:
    """The half-open span that a Range field asks for, None when it cannot be satisfied.

    Without a field it is everything. Only one range of bytes is understood (RFC 9110, 14.1.2).
    """
    if wanted is None:
        return 0, length
    match = _RANGE.match(wanted)
    if match is None:
        return None
    first, last = match.groups()
    if not first:
        if not last or int(last) == 0 or length == 0:
            return None
        return max(0, length - int(last)), length
    start = int(first)
    end = min(int(last) + 1, length) if last else length
    return (start, end) if start < end else None


def _answer(writer: asyncio.StreamWriter, status: HTTPStatus, length: int, *fields: str) -> None:
    lines = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"Content-Length: {length}",
        "Content-Type: application/octet-stream",
        "Accept-Ranges: bytes",
        *fields,
    )
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
