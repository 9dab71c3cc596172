"""What every object store promises about objects made of parts, asked of each one for real."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from recorder.adapters.objects import Bucket, ListedPart, ObjectStore, StoredObject, StoredPart
from recorder.errors import (
    Conflict,
    Forbidden,
    Gone,
    IntegrityError,
    InvalidInput,
    Unavailable,
)
from tests.support.object_content import ABSENT, MIB, PART, content, in_a_while, noise


async def begin(store: ObjectStore, key: str, until: datetime | None = None) -> str:
    return await store.create_multipart(
        key, lock_until=until or in_a_while(), media_type="video/mp4"
    )


async def upload(
    store: ObjectStore, key: str, multipart_id: str, pieces: list[bytes], writer: int = 1
) -> list[StoredPart]:
    """Upload the pieces one after the other as parts 1, 2, …"""
    parts: list[StoredPart] = []
    for number, piece in enumerate(pieces, 1):
        offset = sum(part.length for part in parts)
        parts.append(
            await store.upload_part(
                key, multipart_id, number=number, offset=offset, writer=writer, blocks=[piece]
            )
        )
    return parts


@pytest.mark.parametrize("size", [1, PART, 2 * PART + 3])
async def test_parts_become_one_locked_object(store: ObjectStore, size: int) -> None:
    data, until = noise(size), in_a_while()
    multipart_id = await begin(store, "whole/clip", until)
    pieces = [data[start : start + PART] for start in range(0, size, PART)]
    parts = await upload(store, "whole/clip", multipart_id, pieces)
    assert [part.sha256 for part in parts] == [hashlib.sha256(p).digest() for p in pieces]
    assert await store.versions(Bucket.ORIGINALS, "whole/clip") == []
    stored = await store.complete_multipart("whole/clip", multipart_id, parts)
    assert stored.length == size
    assert stored.lock_until is not None
    assert until <= stored.lock_until < until + timedelta(seconds=1)
    assert await content(store, stored) == data
    with pytest.raises(Forbidden):
        await store.delete(Bucket.ORIGINALS, "whole/clip", stored.version)
    path = store.local_path(Bucket.ORIGINALS, "whole/clip", stored.version)
    assert path is None or (path.read_bytes() == data and path.stat().st_mode & 0o222 == 0)


async def test_a_part_may_come_in_many_blocks(store: ObjectStore) -> None:
    buffer = bytearray(noise(2 * MIB))
    view = memoryview(buffer)
    blocks: list[bytes | memoryview] = [
        view[:1],
        b"",
        view[1 : MIB + 5],
        memoryview(b"between"),
        view[MIB + 5 :],
    ]
    multipart_id = await begin(store, "blocks")
    part = await store.upload_part(
        "blocks", multipart_id, number=1, offset=0, writer=1, blocks=blocks
    )
    whole = b"".join(blocks)
    assert (part.length, part.sha256) == (len(whole), hashlib.sha256(whole).digest())
    stored = await store.complete_multipart("blocks", multipart_id, [part])
    assert await content(store, stored) == whole


async def test_completing_again_gives_the_same_version(store: ObjectStore) -> None:
    multipart_id = await begin(store, "again")
    parts = await upload(store, "again", multipart_id, [noise(PART), b"end"])
    first = await store.complete_multipart("again", multipart_id, parts)
    for _ in range(2):
        assert await store.complete_multipart("again", multipart_id, parts) == first
    assert await store.versions(Bucket.ORIGINALS, "again") == [first]


async def test_completing_twice_at_once_gives_one_version(store: ObjectStore) -> None:
    multipart_id = await begin(store, "twice")
    parts = await upload(store, "twice", multipart_id, [noise(PART), b"end"])
    results = await asyncio.gather(
        *(store.complete_multipart("twice", multipart_id, parts) for _ in range(3)),
        return_exceptions=True,
    )
    assert all(isinstance(one, StoredObject | Unavailable) for one in results)
    final = await store.complete_multipart("twice", multipart_id, parts)
    assert await store.versions(Bucket.ORIGINALS, "twice") == [final]
    assert await content(store, final) == noise(PART) + b"end"


async def test_the_order_of_arrival_does_not_count(store: ObjectStore) -> None:
    pieces = [noise(PART, seed) for seed in range(3)]
    multipart_id = await begin(store, "order")

    async def send(number: int) -> StoredPart:
        return await store.upload_part(
            "order",
            multipart_id,
            number=10 * number + 1,
            offset=number * PART,
            writer=1,
            blocks=[pieces[number]],
        )

    parts = await asyncio.gather(*(send(number) for number in (2, 0, 1)))
    stored = await store.complete_multipart("order", multipart_id, parts)
    assert await content(store, stored) == b"".join(pieces)


async def test_a_zombie_changes_nothing(store: ObjectStore) -> None:
    """The old holder's token is 1, the new one's 2; only what the new one lists counts."""
    first, second, third = (noise(PART, seed) for seed in (1, 2, 3))
    multipart_id = await begin(store, "fenced")

    async def send(number: int, offset: int, writer: int, data: bytes) -> StoredPart:
        return await store.upload_part(
            "fenced", multipart_id, number=number, offset=offset, writer=writer, blocks=[data]
        )

    parts = [await send(1, 0, 1, first)]
    await send(2, PART, 1, noise(PART, 66))
    parts.append(await send(3, PART, 2, second))
    await send(4, PART, 1, noise(PART, 67))
    await send(5, 0, 1, first)
    parts.append(await send(6, 2 * PART, 2, third))
    await send(7, 2 * PART, 1, noise(2 * PART, 68))
    stored = await store.complete_multipart("fenced", multipart_id, parts)
    assert await content(store, stored) == first + second + third
    with pytest.raises(Gone) as caught:
        await send(8, 0, 1, noise(PART, 69))
    assert caught.value.code == "multipart-gone"
    assert await content(store, stored) == first + second + third


async def test_the_new_holder_may_end_with_nothing_of_its_own(store: ObjectStore) -> None:
    multipart_id = await begin(store, "inherited")
    parts = await upload(store, "inherited", multipart_id, [noise(PART)], writer=1)
    await store.upload_part(
        "inherited", multipart_id, number=9, offset=PART, writer=2, blocks=[b"never listed"]
    )
    stored = await store.complete_multipart("inherited", multipart_id, parts)
    assert await content(store, stored) == noise(PART)


async def test_a_part_number_over_the_limit_is_refused(store: ObjectStore) -> None:
    multipart_id = await begin(store, "numbers")
    for number in (0, -1, store.max_parts + 1):
        with pytest.raises(InvalidInput):
            await store.upload_part(
                "numbers", multipart_id, number=number, offset=0, writer=1, blocks=[b"x"]
            )


async def test_parts_that_do_not_join_are_refused(store: ObjectStore) -> None:
    multipart_id = await begin(store, "gaps")
    one, two = await upload(store, "gaps", multipart_id, [noise(PART), noise(PART, 2)])
    for parts in ([two], [one, one]):
        with pytest.raises(IntegrityError):
            await store.complete_multipart("gaps", multipart_id, parts)
    with pytest.raises(InvalidInput):
        await store.complete_multipart("gaps", multipart_id, [])
    assert await store.versions(Bucket.ORIGINALS, "gaps") == []


async def test_small_parts_before_the_last_are_refused(store: ObjectStore) -> None:
    multipart_id = await begin(store, "small")
    parts = await upload(store, "small", multipart_id, [b"small", b"end"])
    with pytest.raises(InvalidInput) as caught:
        await store.complete_multipart("small", multipart_id, parts)
    assert caught.value.code == "part-too-small"


async def test_unknown_multipart_uploads_are_gone(store: ObjectStore) -> None:
    multipart_id = await begin(store, "known")
    part = StoredPart(1, 0, 1, hashlib.sha256(b"x").digest(), "1")
    for key, unknown in [("known", ABSENT), ("known", "../../x"), ("other", multipart_id)]:
        with pytest.raises(Gone) as caught:
            await store.upload_part(key, unknown, number=1, offset=0, writer=1, blocks=[b"x"])
        assert caught.value.code == "multipart-gone"
        with pytest.raises(Gone):
            await store.complete_multipart(key, unknown, [part])


async def test_an_aborted_multipart_upload_is_gone(store: ObjectStore) -> None:
    multipart_id = await begin(store, "aborted")
    parts = await upload(store, "aborted", multipart_id, [noise(PART)])
    await store.abort_multipart("aborted", multipart_id)
    await store.abort_multipart("aborted", multipart_id)
    await store.abort_multipart("never", ABSENT)
    with pytest.raises(Gone):
        await store.upload_part(
            "aborted", multipart_id, number=2, offset=PART, writer=1, blocks=[b"x"]
        )
    with pytest.raises(Gone):
        await store.complete_multipart("aborted", multipart_id, parts)
    assert await store.versions(Bucket.ORIGINALS, "aborted") == []


async def test_aborting_a_finished_upload_leaves_the_object(store: ObjectStore) -> None:
    multipart_id = await begin(store, "finished")
    parts = await upload(store, "finished", multipart_id, [b"all of it"])
    stored = await store.complete_multipart("finished", multipart_id, parts)
    await store.abort_multipart("finished", multipart_id)
    assert await content(store, stored) == b"all of it"


async def test_two_multipart_uploads_of_one_key_make_one_object(store: ObjectStore) -> None:
    one, two = await begin(store, "shared"), await begin(store, "shared")
    first = await upload(store, "shared", one, [b"one and only"])
    second = await upload(store, "shared", two, [b"another, longer"])
    stored = await store.complete_multipart("shared", one, first)
    with pytest.raises(Conflict):
        await store.complete_multipart("shared", two, second)
    assert await store.versions(Bucket.ORIGINALS, "shared") == [stored]


async def test_a_cancelled_part_can_be_sent_again_under_a_new_number(store: ObjectStore) -> None:
    multipart_id = await begin(store, "cancelled")
    task = asyncio.create_task(
        store.upload_part(
            "cancelled", multipart_id, number=1, offset=0, writer=1, blocks=[noise(8 * MIB, 9)]
        )
    )
    await asyncio.sleep(0.005)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    part = await store.upload_part(
        "cancelled", multipart_id, number=2, offset=0, writer=1, blocks=[b"after all"]
    )
    stored = await store.complete_multipart("cancelled", multipart_id, [part])
    assert await content(store, stored) == b"after all"


async def test_open_multipart_uploads_are_found_by_their_exact_key(store: ObjectStore) -> None:
    began = datetime.now(UTC)
    one, two = await begin(store, "day/open/original"), await begin(store, "day/open/original")
    await begin(store, "day/open/original2")
    done = await begin(store, "day/done/original")
    parts = await upload(store, "day/done/original", done, [b"all of it"])
    await store.complete_multipart("day/done/original", done, parts)
    found = await store.open_multiparts("day/open/original")
    assert {(each.key, each.id) for each in found} == {
        ("day/open/original", one),
        ("day/open/original", two),
    }
    # S3 gives whole seconds.
    assert all(abs(each.begun_at - began) < timedelta(minutes=5) for each in found)
    assert await store.open_multiparts("day/done/original") == []
    assert await store.open_multiparts("day/open") == []
    await store.abort_multipart("day/open/original", one)
    assert [each.id for each in await store.open_multiparts("day/open/original")] == [two]


async def test_renditions_have_multipart_uploads_of_their_own(store: ObjectStore) -> None:
    multipart_id = await begin(store, "r/proxy")
    assert await store.open_multiparts("r/proxy", bucket=Bucket.RENDITIONS) == []
    await store.abort_multipart("r/proxy", ABSENT, bucket=Bucket.RENDITIONS)
    assert [each.id for each in await store.open_multiparts("r/proxy")] == [multipart_id]


@pytest.mark.parametrize("store", ["versitygw", "minio", "strict"], indirect=True)
async def test_parts_that_were_sent_are_listed_by_number_a_page_at_a_time(
    store: ObjectStore,
) -> None:
    multipart_id = await begin(store, "day/listed/original")
    sent = await upload(store, "day/listed/original", multipart_id, [b"one", b"three", b"fourteen"])
    sent.append(
        await store.upload_part(
            "day/listed/original", multipart_id, number=9, offset=16, writer=1, blocks=[b"x"]
        )
    )
    listed: list[ListedPart] = []
    following = 0
    while True:
        page = await store.listed_parts("day/listed/original", multipart_id, following, 2)
        assert len(page.parts) <= 2
        listed += page.parts
        if page.following is None:
            break
        following = page.following
    assert [(each.number, each.length, each.etag) for each in listed] == [
        (part.number, part.length, part.etag) for part in sent
    ]
    await store.abort_multipart("day/listed/original", multipart_id)
    with pytest.raises(Gone):
        await store.listed_parts("day/listed/original", multipart_id)
