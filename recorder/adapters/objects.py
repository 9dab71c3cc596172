"""The object store as the product sees it: one protocol, two implementations (``s3``, ``files``).

Rules that every implementation keeps, and that tests/integration/adapters/test_objects_contract.py
asks of each:

- A call that returned is durable (fsynced, or answered by the store).
- A key is written once. Every read names the version it wants; the newest is never assumed.
- A key is a plain path (store_limits.check_key), and never goes on below another key: some
  servers keep objects as files.
- An object in ``ORIGINALS`` is locked in compliance mode from its first moment; a lock can only
  grow. Deleting a locked version raises Forbidden ``object-locked``.
- Outside failures become ours: Unavailable ``store-unavailable`` (trying again helps), NotFound
  ``object-not-found``, Conflict ``object-exists``, IntegrityError ``store-checksum-mismatch``,
  StorageFull ``storage-full``, Gone ``multipart-gone``.
- Blocking work happens in the adapter's own threads, never on the event loop. A cancelled call
  ends when its thread has ended: until then its buffers are not the caller's.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


class Bucket(enum.Enum):
    """Three places with three promises; their real names are configuration."""

    #: Versioned, every object under a compliance lock: originals and their sidecars.
    ORIGINALS = "originals"
    #: Versioned, no lock: what can always be made again.
    RENDITIONS = "renditions"
    #: Neither: pieces of uploads that are still open.
    STAGING = "staging"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One version of one object, as the store describes it."""

    bucket: Bucket
    key: str
    version: str
    length: int
    lock_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoredPart:
    """One part that the store has acknowledged: what completion must name."""

    number: int
    #: Position of its first byte in the finished object.
    offset: int
    length: int
    sha256: bytes
    #: The store's own word for the part (S3: ETag; folder: the writer's number).
    etag: str


@dataclass(frozen=True, slots=True)
class OpenMultipart:
    """A multipart upload that was neither completed nor aborted."""

    key: str
    id: str
    #: When the store made it, by its own clock.
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class ListedPart:
    """A part of an open multipart upload, as the store lists it."""

    number: int
    length: int
    etag: str


@dataclass(frozen=True, slots=True)
class PartPage:
    """Parts of an open multipart upload, by number."""

    parts: tuple[ListedPart, ...]
    #: Behind which number the next page begins; None behind the last.
    following: int | None


@dataclass(frozen=True, slots=True)
class WriterFile:
    """A file in an open multipart upload whose parts grow at their places."""

    name: str
    #: Whose bytes it holds, each at its place in the object to be; None: of no writer.
    writer: int | None
    #: Where the last of them ends.
    length: int


@dataclass(frozen=True, slots=True)
class DeleteMarker:
    """What a delete without a version leaves: it hides the key from whoever names no version."""

    key: str
    version: str
    #: When the store took the delete, by its own clock.
    made_at: datetime


@dataclass(frozen=True, slots=True)
class MarkerPage:
    """The delete markers among some versions."""

    markers: tuple[DeleteMarker, ...]
    #: Where the next page begins; None behind the last.
    cursor: str | None


@dataclass(frozen=True, slots=True)
class StoreReport:
    """What the canary found; ``problems`` is empty when the store keeps every promise."""

    kind: str
    problems: tuple[str, ...]
    #: How it may drop by itself what open uploads were answered for; None where nobody looked.
    risks: tuple[str, ...] | None = None


class GrowingPart(Protocol):
    """A part of a multipart upload that grows at its place in the object to be.

    For bytes that come slowly: they leave memory at once and are durable when that is asked for.
    One call at a time; ``close`` in any case.
    """

    @property
    def offset(self) -> int:
        """Position of its first byte in the finished object."""
        ...

    @property
    def length(self) -> int:
        """How many bytes it has."""
        ...

    async def write(self, blocks: Sequence[bytes | memoryview]) -> None:
        """Put the blocks behind what is there; not durable yet.

        ``length`` says whether they are there, also after a failure: all of them or none.
        """
        ...

    async def adopt(self, writer: int, length: int, sha256: bytes) -> None:
        """Take on what this writer made durable at this very place: read back and checked.

        Raises IntegrityError ``staged-piece-damaged`` or ``store-bytes-missing``.
        """
        ...

    async def settle(self) -> bytes:
        """After return all of it is durable; gives its SHA-256. More may be written behind.

        After a failure nothing since the last time counts, and every further call fails.
        """
        ...

    async def close(self) -> None:
        """Let go of it; what was settled stays."""
        ...


