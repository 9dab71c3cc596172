"""What is asked of the database: every statement over a pool, BEGIN and COMMIT among them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from recorder.store.connection import Database


@asynccontextmanager
async def statements(database: Database, connections: int) -> AsyncIterator[list[str]]:
    """The statements of the block in the order in which they ended.

    ``connections`` is how many the pool has: all of them are listened to.
    """
    heard: list[str] = []

    def hear(record: Any) -> None:
        heard.append(record.query)

    async with AsyncExitStack() as held:
        all_of_them = [
            (await held.enter_async_context(database.acquire()))._raw for _ in range(connections)
        ]
        for raw in all_of_them:
            raw.add_query_logger(hear)
    try:
        yield heard
    finally:
        # The driver tells of a statement in the next turn of the loop.
        await asyncio.sleep(0)
        async with AsyncExitStack() as held:
            for _ in range(connections):
                raw = (await held.enter_async_context(database.acquire()))._raw
                raw.remove_query_logger(hear)
