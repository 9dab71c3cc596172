"""Runs under failure: given back, taken over, failed for all to see, and never done twice."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from typing_extensions import override

from recorder.adapters.media import FfmpegTool
from recorder.adapters.media_source import MediaSource
from recorder.adapters.objects import ObjectStore
from recorder.config import Config
from recorder.domain import people
from recorder.domain.media import MediaFacts
from recorder.domain.pipeline import TASKS, WorkQueue
from recorder.domain.recording import Integrity
from recorder.errors import Conflict, NotFound, Unavailable
from recorder.runtime import Deps, open_deps
from recorder.services import alarms, tasks
from tests.support import footage as footage_set
from tests.support.bureau import Bureau
from tests.support.children import processes
from tests.support.faulty_objects import Fault, FaultyObjects, When
from tests.support.senders import content
from tests.support.waiting import eventually
from tests.support.workshop import (
    camera,
    claimed,
    deliver,
    events_of,
    long_clip,
    look_up,
    open_alarms,
    runs,
    work_off,
)
from workers import scratch
from workers.runner import LOOK_EVERY_S, QueueLoop, run_task

IO = WorkQueue.IO


def faulty(deps: Deps, *faults: Fault) -> Deps:
    """The same deps on a store that fails as planned."""
    objects: ObjectStore = FaultyObjects(deps.objects, faults)
    return dataclasses.replace(deps, objects=objects)


async def test_an_unavailable_store_gives_the_run_back_with_growing_delay_and_its_reason(
    bureau: Bureau, tool: FfmpegTool
) -> None:
    actor = await camera(bureau)
    recording = await deliver(bureau, actor, content(5000))
    deps = faulty(bureau.deps, Fault("read", When.BEFORE, times=3))
    waits = []
    for failures in (1, 2, 3):
        assert await work_off(deps, tool, IO) == 1
        waiting = (await runs(bureau, recording))["verify"]
        assert (waiting.state, waiting.failures) == ("pending", failures)
        assert waiting.error_code == "store-unavailable"
        assert waiting.error_detail
        wait = waiting.due_at - bureau.clock.now()
        waits.append(wait)
        assert await work_off(deps, tool, IO) == 0, "not before it is due"
        bureau.clock.at += wait
    assert waits == sorted(set(waits))
    assert await work_off(deps, tool, IO) == 1
    row, _ = await look_up(bureau, recording)
    assert row.integrity is Integrity.SEALED
    assert (await runs(bureau, recording))["verify"].error_code is None
    assert await open_alarms(bureau) == []


async def test_a_task_that_keeps_failing_ends_with_an_alarm_and_a_retry_mends_both(
    bureau: Bureau, tool: FfmpegTool
) -> None:
    actor = await camera(bureau)
    recording = await deliver(bureau, actor, content(5000))
    tries = TASKS["verify"].tries
    deps = faulty(bureau.deps, Fault("read", When.BEFORE, times=tries))
    for _ in range(tries):
        assert await work_off(deps, tool, IO) == 1
        bureau.clock.forward(minutes=10)
    failed = (await runs(bureau, recording))["verify"]
    assert (failed.state, failed.error_code) == ("failed", "store-unavailable")
    assert [code for code, _, _ in await open_alarms(bureau)] == ["task_failed"]
    assert [one.run.id for one in (await tasks.list_failed(bureau.deps, bureau.actor())).items] == [
        failed.id
    ]
    bureau.clock.forward(days=1)
    assert await work_off(deps, tool, IO) == 0, "no loop"
    with pytest.raises(NotFound):
        await tasks.retry(bureau.deps, bureau.actor(agency=bureau.theirs), failed.id)
    await tasks.retry(bureau.deps, bureau.actor(), failed.id)
    assert await open_alarms(bureau) == []
    with pytest.raises(Conflict):
        await tasks.retry(bureau.deps, bureau.actor(), failed.id)
    assert await work_off(deps, tool, IO) == 1
    row, _ = await look_up(bureau, recording)
    assert row.integrity is Integrity.SEALED
    names = await events_of(bureau, recording)
    assert names[-3:] == ["TaskFailed", "TaskRetried", "RecordingSealed"]


async def test_a_mistake_of_ours_fails_at_once_with_its_name(
    bureau: Bureau, tool: FfmpegTool
) -> None:
    class Broken(FfmpegTool):
        @override
        async def probe(
            self, source: MediaSource, original_name: str, *, quick: bool = False
        ) -> MediaFacts:
            raise ZeroDivisionError("a bug")

    actor = await camera(bureau)
    recording = await deliver(bureau, actor, content(5000))
    await work_off(bureau.deps, Broken(Path(footage_set.ffmpeg())), WorkQueue.MEDIA)
    failed = (await runs(bureau, recording))["probe"]
    assert (failed.state, failed.attempt) == ("failed", 1)
    assert (failed.error_code, failed.error_detail) == (
        "internal-error",
        "ZeroDivisionError: a bug",
    )
    (alarm,) = (await alarms.list_alarms(bureau.deps, bureau.actor())).items
    assert alarm.facts == {
        "task": "probe", "error": "internal-error", "recording": str(recording),
    }  # fmt: skip


async def test_a_step_that_kills_its_worker_each_time_ends_as_worker_lost(
    bureau: Bureau, tool: FfmpegTool
) -> None:
    actor = await camera(bureau)
    recording = await deliver(bureau, actor, content(5000))
    lease = timedelta(seconds=bureau.deps.config.task_lease_s)
    tries = TASKS["verify"].tries
    for _ in range(tries):
        await claimed(bureau.deps)
        assert await tasks.claim(bureau.deps, IO, "another worker") is None
        bureau.clock.at += lease + timedelta(seconds=1)
    assert await work_off(bureau.deps, tool, IO) == 1
    failed = (await runs(bureau, recording))["verify"]
    assert (failed.state, failed.error_code) == ("failed", "worker-lost")
    assert failed.attempt == tries + 1
    assert [code for code, _, _ in await open_alarms(bureau)] == ["task_failed"]
    assert "RecordingSealed" not in await events_of(bureau, recording)


async def test_a_worker_that_lost_its_run_commits_nothing(bureau: Bureau, tool: FfmpegTool) -> None:
    actor = await camera(bureau)
    recording = await deliver(bureau, actor, content(5000))
    lost = await claimed(bureau.deps)
    bureau.clock.forward(seconds=bureau.deps.config.task_lease_s + 1)
    ours = await claimed(bureau.deps)
    assert (ours.id, ours.attempt, ours.failures) == (lost.id, 2, 1)
    before = await bureau.event_names()
    await run_task(bureau.deps, tool, lost)
    assert await bureau.event_names() == before
    with pytest.raises(Conflict) as refused:
        await tasks.finish(bureau.deps, people.worker("lost"), lost, [])
    assert refused.value.code == "run-lost"
    with pytest.raises(Conflict):
        await tasks.fail(bureau.deps, people.worker("lost"), lost, "any", "reason")
    await tasks.give_back(bureau.deps, lost, Unavailable("any", "reason"))
    assert (await runs(bureau, recording))["verify"].state == "claimed"
    await run_task(bureau.deps, tool, ours)
    assert (await events_of(bureau, recording)).count("RecordingSealed") == 1
    row, _ = await look_up(bureau, recording)
    assert row.integrity is Integrity.SEALED


async def test_a_lost_worker_is_taken_over_within_thirty_seconds_by_default() -> None:
    lease = Config.model_fields["task_lease_s"].default
    assert lease + LOOK_EVERY_S + 5 <= 30


async def test_cancelling_gives_the_run_back_uncounted_and_leaves_no_child_and_no_folder(
    bureau: Bureau, tool: FfmpegTool, footage: Path, tmp_path: Path
) -> None:
    actor = await camera(bureau)
    recording = await deliver(bureau, actor, await long_clip(footage, tmp_path), "long.avi")
    await run_task(bureau.deps, tool, await claimed(bureau.deps, WorkQueue.MEDIA))
    await run_task(bureau.deps, tool, await claimed(bureau.deps, WorkQueue.MEDIA))
    await run_task(bureau.deps, tool, await claimed(bureau.deps, WorkQueue.MEDIA))
    ours = await claimed(bureau.deps, WorkQueue.MEDIA)
    assert ours.task == "proxy"
    working = asyncio.create_task(run_task(bureau.deps, tool, ours))

    async def shown() -> dict[str, int] | None:
        progress = (await runs(bureau, recording))["proxy"].progress
        return progress if progress and progress["percent"] > 0 else None

    progress: dict[str, int] = await eventually(shown, within=30, what="progress of the proxy")
    assert 0 < progress["percent"] < 100
    assert progress["speed_percent"] > 0
    assert progress["left_s"] > 0
    work = bureau.deps.config.work_folder
    assert work is not None
    assert processes(str(work)) != []
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
    assert processes(str(work)) == []
    assert list(work.iterdir()) == []
    given_back = (await runs(bureau, recording))["proxy"]
    assert (given_back.state, given_back.failures) == ("pending", 0)
    assert given_back.progress is None
    assert given_back.due_at <= bureau.clock.now()


async def test_a_run_lost_in_the_middle_is_stopped_by_its_heartbeat(
    bureau: Bureau, tool: FfmpegTool, footage: Path, tmp_path: Path
) -> None:
    actor = await camera(bureau)
    recording = await deliver(bureau, actor, await long_clip(footage, tmp_path), "long.avi")
    for _ in range(3):
        await run_task(bureau.deps, tool, await claimed(bureau.deps, WorkQueue.MEDIA))
    lost = await claimed(bureau.deps, WorkQueue.MEDIA)
    working = asyncio.create_task(run_task(bureau.deps, tool, lost))
    work = bureau.deps.config.work_folder

    await eventually(lambda: processes(str(work)), within=20, what="ffmpeg to begin")
    bureau.clock.forward(seconds=bureau.deps.config.task_lease_s + 1)
    taken = await tasks.claim(bureau.deps, WorkQueue.MEDIA, "another worker")
    if taken is None:  # A heartbeat came in between the clock and the claim.
        bureau.clock.forward(seconds=bureau.deps.config.task_lease_s + 1)
        taken = await claimed(bureau.deps, WorkQueue.MEDIA)
    with pytest.raises(asyncio.CancelledError):
        await working
    assert processes(str(work)) == []
    present = (await runs(bureau, recording))["proxy"]
    assert (present.state, present.attempt) == ("claimed", taken.attempt)


async def test_twenty_claims_at_once_by_four_loops_never_give_an_attempt_twice(
    bureau: Bureau, tool: FfmpegTool
) -> None:
    actor = await camera(bureau)
    arrived = [await deliver(bureau, actor, b"clip %d" % n) for n in range(20)]
    async with contextlib.AsyncExitStack() as stack:
        workers = [
            await stack.enter_async_context(open_deps(bureau.deps.config, clock=bureau.clock))
            for _ in range(4)
        ]
        got = await asyncio.gather(
            *(tasks.claim(deps, WorkQueue.MEDIA, deps.instance) for deps in workers * 6)
        )
        claims = Counter((run.id, run.attempt) for run in got if run is not None)
        assert len(claims) == 20
        assert set(claims.values()) == {1}
        loops = [QueueLoop(deps, tool, IO, 5) for deps in workers]
        running = [asyncio.create_task(loop.run()) for loop in loops]

        async def all_sealed() -> bool:
            left = await bureau.value("SELECT count(*) FROM recording WHERE integrity <> 'sealed'")
            return left == 0

        sealed: bool = await eventually(all_sealed, within=30, what="all recordings sealed")
        assert sealed
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    names = Counter(await bureau.event_names())
    assert names["RecordingSealed"] == len(arrived) == 20
    attempts = await bureau.value("SELECT max(attempt) FROM task_run WHERE task = 'verify'")
    assert attempts == 1


async def test_folders_of_killed_workers_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    with scratch.folder(tmp_path) as living:
        (tmp_path / "recorder-run-dead").mkdir()
        (tmp_path / "recorder-run-dead" / "half.mp4").write_bytes(b"half")
        (tmp_path / "somebody-elses").mkdir()
        assert scratch.remove_abandoned(tmp_path) == 1
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
            [living.name, "somebody-elses"]
        )
    assert not living.exists()
