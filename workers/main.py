"""`recorder work`: one worker process with its queues, its chores and arq's alarm bell.

arq carries only the id of a run that became due; the job sets an event and ends. Everything
that must not be lost is in PostgreSQL.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from recorder import telemetry
from recorder.adapters import metrics_port
from recorder.adapters.media import FfmpegTool, MediaLimits, find_ffmpeg
from recorder.adapters.media_nursery import Nursery
from recorder.adapters.queue import QUEUE_NAMES, WAKE_JOB, deserialize, redis_settings, serialize
from recorder.config import Config, read_config
from recorder.domain.pipeline import WorkQueue
from recorder.errors import RecorderError, Unavailable
from recorder.runtime import Deps, open_deps
from recorder.services import figures, ingest
from recorder.store import migrate
from workers import scratch
from workers.periodic import run_chores
from workers.runner import QueueLoop

if TYPE_CHECKING:
    from arq.connections import RedisSettings

logger = logging.getLogger(__name__)

_REDIS_PAUSE_S = 2.0


async def work(config: Config, stop: asyncio.Event) -> None:
    """Be a worker until ``stop`` is set; runs under way are then given back."""
    pending = await migrate.pending(config.database_url.get_secret_value())
    if pending:
        raise Unavailable(
            "migrations-pending",
            f"The database lacks {', '.join(pending)}: run `recorder migrate` first.",
        )
    ffmpeg = await find_ffmpeg(config.ffmpeg)
    nursery = Nursery()
    media = FfmpegTool(ffmpeg, limits=MediaLimits(stall_s=config.media_stall_s), children=nursery)
    scratch.remove_abandoned(config.work_folder)
    async with open_deps(config) as deps:
        ingest.begin(deps)
        try:
            async with metrics_port.telling(config.metrics_listen, lambda: figures.text(deps)):
                await _work_until(deps, media, stop)
        finally:
            await nursery.close()
            await ingest.shutdown(deps)


async def _work_until(deps: Deps, media: FfmpegTool, stop: asyncio.Event) -> None:
    config = deps.config
    slots = {WorkQueue.IO: config.worker_io_jobs, WorkQueue.MEDIA: config.worker_media_jobs}
    loops = {queue: QueueLoop(deps, media, queue, count) for queue, count in slots.items()}
    running = [asyncio.create_task(loop.run()) for loop in loops.values()]
    running.append(asyncio.create_task(run_chores(deps)))
    if config.redis_url is not None:
        settings = redis_settings(config.redis_url.get_secret_value())
        running += [
            asyncio.create_task(ring(settings, queue, loop.wake)) for queue, loop in loops.items()
        ]
    telemetry.log(logger, logging.INFO, "worker ready", instance=deps.instance)
    stopping = asyncio.create_task(_until(stop))
    done, _ = await asyncio.wait([stopping, *running], return_when=asyncio.FIRST_COMPLETED)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    for task in done - {stopping}:
        # A loop never ends by itself: what ended it is a mistake and must be seen.
        task.result()


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()


async def ring(settings: RedisSettings, queue: WorkQueue, woken: Callable[[], None]) -> None:
    """Pass wakes of one queue on until cancelled; Redis may come and go.

    arq runs in a task of its own: however it ends, even by cancelling itself, only the bell is
    silent for a while.
    """
    while True:
        listening = asyncio.create_task(_listen(settings, queue, woken))
        try:
            await asyncio.wait([listening])
        finally:
            listening.cancel()
            (ended,) = await asyncio.gather(listening, return_exceptions=True)
        logger.warning("Redis is away, looking for work every two seconds: %r", ended)
        woken()
        await asyncio.sleep(_REDIS_PAUSE_S)


async def _listen(settings: RedisSettings, queue: WorkQueue, woken: Callable[[], None]) -> None:
    # Only for who has Redis.
    from arq.connections import create_pool
    from arq.worker import Worker, func

    async def wake(ctx: dict[Any, Any], *args: Any) -> None:
        """The only arq job: the loop of this queue looks for due work."""
        woken()

    pool = await create_pool(settings, job_serializer=serialize, job_deserializer=deserialize)
    worker = Worker(
        functions=[func(wake, name=WAKE_JOB)],
        redis_pool=pool,
        queue_name=QUEUE_NAMES[queue.value],
        handle_signals=False,
        max_tries=1,
        keep_result=0,
        job_timeout=10,
        poll_delay=0.1,
        job_serializer=serialize,
        job_deserializer=deserialize,
    )
    try:
        await worker.async_run()
    finally:
        # Not arq's own close: it talks to a Redis that may hang, and waits for jobs.
        for job in worker.tasks.values():
            job.cancel()
        await asyncio.gather(*worker.tasks.values(), return_exceptions=True)
        await pool.connection_pool.disconnect()


def main() -> int:
    """Run until SIGTERM or SIGINT. Exit 0 after an orderly end, 1 with a sentence otherwise."""
    try:
        config = read_config()
        telemetry.begin_logging(config.log_level)
        # Two lines for each ring of the bell tell nobody anything.
        logging.getLogger("arq.worker").setLevel(logging.WARNING)
        asyncio.run(_run(config))
    except RecorderError as error:
        sys.stderr.write(f"recorder work: {error}\n")
        return 1
    return 0


async def _run(config: Config) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await work(config, stop)
