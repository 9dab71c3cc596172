"""What every object store promises, asked of each one for real."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recorder.adapters.objects import Bucket, ObjectStore, StoredObject
from recorder.errors import (
    Conflict,
    Forbidden,
    IntegrityError,
    InvalidInput,
    NotFound,
    Unavailable,
)
from tests.support.object_content import ABSENT, MIB, content, in_a_while, noise


@pytest.mark.parametrize("bucket", list(Bucket))
async def test_what_was_put_reads_back(store: ObjectStore, bucket: Bucket) -> None:
    until = in_a_while() if bucket is Bucket.ORIGINALS else None
    blocks: list[bytes | memoryview] = [b"one", memoryview(b"two"), memoryview(bytearray(b"three"))]
    stored = await store.put(
        bucket,
        "a/small.json",
        blocks,
        sha256=hashlib.sha256(b"onetwothree").digest(),
        lock_until=until,
        media_type="application/json",
    )
    assert (stored.bucket, stored.key, stored.length) == (bucket, "a/small.json", 11)
    assert await content(store, stored) == b"onetwothree"
    seen = await store.stat(bucket, stored.key, stored.version)
    assert (seen.length, seen.version) == (11, stored.version)
    if until is None:
        assert seen.lock_until is None
    else:
        assert seen.lock_until is not None
        assert until <= seen.lock_until < until + timedelta(seconds=1)


@pytest.mark.parametrize("bucket", list(Bucket))
async def test_a_key_is_written_once(store: ObjectStore, bucket: Bucket) -> None:
    stored = await store.put(bucket, "once", [b"first"])
    with pytest.raises(Conflict) as caught:
        await store.put(bucket, "once", [b"second"])
    assert caught.value.code == "object-exists"
    assert await content(store, stored) == b"first"
    assert [one.version for one in await store.versions(bucket, "once")] == [stored.version]


async def test_one_of_many_writers_of_a_key_wins(store: ObjectStore) -> None:
    """The servers allow for one winner at most; the others see a conflict or a busy store."""
    results = await asyncio.gather(
        *(store.put(Bucket.STAGING, "raced", [b"%d" % number]) for number in range(8)),
        return_exceptions=True,
    )
    winners = [number for number, one in enumerate(results) if isinstance(one, StoredObject)]
    assert all(isinstance(one, StoredObject | Conflict | Unavailable) for one in results)
    assert len(winners) == 1
    stored = results[winners[0]]
    assert isinstance(stored, StoredObject)
    assert await content(store, stored) == b"%d" % winners[0]


async def test_bytes_that_do_not_fit_their_digest_are_refused(store: ObjectStore) -> None:
    with pytest.raises(IntegrityError) as caught:
        await store.put(Bucket.STAGING, "wrong", [b"abc"], sha256=hashlib.sha256(b"abd").digest())
    assert caught.value.code == "store-checksum-mismatch"
    assert await store.versions(Bucket.STAGING, "wrong") == []


async def test_a_digest_that_the_caller_has_just_made_is_taken_for_the_bytes(
    store: ObjectStore,
) -> None:
    blocks: list[bytes | memoryview] = [b"ab", b"c"]
    digest = hashlib.sha256(b"abc").digest()
    stored = await store.put(Bucket.STAGING, "made", blocks, sha256=digest, just_made=True)
    assert await content(store, stored) == b"abc"


async def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    stored = await store.put(Bucket.ORIGINALS, "empty", [], lock_until=in_a_while())
    assert stored.length == 0
    assert await content(store, stored) == b""
    assert (await store.stat(Bucket.ORIGINALS, "empty", stored.version)).length == 0


@pytest.mark.parametrize(
    "key",
    ["odd/空 格+%41&?#=~'\"{}[]é", ".hidden/-rf", "a=b~c/=d", "n" * 250, "/".join(["x" * 100] * 9)],
)
async def test_odd_keys_are_kept_as_they_are(store: ObjectStore, key: str) -> None:
    stored = await store.put(Bucket.RENDITIONS, key, [b"odd"])
    assert await content(store, stored) == b"odd"
    assert [one.key for one in await store.versions(Bucket.RENDITIONS, key)] == [key]
    below = [one async for one in store.versions_below(Bucket.RENDITIONS, key[:3])]
    assert [(one.key, one.version) for one in below] == [(key, stored.version)]
    await store.delete(Bucket.RENDITIONS, key, stored.version)
    assert await store.versions(Bucket.RENDITIONS, key) == []


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", "a\nb", "a\0b", "x" * 256, "\ud800"]
)
async def test_keys_that_some_store_would_not_take_are_refused(
    store: ObjectStore, key: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await store.put(Bucket.STAGING, key, [b"x"])
    assert caught.value.code == "object-key-malformed"
    with pytest.raises(InvalidInput):
        await store.create_multipart(key, lock_until=in_a_while(), media_type="video/mp4")


async def test_versions_below_a_prefix_are_those_and_no_others(store: ObjectStore) -> None:
    keys = {"k/one", "k/two/three", "kk", "l"}
    for key in keys:
        await store.put(Bucket.RENDITIONS, key, [key.encode()])
    for prefix in ("", "k", "k/", "k/t", "k/two/", "l", "m", "l/"):
        below = {one.key async for one in store.versions_below(Bucket.RENDITIONS, prefix)}
        assert below == {key for key in keys if key.startswith(prefix)}


async def test_ranges_read_exactly(store: ObjectStore) -> None:
    data = noise(3 * MIB + 7)
    stored = await store.put(Bucket.RENDITIONS, "ranged", [data])
    for offset, length in [
        (0, None),
        (0, 1),
        (MIB - 1, 2),
        (5, 2 * MIB),
        (len(data) - 1, 1),
        (17, None),
        (len(data), None),
        (len(data), 0),
        (4, 0),
    ]:
        end = len(data) if length is None else offset + length
        assert await content(store, stored, offset, length) == data[offset:end]


@pytest.mark.parametrize(("offset", "length"), [(0, 11), (11, None), (5, 6), (-1, 2), (2, -1)])
async def test_a_range_outside_the_object_is_no_short_read(
    store: ObjectStore, offset: int, length: int | None
) -> None:
    stored = await store.put(Bucket.STAGING, "ten", [b"0123456789"])
    with pytest.raises(InvalidInput) as caught:
        await content(store, stored, offset, length)
    assert caught.value.code == "range-outside-object"


async def test_a_reader_may_stop_early_and_the_store_goes_on(store: ObjectStore) -> None:
    data = noise(6 * MIB)
    stored = await store.put(Bucket.RENDITIONS, "early", [data])
    for _ in range(20):
        stream = store.read(Bucket.RENDITIONS, "early", stored.version)
        assert await anext(stream) == data[:MIB]
        await stream.aclose()  # type: ignore[attr-defined]
    assert await content(store, stored) == data


async def test_slow_readers_do_not_stop_the_others(store: ObjectStore) -> None:
    data = noise(3 * MIB)
    stored = await store.put(Bucket.RENDITIONS, "slow", [data])
    waiting = [store.read(Bucket.RENDITIONS, "slow", stored.version) for _ in range(30)]
    for stream in waiting:
        assert await anext(stream) == data[:MIB]
    async with asyncio.timeout(60):
        assert await content(store, stored) == data
    for stream in waiting:
        assert b"".join([block async for block in stream]) == data[MIB:]


async def test_a_cancelled_reader_lets_go(store: ObjectStore) -> None:
    stored = await store.put(Bucket.RENDITIONS, "cancelled", [noise(4 * MIB)])
    started = asyncio.Event()

    async def read() -> None:
        async for _ in store.read(Bucket.RENDITIONS, "cancelled", stored.version):
            started.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(read())
    await started.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert len(await content(store, stored)) == 4 * MIB


async def test_absent_objects_are_not_found(store: ObjectStore) -> None:
    stored = await store.put(Bucket.ORIGINALS, "there", [b"x"], lock_until=in_a_while())
    for key, version in [
        ("absent", stored.version),
        ("there", ABSENT),
        ("there", "../../etc"),
        ("there", "ü no version"),
    ]:
        with pytest.raises(NotFound) as caught:
            await store.stat(Bucket.ORIGINALS, key, version)
        assert caught.value.code == "object-not-found"
        with pytest.raises(NotFound):
            [block async for block in store.read(Bucket.ORIGINALS, key, version)]
        assert store.local_path(Bucket.ORIGINALS, key, version) is None
    assert await store.versions(Bucket.ORIGINALS, "absent") == []


async def test_a_locked_version_cannot_be_deleted(store: ObjectStore) -> None:
    stored = await store.put(Bucket.ORIGINALS, "locked", [b"kept"], lock_until=in_a_while())
    with pytest.raises(Forbidden) as caught:
        await store.delete(Bucket.ORIGINALS, "locked", stored.version)
    assert caught.value.code == "object-locked"
    assert await content(store, stored) == b"kept"


async def test_a_lock_grows_and_never_shrinks(store: ObjectStore) -> None:
    first, second = in_a_while(hours=1), in_a_while(hours=3)
    stored = await store.put(Bucket.ORIGINALS, "grows", [b"kept"], lock_until=first)
    await store.extend_lock(Bucket.ORIGINALS, "grows", stored.version, second)
    for shorter in (first, in_a_while(seconds=-5), in_a_while(hours=2)):
        with pytest.raises(Forbidden) as caught:
            await store.extend_lock(Bucket.ORIGINALS, "grows", stored.version, shorter)
        assert caught.value.code == "object-locked"
    await store.extend_lock(Bucket.ORIGINALS, "grows", stored.version, second)
    seen = await store.stat(Bucket.ORIGINALS, "grows", stored.version)
    assert seen.lock_until is not None
    assert second <= seen.lock_until < second + timedelta(seconds=1)
    (listed,) = await store.versions(Bucket.ORIGINALS, "grows")
    assert listed.lock_until == seen.lock_until


async def test_an_object_without_lock_can_be_locked_later(store: ObjectStore) -> None:
    stored = await store.put(Bucket.ORIGINALS, "later", [b"x"])
    await store.extend_lock(Bucket.ORIGINALS, "later", stored.version, in_a_while())
    with pytest.raises(Forbidden):
        await store.delete(Bucket.ORIGINALS, "later", stored.version)


async def test_a_version_can_go_when_its_lock_has_ended(store: ObjectStore) -> None:
    until = in_a_while(seconds=2)
    stored = await store.put(Bucket.ORIGINALS, "brief", [b"x"], lock_until=until)
    async with asyncio.timeout(60):
        while True:
            try:
                await store.delete(Bucket.ORIGINALS, "brief", stored.version)
                break
            except Forbidden:
                await asyncio.sleep(0.2)
    assert datetime.now(UTC) >= until
    assert await store.versions(Bucket.ORIGINALS, "brief") == []
    await store.delete(Bucket.ORIGINALS, "brief", stored.version)


@pytest.mark.parametrize("bucket", [Bucket.RENDITIONS, Bucket.STAGING])
async def test_deleting_is_final_and_may_be_repeated(store: ObjectStore, bucket: Bucket) -> None:
    stored = await store.put(bucket, "gone/soon", [b"x"])
    await store.delete(bucket, "gone/soon", stored.version)
    await store.delete(bucket, "gone/soon", stored.version)
    with pytest.raises(NotFound):
        await store.stat(bucket, "gone/soon", stored.version)
    again = await store.put(bucket, "gone/soon", [b"y"])
    assert await content(store, again) == b"y"


async def test_a_file_is_stored_and_checked(store: ObjectStore, tmp_path: Path) -> None:
    path = tmp_path / "poster.jpg"
    data = noise(3 * MIB + 1)
    path.write_bytes(data)
    digest = hashlib.sha256(data).digest()
    stored = await store.put_file(
        Bucket.RENDITIONS, "r/poster", path, sha256=digest, media_type="image/jpeg"
    )
    assert await content(store, stored) == data
    with pytest.raises(Conflict):
        await store.put_file(Bucket.RENDITIONS, "r/poster", path, sha256=digest)
    with pytest.raises(IntegrityError):
        await store.put_file(Bucket.RENDITIONS, "r/wrong", path, sha256=bytes(32))
    with pytest.raises(InvalidInput):
        await store.put_file(Bucket.RENDITIONS, "r/no", tmp_path / "absent", sha256=digest)
    assert await store.versions(Bucket.RENDITIONS, "r/wrong") == []


def memory_bytes(field: str) -> int:
    """VmRSS (now) or VmHWM (peak) of this process; reading VmRSS sets the peak back to it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            if field == "VmRSS":
                Path("/proc/self/clear_refs").write_text("5")
            return int(line.split()[1]) * 1024
    raise AssertionError(field)


