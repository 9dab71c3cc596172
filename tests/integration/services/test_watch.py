"""Alarms that the clock raises while something is wrong, and clears when it is well again."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typing_extensions import override

from recorder.domain.events import UploadCompleted
from recorder.domain.ids import RecordingId, new_uuid
from recorder.domain.people import OPERATOR
from recorder.domain.pipeline import WorkQueue
from recorder.errors import StorageFull
from recorder.services import ingest, review, tasks, watch
from tests.support.bureau import Bureau, open_bureau
from tests.support.faulty_objects import FaultyObjects
from tests.support.workshop import camera, open_alarms


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        yield opened


class Full(FaultyObjects):
    """A store with a megabyte left."""

    @override
    def room_bytes(self) -> int:
        return 1_000_000


async def codes(bureau: Bureau) -> list[str]:
    return [code for code, _, _ in await open_alarms(bureau)]


async def test_little_room_is_an_alarm_until_there_is_more(bureau: Bureau) -> None:
    await watch.check_room(dataclasses.replace(bureau.deps, objects=Full(bureau.deps.objects)))
    assert await codes(bureau) == ["disk_low"]
    # A store that does not say how much room it has is no reason to alarm anybody.
    await watch.check_room(dataclasses.replace(bureau.deps, objects=Silent(bureau.deps.objects)))
    assert await codes(bureau) == []


async def test_room_that_others_are_filling_is_promised_to_nobody_else(bureau: Bureau) -> None:
    deps = dataclasses.replace(bureau.deps, objects=Full(bureau.deps.objects))
    actor = await camera(bureau)
    await ingest.open_upload(deps, actor, length=600_000, metadata="")
    with pytest.raises(StorageFull) as refused:
        await ingest.open_upload(deps, actor, length=600_000, metadata="")
    assert (refused.value.code, refused.value.facts["room"]) == ("storage-full", 400_000)
    await ingest.open_upload(deps, actor, length=400_000, metadata="")
    # A sender of whom nobody has heard for an hour keeps nobody out.
    bureau.clock.forward(minutes=61)
    await ingest.open_upload(deps, actor, length=1_000_000, metadata="")


class Silent(FaultyObjects):
    """A store that does not say how much room it has."""

    @override
    def room_bytes(self) -> int | None:
        return None


async def test_footage_that_waits_in_quarantine_is_an_alarm_of_its_agency(bureau: Bureau) -> None:
    recording = await bureau.recording()
    await bureau.value(
        "UPDATE recording SET admission = 'quarantined' WHERE id = $1 RETURNING id", recording
    )
    await watch.check_quarantine(bureau.deps)
    assert await codes(bureau) == [], "not in its first day"
    bureau.clock.forward(days=2)
    await watch.check_quarantine(bureau.deps)
    assert await codes(bureau) == ["quarantine_waiting"]
    agency = await bureau.value("SELECT agency_id FROM alarm")
    assert agency == bureau.ours
    await review.admit(
        bureau.deps, bureau.actor(), RecordingId(recording), reason="the device is ours"
    )
    await watch.check_quarantine(bureau.deps)
    assert await codes(bureau) == []


async def test_due_work_that_nobody_takes_is_an_alarm_until_somebody_does(bureau: Bureau) -> None:
    recording = await bureau.recording()
    async with bureau.deps.change(OPERATOR) as change:
        change.record(
            UploadCompleted(
                subject=recording, agency=bureau.ours, upload=new_uuid(), length=1000, key="k",
                version="v", arrival_sha256=bytes(32), declared_sha256=None, original_name="n",
                device_number=None, officer=None, incomplete=False, flags=(),
            )
        )  # fmt: skip
    await watch.check_workers(bureau.deps)
    assert await codes(bureau) == [], "it is due only now"
    bureau.clock.forward(minutes=3)
    await watch.check_workers(bureau.deps)
    assert await codes(bureau) == ["workers_silent"]
    assert await tasks.claim(bureau.deps, WorkQueue.IO, "a worker") is not None
    await watch.check_workers(bureau.deps)
    assert await codes(bureau) == []
