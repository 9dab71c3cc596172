"""A reverse proxy in front of a lax S3 server that refuses what AWS refuses.

What it checks is written in the S3 API reference and in the Object Lock chapter of the S3 user
guide; the rules themselves are pure functions in s3_rules. It signs nothing: requests pass on with
their Host header, so that their signatures stay valid.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import threading
from types import TracebackType
from typing import Self
from xml.etree import ElementTree

from aiohttp import (
    ClientOSError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    ServerDisconnectedError,
    TCPConnector,
    web,
)
from yarl import URL

from tests.support import s3, s3_rules, servers

#: Parts in tests stay below this; the proxy reads a request whole before it judges it.
LARGEST_BODY = 128 * 2**20
#: A server that answers before it has read the body may reset the connection under its own answer.
TRIES = 3
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "expect"}


class StrictS3:
    """The proxy, in a thread with a loop of its own, so that blocking clients may use it.

    ``requests`` and ``refusals`` list what came by and what was refused, oldest first.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._rules = s3_rules.Rules()
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="strict-s3", daemon=True)
        self._port = servers.free_port()
        self._failure: BaseException | None = None
        #: ``PUT /bucket/key?partNumber=1&uploadId=…``
        self.requests: list[str] = []
        #: The same, followed by the error code.
        self.refusals: list[str] = []
        #: Where to connect, with a fresh prefix for bucket names.
        self.server = s3.at(s3.url(self._port))

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise servers.ServerFailed("The strict S3 proxy does not start.") from self._failure
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._serve())
            except OSError as error:
                self._failure = error
            finally:
                self._ready.set()

    async def _serve(self) -> None:
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        # A kept connection that the server closes meanwhile would look like a fault of the store.
        connector = TCPConnector(limit=0, force_close=True)
        async with ClientSession(
            connector=connector,
            timeout=ClientTimeout(total=None),
            auto_decompress=False,
            cookie_jar=DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        ) as self._session:
            try:
                await web.TCPSite(runner, "127.0.0.1", self._port).start()
                self._ready.set()
                await self._stopping.wait()
            finally:
                await runner.cleanup()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        line = f"{request.method} {request.path_qs}"
        self.requests.append(line)
        body = await request.read()
        asked = s3_rules.Request(
            request.method, request.path, dict(request.query), request.headers, body
        )
        try:
            self._rules.judge(asked)
        except s3_rules.Refused as refused:
            self.refusals.append(f"{line} {refused.code}")
            return _error(refused, request.path)
        for _ in range(TRIES - 1):
            with contextlib.suppress(ClientOSError, ServerDisconnectedError):
                return await self._forward(request, asked)
        return await self._forward(request, asked)

    async def _forward(self, request: web.Request, asked: s3_rules.Request) -> web.StreamResponse:
        headers = [(k, v) for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP]
        body = io.BytesIO(asked.body) if asked.body else None
        url = URL(self._upstream + request.raw_path, encoded=True)
        async with self._session.request(
            request.method,
            url,
            headers=headers,
            data=body,
            expect100=body is not None,
            allow_redirects=False,
        ) as answer:
            response = web.StreamResponse(status=answer.status, reason=answer.reason)
            for name, value in answer.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    response.headers.add(name, value)
            if request.method == "HEAD" or answer.status in (204, 304):
                self._rules.note(asked, answer.status, b"")
                await response.prepare(request)
                return response
            if self._rules.wants_to_see(asked):
                whole = await answer.read()
                self._rules.note(asked, answer.status, whole)
                await response.prepare(request)
                await response.write(whole)
                return response
            await response.prepare(request)
            async for block in answer.content.iter_chunked(2**18):
                await response.write(block)
            self._rules.note(asked, answer.status, b"")
            return response


def _error(refused: s3_rules.Refused, resource: str) -> web.Response:
    root = ElementTree.Element("Error")
    for name, text in (
        ("Code", refused.code),
        ("Message", refused.message),
        ("Resource", resource),
        ("RequestId", "strict"),
    ):
        ElementTree.SubElement(root, name).text = text
    return web.Response(
        status=refused.status,
        body=ElementTree.tostring(root, encoding="utf-8", xml_declaration=True),
        content_type="application/xml",
    )
