"""What only the folder store has to stand: failing syncs, death at any step, full disks."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recorder.adapters.files import FolderObjects
from recorder.adapters.objects import Bucket, StoredPart
from recorder.errors import Conflict, Forbidden, IntegrityError, StorageFull, Unavailable
from tests.support.object_content import PART, content, noise

UNTIL = datetime(2199, 1, 1, tzinfo=UTC)
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
    return await store.create_multipart(key, lock_until=UNTIL, media_type="video/mp4")


async def send(
    store: FolderObjects, key: str, multipart_id: str, number: int, writer: int, data: bytes
) -> StoredPart:
    """Part ``number`` at its place among parts of full size."""
    return await store.upload_part(
        key,
        multipart_id,
        number=number,
        offset=(number - 1) * PART,
        writer=writer,
        blocks=[data],
    )


def is_file(descriptor: int) -> bool:
    return os.path.isfile(f"/proc/self/fd/{descriptor}")


def lossy(failures: int) -> Callable[[int], None]:
    """A sync that at first loses what was written and says so once, as disks do."""
    left = failures

    def sync(descriptor: int) -> None:
        nonlocal left
        if left and is_file(descriptor):
            left -= 1
            length = os.fstat(descriptor).st_size
            os.pwrite(descriptor, bytes(length), 0)
            raise OSError(errno.EIO, "lost")
        os.fsync(descriptor)

    return sync


async def test_after_a_failed_sync_the_bytes_are_written_again(folder: Open) -> None:
    multipart_id = await begun(folder(), "clip")
    part = await send(folder(sync=lossy(1)), "clip", multipart_id, 1, 1, noise(PART))
    stored = await folder().complete_multipart("clip", multipart_id, [part])
    assert await content(folder(), stored) == noise(PART)
    put = await folder(sync=lossy(1)).put(Bucket.STAGING, "piece", [b"a", b"piece"])
    assert await content(folder(), put) == b"apiece"


async def test_a_disk_that_keeps_failing_acknowledges_nothing(folder: Open) -> None:
    multipart_id = await begun(folder(), "clip")
    with pytest.raises(Unavailable) as caught:
        await send(folder(sync=lossy(9)), "clip", multipart_id, 1, 1, b"x")
    assert caught.value.code == "store-unavailable"
    with pytest.raises(Unavailable):
        await folder(sync=lossy(9)).put(Bucket.STAGING, "piece", [b"x"])
    assert await folder().versions(Bucket.STAGING, "piece") == []


async def test_a_full_disk_is_told_as_such(folder: Open) -> None:
    def full(descriptor: int) -> None:
        if is_file(descriptor):
            raise OSError(errno.ENOSPC, "full")
        os.fsync(descriptor)

    multipart_id = await begun(folder(), "clip")
    with pytest.raises(StorageFull) as caught:
        await send(folder(sync=full), "clip", multipart_id, 1, 1, b"x")
    assert caught.value.code == "storage-full"


async def test_below_the_floor_footage_is_refused_and_sidecars_are_not(
    folder: Open, tmp_path: Path
) -> None:
    multipart_id = await begun(folder(), "clip")
    part = await send(folder(), "clip", multipart_id, 1, 1, b"already in")
    full = folder(floor_bytes=1 << 60)
    assert full.room_bytes() == 0
    assert 0 < full.free_bytes() < full.floor_bytes()
    with pytest.raises(StorageFull):
        await send(full, "clip", multipart_id, 2, 1, b"more")
    with pytest.raises(StorageFull):
        await full.put(Bucket.STAGING, "piece", [b"more"])
    with pytest.raises(StorageFull):
        await full.put(Bucket.ORIGINALS, "big", [bytes(1 << 20)], lock_until=UNTIL)
    path = tmp_path / "poster"
    path.write_bytes(b"poster")
    with pytest.raises(StorageFull):
        await full.put_file(
            Bucket.RENDITIONS, "poster", path, sha256=hashlib.sha256(b"poster").digest()
        )
    stored = await full.complete_multipart("clip", multipart_id, [part])
    assert await content(full, stored) == b"already in"
    await full.put(Bucket.ORIGINALS, "clip.json", [b"{}"], lock_until=UNTIL)


async def test_the_floor_is_five_per_cent_and_five_gib_at_least(folder: Open) -> None:
    store = folder(floor_bytes=None)
    await store.ping()
    disk = os.statvfs("/")
    assert store.floor_bytes() >= 5 << 30
    assert store.floor_bytes() >= 0.04 * disk.f_blocks * disk.f_frsize or disk.f_blocks == 0


async def test_with_one_writer_no_byte_is_copied(folder: Open, tmp_path: Path) -> None:
    store = folder()
    multipart_id = await begun(store, "clip")
    parts = [await send(store, "clip", multipart_id, n, 7, noise(PART, n)) for n in (1, 2)]
    (written,) = (tmp_path / "store/multipart" / multipart_id).glob("w*")
    inode = written.stat().st_ino
    stored = await store.complete_multipart("clip", multipart_id, parts)
    path = store.local_path(Bucket.ORIGINALS, "clip", stored.version)
    assert path is not None
    assert path.stat().st_ino == inode
    assert path.stat().st_mode & 0o777 == 0o440
    assert path.stat().st_nlink == 1
    assert list((tmp_path / "store/multipart").iterdir()) == []


async def test_a_writer_that_is_still_at_it_never_gets_hold_of_the_original(
    folder: Open, tmp_path: Path
) -> None:
    """Its file is locked and open: the object is made of a copy."""
    store = folder()
    multipart_id = await begun(store, "clip")
    parts = [await send(store, "clip", multipart_id, 1, 1, noise(PART))]
    (written,) = (tmp_path / "store/multipart" / multipart_id).glob("w*")
    with written.open("r+b") as zombie:
        fcntl.flock(zombie, fcntl.LOCK_SH)
        stored = await store.complete_multipart("clip", multipart_id, parts)
        zombie.write(b"from beyond")
        zombie.flush()
    assert await content(store, stored) == noise(PART)


@pytest.mark.parametrize("writer", [1, 2])
async def test_acknowledged_bytes_that_are_missing_are_no_object(
    folder: Open, tmp_path: Path, writer: int
) -> None:
    store = folder()
    multipart_id = await begun(store, "clip")
    parts = [await send(store, "clip", multipart_id, n, n, noise(PART, n)) for n in (1, 2)]
    (written,) = (tmp_path / "store/multipart" / multipart_id).glob(f"w*{writer}")
    os.truncate(written, written.stat().st_size - 1)
    with pytest.raises(IntegrityError) as caught:
        await store.complete_multipart("clip", multipart_id, parts)
    assert caught.value.code == "store-bytes-missing"
    assert await store.versions(Bucket.ORIGINALS, "clip") == []


DIES = """
import asyncio, json, os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from recorder.adapters.files import FolderObjects
from recorder.adapters.objects import Bucket, StoredPart

