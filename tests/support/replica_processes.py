"""Web services as processes of their own on one database and one folder: killed, stopped, woken."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import asyncpg

from tests.support.servers import REPOSITORY
from tests.support.waiting import eventually
from tests.support.web_service import PATCH, TUS, Answer


@dataclass(frozen=True)
class ReplicaProcess:
    """One web service."""

    process: asyncio.subprocess.Process
    port: int

    @property
    def pid(self) -> int:
        """Of the service itself."""
        return self.process.pid

    async def killed(self) -> None:
        """It has died without a word when this returns."""
        self.process.kill()
        await self.process.wait()

    def stop(self) -> None:
        """It does nothing until ``go_on``, and does not know."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)


Starter = Callable[[Mapping[str, str]], Awaitable[ReplicaProcess]]


@dataclass(frozen=True)
class Body:
    """A PATCH under way over a connection of its own; the test sends its bytes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, content: bytes) -> None:
        self.writer.write(content)
        await self.writer.drain()

    async def status(self) -> int:
        """Of its answer; 0 when the connection ends without one."""
        line = b""
        with contextlib.suppress(OSError):
            line = await self.reader.readline()
        return int(line.split()[1]) if line else 0


@dataclass
class Site:
    """Two replicas, a camera, and what lies in database and store."""

    settings: Mapping[str, str]
    session: aiohttp.ClientSession
    replicas: list[ReplicaProcess]
    token: str
    _stack: AsyncExitStack = field(repr=False)
    _begin: Starter

    async def start(self) -> ReplicaProcess:
        """One more replica that answers."""
        replica = await self._begin(self.settings)
        self._stack.push_async_callback(_end, replica)
        self.replicas.append(replica)
        return replica

    async def ask(
        self, at: ReplicaProcess, method: str, path: str, data: object = None, **headers: str
    ) -> Answer:
        """One request of the camera; header names with ``_`` for ``-``."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(data, bytes):
            told |= PATCH
            data = io.BytesIO(data)
        async with self.session.request(
            method, f"http://127.0.0.1:{at.port}{path}", headers={**TUS, **told}, data=data
        ) as found:
            return Answer(found.status, found.headers, await found.read(), found.reason)

    async def create(self, at: ReplicaProcess, length: int) -> str:
        """The path of a new upload."""
        made = await self.ask(at, "POST", "/api/v1/uploads", Upload_Length=str(length))
        assert made.status == 201, made.content
        return made.headers["Location"]

    async def offset(self, at: ReplicaProcess, path: str) -> int:
        told = await self.ask(at, "HEAD", path)
        assert told.status == 200, told.content
        return int(told.headers["Upload-Offset"])

    async def patch(self, at: ReplicaProcess, path: str, offset: int, content: bytes) -> Answer:
        return await self.ask(at, "PATCH", path, content, Upload_Offset=str(offset))

    @asynccontextmanager
    async def patching(
        self, at: ReplicaProcess, path: str, offset: int, length: int
    ) -> AsyncIterator[Body]:
        """A PATCH whose head has been sent, once the replica holds the upload."""
        reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
        lines = {**PATCH, "Host": "x", "Authorization": f"Bearer {self.token}",
                 "Upload-Offset": str(offset), "Content-Length": str(length)}  # fmt: skip
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"PATCH {path} HTTP/1.1\r\n{head}\r\n".encode())
        try:

            async def held() -> bool:
                holder = await self.value(
                    "SELECT holder FROM upload WHERE id = $1", path.rpartition("/")[2]
                )
                return f"-{at.pid}-" in str(holder)

            is_held: bool = await eventually(held, within=20, what="a holder of the upload")
            assert is_held
            yield Body(reader, writer)
        finally:
            writer.transport.abort()

    async def value(self, sql: str, *arguments: object) -> object:
        """One value out of the database."""
        connection = await asyncpg.connect(self.settings["RECORDER_DATABASE_URL"])
        try:
            return await connection.fetchval(sql, *arguments)
        finally:
            await connection.close()

    async def command(self, *words: str) -> str:
        """What ``recorder …`` prints; it succeeds."""
        return await _command(self.settings, *words)

    async def original(self, recording: str) -> bytes:
        """The bytes of a recording, as a replica gives them out."""
        told = await self.command(
            "admin", "token", "add", recording, "--role", "supervisor", "--json"
        )
        headers = {"Authorization": f"Bearer {json.loads(told)['token']}"}
        url = f"http://127.0.0.1:{self.replicas[-1].port}/api/v1/recordings/{recording}/original"
        async with self.session.get(url, headers=headers) as answer:
            assert answer.status == 200
            return await answer.read()


async def _command(settings: Mapping[str, str], *words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "recorder", *words),
        cwd=REPOSITORY, env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, out.decode() + err.decode()
    return out.decode()


async def start_replica(
    settings: Mapping[str, str],
    *before: str,
    kind: Callable[[asyncio.subprocess.Process, int], ReplicaProcess] = ReplicaProcess,
) -> ReplicaProcess:
    """A service that answers; ``before``: a program, with its words, that starts it."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            *(*before, sys.executable, "-m", "recorder", "serve"),
            *("--listen-fd", str(bound.fileno())),
            cwd=REPOSITORY, env=settings, pass_fds=[bound.fileno()], start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    replica = kind(process, port)
    try:
        # The connection waits in the queue of the socket until the service accepts it.
        async with (
            aiohttp.ClientSession() as session,
            asyncio.timeout(100),
            session.get(f"http://127.0.0.1:{port}/readyz") as answer,
        ):
            assert answer.status == 200
    except BaseException:
        await _end(replica)
        raise
    return replica


async def _end(replica: ReplicaProcess) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(replica.process.pid, signal.SIGKILL)
    await replica.process.wait()


@asynccontextmanager
async def open_site(
    database_url: str,
    owner_database_url: str,
    folder: Path,
    settings: Mapping[str, str] | None = None,
    *,
    begin: Starter = start_replica,
) -> AsyncIterator[Site]:
    """Two replicas that answer, each begun by ``begin``, and the token of a camera."""
    (folder / "objects").mkdir()
    given = {
        **os.environ,
        "RECORDER_DATABASE_URL": database_url,
        "RECORDER_OWNER_DATABASE_URL": owner_database_url,
        "RECORDER_DATABASE_CONNECTIONS": "4",
        "RECORDER_OBJECTS_FOLDER": str(folder / "objects"),
        "RECORDER_OBJECTS_FLOOR_BYTES": "0",
        "RECORDER_SIGNING_KEY_FILE": str(folder / "signing.key"),
        **{f"RECORDER_{name.upper()}": value for name, value in (settings or {}).items()},
    }
    async with AsyncExitStack() as stack:
        added = json.loads(await _command(given, "admin", "device", "add", "CAM-1", "--json"))
        head = {"Authorization": f"Bearer {added['token']}"}
        session = await stack.enter_async_context(aiohttp.ClientSession(headers=head))
        site = Site(given, session, [], str(added["token"]), stack, begin)
        await asyncio.gather(site.start(), site.start())
        yield site


__all__ = ["Body", "ReplicaProcess", "Site", "open_site", "start_replica"]
