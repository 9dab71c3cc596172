"""compact fails, or its worker dies, before and after each thing it does; twice at once, too."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recorder.adapters.objects import Bucket
from recorder.config import PREFIX
from recorder.domain.people import SERVICE
from recorder.errors import Conflict
from recorder.services import live, tasks
from recorder.store.task_runs import TaskRun
from tests.support import s3, servers
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera
from tests.support.compacting import (
    MEDIA,
    BeforeIndex,
    findings,
    one_task,
    original_of,
    s3_settings,
    sealed_livestream,
    stored_keys,
)
from tests.support.faulty_objects import Fault, FaultyObjects, When
from tests.support.workshop import claimed, events_of, open_alarms, runs, stored_file
from workers.context import StepContext
from workers.steps import STEPS

MIB = 1024 * 1024
#: What the step asks of the store, in an order in which each is reached by the attempt that has
#: it fail: an attempt goes on with what those before it have made.
POINTS = (
    *("versions", "open_multiparts", "create_multipart", "abort_multipart", "read"),
    *("upload_part", "complete_multipart", "put", "stat", "extend_lock", "read"),
)
FAULTS = [(call, when) for call in POINTS for when in When]


@pytest.fixture(params=["folder", "versitygw"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """A store of each kind."""
    given = {"compact_object_bytes": str(MIB), "task_lease_s": "2"}
    if request.param == "folder":
        return {**given, "objects_folder": str(tmp_path / "objects")}
    server: s3.S3Server = request.getfixturevalue(request.param)
    return {**given, **s3_settings(server)}


@pytest.fixture
async def bureau(
    database_url: str, tmp_path: Path, settings: dict[str, str], far_clock: None
) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path, **settings) as bureau:
        # Locks are kept by the server, whose clock is the real one.
        bureau.clock.at = datetime.now(UTC)
        yield bureau


async def compacted(bureau: Bureau) -> TaskRun:
    """The one run about compaction."""
    recording = await bureau.value("SELECT subject_id FROM task_run WHERE task = 'compact'")
    return (await runs(bureau, recording))["compact"]  # type: ignore[arg-type]


async def failed_as_planned(bureau: Bureau, fault: Fault) -> None:
    """The run waits for its next try because of this fault, and of none of the store's own."""
    run = await compacted(bureau)
    assert (run.state, run.error_detail) == ("pending", fault.make().detail), run


@pytest.mark.parametrize("settings", ["folder", "versitygw", "minio_server"], indirect=True)
async def test_every_failure_of_the_store_leads_to_the_same_end(bureau: Bureau) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    _, recording = await sealed_livestream(bureau, actor)
    _, small, content = await original_of(deps, recording)
    faulty = FaultyObjects(deps.objects)
    broken = dataclasses.replace(deps, objects=faulty)
    for call, when in FAULTS:
        faulty.faults = [fault := Fault(call, when, faulty.calls.count(call) + 1)]
        await one_task(broken, "compact")
        await failed_as_planned(bureau, fault)
        assert (await original_of(deps, recording))[1] == small
        bureau.clock.forward(minutes=6)
    assert await findings(deps) == []
    await one_task(deps, "compact")
    run = await compacted(bureau)
    assert run.state == "done", run
    _, large, same = await original_of(deps, recording)
    assert (same, len(large) < 10) == (content, True)
    assert (await events_of(bureau, recording)).count("RecordingCompacted") == 1
    assert await bureau.value("SELECT count(*) FROM volume_intent") == 0
    assert await findings(deps) == []


