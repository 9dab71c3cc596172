"""A bad network: passes bytes on to the server until it is told to cut.

The demo breaks its own line with it; the tests build their worse lines on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from types import TracebackType
from typing import Self

_BLOCK = 16 * 1024


class BadNetwork:
    """A relay on the loopback that goes down once ``cut_after`` bytes went up, until ``mend``."""

    def __init__(self, host: str, port: int, cut_after: int | None = None) -> None:
        self._host, self._port = host, port
        self._cut_after = cut_after
        self._is_down = False
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server
        self.sent_up = 0
        #: Set when the line has been cut.
        self.has_cut = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def mend(self) -> None:
        """Pass everything on from now on, and count anew."""
        self._cut_after = None
        self._is_down = False
        self.sent_up = 0

    def cut(self) -> None:
        """Break every connection; new ones are refused."""
        self._is_down = True
        self.has_cut.set()
        self.reset_all()

    def reset_all(self) -> None:
        """Break every connection."""
        for writer in list(self._open):
            writer.transport.abort()

    async def before_up(self, block: bytes) -> None:
        """Called before a block goes up; may wait."""

    async def before_down(self, block: bytes, heard: bytearray) -> None:
        """Called before a block goes down; may wait, and keep in ``heard`` what came before."""

    async def __aenter__(self) -> Self:
        listener = socket.create_server(("127.0.0.1", 0))
        # Small buffers: what a sender has sent and what was counted here differ by little.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * _BLOCK)
        self._server = await asyncio.start_server(self._connected, sock=listener, limit=_BLOCK)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        self.reset_all()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_down:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            up_reader, up_writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, up_writer}
        ways = [
            asyncio.create_task(self._upwards(reader, up_writer)),
            asyncio.create_task(self._downwards(up_reader, writer)),
        ]
        try:
            # A connection ends as a whole: half of one is nothing these protocols use.
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for each in (writer, up_writer):
                self._open.discard(each)
                each.transport.abort()

    async def _upwards(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while block := await source.read(_BLOCK):
                await self.before_up(block)
                target.write(block)
                await target.drain()
                self.sent_up += len(block)
                if self._cut_after is not None and self.sent_up >= self._cut_after:
                    self.cut()

    async def _downwards(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        heard = bytearray()
        with contextlib.suppress(OSError):
            while block := await source.read(_BLOCK):
                await self.before_down(block, heard)
                target.write(block)
                await target.drain()
        # Its last words are on their way; the whole connection ends after them.
        with contextlib.suppress(OSError):
            target.write_eof()
            await target.drain()


__all__ = ["BadNetwork"]
