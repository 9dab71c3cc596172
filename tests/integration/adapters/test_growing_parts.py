"""Parts of the folder store that grow at their place: settled, adopted, lost and outlived."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recorder.adapters.files import FolderObjects
from recorder.adapters.objects import StoredPart
from recorder.errors import Gone, IntegrityError, Unavailable
from tests.support.object_content import content, noise

Open = Callable[..., FolderObjects]


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Open]:
    """Opens folder stores on one root; all are closed at the end."""
    stores: list[FolderObjects] = []

    def opened(**options: object) -> FolderObjects:
        store = FolderObjects(tmp_path / "store", **{"floor_bytes": 0, **options})  # type: ignore[arg-type]
        stores.append(store)
        return store

    yield opened
    for store in stores:
        await store.close()


async def begun(store: FolderObjects, key: str) -> str:
    until = datetime(2199, 1, 1, tzinfo=UTC)
    return await store.create_multipart(key, lock_until=until, media_type="video/mp4")


def lossy(descriptor: int) -> None:
    """A sync that says that footage is lost."""
    name = os.readlink(f"/proc/self/fd/{descriptor}")
    if os.path.basename(name).startswith("w"):
        raise OSError(errno.EIO, "lost")
    os.fsync(descriptor)


async def test_a_part_grows_over_several_visits_and_writers_and_is_never_moved(
    folder: Open,
) -> None:
    sent = noise(3_000_000)
    multipart_id = await begun(folder(), "clip")
    first = folder().growing_part("clip", multipart_id, offset=0, writer=1)
    await first.write([sent[:5], sent[5:1_000_000]])
    settled = await first.settle()
    assert settled == hashlib.sha256(sent[:1_000_000]).digest()
    await first.write([b"never settled, and so nobody's"])
    await first.close()
    second = folder().growing_part("clip", multipart_id, offset=0, writer=2)
    await second.adopt(1, 1_000_000, settled)
    await second.write([sent[1_000_000:]])
    digest = await second.settle()
    assert (digest, second.length) == (hashlib.sha256(sent).digest(), len(sent))
    part = StoredPart(1, 0, len(sent), digest, "2")
    stored = await folder().complete_multipart("clip", multipart_id, [part])
    assert await content(folder(), stored) == sent


async def test_a_growing_part_whose_sync_failed_is_never_settled(folder: Open) -> None:
    multipart_id = await begun(folder(), "clip")
    part = folder(sync=lossy).growing_part("clip", multipart_id, offset=0, writer=1)
    await part.write([b"lost"])
    for _ in range(2):
        with pytest.raises(Unavailable):
            await part.settle()
    with pytest.raises(Unavailable):
        await part.write([b"more"])
    await part.close()


async def test_a_tail_that_is_not_what_was_settled_is_not_adopted(folder: Open) -> None:
    multipart_id = await begun(folder(), "clip")
    part = folder().growing_part("clip", multipart_id, offset=0, writer=1)
    await part.write([b"12345"])
    await part.settle()
    for writer, length in ((1, 5), (1, 6), (9, 5)):
        later = folder().growing_part("clip", multipart_id, offset=0, writer=1)
        with pytest.raises(IntegrityError):
            await later.adopt(writer, length, hashlib.sha256(b"54321").digest())
        await later.close()


async def test_a_part_of_an_upload_that_was_completed_does_not_grow(folder: Open) -> None:
    multipart_id = await begun(folder(), "clip")
    part = folder().growing_part("clip", multipart_id, offset=0, writer=1)
    await part.write([b"zombie"])
    whole = await folder().upload_part(
        "clip", multipart_id, number=1, offset=0, writer=2, blocks=[b"abc"]
    )
    stored = await folder().complete_multipart("clip", multipart_id, [whole])
    with pytest.raises(Gone):
        await part.settle()
    await part.close()
    with pytest.raises(Gone):
        await folder().growing_part("clip", multipart_id, offset=0, writer=1).write([b"x"])
    assert await content(folder(), stored) == b"abc"
