"""Who is let near the port while nobody knows it yet: so many at once, and nobody's flood for all.

A handshake of TLS that never ends holds a descriptor, and running publishers need descriptors too;
so those who are in it are counted like strangers behind it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import TypeVar

#: How long nothing is accepted when that failed: there are no descriptors left.
_AGAIN_S = 0.5
_BACKLOG = 512

Stranger = TypeVar("Stranger")


def who_goes(strangers: Mapping[Stranger, str]) -> Stranger:
    """The oldest of the address that most of them are of; ``strangers`` in their order.

    So whoever floods a port makes room for all others, who come one by one.
    """
    crowd = Counter(strangers.values()).most_common(1)[0][0]
    return next(each for each, address in strangers.items() if address == crowd)


class TlsGate:
    """Accepts connections and gives those to a protocol whose handshake is over."""

    def __init__(
        self,
        factory: Callable[[], asyncio.BaseProtocol],
        tls: ssl.SSLContext,
        *,
        handshake_s: float,
        most: int,
    ) -> None:
        self._factory = factory
        self._tls = tls
        self._handshake_s = handshake_s
        self._most = most
        self._knocking: dict[asyncio.Task[None], str] = {}

    @contextlib.asynccontextmanager
    async def serving(self, sockets: Iterable[socket.socket]) -> AsyncIterator[None]:
        """Accept from these inside the block; they are closed behind it."""
        own = list(sockets)
        tasks = [asyncio.create_task(self._accept(each)) for each in own]
        try:
            yield
        finally:
            tasks += self._knocking
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for each in own:
                each.close()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                knocking, place = await loop.sock_accept(listening)
            except OSError as error:
                is_spent = error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
                await asyncio.sleep(_AGAIN_S if is_spent else 0)
                continue
            if len(self._knocking) >= self._most:
                task = who_goes(self._knocking)
                del self._knocking[task]
                task.cancel()
            self._begin(knocking, str(place[0]))
            await asyncio.sleep(0)  # However many come: publishers have their turn between two.

    def _begin(self, knocking: socket.socket, address: str) -> None:
        def ended(task: asyncio.Task[None]) -> None:
            self._knocking.pop(task, None)
            if task.cancelled():
                knocking.close()

        task = asyncio.create_task(self._shake_hands(knocking))
        self._knocking[task] = address
        task.add_done_callback(ended)

    async def _shake_hands(self, knocking: socket.socket) -> None:
        # Who fails in it hears no reason, and is none of a log: ports are scanned all day.
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.get_running_loop().connect_accepted_socket(
                self._factory, knocking, ssl=self._tls, ssl_handshake_timeout=self._handshake_s
            )


def listeners_of(server: asyncio.Server) -> list[socket.socket]:
    """The sockets of a server that does not serve, to accept from ourselves."""
    own = [socket.socket(fileno=os.dup(each.fileno())) for each in server.sockets]
    for each in own:
        each.setblocking(False)
        each.listen(_BACKLOG)
    return own