async def test_a_big_file_goes_through_little_memory(
    store: ObjectStore, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / "proxy.mp4"
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for seed in range(35):
            block = noise(2 * MIB, seed)
            digest.update(block)
            file.write(block)
    before = memory_bytes("VmRSS")
    stored = await store.put_file(Bucket.RENDITIONS, "big", path, sha256=digest.digest())
    assert stored.length == 70 * MIB
    back = hashlib.sha256()
    async for block in store.read(Bucket.RENDITIONS, "big", stored.version):
        back.update(block)
    assert back.digest() == digest.digest()
    # The strict proxy runs in this process and holds whole requests.
    allowed = 160 if "strict" in request.node.name else 40
    assert memory_bytes("VmHWM") - before < allowed * MIB
    with pytest.raises(IntegrityError):
        await store.put_file(Bucket.RENDITIONS, "big-wrong", path, sha256=bytes(32))
    assert await store.versions(Bucket.RENDITIONS, "big-wrong") == []


async def test_the_canary_finds_nothing_wrong_and_goes_later(store: ObjectStore) -> None:
    await store.ping()
    now = datetime.now(UTC)
    report = await store.self_test(now)
    assert report.problems == ()
    # With a lock of one second left, the first canary is let go by a later call.
    early = await store.self_test(now - timedelta(seconds=58))
    assert early.problems == ()

    async def canaries() -> int:
        return len([one async for one in store.versions_below(Bucket.ORIGINALS, "canary/")])

    assert await canaries() == 2
    for _ in range(15):
        await asyncio.sleep(0.2)
    assert (await store.self_test(datetime.now(UTC))).problems == ()
    assert await canaries() == 2


async def test_a_closed_store_is_unavailable(store: ObjectStore) -> None:
    await store.close()
    with pytest.raises(Unavailable):
        await store.put(Bucket.STAGING, f"late-{os.getpid()}", [b"x"])
