"""An object store that fails where a test says: by plan, never by chance or by time."""

from __future__ import annotations

import enum
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from recorder.adapters.objects import (
    Bucket,
    GrowingPart,
    ListedPart,
    MarkerPage,
    ObjectStore,
    OpenMultipart,
    PartPage,
    StoredObject,
    StoredPart,
    StoreReport,
    WriterFile,
)
from recorder.errors import RecorderError, Unavailable

T = TypeVar("T")


class When(enum.Enum):
    """Whether the store has done what was asked when the caller sees the error."""

    BEFORE = "before it took effect"
    AFTER = "after it took effect"


@dataclass(frozen=True, slots=True)
class Fault:
    """The ``nth`` call (from 1) of the method ``call`` raises; ``times`` calls in a row do."""

    call: str
    when: When
    nth: int = 1
    times: int = 1
    #: Made anew for each raise; Unavailable if not given.
    error: Callable[[], RecorderError] | None = None

    def strikes(self, call: str, count: int) -> bool:
        """Whether it strikes this call, the ``count``-th of its name."""
        return call == self.call and self.nth <= count < self.nth + self.times

    def make(self) -> RecorderError:
        """The error to raise."""
        if self.error is not None:
            return self.error()
        return Unavailable("store-unavailable", f"Planned fault of {self.call}, {self.when.value}.")


