"""The real web service on a free port, over a real database and a folder store."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp import web

from recorder.domain.people import OPERATOR, Role
from recorder.runtime import Deps
from recorder.services import registry
from recorder.services.feeding import sources
from recorder.web.app import build_app
from recorder.web.server import serving
from tests.support.answers import Answer as Answer
from tests.support.bureau import Bureau, open_bureau
from tests.support.waiting import eventually

TUS = {"Tus-Resumable": "1.0.0"}
PATCH = {**TUS, "Content-Type": "application/offset+octet-stream"}


@dataclass(frozen=True)
class WebService:
    """A running service, and how to ask it."""

    bureau: Bureau
    port: int
    session: aiohttp.ClientSession
    app: web.Application

    @property
    def deps(self) -> Deps:
        return self.bureau.deps

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def ask(
        self,
        method: str,
        path: str,
        token: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **more: object,
    ) -> Answer:
        """One request and its whole answer; redirects are not followed."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        async with self.session.request(
            method,
            f"{self.url}{path}",
            headers=sent,
            allow_redirects=False,
            **more,  # type: ignore[arg-type]
        ) as response:
            return Answer(response.status, response.headers, await response.read(), response.reason)

    async def token(self, role: Role, agency: str | None = None) -> str:
        """A bearer token with a role; devices and docks are made for it."""
        name = f"{role.value}-{agency or 'ours'}-{asyncio.get_running_loop().time()}"
        match role:
            case Role.DEVICE:
                device = await registry.add_device(self.deps, OPERATOR, number=name, agency=agency)
                return device.token
            case Role.DOCK:
                dock = await registry.add_dock(self.deps, OPERATOR, name=name, agency=agency)
                return dock.token
            case Role.SOURCE:
                fed = await sources.add_source(
                    self.deps, OPERATOR, name=f"s-{secrets.token_hex(4)}", agency=agency
                )
                return fed.token
            case _:
                added = await registry.add_token(
                    self.deps, OPERATOR, name=name, role=role, agency=agency
                )
                return added.secret

    async def raw(self, message: bytes) -> bytes:
        """Bytes on a socket, and everything that comes back until the other side closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(message)
            await writer.drain()
            async with asyncio.timeout(60):
                return await reader.read()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def until(check: Callable[[], Awaitable[bool]], *, within: float, what: str) -> None:
    """``eventually`` for those who want no answer but yes."""
    said: bool = await eventually(check, within=within, what=what)
    assert said


@asynccontextmanager
async def open_web_service(
    database_url: str, folder: Path, **settings: object
) -> AsyncIterator[WebService]:
    """A service on an empty database; it has ended in order afterwards."""
    async with open_bureau(database_url, folder, **settings) as bureau:
        listener = socket.create_server(("127.0.0.1", 0))
        app = build_app(bureau.deps)
        async with (
            serving(app, listener),
            aiohttp.ClientSession(auto_decompress=False) as session,
        ):
            yield WebService(bureau, listener.getsockname()[1], session, app)


__all__ = ["PATCH", "TUS", "Answer", "WebService", "open_web_service", "until"]
