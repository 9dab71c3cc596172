"""What PostgreSQL would do for the product's own statements, without running them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from typing_extensions import override

from recorder.store.connection import Connection, Database, Row

#: Tables that grow with the footage.
LONG = {
    "alarm", "case_file", "case_identifier", "case_link", "custody_event", "fixity",
    "original_object", "recording", "task_run", "upload",
}  # fmt: skip


class Explaining(Connection):
    """Keeps the plan of each statement instead of running it."""

    def __init__(self, inner: Connection) -> None:
        super().__init__(inner._raw)
        self.plans: list[str] = []

    @override
    async def fetch(self, sql: str, *arguments: object) -> list[Row]:
        plan = await self._raw.fetchval("EXPLAIN (FORMAT JSON) " + sql, *arguments)
        self.plans.append(plan)
        return []

    @override
    async def fetchrow(self, sql: str, *arguments: object) -> Row | None:
        await self.fetch(sql, *arguments)
        return None

    @override
    async def execute(self, sql: str, *arguments: object) -> int:
        await self.fetch(sql, *arguments)
        return 0

    @override
    async def fetchval(self, sql: str, *arguments: object) -> Any:
        await self.fetch(sql, *arguments)


async def plans_of(database: Database, run: Callable[[Connection], Awaitable[object]]) -> list[Any]:
    """The plan of each statement of ``run``."""
    async with database.acquire() as connection:
        explaining = Explaining(connection)
        await run(explaining)
    return [json.loads(plan) for plan in explaining.plans]


def whole_reads(plan: object) -> list[str]:
    """Every long table that is read from end to end."""
    return [
        str(node["Relation Name"])
        for node in nodes(plan)
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LONG
    ]


def nodes(plan: object) -> list[dict[str, Any]]:
    """Every node of a plan."""
    match plan:
        case list():
            return [found for each in plan for found in nodes(each)]
        case dict():
            own = [plan] if "Node Type" in plan else []
            return own + [found for each in plan.values() for found in nodes(each)]
        case _:
            return []
