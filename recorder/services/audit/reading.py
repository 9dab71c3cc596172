"""Looking at stored objects: listings by day, second looks, and bytes at a bounded rate."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict, defaultdict
from collections.abc import AsyncIterator, Iterable

from recorder.adapters.objects import (
    Bucket,
    DeleteMarker,
    ListedPart,
    ObjectStore,
    StoredObject,
    WriterFile,
)
from recorder.errors import Gone, NotFound
from recorder.services import delete_markers
from recorder.services.pace import Pace
from recorder.store.audit_parts import OpenUpload

#: Days whose listings are kept at one time.
_DAYS_KEPT = 2
_BATCH = 1000


class PacedStore:
    """What an audit asks of the store, each call as late as its pace demands."""

    def __init__(self, objects: ObjectStore, pace: Pace):
        self._objects = objects
        self.pace = pace

    async def stat(self, bucket: Bucket, key: str, version: str) -> StoredObject | None:
        """The version as it is now; None when it is not there."""
        await self.pace.request()
        try:
            return await self._objects.stat(bucket, key, version)
        except NotFound:
            return None

    async def versions(self, bucket: Bucket, key: str) -> list[StoredObject]:
        """All versions of the key, newest first."""
        await self.pace.request()
        return await self._objects.versions(bucket, key)

    async def open_multiparts(self, keys: Iterable[str]) -> set[tuple[str, str]]:
        """Key and id of the unfinished multipart uploads of originals, of all and of these keys.

        The keys are asked for one by one only where a store leaves the whole bucket unanswered.
        """
        found = await self._multiparts(None)
        for key in () if self._objects.lists_multiparts else keys:
            found |= await self._multiparts(key)
        return found

    async def _multiparts(self, key: str | None) -> set[tuple[str, str]]:
        await self.pace.request()
        found = await self._objects.open_multiparts(key)
        for _ in range(len(found) // _BATCH):
            await self.pace.request()
        return {(each.key, each.id) for each in found}

    async def listed_parts(self, upload: OpenUpload) -> AsyncIterator[ListedPart]:
        """The parts of its open multipart upload; none when it is not there (any more)."""
        following: int | None = 0
        while following is not None:
            await self.pace.request()
            try:
                page = await self._objects.listed_parts(upload.key, upload.multipart_id, following)
            except (Gone, NotFound):
                return
            for part in page.parts:
                yield part
            following = page.following

    async def versions_below(self, bucket: Bucket, prefix: str) -> AsyncIterator[StoredObject]:
        """Every version below the prefix; a request for each thousand, as S3 lists."""
        number = 0
        async for stored in self._objects.versions_below(bucket, prefix):
            if number % _BATCH == 0:
                await self.pace.request()
            number += 1
            yield stored

    @property
    def parts_grow(self) -> bool:
        """Whether bytes of open uploads lie in files of their writers."""
        return self._objects.parts_grow

    async def writer_files(self, key: str, multipart_id: str) -> list[WriterFile]:
        """What lies in an open multipart upload; nothing when it is not there (any more)."""
        await self.pace.request()
        try:
            return await self._objects.writer_files(key, multipart_id)
        except Gone:
            return []

    def read_writer(
        self, key: str, multipart_id: str, writer: int, offset: int, length: int
    ) -> AsyncIterator[bytes]:
        """Bytes of one writer in an open multipart upload, for ``digest_of``."""
        return self._objects.read_writer(key, multipart_id, writer, offset=offset, length=length)

    def delete_markers(self, bucket: Bucket) -> AsyncIterator[DeleteMarker]:
        """Every delete marker of the bucket."""
        return delete_markers.of_bucket(self._objects, bucket, self.pace)

    async def sha256_of(self, bucket: Bucket, key: str, version: str) -> tuple[bytes, int] | None:
        """Digest and length of what the store gives; None when it is not there (any more)."""
        return await self.digest_of(self._objects.read(bucket, key, version))

    async def digest_of(self, blocks: AsyncIterator[bytes]) -> tuple[bytes, int] | None:
        """Digest and length of these blocks; None when they are not there (any more)."""
        await self.pace.request()
        running = hashlib.sha256()
        length = 0
        try:
            async for block in blocks:
                await asyncio.to_thread(running.update, block)
                length += len(block)
                await self.pace.spend(len(block))
        except (NotFound, Gone):
            return None
        return running.digest(), length


class Days:
    """Which originals the store lists, a day at a time, so that memory is bounded by one day."""

    def __init__(self, store: PacedStore):
        self._store = store
        self._days: OrderedDict[str, dict[str, set[tuple[str, int]]]] = OrderedDict()

    async def of(self, key: str) -> set[tuple[str, int]]:
        """Version and length of each version of this key."""
        day = key[: len("2026/01/01/")]
        if day not in self._days:
            listed: dict[str, set[tuple[str, int]]] = defaultdict(set)
            async for stored in self._store.versions_below(Bucket.ORIGINALS, day):
                listed[stored.key].add((stored.version, stored.length))
            self._days[day] = dict(listed)
            while len(self._days) > _DAYS_KEPT:
                self._days.popitem(last=False)
        return self._days[day].get(key, set())


async def batches(store: PacedStore, bucket: Bucket) -> AsyncIterator[list[StoredObject]]:
    """Everything in the bucket, a thousand objects at a time."""
    batch: list[StoredObject] = []
    async for stored in store.versions_below(bucket, ""):
        batch.append(stored)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
