"""From an application to a listening server: limits of HTTP itself, and an orderly end.

Each connection is one of ours (connection.py).
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from typing_extensions import override

from recorder.web.authentication import trusted_proxies
from recorder.web.callers import Callers
from recorder.web.connection import Connection
from recorder.web.keys import DEPS

#: Upload-Metadata may hold long names and several case numbers in base64.
_MAX_FIELD_BYTES = 32 * 1024
_MAX_LINE_BYTES = 16 * 1024
_MAX_HEADERS = 100
#: Two of these may wait in each connection before somebody takes them; bodies of uploads do not
#: come this way.
_READ_BYTES = 32 * 1024
#: How long the rest of a refused body is read, so that its sender sees the answer.
_LINGER_S = 2.0
_KEEP_ALIVE_S = 75.0
#: For requests under way when the service ends; uploads were told before.
_END_S = 15.0


class _Server(web.Server):
    """A factory of our connections in place of aiohttp's."""

    callers: Callers

    @override
    def __call__(self) -> RequestHandler:
        return Connection(self, self.callers, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Serves one application with our limits."""

    def __init__(self, app: web.Application) -> None:
        super().__init__(
            app,
            handle_signals=False,
            shutdown_timeout=_END_S,
            access_log=None,
            auto_decompress=False,
            read_bufsize=_READ_BYTES,
            lingering_time=_LINGER_S,
            keepalive_timeout=_KEEP_ALIVE_S,
            max_field_size=_MAX_FIELD_BYTES,
            max_line_size=_MAX_LINE_BYTES,
            max_headers=_MAX_HEADERS,
        )

    @override
    async def _make_server(self) -> web.Server:
        plain = await super()._make_server()
        settings: dict[str, Any] = dict(plain._kwargs)
        ours = _Server(plain.request_handler, request_factory=plain.request_factory, **settings)
        config = self.app[DEPS].config
        ours.callers = Callers(config.connections_per_address, trusted_proxies(config))
        return ours


@asynccontextmanager
async def serving(
    app: web.Application, listener: socket.socket, tls: ssl.SSLContext | None = None
) -> AsyncIterator[None]:
    """Answer on a bound socket for the length of the block.

    Afterwards nothing is accepted, buffers of uploads are durable, requests under way have had
    fifteen seconds to end.
    """
    runner = Runner(app)
    await runner.setup()
    try:
        await web.SockSite(runner, listener, ssl_context=tls).start()
        yield
    finally:
        await runner.cleanup()


__all__ = ["Runner", "serving"]