root, act, last, multipart_id = sys.argv[1:5]
left = int(last)

def sync(descriptor):
    global left
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    os.fsync(descriptor)

async def main():
    store = FolderObjects(Path(root), floor_bytes=0, sync=sync)
    if act == "put":
        until = datetime(2199, 1, 1, tzinfo=UTC)
        await store.put(Bucket.ORIGINALS, "clip", [b"put"], lock_until=until)
    else:
        parts = [StoredPart(n, o, l, bytes(32), e) for n, o, l, e in json.loads(sys.argv[5])]
        await store.complete_multipart("clip", multipart_id, parts)
    await store.close()

asyncio.run(main())
"""


def die(root: Path, act: str, syncs: int, multipart_id: str = "", parts: str = "[]") -> bool:
    """Run the act in a process that is killed instead of its next sync; False when it got by."""
    ended = subprocess.run(
        [sys.executable, "-c", DIES, str(root), act, str(syncs), multipart_id, parts], check=False
    )
    assert ended.returncode in {0, -signal.SIGKILL}
    return ended.returncode != 0


async def test_a_completion_killed_at_any_sync_can_be_repeated(tmp_path: Path) -> None:
    deaths = 0
    while True:
        root = tmp_path / str(deaths)
        store = FolderObjects(root, floor_bytes=0)
        multipart_id = await begun(store, "clip")
        pieces = [noise(PART), b"and the end"]
        parts = [
            await send(store, "clip", multipart_id, n, n, piece)
            for n, piece in enumerate(pieces, 1)
        ]
        text = str([[p.number, p.offset, p.length, p.etag] for p in parts]).replace("'", '"')
        died = die(root, "complete", deaths, multipart_id, text)
        for seen in await store.versions(Bucket.ORIGINALS, "clip"):
            assert seen.lock_until == UNTIL
        stored = await store.complete_multipart("clip", multipart_id, parts)
        assert await content(store, stored) == b"".join(pieces)
        assert stored.lock_until == UNTIL
        assert await store.versions(Bucket.ORIGINALS, "clip") == [stored]
        path = store.local_path(Bucket.ORIGINALS, "clip", stored.version)
        assert path is not None
        assert path.stat().st_mode & 0o777 == 0o440
        assert list((root / "multipart").iterdir()) == []
        await store.close()
        if not died:
            break
        deaths += 1
    # Directories, the joined file, the lock and the link: a loop that ends at once tests nothing.
    assert deaths >= 4


async def test_whoever_finds_an_object_makes_its_whole_way_durable(
    folder: Open, tmp_path: Path
) -> None:
    way = ["originals", "originals/2026", "originals/2026/clip"]
    synced: list[str] = []

    def named(descriptor: int) -> str:
        return os.path.relpath(os.readlink(f"/proc/self/fd/{descriptor}"), tmp_path / "store")

    def failing(descriptor: int) -> None:
        if named(descriptor).startswith("originals/2026"):
            raise OSError(errno.EIO, "lost")

    key = "2026/clip"
    multipart_id = await begun(folder(), key)
    part = await send(folder(), key, multipart_id, 1, 1, b"footage")
    with pytest.raises(Unavailable):
        # It dies with everything there, lock and link, and nothing of that durable.
        await folder(sync=failing).complete_multipart(key, multipart_id, [part])
    found = await folder().versions(Bucket.ORIGINALS, key)
    assert [(each.length, each.lock_until) for each in found] == [(7, UNTIL)]
    assert (await folder(sync=lambda fd: synced.append(named(fd))).complete_multipart(
        key, multipart_id, [part])).version == found[0].version  # fmt: skip
    assert [path for path in synced if path in way] == way


async def test_a_put_killed_at_any_sync_leaves_all_or_nothing(tmp_path: Path) -> None:
    deaths = 0
    while die(root := tmp_path / str(deaths), "put", deaths):
        store = FolderObjects(root, floor_bytes=0)
        found = await store.versions(Bucket.ORIGINALS, "clip")
        for stored in found:
            assert stored.lock_until == UNTIL
            assert await content(store, stored) == b"put"
        if not found:
            await store.put(Bucket.ORIGINALS, "clip", [b"anew"], lock_until=UNTIL)
        with pytest.raises(Conflict):
            await store.put(Bucket.ORIGINALS, "clip", [b"twice"], lock_until=UNTIL)
        await store.close()
        deaths += 1
    assert deaths >= 4


async def test_files_of_dead_calls_go_and_those_of_living_ones_stay(
    folder: Open, tmp_path: Path
) -> None:
    await folder().ping()
    await folder().put(Bucket.STAGING, "any", [b"x"])
    incoming = tmp_path / "store/incoming"
    long_ago = time.time() - 2 * 3600
    for name in ("dead", "held", "fresh"):
        (incoming / name).write_bytes(b"x")
        if name != "fresh":
            os.utime(incoming / name, (long_ago, long_ago))
    with (incoming / "held").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        await folder().put(Bucket.STAGING, "other", [b"x"])
        assert {path.name for path in incoming.iterdir()} == {"held", "fresh"}


async def test_multipart_uploads_without_a_name_go_at_the_next_start(
    folder: Open, tmp_path: Path
) -> None:
    first = folder()
    kept = await begun(first, "kept")
    root = tmp_path / "store" / "multipart"
    yesterday = time.time() - 86_400
    for name, text in (("0" * 32, None), ("1" * 32, b""), ("2" * 32, b'{"key')):
        (root / name).mkdir()
        if text is not None:
            (root / name / "upload").write_bytes(text)
        os.utime(root / name, (yesterday, yesterday))
    os.utime(root / kept, (yesterday, yesterday))
    (root / ("3" * 32)).mkdir()
    assert [each.id for each in await first.open_multiparts(None)] == [kept]
    second = folder()
    assert [each.id for each in await second.open_multiparts("kept")] == [kept]
    assert sorted(path.name for path in root.iterdir()) == sorted([kept, "3" * 32])


async def test_two_stores_on_one_folder_keep_each_others_promises(folder: Open) -> None:
    one, other = folder(), folder()
    stored = await one.put(Bucket.ORIGINALS, "kept", [b"x"], lock_until=UNTIL)
    assert await other.versions(Bucket.ORIGINALS, "kept") == [stored]
    with pytest.raises(Conflict):
        await other.put(Bucket.ORIGINALS, "kept", [b"y"])
    with pytest.raises(Forbidden):
        await other.delete(Bucket.ORIGINALS, "kept", stored.version)
    piece = await one.put(Bucket.STAGING, "u/1", [b"x"])
    await other.delete(Bucket.STAGING, "u/1", piece.version)
    await one.put(Bucket.STAGING, "u/1", [b"x"])


async def test_emptied_folders_of_pieces_do_not_pile_up(folder: Open, tmp_path: Path) -> None:
    store = folder()
    for number in range(5):
        piece = await store.put(Bucket.STAGING, f"upload/{number}", [b"x"])
        await store.delete(Bucket.STAGING, f"upload/{number}", piece.version)
    assert list((tmp_path / "store/staging").iterdir()) == []


async def test_a_lock_lasts_as_long_as_the_clock_says(folder: Open) -> None:
    class Later:
        def now(self) -> datetime:
            return datetime.now(UTC) + timedelta(days=1)

    until = datetime.now(UTC) + timedelta(hours=23)
    stored = await folder().put(Bucket.ORIGINALS, "day", [b"x"], lock_until=until)
    with pytest.raises(Forbidden):
        await folder().delete(Bucket.ORIGINALS, "day", stored.version)
    await folder(clock=Later()).delete(Bucket.ORIGINALS, "day", stored.version)
    assert await folder().versions(Bucket.ORIGINALS, "day") == []


async def test_a_root_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    store = FolderObjects(tmp_path / "file" / "store", floor_bytes=0)
    with pytest.raises(Unavailable) as caught:
        await store.put(Bucket.STAGING, "x", [b"x"])
    assert caught.value.code == "store-unavailable"
    await store.close()
