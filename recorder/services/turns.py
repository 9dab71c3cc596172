"""Turns: long work that one process of the installation does at a time, while it lives.

A holder that dies loses its turn after ``task_lease_s``; one that stands still and wakes up finds
the turn taken and stops at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

from recorder.errors import RecorderError
from recorder.runtime import Deps
from recorder.store import turns

logger = logging.getLogger(__name__)

T = TypeVar("T")


async def take(deps: Deps, name: str) -> bool:
    """Take or keep the turn; False while another process has it."""
    async with deps.database.acquire() as connection:
        return await turns.take(
            connection,
            name,
            deps.instance,
            deps.clock.now(),
            timedelta(seconds=deps.config.task_lease_s),
        )


async def while_ours(deps: Deps, name: str, work: Callable[[], Awaitable[T]]) -> T | None:
    """Do the work while the turn is ours; None when another process has it, or takes it."""
    if not await take(deps, name):
        return None
    working = asyncio.ensure_future(work())
    keeping = asyncio.create_task(_keep(deps, name))
    try:
        await asyncio.wait({working, keeping}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        keeping.cancel()
        await asyncio.gather(working, keeping, return_exceptions=True)
        with suppress(RecorderError):
            async with deps.database.acquire() as connection:
                await turns.give_back(connection, name, deps.instance, deps.clock.now())


async def _keep(deps: Deps, name: str) -> None:
    """Ends when another process has the turn."""
    while True:
        await asyncio.sleep(deps.config.task_lease_s / 3)
        try:
            if not await take(deps, name):
                logger.warning("another process has the turn of %s now", name)
                return
        except RecorderError as error:
            logger.warning("the turn of %s could not be kept: %s", name, error)
