"""A database that is younger than its store ends nothing, lets nothing go and does no task."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from recorder.domain.pipeline import WorkQueue
from recorder.errors import Unavailable
from recorder.runtime import Deps
from recorder.services import guard, ingest, tasks
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera, opened, send
from tests.support.compacting import MEDIA, one_task, sealed_livestream
from tests.support.due import REMOVERS, fill, seen
from tests.support.faulty_objects import FaultyObjects
from tests.support.senders import Body, content
from tests.support.workshop import deliver, runs
from workers.periodic import CHORES, when_whole
from workers.runner import run_task


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path, far_clock: None) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        deps = replace(opened.deps, objects=FaultyObjects(opened.deps.objects))
        yield replace(opened, deps=deps)
        await ingest.shutdown(deps)


async def younger(bureau: Bureau) -> Bureau:
    """The same after a restart, as after a restore: the newest marker is fulfilled by none."""
    await guard.mark(bureau.deps, closed=True)
    again = replace(bureau, deps=replace(bureau.deps))
    assert await guard.is_younger(again.deps)
    return again


async def test_nothing_ends_and_nothing_leaves_the_store_though_everything_is_due(
    bureau: Bureau,
) -> None:
    await fill(bureau)
    bureau.clock.forward(days=8)
    again = await younger(bureau)
    before = await seen(again)
    for chore in REMOVERS:
        await chore(again.deps)
        assert await seen(again) == before, chore.__name__


async def test_an_upload_is_not_ended_at_its_senders_wish(bureau: Bureau) -> None:
    actor = await camera(bureau)
    empty, begun = await opened(bureau, actor, 10), await opened(bureau, actor, 10)
    await send(bureau.deps, actor, begun.id, 0, Body(content(3)))
    again = await younger(bureau)
    before = await seen(again)
    for upload in (empty, begun):
        with pytest.raises(Unavailable) as refused:
            await ingest.terminate(again.deps, actor, upload.id)
        assert refused.value.code == "database-younger-than-store"
    assert await seen(again) == before


async def test_no_task_is_claimed_until_an_operator_accepts_the_database(bureau: Bureau) -> None:
    recording = await deliver(bureau, await camera(bureau), content(9_000))
    again = await younger(bureau)
    for queue in WorkQueue:
        assert await tasks.claim(again.deps, queue, "w-1") is None
    assert {run.state for run in (await runs(again, recording)).values()} == {"pending"}
    await guard.accept(again.deps, bureau.actor(), rebuilt=0, agency=None)
    assert await tasks.claim(again.deps, WorkQueue.IO, "w-1") is not None


async def test_a_compaction_that_was_claimed_before_touches_nothing(bureau: Bureau) -> None:
    await sealed_livestream(bureau, await camera(bureau))
    run = await tasks.claim(bureau.deps, WorkQueue.IO, bureau.deps.instance)
    assert run is not None
    again = await younger(bureau)
    objects = again.deps.objects
    assert isinstance(objects, FaultyObjects)
    objects.calls.clear()
    await run_task(again.deps, MEDIA, run)
    (left,) = [each for each in (await runs(again, run.subject_id)).values() if each.id == run.id]  # type: ignore[arg-type]
    assert (left.state, left.error_code) == ("pending", "database-younger-than-store")
    assert not {"abort_multipart", "create_multipart", "put", "delete"} & set(objects.calls)
    await guard.accept(again.deps, bureau.actor(), rebuilt=0, agency=None)
    bureau.clock.forward(minutes=6)
    await one_task(again.deps, "compact")
    assert await bureau.value("SELECT count(*) > 0 FROM superseded_object")


async def test_what_is_said_of_cases_waits_too(bureau: Bureau) -> None:
    done = []

    async def attribute(deps: Deps) -> int:
        done.append(deps)
        return 1

    assert await when_whole(attribute)(bureau.deps) == 1
    assert await when_whole(attribute)((await younger(bureau)).deps) is None
    assert len(done) == 1
    waiting = {chore.__name__ for chore, _ in CHORES if hasattr(chore, "__wrapped__")}
    assert waiting == {
        "attribute_footage",
        "evaluate_due",
        "_mend_pools",
        "pull_due",
        "spread_mappings",
    }
