"""MeasuredObjects: an object store whose calls are timed and whose failures are counted.

It changes nothing of what a call does, and never looks at keys or bytes.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from recorder import metrics
from recorder.adapters.objects import (
    Bucket,
    GrowingPart,
    MarkerPage,
    ObjectStore,
    OpenMultipart,
    PartPage,
    StoredObject,
    StoredPart,
    StoreReport,
    WriterFile,
)
from recorder.errors import Kind, RecorderError

T = TypeVar("T")


class MeasuredObjects:
    """The same protocol as the store inside."""

    def __init__(self, inner: ObjectStore) -> None:
        #: The store itself, for what the protocol does not know.
        self.inner = inner
        self.min_part_bytes = inner.min_part_bytes
        self.max_parts = inner.max_parts
        self.parts_grow = inner.parts_grow
        self.lists_multiparts = inner.lists_multiparts

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
        with _measured("put"):
            return await self.inner.put(
                bucket, key, blocks, sha256=sha256, just_made=just_made, lock_until=lock_until,
                media_type=media_type,
            )  # fmt: skip

    async def put_file(
        self,
        bucket: Bucket,
        key: str,
        path: Path,
        *,
        sha256: bytes,
        media_type: str = "application/octet-stream",
    ) -> StoredObject:
        with _measured("put_file"):
            return await self.inner.put_file(
                bucket, key, path, sha256=sha256, media_type=media_type
            )

    async def create_multipart(self, key: str, *, lock_until: datetime, media_type: str) -> str:
        with _measured("create_multipart"):
            return await self.inner.create_multipart(
                key, lock_until=lock_until, media_type=media_type
            )

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
        with _measured("upload_part"):
            return await self.inner.upload_part(
                key, multipart_id, number=number, offset=offset, writer=writer, blocks=blocks
            )

    def growing_part(self, key: str, multipart_id: str, *, offset: int, writer: int) -> GrowingPart:
        return _MeasuredPart(
            self.inner.growing_part(key, multipart_id, offset=offset, writer=writer)
        )

    async def writer_files(self, key: str, multipart_id: str) -> list[WriterFile]:
        with _measured("writer_files"):
            return await self.inner.writer_files(key, multipart_id)

    def read_writer(
        self, key: str, multipart_id: str, writer: int, *, offset: int, length: int
    ) -> AsyncIterator[bytes]:
        blocks = self.inner.read_writer(key, multipart_id, writer, offset=offset, length=length)
        return _until_first("read_writer", blocks)

    async def listed_parts(
        self, key: str, multipart_id: str, after: int = 0, limit: int = 1000
    ) -> PartPage:
        with _measured("listed_parts"):
            return await self.inner.listed_parts(key, multipart_id, after, limit)

    async def complete_multipart(
        self, key: str, multipart_id: str, parts: Sequence[StoredPart]
    ) -> StoredObject:
        with _measured("complete_multipart"):
            return await self.inner.complete_multipart(key, multipart_id, parts)

    async def abort_multipart(
        self, key: str, multipart_id: str, *, bucket: Bucket = Bucket.ORIGINALS
    ) -> None:
        with _measured("abort_multipart"):
            await self.inner.abort_multipart(key, multipart_id, bucket=bucket)

    async def open_multiparts(
        self, key: str | None, *, bucket: Bucket = Bucket.ORIGINALS
    ) -> list[OpenMultipart]:
        with _measured("open_multiparts"):
            return await self.inner.open_multiparts(key, bucket=bucket)

    async def versions(self, bucket: Bucket, key: str) -> list[StoredObject]:
        with _measured("versions"):
            return await self.inner.versions(bucket, key)

    def versions_below(self, bucket: Bucket, prefix: str) -> AsyncIterator[StoredObject]:
        return _until_first("versions_below", self.inner.versions_below(bucket, prefix))

    async def delete_markers(
        self, bucket: Bucket, cursor: str | None = None, limit: int = 1000
    ) -> MarkerPage:
        with _measured("delete_markers"):
            return await self.inner.delete_markers(bucket, cursor, limit)

    async def stat(self, bucket: Bucket, key: str, version: str) -> StoredObject:
        with _measured("stat"):
            return await self.inner.stat(bucket, key, version)

    def read(
        self, bucket: Bucket, key: str, version: str, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        blocks = self.inner.read(bucket, key, version, offset=offset, length=length)
        return _until_first("read", blocks)

    async def extend_lock(self, bucket: Bucket, key: str, version: str, until: datetime) -> None:
        with _measured("extend_lock"):
            await self.inner.extend_lock(bucket, key, version, until)

    async def delete(self, bucket: Bucket, key: str, version: str) -> None:
        with _measured("delete"):
            await self.inner.delete(bucket, key, version)

    def local_path(self, bucket: Bucket, key: str, version: str) -> Path | None:
        return self.inner.local_path(bucket, key, version)

    def room_bytes(self) -> int | None:
        return self.inner.room_bytes()

    async def ping(self) -> None:
        with _measured("ping"):
            await self.inner.ping()

    async def self_test(self, now: datetime) -> StoreReport:
        with _measured("self_test"):
            return await self.inner.self_test(now)

    async def close(self) -> None:
        await self.inner.close()


class _MeasuredPart:
    """The same protocol as the part inside; only ``settle`` waits for the disk."""

    def __init__(self, inner: GrowingPart) -> None:
        self._inner = inner

    @property
    def offset(self) -> int:
        return self._inner.offset

    @property
    def length(self) -> int:
        return self._inner.length

    async def write(self, blocks: Sequence[bytes | memoryview]) -> None:
        with _measured("write_part"):
            await self._inner.write(blocks)

    async def adopt(self, writer: int, length: int, sha256: bytes) -> None:
        with _measured("adopt_part"):
            await self._inner.adopt(writer, length, sha256)

    async def settle(self) -> bytes:
        with _measured("settle_part"):
            return await self._inner.settle()

    async def close(self) -> None:
        await self._inner.close()


@contextlib.contextmanager
def _measured(call: str) -> Iterator[None]:
    with metrics.timed(metrics.STORE_SECONDS, call), _counted(call):
        yield


@contextlib.contextmanager
def _counted(call: str) -> Iterator[None]:
    """Count a failure under its kind; a cancelled call is none."""
    try:
        yield
    except RecorderError as error:
        metrics.STORE_ERRORS.labels(call, error.kind.value).inc()
        raise
    except Exception:
        metrics.STORE_ERRORS.labels(call, Kind.INTERNAL.value).inc()
        raise


async def _until_first(call: str, source: AsyncIterator[T]) -> AsyncIterator[T]:
    """The items as they come. Later ones depend on how fast they are taken: they are not timed."""
    began = time.perf_counter()
    waiting = True
    try:
        with _counted(call):
            async for item in source:
                if waiting:
                    metrics.STORE_SECONDS.labels(call).observe(time.perf_counter() - began)
                    waiting = False
                yield item
    finally:
        if waiting:
            metrics.STORE_SECONDS.labels(call).observe(time.perf_counter() - began)
        # Closing this generator lets go of the connection, as closing the inner one does.
        if isinstance(source, AsyncGenerator):
            await source.aclose()
