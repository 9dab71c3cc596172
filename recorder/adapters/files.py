"""The object store on a local folder: the embedded mode's ``ObjectStore``.

    originals/ renditions/ staging/   finished objects (files_versions)
    multipart/                        open uploads (files_multipart)
    incoming/                         files of calls that are under way
    locks/                            lock files, so that several processes can share the folder

The compliance lock is kept by this adapter, so it holds against the product and not against
the owner of the disk. Nothing here keeps state in memory that a crash could lose.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import TypeVar

from recorder.adapters import files_disk as disk
from recorder.adapters import store_canary, store_limits
from recorder.adapters.clock import Clock, SystemClock
from recorder.adapters.files_drafts import DraftFolder
from recorder.adapters.files_growing import FolderPart
from recorder.adapters.files_multipart import MultipartFolder
from recorder.adapters.files_puts import Put, Puts, mismatch, no_room
from recorder.adapters.files_reads import file_blocks
from recorder.adapters.files_versions import Birth, VersionFolder
from recorder.adapters.objects import (
    Bucket,
    MarkerPage,
    OpenMultipart,
    PartPage,
    StoredObject,
    StoredPart,
    StoreReport,
    WriterFile,
)
from recorder.adapters.store_threads import BLOCK_BYTES, StoreThreads, Together
from recorder.errors import InvalidInput, RecorderError

T = TypeVar("T")

_FLOOR_BYTES = 5 << 30
_FLOOR_SHARE = 0.05
_ABANDONED_SECONDS = 3600
#: Longer objects go each for itself: nobody is to wait for their bytes.
_TOGETHER_BYTES = 4 << 20
#: In one thread, one sync behind the other; more threads share the commits of the journal.
_MOST_TOGETHER = 4
#: The other threads are left to uploads.
_TOGETHER_AT_ONCE = 4


class FolderObjects:
    """``ObjectStore`` below ``root``, which is made when it is not there.

    ``floor_bytes`` is the free space that footage leaves alone (5 GiB or 5 % of the disk, the
    larger, unless given). ``sync`` makes a descriptor durable; tests give one that fails.
    """

    min_part_bytes = store_limits.MIN_PART_BYTES
    max_parts = store_limits.MAX_PARTS
    parts_grow = True
    lists_multiparts = True

    def __init__(
        self,
        root: Path,
        *,
        threads: int = 8,
        floor_bytes: int | None = None,
        clock: Clock | None = None,
        sync: disk.Sync = os.fsync,
    ) -> None:
        self._root = root.absolute()
        self._floor_bytes = floor_bytes
        self._sync = sync
        self._writes = StoreThreads("folder-write", threads)
        self._reads = StoreThreads("folder-read", threads)
        #: For writes that wait for no disk: they must not stand behind those that do.
        self._spills = StoreThreads("folder-spill", 2)
        self._versions = VersionFolder(self._root, clock or SystemClock(), sync)
        self._multiparts = MultipartFolder(self._root, self._versions, sync)
        self._drafts = DraftFolder(self._root)
        self._puts = Puts(self._drafts, self._versions, self._spare_bytes, sync)
        self._together = Together(
            self._writes, self._put_all, most=_MOST_TOGETHER,
            at_once=max(1, min(_TOGETHER_AT_ONCE, threads // 2)),
        )  # fmt: skip
        self._ready = False
        self._making_ready = threading.Lock()

    # -- room --------------------------------------------------------------------------------

    def free_bytes(self) -> int:
        """Bytes that an unprivileged writer can still put on the disk of the root."""
        found = self._disk()
        return found.f_bavail * found.f_frsize

    def floor_bytes(self) -> int:
        """Free bytes below which footage is refused with StorageFull."""
        return self._floor_of(self._disk())

    def room_bytes(self) -> int:
        """Free bytes above the floor."""
        return max(0, self._spare_bytes())

    def _disk(self) -> os.statvfs_result:
        with disk.translated():
            try:
                return os.statvfs(self._root)
            except FileNotFoundError:
                return os.statvfs(self._root.parent)

    def _floor_of(self, found: os.statvfs_result) -> int:
        if self._floor_bytes is not None:
            return self._floor_bytes
        return max(_FLOOR_BYTES, int(found.f_blocks * found.f_frsize * _FLOOR_SHARE))

    def _spare_bytes(self) -> int:
        found = self._disk()
        return found.f_bavail * found.f_frsize - self._floor_of(found)

    def _require_room(self, length: int) -> None:
        if self._spare_bytes() < length:
            raise no_room()

    # -- objects -----------------------------------------------------------------------------

    async def put(
        self,
        bucket: Bucket,
        key: str,
        blocks: Sequence[bytes | memoryview],
        *,
        sha256: bytes | None = None,
        just_made: bool = False,
        lock_until: datetime | None = None,
        media_type: str = "application/octet-stream",
    ) -> StoredObject:
        """See ObjectStore. The media type is not kept: originals are served by probed type."""
        length = sum(memoryview(block).nbytes for block in blocks)
        known = None if just_made else sha256
        put = Put(bucket, key, blocks, length, known, lock_until)
        if length <= _TOGETHER_BYTES:
            return await self._together.join(put)
        (answer,) = await self._writes.run(self._put_all, [put])
        if isinstance(answer, RecorderError):
            raise answer
        return answer

    def _put_all(self, puts: Sequence[Put]) -> list[StoredObject | RecorderError]:
        with disk.translated():
            self._make_ready()
        return self._puts.all(puts)

    async def put_file(
        self,
        bucket: Bucket,
        key: str,
        path: Path,
        *,
        sha256: bytes,
        media_type: str = "application/octet-stream",
    ) -> StoredObject:
        """See ObjectStore. Raises InvalidInput when the local file cannot be read."""

        def put() -> StoredObject:
            try:
                source = path.open("rb", buffering=0)
            except OSError as error:
                raise InvalidInput("local-file-unreadable", f"Cannot read {path.name}.") from error
            with source, self._drafts.draft() as draft:
                self._require_room(os.fstat(source.fileno()).st_size)
                disk.durably(
                    draft.descriptor,
                    lambda: _copy_checked(source.fileno(), draft.descriptor, key, sha256),
                    self._sync,
                )
                length = os.fstat(draft.descriptor).st_size
                return self._versions.publish(Birth(bucket, key, length, None, draft.link))

        return await self._blocking(self._writes, put)

    async def versions(self, bucket: Bucket, key: str) -> list[StoredObject]:
        """See ObjectStore. Here a key has one version at most."""
        return await self._blocking(self._reads, lambda: self._versions.versions(bucket, key))

    async def versions_below(self, bucket: Bucket, prefix: str) -> AsyncIterator[StoredObject]:
        """See ObjectStore."""
        walk = self._versions.below(bucket, prefix)
        while (found := await self._blocking(self._reads, lambda: next(walk, None))) is not None:
            yield found

    async def delete_markers(
        self, bucket: Bucket, cursor: str | None = None, limit: int = 1000
    ) -> MarkerPage:
        """See ObjectStore: a folder has none."""
        return MarkerPage((), None)

    async def stat(self, bucket: Bucket, key: str, version: str) -> StoredObject:
        """See ObjectStore."""
        return await self._blocking(self._reads, lambda: self._versions.stat(bucket, key, version))

    def read(
        self, bucket: Bucket, key: str, version: str, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """See ObjectStore. Raises InvalidInput ``range-outside-object`` before the first byte."""
        path = self._versions.path
        return file_blocks(self._reads, lambda: FileIO(path(bucket, key, version)), offset, length)

    async def extend_lock(self, bucket: Bucket, key: str, version: str, until: datetime) -> None:
        """See ObjectStore."""
        await self._blocking(
            self._writes, lambda: self._versions.extend_lock(bucket, key, version, until)
        )

    async def delete(self, bucket: Bucket, key: str, version: str) -> None:
        """See ObjectStore."""
        await self._blocking(self._writes, lambda: self._versions.delete(bucket, key, version))

    def local_path(self, bucket: Bucket, key: str, version: str) -> Path | None:
        """The file of one version, or None when it is not there. Two system calls, no I/O."""
        return self._versions.find(bucket, key, version)

    # -- multipart uploads -------------------------------------------------------------------

    async def create_multipart(self, key: str, *, lock_until: datetime, media_type: str) -> str:
        """See ObjectStore."""
        return await self._blocking(self._writes, lambda: self._multiparts.create(key, lock_until))

    async def upload_part(
        self,
        key: str,
        multipart_id: str,
        *,
        number: int,
        offset: int,
        writer: int,
        blocks: Sequence[bytes | memoryview],
    ) -> StoredPart:
        """See ObjectStore. ``etag`` is the writer's number."""
        store_limits.check_number(number)

        def upload() -> StoredPart:
            self._require_room(sum(memoryview(block).nbytes for block in blocks))
            length = self._multiparts.upload(
                key, multipart_id, offset=offset, writer=writer, blocks=blocks
            )
            return StoredPart(number, offset, length, disk.digest_of(blocks), str(writer))

        return await self._blocking(self._writes, upload)

    def growing_part(self, key: str, multipart_id: str, *, offset: int, writer: int) -> FolderPart:
        """See ObjectStore."""
        return FolderPart(
            lambda function: self._blocking(self._spills, function),
            lambda function: self._blocking(self._writes, function),
            self._require_room,
            self._multiparts,
            key,
            multipart_id,
            offset=offset,
            writer=writer,
        )

    async def writer_files(self, key: str, multipart_id: str) -> list[WriterFile]:
        """See ObjectStore."""
        return await self._blocking(self._reads, lambda: self._multiparts.files(key, multipart_id))

    def read_writer(
        self, key: str, multipart_id: str, writer: int, *, offset: int, length: int
    ) -> AsyncIterator[bytes]:
        """See ObjectStore."""
        file = self._multiparts.existing
        return file_blocks(self._reads, lambda: file(key, multipart_id, writer), offset, length)

    async def listed_parts(
        self, key: str, multipart_id: str, after: int = 0, limit: int = 1000
    ) -> PartPage:
        """See ObjectStore: not here."""
        raise RuntimeError("parts of a folder lie in the files of their writers")

    async def complete_multipart(
        self, key: str, multipart_id: str, parts: Sequence[StoredPart]
    ) -> StoredObject:
        """See ObjectStore. Raises IntegrityError when acknowledged bytes are missing."""
        ordered = store_limits.in_order(parts)
        return await self._blocking(
            self._writes, lambda: self._multiparts.complete(key, multipart_id, ordered)
        )

    async def abort_multipart(
        self, key: str, multipart_id: str, *, bucket: Bucket = Bucket.ORIGINALS
    ) -> None:
        """See ObjectStore. There are none but of originals."""
        if bucket is Bucket.ORIGINALS:
            await self._blocking(self._writes, lambda: self._multiparts.abort(key, multipart_id))

    async def open_multiparts(
        self, key: str | None, *, bucket: Bucket = Bucket.ORIGINALS
    ) -> list[OpenMultipart]:
        """See ObjectStore. Reads the name of every open upload."""
        if bucket is not Bucket.ORIGINALS:
            return []
        return await self._blocking(self._reads, lambda: self._multiparts.listed(key))

    # -- the store itself --------------------------------------------------------------------

    async def ping(self) -> None:
        """See ObjectStore."""
        await self._blocking(self._reads, self.free_bytes)

    async def self_test(self, now: datetime) -> StoreReport:
        """See ObjectStore."""
        return StoreReport("folder", tuple(await store_canary.check(self, now)))

    async def close(self) -> None:
        """See ObjectStore. Waits for calls under way; later ones raise Unavailable."""
        await self._reads.close()
        await self._spills.close()
        await self._writes.close()

    # -- inside ------------------------------------------------------------------------------

    async def _blocking(self, threads: StoreThreads, function: Callable[[], T]) -> T:
        def call() -> T:
            with disk.translated():
                self._make_ready()
                return function()

        return await threads.run(call)

    def _make_ready(self) -> None:
        with self._making_ready:
            if self._ready:
                return
            self._root.mkdir(mode=0o750, parents=True, exist_ok=True)
            self._versions.open()
            self._multiparts.open()
            self._drafts.open()
            self._multiparts.remove_nameless(time.time() - _ABANDONED_SECONDS)
            self._ready = True


def _copy_checked(source: int, target: int, key: str, sha256: bytes) -> None:
    """Copy a whole file; raises IntegrityError when its content is not what was promised."""
    digest = hashlib.sha256()
    position = 0
    while block := os.pread(source, BLOCK_BYTES, position):
        digest.update(block)
        position += disk.write_blocks(target, position, [block])
    os.ftruncate(target, position)
    if digest.digest() != sha256:
        raise mismatch(key)