async def killed_at(environment: dict[str, str], call: str, when: When) -> int:
    """How a process ended that makes an attempt and is killed there."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.compacting_process", call, when.name),
        env=environment,
        cwd=servers.REPOSITORY,
    )
    async with asyncio.timeout(120):
        return await child.wait()


async def test_a_worker_that_is_killed_anywhere_is_followed_to_the_same_end(
    bureau: Bureau, settings: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    _, recording = await sealed_livestream(bureau, actor)
    _, small, content = await original_of(deps, recording)
    environment = {
        **os.environ,
        f"{PREFIX}DATABASE_URL": database_url,
        f"{PREFIX}OBJECTS_FLOOR_BYTES": "0",
        f"{PREFIX}SIGNING_KEY_FILE": str(tmp_path / "signing.key"),
        **{f"{PREFIX}{name.upper()}": value for name, value in settings.items()},
    }
    # The claims are committed before the first call, the switch comes behind the last one.
    # With all volumes there, the first thing read is one of them.
    for call, when in (
        ("versions", When.BEFORE),
        ("create_multipart", When.AFTER),
        ("upload_part", When.AFTER),
        ("complete_multipart", When.BEFORE),
        ("complete_multipart", When.AFTER),
        ("put", When.BEFORE),
        ("read", When.AFTER),
        ("put", When.AFTER),
    ):
        assert await killed_at(environment, call, when) == -signal.SIGKILL, (call, when)
        assert (await original_of(deps, recording))[1] == small
        assert await findings(deps) == []
    assert await killed_at(environment, "self_test", When.BEFORE) == 0
    _, large, same = await original_of(deps, recording)
    assert (same, len(large) < 10) == (content, True)
    assert (await events_of(bureau, recording)).count("RecordingCompacted") == 1
    assert await findings(deps) == []


async def test_two_workers_at_once_make_one_switch(bureau: Bureau) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    _, recording = await sealed_livestream(bureau, actor)
    _, _, content = await original_of(deps, recording)

    async def another_worker() -> None:
        bureau.clock.forward(seconds=3)
        await one_task(deps, "compact")

    store = BeforeIndex(deps.objects, another_worker)
    run = await claimed(deps)
    # Without the heartbeat, which would tell it before.
    events = await STEPS["compact"](
        StepContext(dataclasses.replace(deps, objects=store), MEDIA, run, "zombie")
    )
    with pytest.raises(Conflict) as lost:
        await tasks.finish(deps, SERVICE, run, events)
    assert lost.value.code == "run-lost"
    run = await compacted(bureau)
    assert (run.state, run.attempt) == ("done", 2)
    assert (await original_of(deps, recording))[2] == content
    assert (await events_of(bureau, recording)).count("RecordingCompacted") == 1
    assert await findings(deps) == []


@pytest.mark.parametrize("settings", ["folder"], indirect=True)
async def test_a_volume_that_reads_back_otherwise_is_given_up(bureau: Bureau) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    _, recording = await sealed_livestream(bureau, actor)
    _, small, content = await original_of(deps, recording)
    fault = Fault("complete_multipart", When.AFTER, 2)
    faulty = FaultyObjects(deps.objects, [fault])
    await one_task(dataclasses.replace(deps, objects=faulty), "compact")
    await failed_as_planned(bureau, fault)
    (damaged,) = [k for k in await stored_keys(deps) if "/0001-" in k and "/volumes-" in k]
    (stored,) = await deps.objects.versions(Bucket.ORIGINALS, damaged)
    path = deps.objects.local_path(Bucket.ORIGINALS, damaged, stored.version)
    assert path is not None
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1])
    bureau.clock.forward(seconds=10)
    run = await one_task(deps, "compact")
    failed = await compacted(bureau)
    assert (failed.state, failed.error_code) == ("failed", "volume-differs")
    assert [code for code, _, _ in await open_alarms(bureau)] == ["task_failed"]
    assert (await original_of(deps, recording))[1] == small
    assert await findings(deps) == []
    await tasks.retry(deps, SERVICE, run.id)
    await one_task(deps, "compact")
    _, large, same = await original_of(deps, recording)
    assert (same, large[1].key != damaged) == (content, True)
    assert await findings(deps) == []
    assert await bureau.value("SELECT count(*) FROM superseded_object") == len(small) + 1
    bureau.clock.forward(days=38)
    assert await live.release_superseded(deps) == 0, "the store still has them locked"


@pytest.mark.parametrize("settings", ["folder"], indirect=True)
async def test_a_damaged_segment_is_found_before_its_bytes_are_taken_over(bureau: Bureau) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    _, recording = await sealed_livestream(bureau, actor)
    _, small, _ = await original_of(deps, recording)
    path = stored_file(bureau, small[7])
    path.chmod(0o600)
    path.write_bytes(b"x" + path.read_bytes()[1:])
    await one_task(deps, "compact")
    failed = await compacted(bureau)
    assert (failed.state, failed.error_code) == ("failed", "original-differs")
    path.unlink()
    await tasks.retry(deps, SERVICE, failed.id)
    await one_task(deps, "compact")
    assert (await compacted(bureau)).error_code == "original-missing"
    assert (await original_rows(bureau)) == len(small)


async def original_rows(bureau: Bureau) -> object:
    return await bureau.value("SELECT count(*) FROM original_object")
