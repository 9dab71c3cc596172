"""A store that checks the checksum of a part makes no second digest, and all bytes are checked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from recorder.adapters.objects import Bucket, StoredPart
from recorder.adapters.s3 import S3Objects
from recorder.errors import IntegrityError
from tests.support.faulty_s3 import Act, FaultyS3
from tests.support.object_content import PART, content

UNSIGNED = "UNSIGNED-PAYLOAD"


def is_part(method: str, path: str) -> bool:
    return method == "PUT" and "partNumber=" in path


@pytest.fixture(params=["versitygw_url", "minio_url"])
def faulty(request: pytest.FixtureRequest) -> Iterator[FaultyS3]:
    with FaultyS3(request.getfixturevalue(request.param)) as proxy:
        yield proxy


@pytest.fixture
async def store(faulty: FaultyS3) -> AsyncIterator[S3Objects]:
    at = faulty.server
    buckets = {bucket: f"{at.bucket_prefix}{bucket.value}" for bucket in Bucket}
    opened = S3Objects(at.host, at.access_key, at.secret_key, at.region, False, buckets)
    await opened.ensure_buckets()
    yield opened
    await opened.close()


class Sender:
    """Sends part after part of one upload."""

    def __init__(self, store: S3Objects, multipart_id: str) -> None:
        self._store = store
        self._multipart_id = multipart_id
        self.parts: list[StoredPart] = []

    async def send(self) -> None:
        number = len(self.parts) + 1
        part = await self._store.upload_part(
            "clip",
            self._multipart_id,
            number=number,
            offset=(number - 1) * PART,
            writer=1,
            blocks=[bytes([number]) * PART],
        )
        self.parts.append(part)

    async def complete(self) -> bytes:
        stored = await self._store.complete_multipart("clip", self._multipart_id, self.parts)
        return await content(self._store, stored)


@pytest.fixture
async def sender(store: S3Objects) -> Sender:
    """Its first part is stored, so that the store has shown what it does."""
    until = datetime.now(UTC) + timedelta(hours=1)
    multipart_id = await store.create_multipart("clip", lock_until=until, media_type="video/mp4")
    made = Sender(store, multipart_id)
    await made.send()
    return made


def said_of_parts(faulty: FaultyS3) -> list[bool]:
    """Of each request with a part, whether its signature names the body."""
    return [
        said != UNSIGNED
        for one, said in zip(faulty.requests, faulty.contents, strict=True)
        if is_part(*one.split(" "))
    ]


async def test_a_store_that_checks_is_asked_for_one_digest(
    sender: Sender, faulty: FaultyS3
) -> None:
    await sender.send()
    await sender.send()
    assert said_of_parts(faulty) == [True, False, False]
    assert await sender.complete() == b"".join(bytes([n]) * PART for n in (1, 2, 3))


async def test_a_bit_that_changes_on_the_way_is_found(sender: Sender, faulty: FaultyS3) -> None:
    faulty.plan(Act.FLIP, is_part)
    with pytest.raises(IntegrityError) as caught:
        await sender.send()
    assert caught.value.code == "store-checksum-mismatch"
    assert said_of_parts(faulty) == [True, False]
    await sender.send()
    assert await sender.complete() == b"".join(bytes([n]) * PART for n in (1, 2))


@pytest.mark.parametrize("act", [Act.UNCHECKED, Act.DENY])
async def test_where_it_is_not_said_that_it_was_checked_it_is_sent_again(
    sender: Sender, faulty: FaultyS3, act: Act
) -> None:
    faulty.plan(act, is_part)
    await sender.send()
    await sender.send()
    assert said_of_parts(faulty) == [True, False, True, True]
    assert await sender.complete() == b"".join(bytes([n]) * PART for n in (1, 2, 3))
