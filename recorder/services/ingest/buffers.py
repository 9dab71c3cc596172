"""One budget of memory for all uploads of a process: blocks of 256 KiB, made once and used again.

Bytes go from the socket into a block; the block goes to the store as it is and comes back when
the store has answered. A buffer grows with the bytes received, never ahead. Blocks begin at a
page, so that the folder store can write them past the page cache.
"""

from __future__ import annotations

import asyncio
import mmap
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

BLOCK_BYTES = 256 * 1024
#: A flush may fail; who waits for memory asks for another one after this long.
_ASK_AGAIN_S = 1.0


class BlockBudget:
    """Hands out blocks up to a limit; asks for flushes when few are left, waits when none is."""

    def __init__(self, limit_bytes: int, on_shortage: Callable[[], None]):
        self._limit = max(1, limit_bytes // BLOCK_BYTES)
        #: From here on tails that can leave memory at little cost do so: nobody has to wait then.
        self._early = self._limit * 3 // 4
        self._used = 0
        self._spare: list[mmap.mmap] = []
        self._on_shortage = on_shortage
        #: Blocks that are free and belong to somebody who has waited for one.
        self._promised = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        #: Bytes that are read back now, who is the next to do so, and that somebody has ended.
        self._assembled = 0
        self._next_to_assemble = asyncio.Lock()
        self._some_ended = asyncio.Event()

    @property
    def limit_bytes(self) -> int:
        return self._limit * BLOCK_BYTES

    @property
    def used_bytes(self) -> int:
        return self._used * BLOCK_BYTES

    @asynccontextmanager
    async def assembling(self, length: int) -> AsyncIterator[None]:
        """Read so many bytes of pieces back, beside the budget, for the length of the block.

        Together as many as half of the budget holds, or a longer part alone: five hundred slow
        uploads must not do so together. First come, first served.
        """
        async with self._next_to_assemble:
            while self._assembled and self._assembled + length > self.limit_bytes // 2:
                self._some_ended.clear()
                await self._some_ended.wait()
            self._assembled += length
        try:
            yield
        finally:
            self._assembled -= length
            self._some_ended.set()

    def has_room(self) -> bool:
        """Whether a block can be had without overdrawing, and nobody was there before."""
        return self._used + self._promised < self._limit

    async def take(self) -> mmap.mmap:
        """One block. Waits while the budget is spent; first come, first served."""
        if self.has_room():
            return self.take_now()
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            while not turn.done():
                self._on_shortage()
                await asyncio.wait([turn], timeout=_ASK_AGAIN_S)
            return self.take_now()
        finally:
            if turn.done():
                self._promised -= 1
            else:
                self._waiting.remove(turn)
            self._wake()

    def _wake(self) -> None:
        """Promise the blocks that are free to those who wait, one each."""
        while self._waiting and self.has_room():
            self._waiting.popleft().set_result(None)
            self._promised += 1

    def take_now(self) -> mmap.mmap:
        """One block at once, overdrawn if need be.

        For bytes that are here already, and to put a part together that frees more than it takes.
        """
        self._used += 1
        if self._used > self._early:
            self._on_shortage()
        return self._spare.pop() if self._spare else mmap.mmap(-1, BLOCK_BYTES)

    def give(self, blocks: list[mmap.mmap]) -> None:
        """Return blocks; nobody may touch them afterwards."""
        self._used -= len(blocks)
        room = self._limit // 2 - len(self._spare)
        self._spare.extend(blocks[: max(0, room)])
        blocks.clear()
        self._wake()


class Fill:
    """Bytes received and not yet handed to the store, in order, in blocks of the budget."""

    def __init__(self, budget: BlockBudget):
        self._budget = budget
        self._blocks: list[mmap.mmap] = []
        #: Bytes in each block; one in the middle need not be full.
        self._lengths: list[int] = []
        self.length = 0

    def has_room(self) -> bool:
        """Whether the next byte needs no other block."""
        return bool(self._blocks) and self._lengths[-1] < BLOCK_BYTES

    def push(self, block: mmap.mmap) -> None:
        """Give it a block of the budget to fill."""
        self._blocks.append(block)
        self._lengths.append(0)

    def room(self) -> memoryview:
        """Where the next bytes go; ``grow`` says how many came."""
        return memoryview(self._blocks[-1])[self._lengths[-1] :]

    def grow(self, count: int) -> None:
        """So many bytes have been written to the room."""
        self._lengths[-1] += count
        self.length += count

    def add(self, content: memoryview) -> None:
        """Copy all of the content behind the rest, overdrawing the budget."""
        while content:
            if not self.has_room():
                self.push(self._budget.take_now())
            room = self.room()
            count = min(len(room), len(content))
            room[:count] = content[:count]
            self.grow(count)
            content = content[count:]

    def prepend(self, earlier: Fill) -> None:
        """Take over the blocks of another one, whose bytes come before these."""
        self._blocks[:0] = earlier._blocks
        self._lengths[:0] = earlier._lengths
        self.length += earlier.length
        earlier._blocks, earlier._lengths, earlier.length = [], [], 0

    def views(self) -> list[memoryview]:
        """The content as views of the blocks, each cut to what it holds."""
        held = zip(self._blocks, self._lengths, strict=True)
        return [memoryview(block)[:length] for block, length in held if length]

    def release(self) -> None:
        """Give every block back."""
        self._budget.give(self._blocks)
        self._blocks, self._lengths, self.length = [], [], 0
