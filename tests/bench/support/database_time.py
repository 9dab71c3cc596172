"""What the database itself spends on a statement of recorder/store: planning and running."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from typing_extensions import override

from recorder.store.connection import Connection, Database, Row


class Timing(Connection):
    """Adds up the server's own times of each statement, which is then run for its rows."""

    def __init__(self, inner: Connection) -> None:
        super().__init__(inner._raw)
        self.milliseconds = 0.0
        self.plans: list[dict[str, Any]] = []

    async def _explain(self, sql: str, *arguments: object) -> None:
        told = await self._raw.fetchval(
            "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + sql, *arguments
        )
        (plan,) = json.loads(told)
        self.plans.append(plan)
        self.milliseconds += plan["Planning Time"] + plan["Execution Time"]

    @override
    async def fetch(self, sql: str, *arguments: object) -> list[Row]:
        await self._explain(sql, *arguments)
        return await super().fetch(sql, *arguments)

    @override
    async def fetchrow(self, sql: str, *arguments: object) -> Row | None:
        await self._explain(sql, *arguments)
        return await super().fetchrow(sql, *arguments)

    @override
    async def fetchval(self, sql: str, *arguments: object) -> Any:
        await self._explain(sql, *arguments)
        return await super().fetchval(sql, *arguments)


async def database_ms(database: Database, run: Callable[[Connection], Awaitable[object]]) -> float:
    """Milliseconds that the server spends on what ``run`` asks."""
    async with database.acquire() as connection:
        timing = Timing(connection)
        await run(timing)
    return timing.milliseconds
