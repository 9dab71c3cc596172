"""The client's side: a proxy before the service that strikes, hears every answered offset, and
counts which bytes are sent again, and why."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from dataclasses import dataclass, field

from tests.torture.requests import Head, Requests
from tests.torture.schedule import ERROR, VICTIMS, Director, Fault

_OFFSET = re.compile(rb"\r\nUpload-Offset: (\d+)\r\n", re.IGNORECASE)
_BLOCK = 64 * 1024
_UPLOADS = "/api/v1/uploads/"


@dataclass
class Asked:
    """A question that is under way."""

    head: Head
    #: What had been answered for this upload when the question was asked.
    floor: int
    fault: Fault | None
    #: Victims that had been killed by then, and how often.
    killed: Counter[str]


@dataclass
class _Sent:
    """What was sent of one upload."""

    #: Where the bytes that were sent so far end.
    end: int = 0
    #: Why the last body that was cut was cut.
    cut_by: str = ERROR


@dataclass
class Ear:
    """Passes connections on to the service at ``port``."""

    port: int
    director: Director
    #: Bytes of PATCH bodies that went up.
    sent_up: int = 0
    #: What of them had been sent before, by what had cut the body then: a victim, or an error.
    sent_again: Counter[str] = field(default_factory=Counter)
    #: Upload → highest offset that was answered to a client.
    acknowledged: dict[str, int] = field(default_factory=dict)
    #: Answers that took an acknowledged byte back.
    violations: list[str] = field(default_factory=list)
    _uploads: dict[str, _Sent] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Ear:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            writer.transport.abort()
            return
        asked: list[Asked] = []
        ways = [
            asyncio.create_task(self._up(reader, up_writer, asked)),
            asyncio.create_task(self._down(up_reader, writer, asked)),
        ]
        try:
            # The end of the proxy; a handler that is cancelled would be told as an error.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self.cut(asked)
            writer.transport.abort()
            up_writer.transport.abort()

    async def _up(
        self, reader: asyncio.StreamReader, server: asyncio.StreamWriter, asked: list[Asked]
    ) -> None:
        requests = Requests()
        with contextlib.suppress(OSError):
            while block := await reader.read(_BLOCK):
                for head, content in requests.take(block):
                    if head is not None and not self.ask(head, asked):
                        return
                    if head is None:
                        self.count(asked[-1].head, len(content))
                    server.write(content)
                await server.drain()

    def ask(self, head: Head, asked: list[Asked]) -> bool:
        """Note the question; False when it breaks before it is put."""
        fault = self.director.at(_point(head))
        floor = self.acknowledged.get(head.path, 0)
        asked.append(Asked(head, floor, fault, self.director.killed.copy()))
        if self.director.strikes(fault, "before"):
            return False
        if head.method == "PATCH":
            upload = self._uploads.setdefault(head.path, _Sent())
            again = min(head.count("content-length"), upload.end - head.count("upload-offset"))
            if again > 0:
                self.sent_again[upload.cut_by] += again
                # Said of these once.
                upload.end -= again
        return True

    def count(self, head: Head, length: int) -> None:
        """So many bytes of the body went up."""
        if head.method == "PATCH":
            self.sent_up += length
            self._uploads[head.path].end += length

    def cut(self, asked: list[Asked]) -> None:
        """The connection ended while these were not answered: why?"""
        for each in asked:
            upload = self._uploads.get(each.head.path)
            if each.head.method == "PATCH" and upload is not None:
                fresh = self.director.killed - each.killed
                upload.cut_by = next((v for v in ("client", *VICTIMS) if fresh[v]), ERROR)

    async def _down(
        self, reader: asyncio.StreamReader, client: asyncio.StreamWriter, asked: list[Asked]
    ) -> None:
        with contextlib.suppress(OSError):
            while block := await reader.read(_BLOCK):
                head = block.startswith(b"HTTP/1.1 ") and not block.startswith(b"HTTP/1.1 100")
                if head and asked:
                    last = asked[-1]
                    if self.director.strikes(last.fault, "after"):
                        return
                    self._hear(last, block)
                    asked.clear()
                client.write(block)
                await client.drain()

    def _hear(self, asked: Asked, head: bytes) -> None:
        found = _OFFSET.search(head)
        path = asked.head.path
        if found is None or not path.startswith(_UPLOADS):
            return
        offset = int(found[1])
        if offset < asked.floor:
            self.violations.append(f"{path}: {offset} after {asked.floor}")
        self.acknowledged[path] = max(offset, self.acknowledged.get(path, 0))


def _point(head: Head) -> str | None:
    if head.path.startswith("/api/v1/uploads"):
        return {"POST": "http.create", "PATCH": "http.append", "HEAD": "http.head"}.get(head.method)
    return "http.link" if head.path.startswith("/api/v1/recordings/links") else None
