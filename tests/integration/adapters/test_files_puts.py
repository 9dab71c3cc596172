"""Objects of the folder store that come whole: many in one go, and their names on the disk."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recorder.adapters.files import FolderObjects
from recorder.adapters.files_drafts import DraftFolder
from recorder.adapters.objects import Bucket, StoredObject
from recorder.errors import Conflict, Forbidden, IntegrityError, Unavailable
from tests.support.object_content import content

UNTIL = datetime(2199, 1, 1, tzinfo=UTC)
NAME = "21990101T000000.000000Z"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[FolderObjects]:
    opened = FolderObjects(tmp_path / "store", floor_bytes=0)
    yield opened
    await opened.close()


async def put(store: FolderObjects, key: str, body: bytes) -> StoredObject:
    return await store.put(Bucket.ORIGINALS, key, [body], lock_until=UNTIL)


async def test_an_object_is_one_file_whose_name_is_its_lock(
    store: FolderObjects, tmp_path: Path
) -> None:
    stored = await put(store, "2026/clip", b"footage")
    (only,) = (tmp_path / "store/originals/2026/clip").iterdir()
    assert only.name == f"={stored.version}@{NAME}"
    assert (only.stat().st_mode & 0o777, only.stat().st_nlink) == (0o440, 1)
    assert store.local_path(Bucket.ORIGINALS, "2026/clip", stored.version) == only
    assert list((tmp_path / "store/incoming").iterdir()) == []


async def test_a_longer_lock_leaves_the_object_its_name(
    store: FolderObjects, tmp_path: Path
) -> None:
    stored = await put(store, "clip", b"footage")
    later = UNTIL + timedelta(days=1)
    for until in (later, later + timedelta(days=1)):
        await store.extend_lock(Bucket.ORIGINALS, "clip", stored.version, until)
        assert [v.lock_until for v in await store.versions(Bucket.ORIGINALS, "clip")] == [until]
    names = sorted(path.name for path in (tmp_path / "store/originals/clip").iterdir())
    assert names == [f"={stored.version}@{NAME}", f"={stored.version}~21990103T000000.000000Z"]
    with pytest.raises(Forbidden):
        await store.extend_lock(Bucket.ORIGINALS, "clip", stored.version, UNTIL)


async def test_objects_of_earlier_releases_are_found_locked_read_and_let_go(
    store: FolderObjects, tmp_path: Path
) -> None:
    """Their lock is an empty file beside them from the beginning."""
    await store.ping()
    version, past = "0123456789abcdef" * 2, datetime(2020, 1, 1, tzinfo=UTC)
    for key, lock in (("kept", NAME), ("due", "20200101T000000.000000Z")):
        folder = tmp_path / "store/originals/old" / key
        folder.mkdir(parents=True)
        (folder / f"={version}").write_bytes(b"footage")
        (folder / f"={version}~{lock}").touch()
    found = [each async for each in store.versions_below(Bucket.ORIGINALS, "old/")]
    assert {(f.key, f.version, f.length, f.lock_until) for f in found} == {
        ("old/kept", version, 7, UNTIL),
        ("old/due", version, 7, past),
    }
    assert await content(store, found[0]) == b"footage"
    with pytest.raises(Conflict):
        await put(store, "old/kept", b"other")
    with pytest.raises(Forbidden):
        await store.delete(Bucket.ORIGINALS, "old/kept", version)
    later = UNTIL + timedelta(days=1)
    await store.extend_lock(Bucket.ORIGINALS, "old/kept", version, later)
    assert (await store.stat(Bucket.ORIGINALS, "old/kept", version)).lock_until == later
    await store.delete(Bucket.ORIGINALS, "old/due", version)
    assert not (tmp_path / "store/originals/old/due").exists()


async def test_many_at_once_ask_the_disk_once_for_each_folder(tmp_path: Path) -> None:
    root, synced = tmp_path / "store", list[str]()

    def sync(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        os.fsync(descriptor)

    store = FolderObjects(root, floor_bytes=0, sync=sync)
    await put(store, "live/p1/0", b"init")
    synced.clear()
    keys = [f"live/p1/{n}" for n in range(1, 5)]
    stored = await asyncio.gather(*(put(store, key, key.encode()) for key in keys))
    for key, each in zip(keys, stored, strict=True):
        assert await content(store, each) == key.encode()
    period = f"{root}/originals/live/p1"
    assert synced.count(period) == 1
    assert sorted(path for path in synced if path.startswith(f"{period}/")) == sorted(
        f"{root}/originals/{key}" for key in keys
    )
    # Bytes before names, names before the folders that hold them.
    assert synced[4:] == [period, *synced[5:]]
    assert len(synced) == 9
    await store.close()


async def test_one_that_fails_costs_the_others_of_its_batch_nothing(tmp_path: Path) -> None:
    def sync(descriptor: int) -> None:
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith("/p1/broken"):
            raise OSError(errno.EIO, "lost")
        os.fsync(descriptor)

    store = FolderObjects(tmp_path / "store", floor_bytes=0, sync=sync)
    taken = await put(store, "p1/taken", b"first")
    answers = await asyncio.gather(
        put(store, "p1/one", b"1"),
        put(store, "p1/taken", b"second"),
        store.put(Bucket.ORIGINALS, "p1/wrong", [b"x"], sha256=bytes(32), lock_until=UNTIL),
        put(store, "p1/broken", b"lost"),
        return_exceptions=True,
    )
    assert [type(each) for each in answers] == [
        StoredObject, Conflict, IntegrityError, Unavailable,
    ]  # fmt: skip
    for key, body in (("p1/one", b"1"), ("p1/taken", b"first")):
        (found,) = await store.versions(Bucket.ORIGINALS, key)
        assert await content(store, found) == body
    assert await store.versions(Bucket.ORIGINALS, "p1/taken") == [taken]
    assert await store.versions(Bucket.ORIGINALS, "p1/wrong") == []
    await store.close()


@pytest.mark.parametrize("nameless", [True, False])
def test_a_draft_becomes_an_object_or_nothing(tmp_path: Path, nameless: bool) -> None:
    """Also on a disk that keeps no file without a name."""
    drafts = DraftFolder(tmp_path, nameless=nameless)
    drafts.open()
    target = tmp_path / "object"
    with drafts.draft() as draft:
        os.write(draft.descriptor, b"footage")
        held = list((tmp_path / "incoming").iterdir())
        assert len(held) == (not nameless)
        for path in held:
            with path.open("rb") as other, pytest.raises(BlockingIOError):
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        draft.link(str(target))
        with pytest.raises(FileExistsError):
            draft.link(str(target))
    assert target.read_bytes() == b"footage"
    assert (target.stat().st_mode & 0o777, target.stat().st_nlink) == (0o440, 1)
    assert list((tmp_path / "incoming").iterdir()) == []
