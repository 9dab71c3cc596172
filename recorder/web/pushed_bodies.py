"""One budget of memory for the bodies of pushed segments and chunks of a process.

A body counts as it grows, not as announced: who says 64 MiB and sends nothing takes nothing. Who
would go beyond the budget is read no further until others are stored. The oldest that waits may
go beyond it, alone, so all of them come to an end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class PushedBodies:
    """Hands out room, first come, first served."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._used = 0
        #: Bodies that wait for room, the oldest body first, whenever it began to wait.
        self._waiting: dict[int, asyncio.Event] = {}
        self._begun = 0
        #: The one that may go beyond the limit.
        self._beyond: int | None = None

    @property
    def used_bytes(self) -> int:
        return self._used

    @contextmanager
    def place(self) -> Iterator[Place]:
        """Room for one body, given back at the end of the block."""
        self._begun += 1
        place = Place(self, self._begun)
        try:
            yield place
        finally:
            self._used -= place.length
            if self._beyond == place.number:
                self._beyond = None
            self._wake()

    async def take(self, number: int, count: int) -> None:
        """Count so many bytes more for this body; waits while there is no room."""
        while not self._may(number, count):
            turn = self._waiting[number] = asyncio.Event()
            try:
                await turn.wait()
            finally:
                del self._waiting[number]
        self._used += count

    def _may(self, number: int, count: int) -> bool:
        if self._used + count <= self._limit or self._beyond == number:
            return True
        if self._beyond is None and number <= min(self._waiting, default=number):
            self._beyond = number
            return True
        return False

    def _wake(self) -> None:
        for turn in self._waiting.values():
            turn.set()


class Place:
    """What one body takes of the budget."""

    def __init__(self, bodies: PushedBodies, number: int) -> None:
        self._bodies = bodies
        self.number = number
        self.length = 0

    async def grow(self, count: int) -> None:
        """Take room for so many bytes more; waits while there is none."""
        await self._bodies.take(self.number, count)
        self.length += count
