"""What only the S3 store has to stand: lost answers, busy and lax servers, wrong settings."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from minio import Minio
from minio.commonconfig import ENABLED, Filter
from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule
from minio.versioningconfig import VersioningConfig

from recorder.adapters.objects import Bucket, StoredPart
from recorder.adapters.s3 import S3Objects
from recorder.errors import Conflict, InvalidInput, RecorderError, StorageFull, Unavailable
from tests.support.faulty_s3 import Act, FaultyS3
from tests.support.object_content import PART, content
from tests.support.s3 import S3Server


def is_complete(method: str, path: str) -> bool:
    return method == "POST" and "uploadId=" in path


def is_part(method: str, path: str) -> bool:
    return method == "PUT" and "partNumber=" in path


def is_put(method: str, path: str) -> bool:
    return method == "PUT" and path.endswith("/clip")


def is_get(method: str, path: str) -> bool:
    return method == "GET" and "/clip?" in path


def is_pinned_delete(method: str, path: str) -> bool:
    return method == "DELETE" and "versionId=" in path


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


def objects(server: S3Server, **names: str) -> S3Objects:
    buckets = {
        bucket: names.get(bucket.value, f"{server.bucket_prefix}{bucket.value}")
        for bucket in Bucket
    }
    return S3Objects(
        server.host, server.access_key, server.secret_key, server.region, False, buckets
    )


def library(server: S3Server) -> Minio:
    """The S3 library, for settings that our adapter never makes."""
    return Minio(
        server.host, server.access_key, server.secret_key, region=server.region, secure=False
    )


@pytest.fixture
def faulty(versitygw_url: str) -> Iterator[FaultyS3]:
    with FaultyS3(versitygw_url) as proxy:
        yield proxy


@pytest.fixture
async def store(faulty: FaultyS3) -> AsyncIterator[S3Objects]:
    opened = objects(faulty.server)
    await opened.ensure_buckets()
    yield opened
    await opened.close()


async def uploaded(store: S3Objects) -> tuple[str, list[StoredPart]]:
    multipart_id = await store.create_multipart("clip", lock_until=soon(), media_type="video/mp4")
    parts = [
        await store.upload_part(
            "clip",
            multipart_id,
            number=number,
            offset=(number - 1) * PART,
            writer=1,
            blocks=[bytes([number]) * PART],
        )
        for number in (1, 2)
    ]
    return multipart_id, parts


async def test_a_lost_answer_to_a_completion_is_found_out(
    store: S3Objects, faulty: FaultyS3
) -> None:
    multipart_id, parts = await uploaded(store)
    faulty.plan(Act.LOSE_ANSWER, is_complete)
    stored = await store.complete_multipart("clip", multipart_id, parts)
    assert stored.length == 2 * PART
    assert stored.lock_until is not None
    assert await store.versions(Bucket.ORIGINALS, "clip") == [stored]
    # A server that died in the middle may still list the parts of what it made.
    ended = [one for one in faulty.requests if one.startswith("DELETE") and multipart_id in one]
    assert len(ended) == 1
    assert await store.open_multiparts("clip") == []


@pytest.mark.parametrize("act", [Act.DROP, Act.BUSY, Act.ERROR_IN_OK, Act.HTML])
async def test_a_completion_that_did_not_happen_can_be_repeated(
    store: S3Objects, faulty: FaultyS3, act: Act
) -> None:
    multipart_id, parts = await uploaded(store)
    faulty.plan(act, is_complete)
    with pytest.raises(Unavailable) as caught:
        await store.complete_multipart("clip", multipart_id, parts)
    assert caught.value.code == "store-unavailable"
    assert await store.versions(Bucket.ORIGINALS, "clip") == []
    stored = await store.complete_multipart("clip", multipart_id, parts)
    assert stored.length == 2 * PART


@pytest.mark.parametrize("act", [Act.DROP, Act.LOSE_ANSWER, Act.BUSY])
async def test_a_part_is_sent_again_while_the_store_is_away(
    store: S3Objects, faulty: FaultyS3, act: Act
) -> None:
    faulty.plan(act, is_part, times=2)
    multipart_id, parts = await uploaded(store)
    stored = await store.complete_multipart("clip", multipart_id, parts)
    assert await content(store, stored) == bytes([1]) * PART + bytes([2]) * PART
    assert len([one for one in faulty.requests if is_part(*one.split(" "))]) == 4


async def test_trying_again_has_an_end(store: S3Objects, faulty: FaultyS3) -> None:
    faulty.plan(Act.BUSY, is_part, times=99)
    with pytest.raises(Unavailable):
        await uploaded(store)
    assert len([one for one in faulty.requests if is_part(*one.split(" "))]) == 3


async def test_a_full_store_is_told_as_such(store: S3Objects, faulty: FaultyS3) -> None:
    faulty.plan(Act.FULL, is_part)
    with pytest.raises(StorageFull) as caught:
        await uploaded(store)
    assert caught.value.code == "storage-full"


async def test_a_put_with_a_lost_answer_is_never_sent_twice(
    store: S3Objects, faulty: FaultyS3
) -> None:
    """The caller decides: what it finds under the key is its own object."""
    faulty.plan(Act.LOSE_ANSWER, is_put)
    with pytest.raises(Unavailable):
        await store.put(Bucket.ORIGINALS, "clip", [b"once"], lock_until=soon())
    (found,) = await store.versions(Bucket.ORIGINALS, "clip")
    assert await content(store, found) == b"once"
    with pytest.raises(Conflict):
        await store.put(Bucket.ORIGINALS, "clip", [b"once"], lock_until=soon())


async def test_a_read_that_breaks_off_is_never_a_short_read(
    store: S3Objects, faulty: FaultyS3
) -> None:
    data = hashlib.shake_128(b"x").digest(5 << 20)
    stored = await store.put(Bucket.RENDITIONS, "clip", [data])
    faulty.plan(Act.CUT, is_get)
    seen = bytearray()

    async def read() -> None:
        async for block in store.read(Bucket.RENDITIONS, "clip", stored.version):
            seen.extend(block)

    with pytest.raises(Unavailable) as caught:
        await read()
    assert caught.value.code == "store-unavailable"
    assert data.startswith(seen)
    assert await content(store, stored) == data


async def test_a_store_that_lets_locked_objects_go_is_found_out(
    store: S3Objects, faulty: FaultyS3
) -> None:
    faulty.plan(Act.PRETEND, is_pinned_delete, times=9)
    report = await store.self_test(datetime.now(UTC))
    assert report.problems == (
        "The store let a locked object be deleted: originals are not protected.",
    )


async def test_wrong_buckets_are_described(versitygw: S3Server) -> None:
    client = library(versitygw)
    wrong = objects(versitygw)
    prefix = versitygw.bucket_prefix
    client.make_bucket(f"{prefix}originals")
    client.make_bucket(f"{prefix}staging")
    client.set_bucket_versioning(f"{prefix}staging", VersioningConfig(ENABLED))
    report = await wrong.self_test(datetime.now(UTC))
    assert report.kind == "s3"
    assert report.problems == (
        f"The bucket {prefix}originals for originals does not keep versions.",
        f"The bucket {prefix}originals for originals was made without object lock.",
        f"The bucket {prefix}renditions for renditions does not exist.",
        f"The bucket {prefix}staging for staging must not keep versions.",
    )
    await wrong.ensure_buckets()
    assert len((await wrong.self_test(datetime.now(UTC))).problems) == 3
    await wrong.close()


async def test_what_may_end_open_uploads_by_itself_is_told(
    versitygw: S3Server, minio_server: S3Server
) -> None:
    told = []
    for server in (versitygw, minio_server):
        store = objects(server)
        await store.ensure_buckets()
        report = await store.self_test(datetime.now(UTC))
        assert report.problems == ()
        assert report.risks is not None
        told.append(report.risks)
        await store.close()
    (risk,) = told[1]
    assert told[0] == ()
    assert "stale_uploads_expiry" in risk
    staging = f"{minio_server.bucket_prefix}staging"
    rule = Rule(ENABLED, rule_filter=Filter(prefix=""), expiration=Expiration(days=1))
    library(minio_server).set_bucket_lifecycle(staging, LifecycleConfig([rule]))
    store = objects(minio_server)
    report = await store.self_test(datetime.now(UTC))
    assert report.risks == (f"The bucket {staging} for staging has life-cycle rules.", risk)
    await store.close()


async def test_making_buckets_twice_changes_nothing(versitygw: S3Server) -> None:
    store = objects(versitygw)
    await store.ensure_buckets()
    stored = await store.put(Bucket.RENDITIONS, "clip", [b"x"])
    await store.ensure_buckets()
    assert await content(store, stored) == b"x"
    await store.close()


async def test_wrong_secrets_are_told_and_kept_secret(versitygw: S3Server) -> None:
    store = objects(dataclasses.replace(versitygw, secret_key="never-to-be-shown"))
    with pytest.raises(RecorderError) as caught:
        await store.put(Bucket.STAGING, "x", [b"x"])
    assert isinstance(caught.value, Unavailable)
    assert "never-to-be-shown" not in caught.value.detail
    assert "refuses" in caught.value.detail
    await store.close()


async def test_a_store_that_is_not_there_is_unavailable(
    versitygw: S3Server, free_port: int
) -> None:
    store = objects(dataclasses.replace(versitygw, endpoint=f"http://127.0.0.1:{free_port}"))
    for call in (store.ping, lambda: store.stat(Bucket.ORIGINALS, "x", "y")):
        with pytest.raises(Unavailable) as caught:
            await call()
        assert caught.value.code == "store-unavailable"
    await store.close()


def test_a_malformed_address_is_refused_at_once(versitygw: S3Server) -> None:
    for host, bucket in [("host/path", "originals"), ("127.0.0.1:1", "Not_A_Bucket")]:
        with pytest.raises(InvalidInput) as caught:
            objects(dataclasses.replace(versitygw, endpoint=host), originals=bucket)
        assert caught.value.code == "store-address-malformed"


async def test_the_parts_of_a_refused_file_are_let_go(
    store: S3Objects, faulty: FaultyS3, tmp_path: Path
) -> None:
    path = tmp_path / "proxy.mp4"
    with path.open("wb") as file:
        file.truncate(65 << 20)
    faulty.plan(Act.FULL, is_part)
    with pytest.raises(StorageFull):
        await store.put_file(Bucket.RENDITIONS, "clip", path, sha256=bytes(32))
    assert [one for one in faulty.requests if one.startswith("DELETE") and "uploadId=" in one]
