"""The machine's clock goes forward or back by hours: nobody is shut out, nothing stops or ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from recorder.domain.people import OPERATOR, Actor, Role, worker
from recorder.domain.pipeline import WorkQueue
from recorder.domain.recording import Integrity
from recorder.domain.upload import MIB
from recorder.errors import Conflict, RateLimited, Unauthenticated
from recorder.services import accounts, ingest, tasks
from tests.support.bureau import PASSWORD, Bureau, open_bureau
from tests.support.cameras import found, stored
from tests.support.compacting import MEDIA
from tests.support.senders import Body, content, metadata, sha256
from tests.support.workshop import camera, deliver, runs, work_off

HOURS = [5.0, -5.0]


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path, sign_in_tries=3) as opened:
        yield opened
        await ingest.shutdown(opened.deps)


async def _append(bureau: Bureau, actor: Actor, upload: object, offset: int, sent: bytes) -> None:
    await ingest.append(
        bureau.deps, actor, upload, offset=offset, body=Body(sent), checksum=None,  # type: ignore[arg-type]
        length=None,
    )  # fmt: skip


@pytest.mark.parametrize("hours", HOURS)
async def test_work_that_was_due_before_the_jump_is_done_after_it(
    bureau: Bureau, hours: float
) -> None:
    recording = await deliver(bureau, await camera(bureau), content(9_000))
    bureau.clock.forward(hours=hours)
    claimed = await tasks.claim(bureau.deps, WorkQueue.IO, "w-1")
    assert claimed is not None
    assert claimed.subject_id == recording


@pytest.mark.parametrize("hours", HOURS)
async def test_the_run_of_a_worker_that_died_before_the_jump_is_taken_over(
    bureau: Bureau, hours: float
) -> None:
    recording = await deliver(bureau, await camera(bureau), content(9_000))
    dead = await tasks.claim(bureau.deps, WorkQueue.IO, "w-1")
    assert dead is not None
    bureau.clock.forward(hours=hours)
    taken = await tasks.claim(bureau.deps, WorkQueue.IO, "w-2")
    assert taken is not None
    assert (taken.id, taken.attempt) == (dead.id, dead.attempt + 1)
    # It lived after all: what it found must have no effect beside the other's.
    with pytest.raises(Conflict):
        await tasks.finish(bureau.deps, worker("w-1"), dead, [])
    assert (await runs(bureau, recording))[taken.task].state == "claimed"


@pytest.mark.parametrize("hours", HOURS)
async def test_a_lease_that_its_worker_renews_after_the_jump_is_nobody_elses(
    bureau: Bureau, hours: float
) -> None:
    await deliver(bureau, await camera(bureau), content(9_000))
    ours = await tasks.claim(bureau.deps, WorkQueue.IO, "w-1")
    assert ours is not None
    bureau.clock.forward(hours=hours)
    assert await tasks.heartbeat(bureau.deps, ours, None)
    other = await tasks.claim(bureau.deps, WorkQueue.IO, "w-2")
    assert other is None or other.id != ours.id


async def test_an_upload_goes_on_through_jumps_both_ways_and_is_sealed_whole(
    bureau: Bureau,
) -> None:
    sent, actor = content(3 * MIB), await camera(bureau)
    upload = await ingest.open_upload(
        bureau.deps, actor, length=len(sent), metadata=metadata(filename="clip.mp4")
    )
    for offset, hours in ((0, 6.0), (MIB, -12.0)):
        await _append(bureau, actor, upload.id, offset, sent[offset : offset + MIB])
        bureau.clock.forward(hours=hours)
        # The clocks of the workers do not end it.
        assert await ingest.expire_overdue(bureau.deps) == 0
        status = await ingest.upload_status(bureau.deps, actor, upload.id)
        assert (status.upload.offset, status.recording) == (offset + MIB, None)
    await _append(bureau, actor, upload.id, 2 * MIB, sent[2 * MIB :])
    status = await ingest.upload_status(bureau.deps, actor, upload.id)
    assert status.recording is not None
    assert await stored(bureau, status.recording) == sent
    await work_off(bureau.deps, MEDIA, WorkQueue.IO)
    row, _ = await found(bureau, status.recording)
    assert (row.integrity, row.sha256) == (Integrity.SEALED, sha256(sent))
    assert "incomplete_upload" not in row.flags
    assert await ingest.expire_overdue(bureau.deps) == 0


@pytest.mark.parametrize("hours", HOURS)
async def test_another_replica_takes_over_from_a_holder_of_another_hour(
    bureau: Bureau, hours: float
) -> None:
    sent, actor = content(3 * MIB), await camera(bureau)
    upload = await ingest.open_upload(
        bureau.deps, actor, length=len(sent), metadata=metadata(filename="clip.mp4")
    )
    gate = asyncio.Event()
    stuck = Body(sent[:MIB], open_end=gate)
    first = asyncio.create_task(
        ingest.append(
            bureau.deps, actor, upload.id, offset=0, body=stuck, checksum=None, length=None
        )
    )
    await stuck.drained.wait()
    second = replace(bureau.deps, instance="another-1-a")
    bureau.clock.forward(hours=hours)
    status = await ingest.upload_status(second, actor, upload.id)
    done = await ingest.append(
        second, actor, upload.id, offset=status.upload.offset,
        body=Body(sent[status.upload.offset :]), checksum=None, length=None,
    )  # fmt: skip
    assert done.recording is not None
    gate.set()
    # It has lost the upload, or had nothing left to lose: in neither case is anything written.
    await asyncio.gather(first, return_exceptions=True)
    await ingest.shutdown(second)
    assert await bureau.value("SELECT count(*) FROM recording") == 1
    assert await bureau.value("SELECT offset_bytes FROM upload") == len(sent)


@pytest.mark.parametrize("hours", HOURS)
async def test_locks_reach_a_month_ahead_on_either_side_of_the_jump(
    bureau: Bureau, hours: float
) -> None:
    await deliver(bureau, await camera(bureau), content(9_000))
    bureau.clock.forward(hours=hours)
    await ingest.extend_locks(bureau.deps)
    promised = bureau.clock.now() + timedelta(days=30)
    assert await bureau.value("SELECT min(lock_until) FROM original_object") >= promised  # type: ignore[operator]


async def test_who_is_signed_in_stays_so_when_the_clock_goes_back_and_not_past_his_time(
    bureau: Bureau,
) -> None:
    await accounts.add_person(
        bureau.deps, OPERATOR, login="Wang", role=Role.OFFICER, password=PASSWORD
    )
    session = await accounts.sign_in(
        bureau.deps, login="Wang", password=PASSWORD, address="192.0.2.1"
    )
    bureau.clock.forward(hours=-5)
    assert (await accounts.actor_of_session(bureau.deps, session.secret)).actor.name
    bureau.clock.forward(hours=18)
    with pytest.raises(Unauthenticated):
        await accounts.actor_of_session(bureau.deps, session.secret)


async def test_failed_sign_ins_of_a_later_hour_shut_nobody_out_for_hours(bureau: Bureau) -> None:
    await accounts.add_person(
        bureau.deps, OPERATOR, login="Wang", role=Role.OFFICER, password=PASSWORD
    )

    async def enter(password: str) -> None:
        await accounts.sign_in(bureau.deps, login="Wang", password=password, address="192.0.2.1")

    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await enter("no such password")
    with pytest.raises(RateLimited):
        await enter(PASSWORD)
    bureau.clock.forward(hours=-5)
    await enter(PASSWORD)
    assert await bureau.value("SELECT count(*) FROM session") == 1
