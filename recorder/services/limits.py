"""How often one asker may do what costs others something: searches, openings, streams.

Counted in PostgreSQL, so that processes and replicas count together. When it is away, nothing that
is limited could be answered either: there is nothing to let through. What continues an upload is
never limited (docs/design/limits.md).
"""

from __future__ import annotations

import math
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from recorder.config import Config
from recorder.domain.ids import new_uuid
from recorder.domain.limit import Limit
from recorder.domain.people import Actor
from recorder.errors import RateLimited, RecorderError
from recorder.runtime import Deps
from recorder.services import guard
from recorder.store import allowances

WINDOW = timedelta(minutes=1)


async def take(deps: Deps, actor: Actor, limit: Limit) -> None:
    """Count one request of the actor.

    Raises RateLimited ``search-limited``, ``upload-opening-limited`` or ``gateway-limited`` with
    ``retry_after_s``.
    What is refused is not counted: however much is tried meanwhile, waiting helps.
    """
    most = _most(deps.config, limit)
    if not most:
        return
    now, asker = deps.clock.now(), _asker(actor)
    # Rounded down: as many as are allowed must fit into the window.
    cost = timedelta(microseconds=WINDOW // timedelta(microseconds=most))
    async with deps.database.acquire() as connection:
        if await allowances.spend(connection, limit.value, asker, now, cost=cost, window=WINDOW):
            return
        until = await allowances.spent_until(connection, limit.value, asker)
    wait = (until or now) + cost - now - WINDOW
    raise _refusal(limit, max(1, math.ceil(wait.total_seconds())))


def _most(config: Config, limit: Limit) -> int:
    match limit:
        case Limit.SEARCH:
            return config.searches_per_minute
        case Limit.OPENING:
            return config.upload_openings_per_minute
        case Limit.HOOK:
            return config.gateway_hooks_per_minute


def _refusal(limit: Limit, wait: int) -> RateLimited:
    match limit:
        case Limit.SEARCH:
            sentence = "Too many searches in a minute; wait before the next one."
            return RateLimited("search-limited", sentence, retry_after_s=wait)
        case Limit.OPENING:
            sentence = "Too many opened in a minute; uploads and livestreams that are open go on."
            return RateLimited("upload-opening-limited", sentence, retry_after_s=wait)
        case Limit.HOOK:
            sentence = "This gateway asks too often; its publishers come again by themselves."
            return RateLimited("gateway-limited", sentence, retry_after_s=wait)


@asynccontextmanager
async def streaming(deps: Deps, actor: Actor, longest: timedelta) -> AsyncIterator[None]:
    """The actor has one stream more for the length of the block, which lasts ``longest`` at most.

    Raises RateLimited ``streams-limited`` when so many are open in all processes. A killed process
    holds its places until ``longest`` has passed.
    """
    most, asker, stream = deps.config.streams_at_once, _asker(actor), new_uuid()
    if not most:
        yield
        return
    now = deps.clock.now()
    async with deps.database.acquire() as connection:
        # Noted before it is counted: of many at once, each sees those before it.
        await allowances.insert_stream(connection, stream, asker, now + longest)
        opened = await allowances.count_streams(connection, asker, now, now + longest)
    try:
        if opened > most:
            sentence = f"{most} streams are open already; close one, or wait."
            raise RateLimited("streams-limited", sentence, retry_after_s=30)
        yield
    finally:
        await _forget(deps, stream)


async def _forget(deps: Deps, stream: uuid.UUID) -> None:
    try:
        async with deps.database.acquire() as connection:
            await allowances.remove_stream(connection, stream)
    except RecorderError:
        # Its place is free when its longest time is over.
        return


async def sweep(deps: Deps) -> None:
    """Remove what counts no more. For the clock."""
    before = await guard.both_clocks(deps) - timedelta(days=1)
    async with deps.database.acquire() as connection:
        await allowances.remove_earned_back(connection, before)
        await allowances.remove_ended_streams(connection, before)


def _asker(actor: Actor) -> str:
    return f"{actor.kind.value}:{actor.id}"
