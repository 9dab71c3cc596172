"""From the last byte to the recording: few commits and syncs, and nobody who asks has to wait."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from recorder.adapters.files import FolderObjects
from recorder.domain.ids import UploadId, new_uuid
from recorder.domain.instant import format_utc
from recorder.domain.people import Actor, ActorKind, Role
from recorder.domain.upload import MIB
from recorder.errors import Forbidden, Gone, Unavailable
from recorder.services import ingest
from recorder.services.ingest.appender import Appender
from recorder.services.ingest.intake import FINISHED_AT_ONCE, intake_of
from recorder.store import upload_arrivals, uploads
from tests.support.bureau import Bureau, open_bureau
from tests.support.faulty_objects import Fault, FaultyObjects, When
from tests.support.object_content import in_a_while
from tests.support.senders import Body, content, metadata
from tests.support.waiting import eventually


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        objects = FaultyObjects(opened.deps.objects, grows=True)
        deps = replace(opened.deps, objects=objects)
        ingest.begin(deps)
        yield replace(opened, deps=deps)
        await ingest.shutdown(deps)


def program(bureau: Bureau) -> Actor:
    return Actor(ActorKind.PROGRAM, "p", "p", role=Role.OFFICER, agency=bureau.ours)


async def opened(bureau: Bureau, length: int) -> UploadId:
    upload = await ingest.open_upload(
        bureau.deps, program(bureau), length=length, metadata=metadata(filename="clip.mp4")
    )
    return upload.id


async def send(bureau: Bureau, upload: UploadId, body: Body) -> ingest.UploadStatus:
    return await ingest.append(
        bureau.deps, program(bureau), upload, offset=0, body=body, checksum=None, length=None
    )


async def status_of(bureau: Bureau, upload: UploadId) -> ingest.UploadStatus:
    return await ingest.upload_status(bureau.deps, program(bureau), upload)


async def test_a_full_upload_that_waits_for_its_turn_takes_no_bytes_and_tells_its_offset_at_once(
    bureau: Bureau,
) -> None:
    sent = content(MIB)
    upload = await opened(bureau, len(sent))
    intake = intake_of(bureau.deps)

    async def is_waiting() -> bool:
        state = await bureau.value("SELECT state FROM upload")
        return state == "completing" and intake.is_completing(upload)

    async with AsyncExitStack() as others:
        for _ in range(FINISHED_AT_ONCE):
            await others.enter_async_context(intake.completing(UploadId(new_uuid())))
        sending = asyncio.create_task(send(bureau, upload, Body(sent)))
        # The transaction of the last offset has begun the completion.
        waits: bool = await eventually(is_waiting, within=60, what="an upload in line")
        assert waits
        status = await status_of(bureau, upload)
        assert (status.upload.offset, status.recording) == (len(sent), None)
        assert not sending.done()
    done = await sending
    assert done.recording is not None
    assert (await status_of(bureau, upload)).recording == done.recording


async def test_whoever_asks_after_an_interrupted_completion_finishes_it(bureau: Bureau) -> None:
    upload = await opened(bureau, 1000)
    assert isinstance(bureau.deps.objects, FaultyObjects)
    bureau.deps.objects.faults = [Fault("complete_multipart", When.BEFORE)]
    with pytest.raises(Unavailable):
        await send(bureau, upload, Body(content(1000)))
    assert await bureau.value("SELECT state FROM upload") == "completing"
    assert (await status_of(bureau, upload)).recording is not None


async def test_a_sender_whose_earlier_bytes_were_changed_begins_anew_and_a_person_is_told(
    bureau: Bureau,
) -> None:
    sent = content(MIB)
    upload = await opened(bureau, len(sent))
    with pytest.raises(ingest.ConnectionLost):
        await send(bureau, upload, Body(sent[:1000], lost=True))
    await bureau.value("UPDATE upload_piece SET sha256 = decode(repeat('00', 32), 'hex')")
    for _ in range(2):
        with pytest.raises(Gone) as told:
            await ingest.append(
                bureau.deps, program(bureau), upload,
                offset=1000, body=Body(sent[1000:]), checksum=None, length=None,
            )  # fmt: skip
        assert told.value.code == "multipart-gone"
    alarm = "SELECT code || ' ' || about_id || ' ' || (facts ->> 'error') FROM alarm"
    assert await bureau.value(alarm) == f"upload_stuck {upload} staged-piece-damaged"
    assert await bureau.value("SELECT offset_bytes FROM upload") == 1000
    anew = await opened(bureau, len(sent))
    assert (await send(bureau, anew, Body(sent))).recording is not None


async def test_what_cannot_be_ended_is_tried_again_after_pauses_that_grow_to_six_hours(
    bureau: Bureau,
) -> None:
    upload = await opened(bureau, 10)
    with pytest.raises(ingest.ConnectionLost):
        await send(bureau, upload, Body(b"abc", lost=True))
    await bureau.value("UPDATE upload_piece SET sha256 = decode(repeat('00', 32), 'hex')")
    bureau.clock.forward(days=8)
    pauses = []
    for _ in range(12):
        assert await ingest.expire_overdue(bureau.deps) == 0
        next_try = await bureau.value("SELECT next_try_at FROM upload")
        assert isinstance(next_try, datetime)
        pauses.append((next_try - bureau.clock.now()) / timedelta(minutes=1))
        told = await bureau.value("SELECT facts ->> 'next_try_at' FROM alarm")
        assert told == format_utc(next_try)
        # Before its time it is not looked at.
        bureau.clock.at = next_try - timedelta(seconds=1)
        await ingest.expire_overdue(bureau.deps)
        assert await bureau.value("SELECT next_try_at FROM upload") == next_try
        bureau.clock.at = next_try
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]


async def test_the_first_part_has_its_number_from_the_statement_that_named_the_multipart(
    bureau: Bureau,
) -> None:
    upload = await opened(bureau, 1000)
    await send(bureau, upload, Body(content(1000)))
    assert await bureau.value("SELECT part_number FROM upload_part") == 1
    assert await bureau.value("SELECT next_part FROM upload") == 2


async def test_no_byte_comes_behind_the_short_part_of_an_early_end(bureau: Bureau) -> None:
    deps = bureau.deps
    upload = await opened(bureau, 10 * MIB)
    with pytest.raises(ingest.ConnectionLost):
        await send(bureau, upload, Body(content(1000), lost=True))
    async with deps.database.acquire() as connection:
        taken = await uploads.take(connection, upload, deps.instance, deps.clock.now())
        assert taken is not None
        pieces = await upload_arrivals.pieces(connection, upload)
    appender = Appender(deps, intake_of(deps).budget, taken, pieces)
    await appender.close_tail()
    # Whoever ends it may die here, or lose it to a sender who goes on elsewhere.
    with pytest.raises(Forbidden) as refused:
        await ingest.append(
            deps, program(bureau), upload,
            offset=1000, body=Body(b"more"), checksum=None, length=None,
        )  # fmt: skip
    assert refused.value.code == "upload-finished"
    await appender.end()
    assert (await status_of(bureau, upload)).recording is not None
    assert await bureau.value("SELECT length_bytes FROM recording") == 1000
    assert await bureau.value("SELECT 'incomplete_upload' = ANY(flags) FROM recording")


async def test_a_completion_of_one_writers_parts_syncs_names_and_no_bytes(tmp_path: Path) -> None:
    synced: list[bool] = []

    def sync(descriptor: int) -> None:
        synced.append(os.path.isfile(f"/proc/self/fd/{descriptor}"))
        os.fsync(descriptor)

    store = FolderObjects(tmp_path / "store", floor_bytes=0, sync=sync)
    key = "2026/11/29/clip/original"
    multipart = await store.create_multipart(key, lock_until=in_a_while(), media_type="video/mp4")
    part = await store.upload_part(key, multipart, number=1, offset=0, writer=1, blocks=[b"clip"])
    synced.clear()
    await store.complete_multipart(key, multipart, [part])
    assert True not in synced
    # One for each new folder on the way at most, and one for lock and name together.
    assert len(synced) <= 6
    await store.close()
