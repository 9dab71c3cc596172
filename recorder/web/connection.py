"""One connection of a client, as aiohttp drives it, with what we add.

It is the one place that knows the inside of aiohttp's connection; the version is pinned, and
tests/e2e and tests/integration/web hold what it relies on.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.http import HttpRequestParser
from aiohttp.http_exceptions import LineTooLong
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_request import BaseRequest
from typing_extensions import override

from recorder.domain.ids import new_uuid
from recorder.web import problems
from recorder.web.callers import Callers
from recorder.web.middleware import HEADERS
from recorder.web.problem_catalogue import CATALOGUE

_PARSER_LIMITS = ("max_line_size", "max_field_size", "max_headers", "auto_decompress")


class Connection(RequestHandler):
    """One connection of a client; tells unreadable messages as problems."""

    __slots__ = ("_address", "_callers", "_parser_limits", "is_one_too_many")

    def __init__(
        self,
        manager: web.Server,
        callers: Callers,
        *,
        loop: asyncio.AbstractEventLoop,
        **settings: Any,
    ) -> None:
        super().__init__(manager, loop=loop, **settings)
        self._parser_limits = {n: settings[n] for n in _PARSER_LIMITS if n in settings}
        self._callers = callers
        self._address = ""
        #: The address has too many connections, and this one may only bring footage.
        self.is_one_too_many = False

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._address = str(peer[0]) if isinstance(peer, tuple) else ""
        self.is_one_too_many = not self._callers.came(self._address, self)

    @override
    def connection_lost(self, exc: BaseException | None) -> None:
        self._callers.went(self._address, self)
        super().connection_lost(exc)

    def is_idle(self) -> bool:
        """Whether nothing was asked that is not answered yet; half a head is no question."""
        waiter = self._waiter
        return self._request_count == 0 or (waiter is not None and not waiter.done())

    def drop(self) -> None:
        """End it at once; whoever is there connects again."""
        if self.transport is not None:
            self.transport.abort()

    def take_back(self, transport: asyncio.Transport, content: StreamReader | None) -> None:
        """Read from the transport again, after somebody else has read the body of a request.

        With ``content``, the body was read to its end and the next request can follow. Without,
        the parser goes on swallowing the rest of the body, and aiohttp ends the connection.
        """
        if self.transport is None:
            return
        if content is not None:
            self._parser = HttpRequestParser(
                self,
                self._loop,
                self._read_bufsize,
                payload_exception=web.RequestPayloadError,
                max_msg_queue_size=self._max_msg_queue_size,
                **self._parser_limits,
            )
        transport.set_protocol(self)
        if content is not None:
            content.feed_eof()
        transport.resume_reading()

    @override
    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what cannot be parsed; the connection ends after it."""
        if request.writer.output_size > 0 or isinstance(exc, ConnectionError):
            # Half an answer is out, or nobody is there to read one.
            raise ConnectionError("the connection cannot carry an answer") from exc
        name = str(new_uuid())
        if status == 400:
            problem = _unreadable(exc, name)
        else:
            problem = problems.problem_of(exc or RuntimeError(message or str(status)), name)
        response = problems.json_answer(problem)
        response.headers["X-Request-Id"] = name
        response.headers.update(HEADERS)
        response.force_close()
        return response


def _unreadable(exc: BaseException | None, name: str) -> problems.Problem:
    code, status = "request-malformed", 400
    if isinstance(exc, LineTooLong):
        code, status = "headers-too-large", 431
    entry = CATALOGUE[code]
    return problems.Problem(status, code, entry.title, entry.advice, name, {}, {})
