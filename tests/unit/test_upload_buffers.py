"""What uploads hold of a process's memory beside their buffers."""

from __future__ import annotations

import asyncio

from recorder.domain.upload import MIB
from recorder.services.ingest.buffers import BlockBudget


class Assembler:
    """Reads pieces back and holds them until it is let go."""

    def __init__(self, budget: BlockBudget, held: list[int], length: int) -> None:
        self.gate = asyncio.Event()
        self.task = asyncio.create_task(self._hold(budget, held, length))

    async def _hold(self, budget: BlockBudget, held: list[int], length: int) -> None:
        async with budget.assembling(length):
            held.append(length)
            await self.gate.wait()
            held.remove(length)

    async def end(self) -> None:
        self.gate.set()
        await self.task
        # Whoever comes next has come.
        for _ in range(5):
            await asyncio.sleep(0)


async def test_what_is_put_together_takes_half_of_the_budget_or_one_long_part_goes_alone() -> None:
    budget, held = BlockBudget(128 * MIB, lambda: None), list[int]()
    lengths = (16 * MIB, 32 * MIB, 24 * MIB, 1000 * MIB, 8 * MIB)
    a, b, c, long, last = (Assembler(budget, held, length) for length in lengths)
    await asyncio.sleep(0)
    assert held == [16 * MIB, 32 * MIB]
    await a.end()
    assert held == [32 * MIB, 24 * MIB]
    # There is room for the last one; the long one was there before.
    await b.end()
    assert held == [24 * MIB]
    await c.end()
    assert held == [1000 * MIB]
    await long.end()
    assert held == [8 * MIB]
    await last.end()
    assert held == []


async def test_one_that_gives_up_while_it_waits_leaves_its_place_to_the_next() -> None:
    budget, held = BlockBudget(128 * MIB, lambda: None), list[int]()
    first, second, third = (Assembler(budget, held, length * MIB) for length in (60, 61, 4))
    await asyncio.sleep(0)
    second.task.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert held == [60 * MIB, 4 * MIB]
    for each in (first, third):
        await each.end()
    assert held == []