class FaultyObjects:
    """``ObjectStore`` around a real one. ``calls`` lists each call made, oldest first.

    A fault of ``read`` strikes before the first block or after the last one. One that does not
    grow takes parts only whole, as S3 does.
    """

    def __init__(
        self, inner: ObjectStore, faults: Sequence[Fault] = (), *, grows: bool = True
    ) -> None:
        self._inner = inner
        #: May be changed between calls; counting goes on.
        self.faults = list(faults)
        self.calls: list[str] = []
        self._counts: Counter[str] = Counter()
        #: Parts that were sent whole to a store that keeps no list of them.
        self._sent: dict[str, dict[int, ListedPart]] = defaultdict(dict)
        self.min_part_bytes = inner.min_part_bytes
        self.max_parts = inner.max_parts
        self.parts_grow = grows and inner.parts_grow
        self.lists_multiparts = inner.lists_multiparts

    def _begin(self, call: str) -> Callable[[When], None]:
        self.calls.append(call)
        self._counts[call] += 1
        count = self._counts[call]

        def strike(when: When) -> None:
            for fault in self.faults:
                if fault.when is when and fault.strikes(call, count):
                    raise fault.make()

        return strike

    async def _through(self, call: str, act: Callable[[], Awaitable[T]]) -> T:
        strike = self._begin(call)
        strike(When.BEFORE)
        result = await act()
        strike(When.AFTER)
        return result

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
        return await self._through(
            "put",
            lambda: self._inner.put(
                bucket, key, blocks, sha256=sha256, just_made=just_made, lock_until=lock_until,
                media_type=media_type,
            ),
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
        return await self._through(
            "put_file",
            lambda: self._inner.put_file(bucket, key, path, sha256=sha256, media_type=media_type),
        )

    async def create_multipart(self, key: str, *, lock_until: datetime, media_type: str) -> str:
        return await self._through(
            "create_multipart",
            lambda: self._inner.create_multipart(key, lock_until=lock_until, media_type=media_type),
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
        async def upload() -> StoredPart:
            part = await self._inner.upload_part(
                key, multipart_id, number=number, offset=offset, writer=writer, blocks=blocks
            )
            self._sent[multipart_id][number] = ListedPart(number, part.length, part.etag)
            return part

        return await self._through("upload_part", upload)

    def growing_part(self, key: str, multipart_id: str, *, offset: int, writer: int) -> GrowingPart:
        part = self._inner.growing_part(key, multipart_id, offset=offset, writer=writer)
        return _FaultyPart(self._through, part)

    async def writer_files(self, key: str, multipart_id: str) -> list[WriterFile]:
        return await self._through(
            "writer_files", lambda: self._inner.writer_files(key, multipart_id)
        )

    async def read_writer(
        self, key: str, multipart_id: str, writer: int, *, offset: int, length: int
    ) -> AsyncIterator[bytes]:
        strike = self._begin("read_writer")
        strike(When.BEFORE)
        async for block in self._inner.read_writer(
            key, multipart_id, writer, offset=offset, length=length
        ):
            yield block
        strike(When.AFTER)

    async def listed_parts(
        self, key: str, multipart_id: str, after: int = 0, limit: int = 1000
    ) -> PartPage:
        async def listed() -> PartPage:
            if not self._inner.parts_grow:
                return await self._inner.listed_parts(key, multipart_id, after, limit)
            sent = self._sent[multipart_id]
            return PartPage(tuple(sent[number] for number in sorted(sent) if number > after), None)

        return await self._through("listed_parts", listed)

    async def complete_multipart(
        self, key: str, multipart_id: str, parts: Sequence[StoredPart]
    ) -> StoredObject:
        return await self._through(
            "complete_multipart", lambda: self._inner.complete_multipart(key, multipart_id, parts)
        )

    async def abort_multipart(
        self, key: str, multipart_id: str, *, bucket: Bucket = Bucket.ORIGINALS
    ) -> None:
        await self._through(
            "abort_multipart",
            lambda: self._inner.abort_multipart(key, multipart_id, bucket=bucket),
        )

    async def open_multiparts(
        self, key: str | None, *, bucket: Bucket = Bucket.ORIGINALS
    ) -> list[OpenMultipart]:
        return await self._through(
            "open_multiparts", lambda: self._inner.open_multiparts(key, bucket=bucket)
        )

    async def versions(self, bucket: Bucket, key: str) -> list[StoredObject]:
        return await self._through("versions", lambda: self._inner.versions(bucket, key))

    async def versions_below(self, bucket: Bucket, prefix: str) -> AsyncIterator[StoredObject]:
        strike = self._begin("versions_below")
        strike(When.BEFORE)
        async for stored in self._inner.versions_below(bucket, prefix):
            yield stored
        strike(When.AFTER)

    async def delete_markers(
        self, bucket: Bucket, cursor: str | None = None, limit: int = 1000
    ) -> MarkerPage:
        return await self._through(
            "delete_markers", lambda: self._inner.delete_markers(bucket, cursor, limit)
        )

    async def stat(self, bucket: Bucket, key: str, version: str) -> StoredObject:
        return await self._through("stat", lambda: self._inner.stat(bucket, key, version))

    async def read(
        self, bucket: Bucket, key: str, version: str, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        strike = self._begin("read")
        strike(When.BEFORE)
        async for block in self._inner.read(bucket, key, version, offset=offset, length=length):
            yield block
        strike(When.AFTER)

    async def extend_lock(self, bucket: Bucket, key: str, version: str, until: datetime) -> None:
        await self._through(
            "extend_lock", lambda: self._inner.extend_lock(bucket, key, version, until)
        )

    async def delete(self, bucket: Bucket, key: str, version: str) -> None:
        await self._through("delete", lambda: self._inner.delete(bucket, key, version))

    def local_path(self, bucket: Bucket, key: str, version: str) -> Path | None:
        if any(fault.call == "read" for fault in self.faults):
            # Who can go to the file itself would not meet the fault.
            return None
        return self._inner.local_path(bucket, key, version)

    def room_bytes(self) -> int | None:
        return self._inner.room_bytes()

    async def ping(self) -> None:
        await self._through("ping", self._inner.ping)

    async def self_test(self, now: datetime) -> StoreReport:
        return await self._through("self_test", lambda: self._inner.self_test(now))

    async def close(self) -> None:
        await self._inner.close()


class Through(Protocol):
    """Makes a call where planned faults strike."""

    async def __call__(self, call: str, act: Callable[[], Awaitable[T]], /) -> T: ...


class _FaultyPart:
    """``GrowingPart`` around a real one; its calls are ``write_part``, ``settle_part`` …"""

    def __init__(self, through: Through, inner: GrowingPart) -> None:
        self._through = through
        self._inner = inner

    @property
    def offset(self) -> int:
        return self._inner.offset

    @property
    def length(self) -> int:
        return self._inner.length

    async def write(self, blocks: Sequence[bytes | memoryview]) -> None:
        await self._through("write_part", lambda: self._inner.write(blocks))

    async def adopt(self, writer: int, length: int, sha256: bytes) -> None:
        await self._through("adopt_part", lambda: self._inner.adopt(writer, length, sha256))

    async def settle(self) -> bytes:
        return await self._through("settle_part", self._inner.settle)

    async def close(self) -> None:
        await self._inner.close()
