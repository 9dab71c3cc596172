"""The client's side: a proxy before the service that strikes, hears every answered offset, and
counts which bytes are sent again, and why."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass

from typing_extensions import override

from tests.torture.passage import Line, Passage
from tests.torture.requests import Head, Requests
from tests.torture.schedule import ERROR, FILES, Director, Fault
from tests.torture.store import CHUNKED, PUSHED

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


class Ear(Passage):
    """Passes connections on to the services at ``ports``."""

    def __init__(
        self, ports: Sequence[int], director: Director, ways: dict[str, str] | None = None
    ) -> None:
        super().__init__(*ports)
        self.director = director
        #: See StoreProxy; livestreams that are pushed through here are added.
        self._ways = {} if ways is None else ways
        #: Bytes of PATCH bodies that went up.
        self.sent_up = 0
        #: What of them had been sent before, by what had cut the body then: a victim, or an error.
        self.sent_again = Counter[str]()
        #: Upload → highest offset that was answered to a client.
        self.acknowledged: dict[str, int] = {}
        #: Answers that took an acknowledged byte back.
        self.violations: list[str] = []
        #: Address of a segment or init segment → Content-Digest of the body that was taken.
        self.taken: dict[str, str] = {}
        self._uploads: dict[str, _Sent] = {}
        #: What is under way on each connection.
        self._asked: dict[Line, list[Asked]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @override
    def ways(self, line: Line) -> Sequence[Coroutine[None, None, None]]:
        asked = self._asked[line] = []
        return (
            self._up(line.from_client, line.to_server, asked),
            self._down(line.from_server, line.to_client, asked),
        )

    @override
    def parted(self, line: Line) -> None:
        self.cut(self._asked.pop(line))

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
        if head.method == "PUT":
            self._ways[head.path.split("/")[4]] = CHUNKED if "/chunks/" in head.path else PUSHED
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
                upload.cut_by = next((v for v in ("client", *FILES.victims) if fresh[v]), ERROR)

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
        path = asked.head.path
        if asked.head.method == "PUT" and head[9:12] in (b"200", b"201"):
            self.taken[path.partition("?")[0]] = asked.head.headers["content-digest"]
        found = _OFFSET.search(head)
        if found is None or not path.startswith(_UPLOADS):
            return
        offset = int(found[1])
        if offset < asked.floor:
            self.violations.append(f"{path}: {offset} after {asked.floor}")
        self.acknowledged[path] = max(offset, self.acknowledged.get(path, 0))


def _point(head: Head) -> str | None:
    path = head.path
    if path.startswith("/api/v1/uploads"):
        return {"POST": "http.create", "PATCH": "http.append", "HEAD": "http.head"}.get(head.method)
    if path.startswith("/api/v1/livestreams"):
        if head.method == "PUT":
            kinds = {"segments": "http.live_segment", "chunks": "http.live_chunk"}
            return kinds.get(path.split("/")[7], "http.live_init")
        if head.method == "POST":
            kinds = {"close": "http.live_close", "push-keys": "http.push_key"}
            kinds["pulls"] = "http.pull_open"
            return kinds.get(path.rpartition("/")[2], "http.live_open")
    return "http.link" if path.startswith("/api/v1/recordings/links") else None
