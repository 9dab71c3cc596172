"""The store with planned faults is itself honest: before means not done, after means done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.adapters.files import FolderObjects
from recorder.adapters.objects import Bucket
from recorder.errors import StorageFull, Unavailable
from tests.support.faulty_objects import Fault, FaultyObjects, When
from tests.support.object_content import content, in_a_while


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[FolderObjects]:
    opened = FolderObjects(tmp_path / "store", floor_bytes=0)
    yield opened
    await opened.close()


@pytest.mark.parametrize(("when", "versions"), [(When.BEFORE, 0), (When.AFTER, 1)])
async def test_a_put_fails_before_or_after_it_took_effect(
    folder: FolderObjects, when: When, versions: int
) -> None:
    store = FaultyObjects(folder, [Fault("put", when)])
    with pytest.raises(Unavailable):
        await store.put(Bucket.STAGING, "piece", [b"x"])
    assert len(await folder.versions(Bucket.STAGING, "piece")) == versions
    assert store.calls == ["put"]


async def test_faults_strike_the_calls_that_are_named_and_no_others(folder: FolderObjects) -> None:
    full = Fault("put", When.BEFORE, nth=2, times=2, error=lambda: StorageFull("storage-full"))
    store = FaultyObjects(folder, [full])
    await store.put(Bucket.STAGING, "1", [b"x"])
    for key in ("2", "3"):
        with pytest.raises(StorageFull):
            await store.put(Bucket.STAGING, key, [b"x"])
    await store.put(Bucket.STAGING, "4", [b"x"])
    assert [one.key async for one in store.versions_below(Bucket.STAGING, "")] in (
        ["1", "4"],
        ["4", "1"],
    )


async def test_a_read_can_fail_at_its_start_or_at_its_end(folder: FolderObjects) -> None:
    stored = await folder.put(Bucket.RENDITIONS, "clip", [b"content"])
    faults = [Fault("read", When.BEFORE), Fault("read", When.AFTER, nth=2)]
    store = FaultyObjects(folder, faults)
    for blocks in ([], [b"content"]):
        seen = store.read(Bucket.RENDITIONS, "clip", stored.version)
        for block in blocks:
            assert await anext(seen) == block
        with pytest.raises(Unavailable):
            await anext(seen)
    assert await content(store, stored) == b"content"


async def test_a_completion_that_fails_afterwards_can_be_repeated(folder: FolderObjects) -> None:
    store = FaultyObjects(folder, [Fault("complete_multipart", When.AFTER)])
    multipart_id = await store.create_multipart(
        "clip", lock_until=in_a_while(), media_type="video/mp4"
    )
    part = await store.upload_part(
        "clip", multipart_id, number=1, offset=0, writer=1, blocks=[b"bytes"]
    )
    with pytest.raises(Unavailable):
        await store.complete_multipart("clip", multipart_id, [part])
    stored = await store.complete_multipart("clip", multipart_id, [part])
    assert await content(store, stored) == b"bytes"
