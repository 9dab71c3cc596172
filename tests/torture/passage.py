"""What every proxy of the torture does alike: take connections and pass each on, both ways."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Line:
    """One connection: who connected, and the server behind."""

    from_client: asyncio.StreamReader
    to_client: asyncio.StreamWriter
    from_server: asyncio.StreamReader
    to_server: asyncio.StreamWriter


class Passage(ABC):
    """Passes connections on to the servers at ``behind`` in turn; a connection ends when one way
    of it does.

    Where no server is there, the client's connection ends at once.
    """

    def __init__(self, *behind: int) -> None:
        self._behind = behind
        self._turns = itertools.cycle(behind)
        self._server: asyncio.Server
        self._tasks: set[asyncio.Task[None]] = set()

    @abstractmethod
    def ways(self, line: Line) -> Sequence[Coroutine[None, None, None]]:
        """What goes on while the connection stands."""

    def parted(self, line: Line) -> None:
        """The ways of the connection have ended; its ends go next."""
        return

    @property
    def port(self) -> int:
        """Where to connect."""
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        server = await self._server_in_turn()
        if server is None:
            writer.transport.abort()
            return
        line = Line(reader, writer, *server)
        ways = [asyncio.create_task(way) for way in self.ways(line)]
        try:
            # The end of the proxy; a handler that is cancelled would be told as an error.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self.parted(line)
            writer.transport.abort()
            line.to_server.transport.abort()

    async def _server_in_turn(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for _ in self._behind:
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", next(self._turns))
        return None
