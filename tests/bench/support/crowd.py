"""Many slow cameras in one process: each sends its file at a fixed rate over its own connection.

Written on protocols, since it shares the machine with what it measures: a thousand small writes a
second must cost little.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from typing_extensions import override

_TICK_S = 0.125


@dataclass(eq=False)
class Camera(asyncio.Protocol):
    """One upload: created, then sent in one PATCH at ``rate`` bytes per second."""

    host: str
    token: str
    number: int
    length: int
    rate: int
    place: str = ""
    began_at: float = 0.0
    ended_at: float = 0.0
    _left: int = 0
    _paused: bool = False
    _received: bytes = b""
    _transport: asyncio.Transport | None = None
    opened: asyncio.Future[None] = field(default_factory=asyncio.Future)
    ended: asyncio.Future[None] = field(default_factory=asyncio.Future)

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask("POST", "/api/v1/uploads", f"Upload-Length: {self.length}", 0)

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, _ = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        status, *lines = head.decode().split("\r\n")
        self._received = b""
        if not self.opened.done():
            if status.split()[1] != "201":
                self.opened.set_exception(RuntimeError(head.decode()))
                return
            named = dict(line.lower().split(": ", 1) for line in lines)
            self.place = urlsplit(named["location"]).path
            self.opened.set_result(None)
        elif status.split()[1] != "204":
            self.ended.set_exception(RuntimeError(head.decode()))
        else:
            self.ended_at = time.perf_counter()
            self.ended.set_result(None)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        for waited in (self.opened, self.ended):
            if not waited.done():
                waited.set_exception(exc or RuntimeError("the connection ended"))

    @override
    def pause_writing(self) -> None:
        self._paused = True

    @override
    def resume_writing(self) -> None:
        self._paused = False

    def begin(self) -> None:
        """Send the head of the PATCH and then the file, tick by tick."""
        self.began_at = time.perf_counter()
        self._left = self.length
        more = "Upload-Offset: 0\r\nContent-Type: application/offset+octet-stream"
        self._ask("PATCH", self.place, more, self.length)
        self._tick()

    def _tick(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        due = int((time.perf_counter() - self.began_at + _TICK_S) * self.rate)
        size = min(self._left, due - (self.length - self._left))
        if size > 0 and not self._paused:
            # Every camera its own bytes: the first block of each tells it apart.
            block = self.number.to_bytes(8, "big") * (size // 8 + 1)
            self._transport.write(block[:size])
            self._left -= size
        if self._left:
            asyncio.get_running_loop().call_later(_TICK_S, self._tick)

    def _ask(self, method: str, path: str, more: str, length: int) -> None:
        assert self._transport is not None
        self._transport.write(
            f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nTus-Resumable: 1.0.0\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Length: {length}\r\n{more}\r\n\r\n"
            .encode()
        )  # fmt: skip

    @property
    def share(self) -> float:
        """The rate it got from the first byte to the answer, by the rate it asked for."""
        return self.length / (self.ended_at - self.began_at) / self.rate

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()
