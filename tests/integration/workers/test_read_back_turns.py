"""Fixity beside other work: whose turn it is, its pace, its place behind verification."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from datetime import timedelta

from typing_extensions import override

from recorder.adapters.media import FfmpegTool
from recorder.adapters.objects import Bucket, StoredObject
from recorder.domain.pipeline import WorkQueue
from recorder.services import fixity, turns
from tests.support.faulty_objects import FaultyObjects
from tests.support.sealed import Sealed, with_store
from tests.support.senders import content
from tests.support.waiting import eventually
from tests.support.workshop import (
    camera,
    deliver,
    open_alarms,
    work_off,
)
from workers.read_back import read_back


async def test_two_workers_never_read_at_once_and_a_dead_one_is_followed(sealed: Sealed) -> None:
    sealed.bureau.clock.forward(days=100)
    other = dataclasses.replace(sealed.deps, instance="other")
    deps, store = with_store(sealed.deps)
    assert await turns.take(other, fixity.TURN)
    await read_back(deps)
    assert "stat" not in store.calls
    # The other one dies without a word: its turn ends with its lease.
    sealed.bureau.clock.forward(seconds=sealed.deps.config.task_lease_s + 1)
    await read_back(deps)
    assert store.calls.count("read") == 3
    # It was taken for a century by a wrong clock: nobody waits for that.
    sealed.bureau.clock.forward(days=36500)
    assert await turns.take(other, fixity.TURN)
    sealed.bureau.clock.forward(days=-36400)
    assert await turns.take(deps, fixity.TURN)


async def test_a_worker_that_lost_its_turn_stops_reading_at_once(
    database_url: str, sealed: Sealed
) -> None:
    sealed.bureau.clock.forward(days=100)
    reading, forever = asyncio.Event(), asyncio.Event()

    class Stuck(FaultyObjects):
        @override
        async def stat(self, bucket: Bucket, key: str, version: str) -> StoredObject:
            reading.set()
            await forever.wait()
            return await super().stat(bucket, key, version)

    config = sealed.deps.config.model_copy(update={"task_lease_s": 2})
    deps = dataclasses.replace(sealed.deps, config=config, objects=Stuck(sealed.deps.objects))
    working = asyncio.create_task(read_back(deps))
    await reading.wait()
    sealed.bureau.clock.forward(seconds=3)
    other = dataclasses.replace(sealed.deps, instance="other")

    async def taken() -> bool:
        # Until the first one keeps its turn anew; then its lease has to end once more.
        sealed.bureau.clock.forward(seconds=3)
        return await turns.take(other, fixity.TURN) and working.done()

    stopped: bool = await eventually(taken, within=30, what="the first worker to stop")
    assert stopped
    await working


async def test_what_a_killed_worker_looked_at_is_told_by_the_next_one(sealed: Sealed) -> None:
    sealed.bureau.clock.forward(days=100)
    last = asyncio.Event()

    class Slow(FaultyObjects):
        @override
        async def stat(self, bucket: Bucket, key: str, version: str) -> StoredObject:
            if self.calls.count("stat") == 2:
                last.set()
                await asyncio.Event().wait()
            return await super().stat(bucket, key, version)

    deps = dataclasses.replace(sealed.deps, objects=Slow(sealed.deps.objects))
    working = asyncio.create_task(read_back(deps))
    await last.wait()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert [look[0] for look in await sealed.looks()] == [0, 0, 101]
    sealed.bureau.clock.forward(hours=1)
    await read_back(dataclasses.replace(sealed.deps, instance="next"))
    batches = await sealed.facts("FixityChecked")
    assert sum(int(str(batch["objects"])) for batch in batches) == 3
    assert [look[0] for look in await sealed.looks()] == [0, 0, 0]


async def test_footage_that_waits_to_be_verified_comes_first(
    sealed: Sealed, tool: FfmpegTool
) -> None:
    sealed.bureau.clock.forward(days=100)
    await deliver(sealed.bureau, await camera(sealed.bureau, "TB00001"), content(10, seed=9))
    deps, store = with_store(sealed.deps)
    await read_back(deps)
    assert store.calls.count("read") == 0
    await work_off(sealed.deps, tool, WorkQueue.IO)
    await read_back(deps)
    assert store.calls.count("read") == 3


async def test_looks_dated_by_a_wrong_clock_are_made_again(sealed: Sealed) -> None:
    sealed.bureau.clock.forward(days=3650)
    await read_back(sealed.deps)
    sealed.bureau.clock.forward(days=-3649)
    deps, store = with_store(sealed.deps)
    await sealed.alter()
    await read_back(deps)
    assert [look[0] for look in await sealed.looks()] == [0, 0, 0]
    assert store.calls.count("read") == 3
    assert len(await open_alarms(sealed.bureau)) == 1


async def test_the_wrong_store_does_not_fail_the_whole_archive(sealed: Sealed) -> None:
    async with sealed.deps.database.acquire() as connection:
        # A hundred failures, as rows.
        await connection.execute(
            "INSERT INTO recording (id, agency_id, integrity, admission, length_bytes, source,"
            " arrival_sha256, original_name, received_at) SELECT gen_random_uuid(), $1, 'received',"
            " 'admitted', n, 'x', sha256(n::text::bytea), '', now() FROM generate_series(1, 100) n",
            sealed.bureau.ours,
        )
        await connection.execute(
            "INSERT INTO original_object (recording_id, n, object_key, version, length_bytes,"
            " lock_until, sidecar_key, sidecar_version) SELECT id, 0, id::text, '', 0, now(), '',"
            " '' FROM recording WHERE source = 'x'"
        )
        await connection.execute(
            "INSERT INTO fixity (recording_id, n, agreed_at, looked_at, failed_at, failure)"
            " SELECT id, 0, $1::timestamptz - interval '1 day', $1, $1, 'missing' FROM recording"
            " WHERE source = 'x'",
            sealed.bureau.clock.now() + timedelta(days=100),
        )
    sealed.bureau.clock.forward(days=100)
    deps, store = with_store(sealed.deps)
    await read_back(deps)
    assert "stat" not in store.calls


async def test_an_overdue_reading_is_an_alarm_until_it_is_done(sealed: Sealed) -> None:
    sealed.bureau.clock.forward(days=100)
    await fixity.check_age(sealed.deps)
    assert await open_alarms(sealed.bureau) == []
    sealed.bureau.clock.forward(days=15)
    await fixity.check_age(sealed.deps)
    ((code, severity, detail),) = await open_alarms(sealed.bureau)
    assert (code, severity) == ("fixity_overdue", "warning")
    assert "118 days ago" in detail
    await read_back(sealed.deps)
    await fixity.check_age(sealed.deps)
    assert await open_alarms(sealed.bureau) == []


async def test_reading_keeps_to_its_bytes_a_day(sealed: Sealed) -> None:
    sealed.bureau.clock.forward(days=100)
    config = sealed.deps.config.model_copy(update={"fixity_bytes_per_day": 86400 * 6000})
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await read_back(dataclasses.replace(sealed.deps, config=config))
    assert loop.time() - begun >= 9000 / 6000 * 0.95
    off = sealed.deps.config.model_copy(update={"fixity_bytes_per_day": 0})
    sealed.bureau.clock.forward(days=100)
    deps, store = with_store(dataclasses.replace(sealed.deps, config=off))
    await read_back(deps)
    assert "stat" not in store.calls


async def test_what_the_release_before_seals_is_read_back_too(sealed: Sealed) -> None:
    """Its statement knows nothing of fixity: the database begins it."""
    recording = await sealed.bureau.recording()
    async with sealed.deps.database.acquire() as connection:
        await connection.execute(
            "INSERT INTO original_object (recording_id, n, object_key, version, length_bytes,"
            " lock_until, sidecar_key, sidecar_version) VALUES ($1, 0, 'k', 'v', 0, now(), '', '')",
            recording,
        )
        await connection.execute(
            "UPDATE recording SET integrity = 'sealed', sha256 = sha256(''), sm3 = sha256(''),"
            " sealed_at = $2 WHERE id = $1 AND integrity = 'received'",
            recording,
            sealed.bureau.clock.now(),
        )
    assert len(await fixity.of_recording(sealed.deps, recording)) == 1
    assert json.dumps(await sealed.facts("FixityFailed")) == "[]"
