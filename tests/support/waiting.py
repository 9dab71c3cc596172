"""Waiting for a condition with a deadline, so that no test sleeps for a guessed time."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
_PAUSE_S = 0.05


async def eventually(
    check: Callable[[], T | Awaitable[T | None] | None],
    *,
    within: float,
    what: str = "the condition",
) -> T:
    """Ask again and again until ``check`` gives something true, and give that.

    Fails with an AssertionError that names ``what`` after ``within`` seconds.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while True:
        answer = check()
        result: T | None = await answer if inspect.isawaitable(answer) else answer
        if result:
            return result
        assert loop.time() < deadline, f"{what} did not come true within {within:g} s"
        await asyncio.sleep(_PAUSE_S)
