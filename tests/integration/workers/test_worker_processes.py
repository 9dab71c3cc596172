"""Real worker processes, killed, stopped and left without Redis: nothing is lost or stuck."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from recorder.adapters.queue import Queue, redis_settings
from recorder.domain.pipeline import WorkQueue
from recorder.domain.recording import Integrity
from tests.support import redis as caches
from tests.support import servers
from tests.support.children import processes
from tests.support.senders import content
from tests.support.waiting import eventually
from tests.support.workshop import camera, deliver, events_of, long_clip, look_up, runs
from tests.support.yard import Yard, locked, open_yard
from workers.main import ring


@pytest.fixture
async def yard(database_url: str, tmp_path: Path, redis_url: str) -> AsyncIterator[Yard]:
    async with open_yard(database_url, tmp_path, redis_url) as opened:
        yield opened


async def test_killed_in_mid_verify_with_redis_emptied_and_gone_another_worker_takes_over(
    database_url: str, owner_database_url: str, tmp_path: Path
) -> None:
    redis = caches.start()
    try:
        async with open_yard(database_url, tmp_path, caches.url(redis.port)) as yard:
            actor = await camera(yard.bureau)
            recording = await deliver(yard.bureau, actor, content(300_000))
            async with locked(
                owner_database_url, "LOCK TABLE upload_part IN ACCESS EXCLUSIVE MODE"
            ):
                first = await yard.worker()
                claimed = await yard.when(recording, "verify", "claimed")
                assert f"-{first.pid}-" in (claimed.worker or "")
                second = await yard.worker()
                async with Redis.from_url(caches.url(redis.port)) as connection:
                    await connection.flushall()
                first.kill()
                redis.stop()
            done = await yard.when(recording, "verify", "done")
            assert f"-{second.pid}-" in (done.worker or "")
            assert (done.attempt, done.failures) == (2, 1)
            assert (await events_of(yard.bureau, recording)).count("RecordingSealed") == 1
            # Without Redis, new work is found too, and the worker still ends in order.
            again = await deliver(yard.bureau, actor, content(300_000, seed=2))
            await yard.when(again, "verify", "done")
            await yard.when(again, "probe", "done")
            second.send_signal(signal.SIGTERM)
            async with asyncio.timeout(60):
                assert await second.wait() == 0
    finally:
        redis.stop()


async def test_each_line_of_a_workers_log_names_run_and_recording(yard: Yard) -> None:
    actor = await camera(yard.bureau)
    recording = await deliver(yard.bureau, actor, content(300_000))
    worker = await yard.worker()
    done = await yard.when(recording, "verify", "done")
    log = yard.logs[worker.pid]

    def told() -> dict[str, str] | None:
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        return next((line for line in lines if line.get("run") == str(done.id)), None)

    line: dict[str, str] = await eventually(told, within=20, what="a line about the run")
    assert (line["recording"], line["task"]) == (str(recording), "verify")


async def test_killed_in_the_middle_of_its_commit_nothing_is_half_written(
    yard: Yard, owner_database_url: str
) -> None:
    actor = await camera(yard.bureau)
    recording = await deliver(yard.bureau, actor, content(300_000))

    async def commit_waits() -> bool:
        waiting = await yard.bureau.value(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = current_database() AND query LIKE 'UPDATE recording SET integrity%'"
        )
        return waiting == 1

    async with locked(
        owner_database_url, "SELECT FROM recording WHERE id = $1 FOR NO KEY UPDATE", recording
    ):
        first = await yard.worker()
        stands: bool = await eventually(commit_waits, within=30, what="the commit at the lock")
        assert stands
        first.kill()
        await first.wait()
    second = await yard.worker()
    done = await yard.when(recording, "verify", "done")
    assert f"-{second.pid}-" in (done.worker or "")
    assert (await events_of(yard.bureau, recording)).count("RecordingSealed") == 1
    row, _ = await look_up(yard.bureau, recording)
    assert row.integrity is Integrity.SEALED


async def test_killed_in_mid_proxy_no_child_and_no_file_is_left_and_another_makes_it_once(
    yard: Yard, footage: Path, tmp_path: Path
) -> None:
    actor = await camera(yard.bureau)
    sent = await long_clip(footage, tmp_path)
    recording = await deliver(yard.bureau, actor, sent, "long.avi")
    work = tmp_path / "work"
    first = await yard.worker()
    running = await yard.progressing(recording)
    assert running.progress is not None
    assert running.progress["speed_percent"] > 0
    first.kill()
    await first.wait()
    await eventually(lambda: not processes(str(work)), within=20, what="ffmpeg being gone")
    assert len(list(work.iterdir())) == 1, "what the killed worker could not clean up"
    await yard.worker()
    assert list(work.glob(f"*{first.pid}*")) == []
    done = await yard.when(recording, "proxy", "done")
    assert (done.attempt, done.failures) == (2, 1)
    names = await events_of(yard.bureau, recording)
    assert names.count("RenditionMade") == 2, "the poster and the proxy, once each"
    assert list(work.iterdir()) == []


async def test_a_worker_asked_to_end_gives_its_run_back_uncounted(
    yard: Yard, footage: Path, tmp_path: Path
) -> None:
    actor = await camera(yard.bureau)
    # So long that its proxy cannot be made before the signal comes.
    sent = await long_clip(footage, tmp_path, seconds=60)
    recording = await deliver(yard.bureau, actor, sent, "long.avi")
    worker = await yard.worker()
    await yard.progressing(recording)
    worker.send_signal(signal.SIGTERM)
    async with asyncio.timeout(60):
        assert await worker.wait() == 0
    given_back = (await runs(yard.bureau, recording))["proxy"]
    assert (given_back.state, given_back.failures, given_back.worker) == ("pending", 0, None)
    assert processes(str(tmp_path / "work")) == []
    assert list((tmp_path / "work").iterdir()) == []


async def test_the_bell_survives_the_death_of_redis_and_rings_again(tmp_path: Path) -> None:
    port = servers.free_port()
    url = caches.url(port)

    async def start() -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *(str(caches.binary()), "--port", str(port), "--bind", "127.0.0.1"),
            *("--save", "", "--dir", str(tmp_path)),
            stdout=asyncio.subprocess.DEVNULL,
        )
        await eventually(lambda: servers.accepts(port), within=10, what="Redis")
        return process

    rung = asyncio.Event()
    redis = await start()
    queue = Queue(url)
    bell = asyncio.create_task(ring(redis_settings(url), WorkQueue.IO, rung.set))
    try:
        for _ in range(2):
            rung.clear()
            async with asyncio.timeout(60):
                while not rung.is_set():
                    await queue.wake([("io", "any run")])
                    await asyncio.sleep(0.1)
            redis.kill()
            await redis.wait()
            rung.clear()
            await queue.wake([("io", "any run")])
            async with asyncio.timeout(60):
                await rung.wait()
            assert not bell.done()
            redis = await start()
        # A Redis that hangs does not keep the bell from being taken down.
        redis.send_signal(signal.SIGSTOP)
        bell.cancel()
        async with asyncio.timeout(60):
            await asyncio.gather(bell, return_exceptions=True)
    finally:
        await queue.close()
        redis.kill()
        await redis.wait()


@pytest.mark.parametrize("what", ["a wrong setting", "a missing migration"])
async def test_a_worker_that_cannot_start_says_why_in_a_sentence(
    what: str, empty_database_url: str, tmp_path: Path
) -> None:
    environment = {
        **os.environ,
        "RECORDER_DATABASE_URL": empty_database_url,
        "RECORDER_OBJECTS_FOLDER": str(tmp_path),
        "RECORDER_SIGNING_KEY_FILE": str(tmp_path / "key"),
    }
    if what == "a wrong setting":
        environment["RECORDER_WORKER_IO_JOBS"] = "none"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers"),
        env=environment,
        cwd=servers.REPOSITORY,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    (sentence,) = said.decode().splitlines()
    expected = {"a wrong setting": "RECORDER_WORKER_IO_JOBS", "a missing migration": "0001_initial"}
    assert expected[what] in sentence
