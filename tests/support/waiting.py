"""Waiting for a condition with a deadline, so that no test sleeps for a guessed time."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
_PAUSE_S = 0.05
#: A deadline ends a wait that is hopeless; it judges no speed. So none is shorter than this,
#: whatever a test thinks is enough: the machine may be three times slower, or stand for a while.
_LEAST_S = 60.0


async def eventually(
    check: Callable[[], T | Awaitable[T | None] | None],
    *,
    within: float,
    what: str = "the condition",
    every_s: float = _PAUSE_S,
) -> T:
    """Ask again and again until ``check`` gives something true, and give that.

    Fails with an AssertionError that names ``what`` after ``within`` seconds, a minute at least.
    """
    loop = asyncio.get_running_loop()
    within = max(within, _LEAST_S)
    deadline = loop.time() + within
    while True:
        answer = check()
        result: T | None = await answer if inspect.isawaitable(answer) else answer
        if result:
            return result
        assert loop.time() < deadline, f"{what} did not come true within {within:g} s"
        await asyncio.sleep(every_s)
