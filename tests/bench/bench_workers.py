"""Two workers against one on the same clips, each worker pinned to one core.

``--clips N`` (30; 100 is the bar's own number), ``--rounds N`` (1). A third of them is playable as
it is, the others need a proxy: MJPEG and HEVC. All are there before the clock starts; it stops
with the last task.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recorder.domain.pipeline import WorkQueue
from tests.bench.support import accounts
from tests.bench.support.conditions import conditions
from tests.bench.support.report import Bar, Figure, publish
from tests.support import footage, postgres, redis
from tests.support.servers import Server
from tests.support.waiting import eventually
from tests.support.workshop import camera, deliver
from tests.support.yard import Yard, open_yard

_CLIPS = ("08_faststart.mp4", "04_mjpeg_pcm.avi", "02_h265_hvc1.mp4")


async def prepared(yard: Yard, count: int) -> None:
    """So many recordings, all different, whose tasks are not due yet."""
    actor = await camera(yard.bureau)
    sources = [(footage.folder() / name).read_bytes() for name in _CLIPS]
    for number in range(count):
        name = _CLIPS[number % len(_CLIPS)]
        box = (16).to_bytes(4, "big") + b"free" + number.to_bytes(8, "big")
        await deliver(yard.bureau, actor, sources[number % len(_CLIPS)] + box, name)
    await _sql(yard, "UPDATE task_run SET due_at = now() + interval '1 day'")


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds until everything was done."""

    wall_s: float
    #: Of processor: the workers and what they started; servers and measuring.
    cpu_s: float
    beside_s: float


async def work_off(yard: Yard, cores: Sequence[int], running: Sequence[Server]) -> Run:
    """Have workers on these cores do everything."""
    workers = [await yard.worker() for _ in cores]
    for worker, core in zip(workers, cores, strict=True):
        for task in Path(f"/proc/{worker.pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {core})
    pids = [worker.pid for worker in workers]
    used, beside = accounts.family_cpu_s(*pids), _beside(running)
    began = time.time()
    await _sql(yard, "UPDATE task_run SET due_at = now() - interval '1 second'")
    await yard.bureau.deps.queue.wake(
        (queue.value, str(number)) for number in range(len(cores) * 2) for queue in WorkQueue
    )

    async def over() -> bool:
        assert all(worker.returncode is None for worker in workers)
        return await _count(yard, "pending", "claimed") == 0

    # Asking costs what the workers lack; when it was over, the rows say.
    done: bool = await eventually(over, within=3600, what="all tasks done", every_s=1)
    assert done
    wall = await _last_finished(yard) - began
    used, beside = accounts.family_cpu_s(*pids) - used, _beside(running) - beside
    assert await _count(yard, "failed") == 0
    for worker in workers:
        worker.terminate()
        await worker.wait()
    return Run(wall, used, beside)


def _beside(running: Sequence[Server]) -> float:
    """Seconds of processor of the servers and of this process so far."""
    return accounts.family_cpu_s(*(each.leash.pid for each in running)) + time.process_time()


async def _sql(yard: Yard, statement: str) -> None:
    async with yard.bureau.deps.database.acquire() as connection:
        await connection.execute(statement)


async def _count(yard: Yard, *states: str) -> int:
    async with yard.bureau.deps.database.acquire() as connection:
        found: int = await connection.fetchval(
            "SELECT count(*) FROM task_run WHERE state = ANY($1::text[])", list(states)
        )
    return found


async def _last_finished(yard: Yard) -> float:
    async with yard.bureau.deps.database.acquire() as connection:
        found: float = await connection.fetchval(
            "SELECT extract(epoch FROM max(finished_at))::float8 FROM task_run"
        )
    return found


def _login(cluster: postgres.Cluster, name: str) -> str:
    return cluster.url(name, postgres.SERVICE)


async def measure(clips: int, rounds: int) -> tuple[list[Run], ...]:
    """One worker and two, alternating."""
    results: dict[int, list[Run]] = {1: [], 2: []}
    cores = sorted(os.sched_getaffinity(0))[:2]
    database, bell = postgres.start(), redis.start()
    try:
        cluster = await postgres.prepare(postgres.admin_url(database.port))
        for number in range(rounds):
            for count in (1, 2) if number % 2 == 0 else (2, 1):
                with tempfile.TemporaryDirectory() as place:
                    async with (
                        postgres.clone(cluster) as name,
                        open_yard(
                            cluster.url(name, postgres.SERVICE), Path(place), redis.url(bell.port)
                        ) as yard,
                    ):
                        await prepared(yard, clips)
                        run = await work_off(yard, cores[:count], (database, bell))
                        results[count].append(run)
                        print(f"{count} worker(s): {run.wall_s:.1f} s, CPU {run.cpu_s:.1f} s,"
                              f" beside them {run.beside_s:.1f} s", flush=True)  # fmt: skip
    finally:
        bell.stop()
        database.stop()
    return results[1], results[2]


def main(argv: Sequence[str] = ()) -> None:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(prog="workers")
    parser.add_argument("--clips", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args(argv)
    at_start = conditions()
    one, two = asyncio.run(measure(options.clips, options.rounds))
    wall, used, beside = (
        [statistics.median(getattr(run, name) for run in runs) for runs in (one, two)]
        for name in ("wall_s", "cpu_s", "beside_s")
    )
    publish(
        f"Two workers against one, {options.clips} clips",
        at_start,
        [
            Figure("two against one", wall[0] / wall[1], "×", Bar(1.9, at_least=True)),
            Figure(
                "one worker",
                wall[0],
                "s",
                None,
                f"CPU of worker and children {used[0]:.1f} s; beside them {beside[0]:.1f} s",
            ),
            Figure(
                "two workers",
                wall[1],
                "s",
                None,
                f"CPU of both {used[1]:.1f} s; beside them {beside[1]:.1f} s",
            ),
        ],
        flags="folder store, PostgreSQL, Redis and this script on the same cores.",
    )
