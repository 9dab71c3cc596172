"""The alarm bell for workers, on arq. PostgreSQL knows the work; this only shortens the wait.

A wake carries the run id and nothing else. Losing one, or all of Redis, loses no work: workers
ask PostgreSQL by themselves every two seconds.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Loaded with the first word to Redis: a command that wakes nobody, or a service without
    # Redis, needs none of it.
    from arq.connections import ArqRedis, RedisSettings

logger = logging.getLogger(__name__)

#: Queue names in Redis, by the queue of the pipeline.
QUEUE_NAMES = {"io": "recorder:io", "media": "recorder:media"}
#: The only job function: it makes the worker look for due work.
WAKE_JOB = "wake"
_PATIENCE_S = 1.0


def serialize(job: dict[str, Any]) -> bytes:
    """Jobs travel as JSON, never as pickles."""
    return json.dumps(job).encode()


def deserialize(job: bytes) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(job)
    return parsed


def redis_settings(url: str) -> RedisSettings:
    """How to reach Redis: one try, one second."""
    from arq.connections import RedisSettings

    settings = RedisSettings.from_dsn(url)
    settings.conn_retries = 0
    settings.conn_timeout = 1
    return settings


class Queue:
    """Wakes workers; without an address it does nothing."""

    def __init__(self, url: str | None):
        self._url = url
        self._pool: ArqRedis | None = None
        self._opening = asyncio.Lock()

    async def wake(self, runs: Iterable[tuple[str, str]]) -> None:
        """Tell the workers of each ``(queue, run id)``; failures are logged and never raised."""
        if self._url is None:
            return
        from redis.exceptions import RedisError

        try:
            async with asyncio.timeout(_PATIENCE_S):
                pool = await self._connected(self._url)
                for queue, run in runs:
                    await pool.enqueue_job(WAKE_JOB, run, _queue_name=QUEUE_NAMES[queue])
        except (RedisError, OSError, TimeoutError) as error:
            logger.warning("workers were not woken: %s", error)

    async def answers(self) -> bool:
        """Whether Redis answers within a second; False without an address."""
        if self._url is None:
            return False
        from redis.exceptions import RedisError

        try:
            async with asyncio.timeout(_PATIENCE_S):
                await (await self._connected(self._url)).ping()
        except (RedisError, OSError, TimeoutError):
            return False
        return True

    async def _connected(self, url: str) -> ArqRedis:
        from arq.connections import create_pool

        async with self._opening:
            if self._pool is None:
                self._pool = await create_pool(
                    redis_settings(url),
                    job_serializer=serialize,
                    job_deserializer=deserialize,
                )
            return self._pool

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.connection_pool.disconnect()
            self._pool = None
