"""Where an upload's bytes come from and where they go: the two sides of the receiving loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from typing_extensions import override


class ConnectionLost(Exception):
    """The sender is gone or silent; raised by a BodyReader and never shown to anybody."""


class Sink(Protocol):
    """Takes bytes in place: whoever has some writes them where they will be sent from."""

    def wants(self) -> bool:
        """Whether more bytes may be read now; if not, the sink has to be attended to."""
        ...

    def space(self) -> memoryview:
        """Where the next bytes go; not empty while ``wants``."""
        ...

    def took(self, count: int) -> None:
        """So many bytes stand at the beginning of the space; that moves on."""
        ...


class BodyReader(Protocol):
    """A request body as it arrives."""

    async def read(self, sink: Sink) -> bool:
        """Give bytes to the sink until it wants no more, or the body has ended: then True.

        What the sink took is its own, whatever happens. Raises ConnectionLost when the sender is
        gone or silent.
        """
        ...


class ChunkedBody(BodyReader, ABC):
    """A body that comes in pieces of its own making, which are copied."""

    def __init__(self) -> None:
        self._left = memoryview(b"")

    @abstractmethod
    async def chunk(self) -> bytes:
        """The next bytes, empty at the end."""

    @override
    async def read(self, sink: Sink) -> bool:
        while True:
            if not self._left:
                self._left = memoryview(await self.chunk())
                if not self._left:
                    return True
            while self._left and sink.wants():
                space = sink.space()
                count = min(len(space), len(self._left))
                space[:count] = self._left[:count]
                self._left = self._left[count:]
                sink.took(count)
            if self._left or not sink.wants():
                return False
