"""An interrupted audit goes on where it was, says nothing before its end, and keeps its pace."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from recorder.domain.people import OPERATOR
from recorder.domain.upload import MIB
from recorder.errors import Conflict, Unavailable
from recorder.runtime import Deps
from recorder.services import audit, guard, ingest, turns
from recorder.services.audit import Level, Report
from tests.support.archive import SEALED_BYTES, Archive
from tests.support.bureau import open_bureau
from tests.support.faulty_objects import Fault, FaultyObjects, When
from tests.support.senders import content


@pytest.fixture
async def archive(
    database_url: str, owner_database_url: str, tmp_path: Path
) -> AsyncIterator[Archive]:
    async with open_bureau(database_url, tmp_path) as bureau:
        made = Archive(bureau, owner_database_url)
        await made.seal()
        await made.render()
        await made.upload(SEALED_BYTES, len(SEALED_BYTES))
        for seed in range(3):
            await made.upload(content(MIB + 5, seed=seed), 20 * MIB)
            await made.upload(content(2000, seed=seed + 10), 2000)
        yield made
        await ingest.shutdown(made.deps)


async def plant(archive: Archive) -> None:
    """Something to find in the first step, in a listing and in the last one."""
    await archive.sql("UPDATE recording SET links = links + 1 WHERE id = $1", archive.sealed)
    await archive.sql("UPDATE task_run SET state = 'done'")
    await archive.as_forger(
        "UPDATE custody_event SET actor_name = 'somebody else' WHERE name = 'RenditionMade'"
    )


async def saving_often(deps: Deps, level: Level = Level.DIGEST, **more: Any) -> Report:
    return await audit.run(deps, OPERATOR, level=level, save_every_s=0, **more)


@pytest.mark.parametrize("call", ["stat", "read", "versions_below"])
async def test_an_audit_that_is_interrupted_everywhere_says_what_a_whole_one_says(
    archive: Archive, call: str
) -> None:
    await plant(archive)
    whole = await archive.audit()
    assert len(whole.counts) == 3
    events = await archive.bureau.event_names()
    for nth in itertools.count(1):
        faulty = FaultyObjects(archive.deps.objects, [Fault(call, When.BEFORE, nth=nth)])
        try:
            found = await saving_often(dataclasses.replace(archive.deps, objects=faulty))
        except Unavailable:
            assert await archive.bureau.event_names() == events, "half an audit says nothing"
            continue
        break
    assert nth > 3
    assert found.counts == whole.counts
    assert found.findings == whole.findings
    # The two of before, and what the first audit itself has added: event, alarm.
    whole.looked_at["events"] += 2
    assert found.looked_at == whole.looked_at
    assert (await archive.bureau.event_names())[len(events) :] == ["AuditCompleted"]
    (last, first) = await audit.last_runs(archive.deps)
    assert (first.state, last.state) == ("completed", "completed")
    assert first.counts == last.counts == dict(whole.counts)
    assert {first.looked_at["events"], last.looked_at["events"]} == {
        whole.looked_at["events"] - 2, whole.looked_at["events"],
    }  # fmt: skip


async def interrupted(archive: Archive) -> None:
    faulty = FaultyObjects(archive.deps.objects, [Fault("stat", When.BEFORE, nth=6)])
    with pytest.raises(Unavailable):
        await saving_often(dataclasses.replace(archive.deps, objects=faulty))


async def states(archive: Archive) -> list[str]:
    return [run.state for run in await audit.last_runs(archive.deps)]


async def test_an_interrupted_audit_is_gone_on_with_for_a_week(archive: Archive) -> None:
    await interrupted(archive)
    begun = archive.bureau.clock.now()
    archive.bureau.clock.forward(days=6)
    assert (await saving_often(archive.deps)).started_at == begun
    await interrupted(archive)
    archive.bureau.clock.forward(days=7)
    await ingest.extend_locks(archive.deps)
    assert (await saving_often(archive.deps)).started_at == archive.bureau.clock.now()
    assert sorted(await states(archive)) == ["abandoned", "completed", "completed"]


async def test_an_interrupted_audit_is_begun_anew_when_asked_or_in_another_database(
    archive: Archive,
) -> None:
    await interrupted(archive)
    archive.bureau.clock.forward(hours=1)
    report = await saving_often(archive.deps, restart=True)
    assert report.started_at == archive.bureau.clock.now()
    await interrupted(archive)
    archive.bureau.clock.forward(hours=1)
    await guard.accept(archive.deps, OPERATOR, rebuilt=0, agency=None)
    report = await saving_often(archive.deps)
    assert report.started_at == archive.bureau.clock.now()
    assert sorted(await states(archive)) == ["abandoned", "abandoned", "completed", "completed"]


async def test_levels_are_interrupted_each_for_itself(archive: Archive) -> None:
    await interrupted(archive)
    await saving_often(archive.deps, Level.PRESENCE)
    assert sorted(await states(archive)) == ["completed", "running"]


async def test_one_process_makes_an_audit_at_a_time(archive: Archive) -> None:
    other = dataclasses.replace(archive.deps, instance="other")
    assert await turns.take(other, "audit size")
    with pytest.raises(Conflict) as refused:
        await archive.audit(Level.SIZE)
    assert refused.value.code == "audit-under-way"
    assert (await archive.audit(Level.PRESENCE)).clean
    archive.bureau.clock.forward(seconds=archive.deps.config.task_lease_s + 1)
    assert (await archive.audit(Level.SIZE)).clean


async def test_the_store_is_asked_no_more_often_than_allowed(archive: Archive) -> None:
    faulty = FaultyObjects(archive.deps.objects)
    deps = dataclasses.replace(archive.deps, objects=faulty)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for level in Level:
        await audit.run(deps, OPERATOR, level=level, rates=audit.Rates(None, 20))
    asked = sum(faulty.calls.count(call) for call in ("stat", "read", "versions"))
    assert asked > 20
    assert loop.time() - begun >= asked / 20


async def test_a_killed_audit_tells_its_place_and_goes_on(archive: Archive) -> None:
    await archive.keep_locked_until_today()
    config = archive.deps.config
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "RECORDER_DATABASE_URL": config.database_url.get_secret_value(),
        "RECORDER_OBJECTS_FOLDER": str(config.objects_folder),
        "RECORDER_SIGNING_KEY_FILE": str(config.signing_key_file),
        "RECORDER_TASK_LEASE_S": "2",
    }

    async def begin(*words: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "recorder", "audit", "--json", "--level", "digest", *words,
            env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    slow = await begin("--bytes-per-second", "1000")
    assert slow.stderr is not None
    place = json.loads(await slow.stderr.readline())["progress"]
    assert (place["step"], place["number"], place["steps"]) == ("originals", 1, len(audit.STEPS))
    os.kill(slow.pid, signal.SIGKILL)
    await slow.wait()
    (left,) = await audit.last_runs(archive.deps)
    assert left.state == "running"
    again = await begin()
    out, _ = await again.communicate()
    answer = json.loads(out)
    assert (again.returncode, answer["clean"]) == (0, True)
    assert answer["started_at"] == left.started_at.isoformat()
    assert await states(archive) == ["completed"]
