"""What dead processes leave in the store is found by their intents, and nothing else goes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recorder.adapters.objects import Bucket
from recorder.domain.ids import new_uuid
from recorder.domain.people import OPERATOR, Actor, ActorKind, Role
from recorder.domain.upload import Upload
from recorder.errors import Unavailable
from recorder.services import audit, ingest
from recorder.services.ingest.finishing import end_early
from recorder.store import store_intents
from tests.support import s3
from tests.support.bureau import Bureau, open_bureau
from tests.support.faulty_objects import Fault, FaultyObjects, When
from tests.support.senders import Body, content, metadata


def _settings(server: s3.S3Server) -> dict[str, object]:
    return {
        "objects": "s3",
        "s3_endpoint": server.host,
        "s3_secure": "false",
        "s3_access_key": server.access_key,
        "s3_secret_key": server.secret_key,
        "s3_make_buckets": "true",
        **{
            f"s3_bucket_{name}": f"{server.bucket_prefix}{name}"
            for name in ("originals", "renditions", "staging")
        },
    }


@pytest.fixture(params=["folder", "versitygw", "minio_server"])
async def bureau(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path, far_clock: None
) -> AsyncIterator[Bureau]:
    more = {} if request.param == "folder" else _settings(request.getfixturevalue(request.param))
    async with open_bureau(database_url, tmp_path, **more) as opened:
        # The store tells by its own clock when a multipart upload began.
        opened.clock.at = datetime.now(UTC)
        deps = replace(opened.deps, objects=FaultyObjects(opened.deps.objects))
        ingest.begin(deps)
        yield replace(opened, deps=deps)
        await ingest.shutdown(deps)


@pytest.fixture
def store(bureau: Bureau) -> FaultyObjects:
    assert isinstance(bureau.deps.objects, FaultyObjects)
    return bureau.deps.objects


def sender(bureau: Bureau) -> Actor:
    return Actor(ActorKind.PROGRAM, "p", "p", role=Role.OFFICER, agency=bureau.ours)


async def opened(bureau: Bureau, length: int) -> Upload:
    return await ingest.open_upload(
        bureau.deps, sender(bureau), length=length, metadata=metadata(filename="clip.mp4")
    )


async def send(bureau: Bureau, upload: Upload, sent: bytes) -> None:
    await ingest.append(
        bureau.deps, sender(bureau), upload.id,
        offset=0, body=Body(sent), checksum=None, length=None,
    )  # fmt: skip


async def findings(bureau: Bureau) -> list[str]:
    return [each.code for each in (await audit.run(bureau.deps, OPERATOR)).findings]


async def intents(bureau: Bureau) -> object:
    return await bureau.value("SELECT count(*) FROM store_intent")


async def test_a_multipart_upload_whose_answer_was_lost_is_swept_after_a_day(
    bureau: Bureau, store: FaultyObjects
) -> None:
    upload = await opened(bureau, 1000)
    store.faults = [Fault("create_multipart", When.AFTER)]
    with pytest.raises(Unavailable):
        await send(bureau, upload, content(1000))
    # The lost one, and one more under which the bytes were kept at the end.
    assert len(await store.open_multiparts(upload.key)) == 2
    assert await findings(bureau) == []
    status = await ingest.upload_status(bureau.deps, sender(bureau), upload.id)
    assert status.recording is not None
    assert len(await store.open_multiparts(upload.key)) == 1
    assert await intents(bureau) == 1
    assert await ingest.sweep_intents(bureau.deps) == 0, "its writer might still live"
    bureau.clock.forward(days=2)
    assert await ingest.sweep_intents(bureau.deps) == 1
    assert await store.open_multiparts(upload.key) == []
    assert await intents(bureau) == 0


async def test_the_multipart_upload_of_an_open_upload_is_never_swept(
    bureau: Bureau, store: FaultyObjects
) -> None:
    length = 17 << 20
    upload = await opened(bureau, length + 1)
    sent = content(length)
    store.faults = [Fault("create_multipart", When.AFTER)]
    with contextlib.suppress(Unavailable):
        await send(bureau, upload, sent)
    status = await ingest.upload_status(bureau.deps, sender(bureau), upload.id)
    await ingest.append(
        bureau.deps, sender(bureau), upload.id, offset=status.upload.offset,
        body=Body(sent[status.upload.offset :]), checksum=None, length=None,
    )  # fmt: skip
    assert len(await store.open_multiparts(upload.key)) == 2
    bureau.clock.forward(days=2)
    assert await ingest.sweep_intents(bureau.deps) == 1
    named = await bureau.value("SELECT multipart_id FROM upload")
    assert [each.id for each in await store.open_multiparts(upload.key)] == [named]
    assert await findings(bureau) == []


async def test_an_upload_that_ends_empty_leaves_no_multipart_upload_even_if_the_store_is_away(
    bureau: Bureau, store: FaultyObjects
) -> None:
    upload = await opened(bureau, 1000)
    store.faults = [Fault("upload_part", When.BEFORE), Fault("put", When.BEFORE)]
    with pytest.raises(Unavailable):
        await send(bureau, upload, content(1000))
    assert len(await store.open_multiparts(upload.key)) == 1
    store.faults = [Fault("abort_multipart", When.BEFORE)]
    with pytest.raises(Unavailable):
        await end_early(bureau.deps, sender(bureau), upload.id)
    assert await findings(bureau) == []
    bureau.clock.forward(days=2)
    assert await ingest.sweep_intents(bureau.deps) == 1
    assert await store.open_multiparts(upload.key) == []


async def test_a_writer_that_wakes_up_after_the_sweep_cannot_adopt_what_it_made(
    bureau: Bureau,
) -> None:
    upload = await opened(bureau, 1000)
    intent = new_uuid()
    async with bureau.deps.database.acquire() as connection:
        await store_intents.intend_multipart(
            connection, intent, upload.id, upload.key, bureau.clock.now()
        )
        bureau.clock.forward(days=2)
        later = bureau.clock.now()
        (claimed,) = await store_intents.claim_leftover(connection, later, later, 10)
        assert claimed.id == intent
        assert not await store_intents.fulfil(connection, intent)


async def test_the_sweep_goes_on_where_the_store_failed_it(
    bureau: Bureau, store: FaultyObjects
) -> None:
    upload = await opened(bureau, 1000)
    store.faults = [Fault("create_multipart", When.AFTER)]
    with pytest.raises(Unavailable):
        await send(bureau, upload, content(1000))
    bureau.clock.forward(days=2)
    store.faults = [Fault("open_multiparts", When.BEFORE)]
    assert await ingest.sweep_intents(bureau.deps) == 0
    assert await ingest.sweep_intents(bureau.deps) == 1
    named = await bureau.value("SELECT multipart_id FROM upload")
    assert [each.id for each in await store.open_multiparts(upload.key)] == [named]


async def test_a_multipart_upload_that_nothing_claims_is_found_and_left_alone(
    bureau: Bureau, store: FaultyObjects
) -> None:
    upload = await opened(bureau, 1000)
    stray = await store.create_multipart(
        upload.key, lock_until=upload.lock_until, media_type="video/mp4"
    )
    assert await findings(bureau) == ["multipart-unclaimed"]
    bureau.clock.forward(days=2)
    assert await ingest.sweep_intents(bureau.deps) == 0
    assert [each.id for each in await store.open_multiparts(upload.key)] == [stray]


async def test_a_rendition_that_nobody_adopted_goes_and_nothing_beside_it(
    bureau: Bureau, store: FaultyObjects
) -> None:
    upload = await opened(bureau, 1000)
    await send(bureau, upload, content(1000))
    async with bureau.deps.database.acquire() as connection:
        run = await connection.fetchval(
            "UPDATE task_run SET state = 'claimed', attempt = 1, worker = 'w'"
            " WHERE task = 'probe' RETURNING id"
        )
        for key in ("r/poster-1.jpg", "r/poster-2.jpg"):
            await store.put(Bucket.RENDITIONS, key, [b"picture"])
        assert not await store_intents.intend_rendition(
            connection, new_uuid(), run, 2, "r/poster-2.jpg", bureau.clock.now()
        ), "another attempt's turn"
        assert await store_intents.intend_rendition(
            connection, new_uuid(), run, 1, "r/poster-1.jpg", bureau.clock.now()
        )
    assert await findings(bureau) == ["rendition-unclaimed"]
    bureau.clock.forward(days=2)
    assert await ingest.sweep_intents(bureau.deps) == 0, "the attempt still has its run"
    async with bureau.deps.database.acquire() as connection:
        await connection.execute("UPDATE task_run SET attempt = 2 WHERE id = $1", run)
    assert await ingest.sweep_intents(bureau.deps) == 1
    assert await store.versions(Bucket.RENDITIONS, "r/poster-1.jpg") == []
    assert len(await store.versions(Bucket.RENDITIONS, "r/poster-2.jpg")) == 1
