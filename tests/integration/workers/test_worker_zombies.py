"""A worker that slept past its lease wakes up: what it had in hand must have no effect."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recorder.adapters.objects import Bucket
from recorder.domain.ids import RecordingId
from recorder.services import ingest
from tests.support.senders import content
from tests.support.waiting import eventually
from tests.support.workshop import camera, deliver, events_of, long_clip
from tests.support.yard import Yard, locked, open_yard


@pytest.fixture
async def yard(database_url: str, tmp_path: Path, redis_url: str) -> AsyncIterator[Yard]:
    async with open_yard(database_url, tmp_path, redis_url) as opened:
        yield opened


@asynccontextmanager
async def asleep(worker: asyncio.subprocess.Process) -> AsyncIterator[None]:
    """The worker does nothing inside the block, and goes on after it as if no time had passed."""
    os.kill(worker.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker.pid, signal.SIGCONT)


async def woke_up_in_vain(yard: Yard, worker: asyncio.subprocess.Process) -> None:
    """Wait until the worker has found that its run is somebody else's, or that it was cut off."""

    def noticed() -> bool:
        assert worker.returncode is None
        log = yard.logs[worker.pid].read_text()
        return "another worker has this run now" in log

    await eventually(noticed, within=30, what="the zombie's discovery")


async def works_on(
    yard: Yard, worker: asyncio.subprocess.Process, other: asyncio.subprocess.Process, seed: int
) -> None:
    """The worker is none the worse for it: it does the next piece of work alone."""
    other.send_signal(signal.SIGTERM)
    async with asyncio.timeout(60):
        await other.wait()
    again = await deliver(yard.bureau, await camera(yard.bureau, "NEXT"), content(9_000, seed=seed))
    done = await yard.when(again, "verify", "done")
    assert f"-{worker.pid}-" in (done.worker or "")


async def finished_by(
    yard: Yard, recording: RecordingId, task: str, worker: asyncio.subprocess.Process
) -> None:
    """Wait for the end of the task, which is this worker's, in its second attempt."""
    done = await yard.when(recording, task, "done")
    assert f"-{worker.pid}-" in (done.worker or "")
    assert (done.attempt, done.failures) == (2, 1)


async def test_a_worker_that_slept_in_mid_verify_seals_nothing_when_another_has_sealed(
    yard: Yard, owner_database_url: str
) -> None:
    recording = await deliver(yard.bureau, await camera(yard.bureau), content(300_000))
    async with locked(owner_database_url, "LOCK TABLE upload_part IN ACCESS EXCLUSIVE MODE"):
        zombie = await yard.worker()
        claimed = await yard.when(recording, "verify", "claimed")
        assert f"-{zombie.pid}-" in (claimed.worker or "")
        os.kill(zombie.pid, signal.SIGSTOP)
    async with asleep(zombie):
        other = await yard.worker()
        await finished_by(yard, recording, "verify", other)
    await woke_up_in_vain(yard, zombie)
    assert (await events_of(yard.bureau, recording)).count("RecordingSealed") == 1
    await works_on(yard, zombie, other, seed=2)
    assert (await events_of(yard.bureau, recording)).count("RecordingSealed") == 1


async def test_a_worker_that_slept_in_the_middle_of_its_commit_is_cut_off_and_replaced(
    yard: Yard, owner_database_url: str
) -> None:
    recording = await deliver(yard.bureau, await camera(yard.bureau), content(300_000))

    async def commit_waits() -> bool:
        return bool(
            await yard.bureau.value(
                "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND datname = current_database() AND query LIKE 'UPDATE recording SET integrity%'"
            )
        )

    async with locked(
        owner_database_url, "SELECT FROM recording WHERE id = $1 FOR NO KEY UPDATE", recording
    ):
        zombie = await yard.worker()
        stands: bool = await eventually(commit_waits, within=30, what="the commit at the lock")
        assert stands
        os.kill(zombie.pid, signal.SIGSTOP)
    # It sleeps in an open transaction now, with the rows of the run and the recording locked.
    async with asleep(zombie):
        other = await yard.worker()
        await finished_by(yard, recording, "verify", other)
    assert (await events_of(yard.bureau, recording)).count("RecordingSealed") == 1
    await works_on(yard, zombie, other, seed=2)
    assert (await events_of(yard.bureau, recording)).count("RecordingSealed") == 1


@pytest.mark.usefixtures("far_clock")
async def test_a_worker_that_slept_in_mid_proxy_adopts_nothing_when_another_has_made_it(
    yard: Yard, footage: Path, tmp_path: Path
) -> None:
    sent = await long_clip(footage, tmp_path)
    recording = await deliver(yard.bureau, await camera(yard.bureau), sent, "long.avi")
    zombie = await yard.worker()
    await yard.progressing(recording)
    async with asleep(zombie):
        other = await yard.worker()
        await finished_by(yard, recording, "proxy", other)
        adopted = "SELECT string_agg(object_key || encode(sha256, 'hex'), ' ') FROM rendition"
        made = await yard.bureau.value(adopted)
    await woke_up_in_vain(yard, zombie)
    await works_on(yard, zombie, other, seed=2)
    assert await yard.bureau.value(adopted) == made
    names = await events_of(yard.bureau, recording)
    assert names.count("RenditionMade") == 2, "the poster and the proxy, once each"
    # What it had made in vain, if it came so far, goes by its intent.
    yard.bureau.clock.at = datetime.now(UTC) + timedelta(days=2)
    await ingest.sweep_intents(yard.bureau.deps)
    kept = yard.bureau.deps.objects.versions_below(Bucket.RENDITIONS, "")
    assert {stored.key async for stored in kept} == set(
        str(await yard.bureau.value("SELECT string_agg(object_key, ' ') FROM rendition")).split()
    )