class ObjectStore(Protocol):
    #: Smallest length of a part that is not the last one, in bytes.
    min_part_bytes: int
    #: Largest number of parts of one object, and the largest part number.
    max_parts: int
    #: Whether a part may grow at its place; parts of S3 can only be sent whole.
    parts_grow: bool
    #: Whether ``open_multiparts`` of a whole bucket names them all.
    lists_multiparts: bool

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
        """Write a small object whole. The key must be new (Conflict ``object-exists``).

        ``blocks`` are sent one after the other and belong to the caller again when the call
        returns. If ``sha256`` is given, the content must fit it, else IntegrityError; with
        ``just_made`` the caller has just made it of these very blocks: it is taken for theirs.
        """
        ...

    async def put_file(
        self,
        bucket: Bucket,
        key: str,
        path: Path,
        *,
        sha256: bytes,
        media_type: str = "application/octet-stream",
    ) -> StoredObject:
        """Write a local file as an object (renditions), of any size, checked against sha256."""
        ...

    async def create_multipart(self, key: str, *, lock_until: datetime, media_type: str) -> str:
        """Open a multipart upload into ``ORIGINALS`` and give its id."""
        ...

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
        """Store one part durably and give its digest, computed in the same thread.

        ``number`` is never used twice in one multipart upload, and in the finished object the
        numbers rise with the offsets (gaps are fine); ``writer`` is the fencing token
        of the holder: bytes of an old writer never overwrite those of a newer one.
        Raises Gone ``multipart-gone`` when the store does not know the multipart upload.
        """
        ...

    def growing_part(self, key: str, multipart_id: str, *, offset: int, writer: int) -> GrowingPart:
        """A part that begins at ``offset``, where ``parts_grow``.

        The etag of the part that it becomes is the writer's number.
        """
        ...

    async def writer_files(self, key: str, multipart_id: str) -> list[WriterFile]:
        """What lies in an open multipart upload, where ``parts_grow``; for the audit.

        Raises Gone ``multipart-gone``.
        """
        ...

    def read_writer(
        self, key: str, multipart_id: str, writer: int, *, offset: int, length: int
    ) -> AsyncIterator[bytes]:
        """Bytes of one writer in an open multipart upload, where ``parts_grow``; see ``read``.

        Raises Gone ``multipart-gone`` when it has none (any more).
        """
        ...

    async def listed_parts(
        self, key: str, multipart_id: str, after: int = 0, limit: int = 1000
    ) -> PartPage:
        """Parts of an open multipart upload behind a number, where parts are sent whole, at
        most ``limit``; for the audit.

        Raises Gone ``multipart-gone``.
        """
        ...

    async def complete_multipart(
        self, key: str, multipart_id: str, parts: Sequence[StoredPart]
    ) -> StoredObject:
        """Make one locked object of exactly these parts, in the order of their offsets.

        Safe to repeat after an uncertain answer: if the key has exactly one version of this
        length, that version is given. Raises Gone ``multipart-gone`` when there is neither,
        Conflict ``object-exists`` when the key holds something else, IntegrityError when parts
        do not join (``store-parts-…``) or acknowledged bytes are missing.
        """
        ...

    async def abort_multipart(
        self, key: str, multipart_id: str, *, bucket: Bucket = Bucket.ORIGINALS
    ) -> None:
        """Let an unfinished multipart upload and its parts go; unknown ones are no error."""
        ...

    async def open_multiparts(
        self, key: str | None, *, bucket: Bucket = Bucket.ORIGINALS
    ) -> list[OpenMultipart]:
        """The open multipart uploads of exactly this key.

        None asks for all of the bucket, for the audit only: some stores answer that with fewer.
        """
        ...

    async def versions(self, bucket: Bucket, key: str) -> list[StoredObject]:
        """All versions of exactly this key, newest first; delete markers are left out."""
        ...

    def versions_below(self, bucket: Bucket, prefix: str) -> AsyncIterator[StoredObject]:
        """Every version whose key begins with ``prefix``, in no promised order.

        For audit, rebuild and canary: never to find out what should exist. ``lock_until`` may
        be None here where asking for it would cost a request for each object.
        """
        ...

    async def delete_markers(
        self, bucket: Bucket, cursor: str | None = None, limit: int = 1000
    ) -> MarkerPage:
        """The delete markers among the next ``limit`` versions of the bucket, newest or not.

        A page at a time, so that a bucket of millions without one holds up nobody; a store may
        repeat on a page what stood on the one before. The product never leaves any: it deletes
        versions. Empty where the store knows no such thing.
        """
        ...

    async def stat(self, bucket: Bucket, key: str, version: str) -> StoredObject:
        """Length and lock of one version; NotFound when it is not there."""
        ...

    def read(
        self, bucket: Bucket, key: str, version: str, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """The bytes [offset, offset+length) in blocks of at most 1 MiB, with back-pressure.

        Raises Unavailable when the stream ends early; never ends short in silence. A range that
        is not inside the object is InvalidInput ``range-outside-object``. Holds no thread while
        the consumer is slow; closing the generator lets go of the connection.
        """
        ...

    async def extend_lock(self, bucket: Bucket, key: str, version: str, until: datetime) -> None:
        """After return the version is locked at least until then; shortening is Forbidden."""
        ...

    async def delete(self, bucket: Bucket, key: str, version: str) -> None:
        """Remove one version; locked ones raise Forbidden ``object-locked``; absent is no error."""
        ...

    def local_path(self, bucket: Bucket, key: str, version: str) -> Path | None:
        """The file behind an object where there is one (folder store), for reading only."""
        ...

    def room_bytes(self) -> int | None:
        """Bytes of footage that still fit, 0 when full; None where the store does not say."""
        ...

    async def ping(self) -> None:
        """Cheap proof that the store answers; raises Unavailable."""
        ...

    async def self_test(self, now: datetime) -> StoreReport:
        """The canary: buckets, versions, and that a locked object cannot be deleted.

        Writes under ``canary/`` with a 60 s lock and removes it when the lock has ended (this
        call removes what earlier calls left).
        """
        ...

    async def close(self) -> None:
        """Let go of connections and threads."""
        ...
