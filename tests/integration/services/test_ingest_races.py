"""Uploads when the store fails, memory is short, and several want to write the same one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from typing_extensions import override

from recorder.adapters.objects import Bucket
from recorder.domain.ids import RecordingId, UploadId
from recorder.domain.people import EVERYTHING, SERVICE, Actor, ActorKind, Role
from recorder.domain.upload import MIB, Upload
from recorder.errors import Conflict, Gone, IntegrityError, RecorderError, Unavailable
from recorder.runtime import Deps
from recorder.services import ingest, originals
from recorder.services.ingest import Checksum
from recorder.services.ingest.finishing import end_early
from recorder.services.ingest.intake import intake_of
from recorder.store import recordings
from tests.support.bureau import Bureau, open_bureau
from tests.support.faulty_objects import Fault, FaultyObjects, When
from tests.support.senders import Body, content, metadata, sha256
from tests.support.waiting import eventually


@pytest.fixture(params=["tails in place", "tails in staging"])
async def bureau(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path
) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path, upload_buffer_bytes=32 * MIB) as opened:
        objects = FaultyObjects(opened.deps.objects, grows=request.param == "tails in place")
        deps = replace(opened.deps, objects=objects)
        ingest.begin(deps)
        yield replace(opened, deps=deps)
        await ingest.shutdown(deps)


@pytest.fixture
def store(bureau: Bureau) -> FaultyObjects:
    assert isinstance(bureau.deps.objects, FaultyObjects)
    return bureau.deps.objects


def program(bureau: Bureau) -> Actor:
    return Actor(ActorKind.PROGRAM, "p", "p", role=Role.OFFICER, agency=bureau.ours)


async def opened(bureau: Bureau, length: int) -> Upload:
    return await ingest.open_upload(
        bureau.deps, program(bureau), length=length, metadata=metadata(filename="clip.mp4")
    )


async def send(
    bureau: Bureau,
    upload: UploadId,
    offset: int,
    body: Body,
    check: Checksum | None = None,
    deps: Deps | None = None,
) -> ingest.UploadStatus:
    return await ingest.append(
        deps or bureau.deps,
        program(bureau),
        upload,
        offset=offset,
        body=body,
        checksum=check,
        length=None,
    )


async def status_of(bureau: Bureau, upload: UploadId) -> ingest.UploadStatus:
    return await ingest.upload_status(bureau.deps, program(bureau), upload)


async def stored(bureau: Bureau, recording: RecordingId | None) -> bytes:
    assert recording is not None
    async with bureau.deps.database.acquire() as connection:
        row = await recordings.find(connection, recording, EVERYTHING)
        objects = await recordings.objects_of(connection, recording)
    assert row is not None
    return b"".join([b async for b in originals.read(bureau.deps, objects, 0, row.length)])


@pytest.mark.parametrize(
    "call", ["create_multipart", "upload_part", "put", "complete_multipart", "extend_lock"]
)
@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("length", [1000, 17 * MIB])
async def test_every_acknowledged_byte_is_in_the_recording_when_a_call_of_the_store_fails(
    bureau: Bureau, store: FaultyObjects, call: str, when: When, length: int
) -> None:
    sent = content(length)
    upload = await opened(bureau, length)
    store.faults = [Fault(call, when)]
    offset, recording = 0, None
    for _ in range(6):
        with contextlib.suppress(Unavailable):
            await send(bureau, upload.id, offset, Body(sent[offset:]))
        with contextlib.suppress(Unavailable):
            status = await status_of(bureau, upload.id)
            assert status.upload.offset >= offset, "an answered offset never goes back"
            offset, recording = status.upload.offset, status.recording
            if recording is not None:
                break
    assert await stored(bureau, recording) == sent


@pytest.mark.parametrize("call", ["write_part", "settle_part", "adopt_part"])
@pytest.mark.parametrize("when", When)
async def test_every_acknowledged_byte_of_many_visits_is_in_the_recording_when_a_tail_fails(
    bureau: Bureau, store: FaultyObjects, call: str, when: When
) -> None:
    sent = content(18 * MIB)
    upload = await opened(bureau, len(sent))
    store.faults = [Fault(call, when, nth) for nth in (1, 3, 4)]
    offset, recording = 0, None
    for _ in range(40):
        with contextlib.suppress(Unavailable, ingest.ConnectionLost):
            part = sent[offset : offset + 1_000_001]
            lost = offset + len(part) < len(sent)
            await send(bureau, upload.id, offset, Body(part, lost=lost))
        with contextlib.suppress(Unavailable):
            status = await status_of(bureau, upload.id)
            assert status.upload.offset >= offset, "an answered offset never goes back"
            offset, recording = status.upload.offset, status.recording
            if recording is not None:
                break
    assert await stored(bureau, recording) == sent
    if store.parts_grow:
        assert call in store.calls


async def test_the_next_holder_goes_on_behind_the_tail_of_one_that_died(
    bureau: Bureau, store: FaultyObjects
) -> None:
    sent = content(18 * MIB)
    upload = await opened(bureau, len(sent))
    for begin in range(0, 4 * MIB, MIB):
        with contextlib.suppress(ingest.ConnectionLost):
            await send(bureau, upload.id, begin, Body(sent[begin : begin + MIB], lost=True))
        # As if its process had died without letting go: the next one writes to its own file.
        await bureau.value("UPDATE upload SET holder = 'dead'")
    status = await send(bureau, upload.id, 4 * MIB, Body(sent[4 * MIB :]))
    assert await stored(bureau, status.recording) == sent
    assert await bureau.value("SELECT fence FROM upload") == 4


async def test_a_tail_that_was_kept_without_its_part_is_part_of_the_recording(
    bureau: Bureau, store: FaultyObjects
) -> None:
    sent = content(1000)
    upload = await opened(bureau, len(sent))
    store.faults = [Fault("create_multipart", When.BEFORE)]
    with pytest.raises(Unavailable):
        await send(bureau, upload.id, 0, Body(sent))
    assert await bureau.value("SELECT offset_bytes FROM upload") == 1000
    status = await status_of(bureau, upload.id)
    assert await stored(bureau, status.recording) == sent


async def test_a_store_that_has_lost_a_part_has_the_sender_begin_anew_and_a_person_told(
    bureau: Bureau, store: FaultyObjects
) -> None:
    """MinIO loses one when it is killed at the wrong moment of a completion."""
    sent = content(1000)
    upload = await opened(bureau, len(sent))
    lost = partial(IntegrityError, "store-bytes-missing", "The store lost a part.")
    store.faults = [Fault("complete_multipart", When.BEFORE, times=9, error=lost)]
    for ask in (send(bureau, upload.id, 0, Body(sent)), status_of(bureau, upload.id)):
        with pytest.raises(Gone) as told:
            await ask
        assert told.value.code == "multipart-gone"
    bureau.clock.forward(minutes=2)
    assert await ingest.expire_overdue(bureau.deps) == 0
    assert await bureau.value("SELECT code || ' ' || about_id FROM alarm") == (
        f"upload_stuck {upload.id}"
    )
    store.faults = []
    anew = await opened(bureau, len(sent))
    await send(bureau, anew.id, 0, Body(sent))
    assert await stored(bureau, (await status_of(bureau, anew.id)).recording) == sent


async def test_part_numbers_are_used_one_by_one_however_often_the_sender_comes_back(
    bureau: Bureau,
) -> None:
    sent = content(48 * MIB)
    upload = await opened(bureau, len(sent) + 1)
    for begin in range(0, len(sent), 16 * MIB):
        chunk = sent[begin : begin + 16 * MIB]
        await send(bureau, upload.id, begin, Body(chunk), Checksum("sha256", sha256(chunk)))
    assert await bureau.value("SELECT next_part FROM upload") == 4


async def test_many_small_bodies_that_are_held_for_their_checksum_do_not_wait_for_each_other(
    bureau: Bureau,
) -> None:
    sent = content(600_000)
    check = Checksum("sha256", sha256(sent))
    uploads = [await opened(bureau, len(sent)) for _ in range(150)]

    class Slow(Body):
        @override
        async def chunk(self) -> bytes:
            await asyncio.sleep(0.1)
            return await super().chunk()

    async with asyncio.timeout(60):
        done = await asyncio.gather(
            *(send(bureau, upload.id, 0, Slow(sent, chunk=200_000), check) for upload in uploads)
        )
    assert all(status.recording is not None for status in done)


async def test_memory_is_asked_for_again_when_a_flush_has_failed(
    bureau: Bureau, store: FaultyObjects
) -> None:
    gate = asyncio.Event()
    bodies = [Body(bytes(3 * MIB), open_end=gate) for _ in range(10)]
    uploads = [await opened(bureau, 100 * MIB) for _ in bodies]
    sending = [
        asyncio.create_task(send(bureau, u.id, 0, b)) for u, b in zip(uploads, bodies, strict=True)
    ]
    for body in bodies:
        await body.drained.wait()
    flush = "write_part" if store.parts_grow else "put"
    store.faults = [Fault(flush, When.BEFORE, times=4)]
    late = await opened(bureau, 8 * MIB)
    async with asyncio.timeout(60):
        status = await send(bureau, late.id, 0, Body(content(8 * MIB)))
    gate.set()
    await asyncio.gather(*sending)
    assert status.recording is not None


async def test_asking_again_and_again_does_not_crumble_an_upload(bureau: Bureau) -> None:
    gate = asyncio.Event()
    upload = await opened(bureau, 100)

    class Dripping(Body):
        @override
        async def chunk(self) -> bytes:
            await asyncio.sleep(0.01)
            return b"" if gate.is_set() else b"."

    sending = asyncio.create_task(send(bureau, upload.id, 0, Dripping(b"")))
    for _ in range(30):
        await status_of(bureau, upload.id)
        await asyncio.sleep(0.01)
    gate.set()
    status = await sending
    assert status.upload.offset > 10
    pieces = await bureau.value("SELECT count(*) FROM upload_piece")
    assert pieces in range(5)


async def test_the_newest_connection_wins_over_one_that_still_waits(bureau: Bureau) -> None:
    sent = content(1000)
    upload = await opened(bureau, len(sent))
    intake = intake_of(bureau.deps)
    async with intake.exclusively(upload.id):
        dead = asyncio.create_task(send(bureau, upload.id, 0, Body(b"", open_end=asyncio.Event())))
        await eventually(lambda: intake._next[upload.id] == 1, within=60)
        newest = asyncio.create_task(send(bureau, upload.id, 0, Body(sent)))
        await eventually(lambda: intake._next[upload.id] == 2, within=60)
    async with asyncio.timeout(60):
        status = await newest
        with pytest.raises(Conflict) as ended:
            await dead
    assert ended.value.code == "upload-taken-over"
    assert await stored(bureau, status.recording) == sent


async def test_an_upload_that_gets_bytes_while_it_expires_goes_on(bureau: Bureau) -> None:
    upload = await opened(bureau, 10)
    bureau.clock.forward(days=8)
    listed_at = bureau.clock.now()
    await send(bureau, upload.id, 0, Body(b"abc"))
    assert await end_early(bureau.deps, SERVICE, upload.id, expired_by=listed_at) is None
    status = await send(bureau, upload.id, 3, Body(b"defghij"))
    assert await stored(bureau, status.recording) == b"abcdefghij"


async def test_an_upload_that_is_full_does_not_end_early(
    bureau: Bureau, store: FaultyObjects
) -> None:
    upload = await opened(bureau, 3)
    store.faults = [Fault("complete_multipart", When.BEFORE)]
    with pytest.raises(Unavailable):
        await send(bureau, upload.id, 0, Body(b"abc"))
    recording = await end_early(bureau.deps, SERVICE, upload.id)
    assert await stored(bureau, recording) == b"abc"
    assert await bureau.value("SELECT flags FROM recording WHERE id = $1", recording) == []


async def test_a_wrong_offset_does_not_disturb_the_holder(bureau: Bureau) -> None:
    upload = await opened(bureau, 10)
    gate = asyncio.Event()
    body = Body(b"abc", open_end=gate, after=b"defghij")
    live = asyncio.create_task(send(bureau, upload.id, 0, body))
    await body.drained.wait()
    with pytest.raises(Conflict):
        await send(bureau, upload.id, 5, Body(b"x"))
    gate.set()
    assert await stored(bureau, (await live).recording) == b"abcdefghij"


async def test_an_original_that_is_gone_does_not_keep_the_locks_of_others_from_growing(
    bureau: Bureau,
) -> None:
    for byte in b"abc":
        upload = await opened(bureau, 1)
        await send(bureau, upload.id, 0, Body(bytes([byte])))
        bureau.clock.forward(minutes=1)
    await bureau.value(
        "UPDATE original_object SET version = repeat('0', 32) WHERE recording_id ="
        " (SELECT id FROM recording ORDER BY created_at LIMIT 1) RETURNING 1"
    )
    bureau.clock.forward(days=30)
    assert await ingest.extend_locks(bureau.deps) == 2
    promised = bureau.clock.now() + timedelta(days=30)
    assert (
        await bureau.value("SELECT count(*) FROM original_object WHERE lock_until > $1", promised)
        == 2
    )
    assert "AlarmRaised" in await bureau.event_names()


async def test_a_lock_that_is_longer_than_we_know_is_taken_as_it_is(bureau: Bureau) -> None:
    upload = await opened(bureau, 1)
    await send(bureau, upload.id, 0, Body(b"a"))
    far = bureau.clock.now() + timedelta(days=400)
    async with bureau.deps.database.acquire() as connection:
        row = await connection.fetchrow("SELECT object_key, version FROM original_object")
    assert row is not None
    await bureau.deps.objects.extend_lock(Bucket.ORIGINALS, row["object_key"], row["version"], far)
    bureau.clock.forward(days=30)
    assert await ingest.extend_locks(bureau.deps) == 1
    ends = await bureau.value("SELECT lock_until FROM original_object")
    assert ends == bureau.clock.now() + timedelta(days=37), "the sidecar's lock ends first"


async def test_an_upload_that_cannot_end_does_not_keep_others_from_ending(bureau: Bureau) -> None:
    for _ in range(101):
        upload = await opened(bureau, 10)
        await send(bureau, upload.id, 0, Body(b"abc"))
    bureau.clock.forward(minutes=1)
    last = await opened(bureau, 10)
    await bureau.value("UPDATE upload_piece SET sha256 = decode(repeat('00', 32), 'hex')")
    await send(bureau, last.id, 0, Body(b"abc"))
    bureau.clock.forward(days=8)

    async def ended() -> object:
        await ingest.expire_overdue(bureau.deps)
        state = await bureau.value("SELECT state FROM upload WHERE id = $1", last.id)
        return state == "finished"

    assert not await ended(), "the hundred before it took all places"
    assert await ended()
    assert "AlarmRaised" in await bureau.event_names()


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
async def test_text_that_no_database_takes_is_the_askers_mistake(bureau: Bureau, text: str) -> None:
    with pytest.raises(RecorderError) as refused:
        await bureau.value("SELECT $1::text", text)
    assert refused.value.code == "text-not-storable"


async def test_a_file_name_that_no_database_takes_is_kept_out_of_it_and_the_footage_is_taken(
    bureau: Bureau,
) -> None:
    upload = await ingest.open_upload(
        bureau.deps, program(bureau), length=1, metadata=metadata(filename="a\0b\x1f.mp4")
    )
    assert (await send(bureau, upload.id, 0, Body(b"x"))).recording is not None
