"""A pace: at most so many bytes and so many requests a second, for work that nobody waits for."""

from __future__ import annotations

import asyncio


class Pace:
    """Makes its callers wait; without a rate nobody waits. One pace may be shared by tasks."""

    def __init__(self, bytes_per_second: float | None = None, per_second: float | None = None):
        self._bytes = _Rate(bytes_per_second)
        self._requests = _Rate(per_second)

    async def spend(self, count: int) -> None:
        """Wait until this many bytes may have been read."""
        await self._bytes.spend(count)

    async def request(self, count: int = 1) -> None:
        """Wait until this many requests may have been sent."""
        await self._requests.spend(count)


class _Rate:
    def __init__(self, per_second: float | None):
        self._per_second = per_second
        self._free_at = 0.0

    async def spend(self, count: int) -> None:
        if self._per_second is None:
            return
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now) + count / self._per_second
        if (wait := self._free_at - now) > 0:
            await asyncio.sleep(wait)
