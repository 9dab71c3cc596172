"""Two applications on one database and one store, as two replicas are, driven step by step.

For tests that are no coroutines themselves, such as the state machines of hypothesis.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
import uuid
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from recorder.adapters.objects import Bucket
from recorder.config import read_config
from recorder.domain.ids import RecordingId, UploadId
from recorder.domain.people import Role
from recorder.runtime import Deps, open_deps
from recorder.services import ingest
from recorder.store import recordings
from recorder.web.app import build_app
from recorder.web.server import serving
from tests.support import postgres as databases
from tests.support.bureau import UNLIMITED
from tests.support.waiting import eventually
from tests.support.web_service import PATCH, Answer, WebService, open_web_service

T = TypeVar("T")


@dataclass
class Modelled:
    """What must be true of one upload."""

    place: str
    content: bytes
    #: Bytes that the service has answered for.
    offset: int = 0
    #: open, finished (every byte or ended early), removed.
    state: str = "open"
    recording: str | None = None
    ended_early: bool = False

    @property
    def id(self) -> UploadId:
        return UploadId(uuid.UUID(self.place.rpartition("/")[2]))


class Replicas:
    """Two running applications on one database, driven from a thread that is no event loop."""

    def __init__(self, cluster: databases.Cluster) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._cluster = cluster
        self.first: WebService
        self.second_port: int
        self.second: Deps
        self.token: str
        self.stranger: str

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    async def open(self) -> None:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        name = await self._stack.enter_async_context(databases.clone(self._cluster))
        # Hundreds of steps of a week each.
        await databases.set_clock_far_ahead(self._cluster, name)
        url = self._cluster.url(name, databases.SERVICE)
        self.first = await self._stack.enter_async_context(
            open_web_service(url, folder, upload_silence_s=5)
        )
        config = read_config(
            {
                "RECORDER_DATABASE_URL": url,
                "RECORDER_OBJECTS_FOLDER": str(folder / "objects"),
                "RECORDER_OBJECTS_FLOOR_BYTES": "0",
                "RECORDER_SIGNING_KEY_FILE": str(folder / "signing.key"),
                **UNLIMITED,
            }
        )
        clock = self.first.bureau.clock
        self.second = await self._stack.enter_async_context(open_deps(config, clock=clock))
        listener = socket.create_server(("127.0.0.1", 0))
        self.second_port = listener.getsockname()[1]
        await self._stack.enter_async_context(serving(build_app(self.second), listener))
        self.token = await self.first.token(Role.DEVICE)
        self.stranger = await self.first.token(Role.DEVICE)

    def close(self) -> None:
        self.run(self._stack.aclose())
        self._runner.close()

    def port(self, second: bool) -> int:
        return self.second_port if second else self.first.port

    def ask(
        self, second: bool, method: str, path: str, token: str | None = None, **more: Any
    ) -> Answer:
        """One request to one of the two."""

        async def asked() -> Answer:
            headers = {**more.pop("headers", {}), "Authorization": f"Bearer {token or self.token}"}
            url = f"http://127.0.0.1:{self.port(second)}{path}"
            async with self.first.session.request(method, url, headers=headers, **more) as found:
                return Answer(found.status, found.headers, await found.read(), found.reason)

        return self.run(asked())

    def cut(
        self, second: bool, token: str, upload: Modelled, sent: bytes, announced: int, extra: str
    ) -> None:
        """A PATCH whose connection breaks after ``sent``; returns when the service let go."""
        deps = self.second if second else self.first.deps

        async def broken() -> None:
            head = (
                f"PATCH {upload.place} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
                f"Tus-Resumable: 1.0.0\r\nUpload-Offset: {upload.offset}\r\n{extra}"
                f"Content-Type: {PATCH['Content-Type']}\r\nContent-Length: {announced}\r\n\r\n"
            )
            _, writer = await asyncio.open_connection("127.0.0.1", self.port(second))
            writer.write(head.encode() + sent)
            await writer.drain()

            async def taken() -> bool | None:
                return (await _row(deps, upload.id))["holder"] is not None or None

            async def let_go() -> bool | None:
                return (await _row(deps, upload.id))["holder"] is None or None

            held: bool = await eventually(taken, within=10, what="a holder of the upload")
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            free: bool = await eventually(let_go, within=10, what="the end of the cut body")
            assert held
            assert free

        self.run(broken())

    def at_once(self, token: str, upload: Modelled, bodies: list[bytes]) -> list[Answer]:
        """PATCHes at the same offset to both at the same time."""
        headers = {
            **PATCH,
            "Upload-Offset": str(upload.offset),
            "Authorization": f"Bearer {token}",
        }

        async def one(port: int, body: bytes) -> Answer:
            url = f"http://127.0.0.1:{port}{upload.place}"
            async with self.first.session.patch(url, headers=headers, data=body) as found:
                return Answer(found.status, found.headers, await found.read(), found.reason)

        async def all_of_them() -> list[Answer]:
            ports = (self.first.port, self.second_port)
            return list(await asyncio.gather(*map(one, ports, bodies)))

        return self.run(all_of_them())

    def finished_well(self) -> bool:
        """Every upload that has ended with bytes has a recording of that length."""

        async def counted() -> bool:
            wrong = await self.first.bureau.value(
                "SELECT count(*) FROM upload u LEFT JOIN recording r ON r.id = u.recording_id"
                " WHERE u.state = 'finished' AND r.length_bytes IS DISTINCT FROM u.offset_bytes"
            )
            return wrong == 0

        return self.run(counted())

    def expire(self, days: int) -> None:
        """Move the clock of both and do what the workers' clock does."""
        self.first.bureau.clock.forward(days=days)
        self.run(ingest.expire_overdue(self.second))

    def durable(self, upload: Modelled) -> tuple[int, str]:
        """Offset and state as the database says, read over the second application's pool."""

        async def read() -> tuple[int, str]:
            async with self.second.database.acquire() as connection:
                row = await connection.fetchrow(
                    "SELECT offset_bytes, state FROM upload WHERE id = $1", upload.id
                )
            assert row is not None
            return row["offset_bytes"], row["state"]

        return self.run(read())

    def original(self, recording: str) -> bytes:
        """The stored bytes of a recording, from the pinned version."""

        async def read() -> bytes:
            async with self.second.database.acquire() as connection:
                name = RecordingId(uuid.UUID(recording))
                rows = await recordings.objects_of(connection, name)
            blocks = [
                block
                for stored in rows
                async for block in self.second.objects.read(
                    Bucket.ORIGINALS, stored.key, stored.version
                )
            ]
            return b"".join(bytes(block) for block in blocks)

        return self.run(read())


async def _row(deps: Deps, upload: UploadId) -> Any:
    async with deps.database.acquire() as connection:
        return await connection.fetchrow(
            "SELECT offset_bytes, state, fence, holder FROM upload WHERE id = $1", upload
        )
