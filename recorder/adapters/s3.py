"""The object store on an S3 server that enforces object lock: ``ObjectStore`` for deployments.

This is the asynchronous face: s3_calls knows what each act is in S3, s3_wire signs and sends.
No request is made on the event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from minio.helpers import check_bucket_name
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from recorder.adapters import s3_buckets, store_canary, store_limits
from recorder.adapters.objects import (
    Bucket,
    GrowingPart,
    MarkerPage,
    OpenMultipart,
    PartPage,
    StoredObject,
    StoredPart,
    StoreReport,
    WriterFile,
)
from recorder.adapters.s3_calls import S3Calls, mismatch
from recorder.adapters.s3_reads import S3Reads
from recorder.adapters.s3_wire import S3Wire, again, digest_of, translated
from recorder.adapters.store_threads import BLOCK_BYTES, StoreThreads
from recorder.errors import InvalidInput, Unavailable


class S3Objects:
    """``ObjectStore`` in the buckets of these names, each on the server at ``endpoint``
    (``host:port``).

    ``ca_file`` replaces the system's certificates. There are ``threads`` threads for writing
    and as many for reading, so that viewers do not hold up uploads.
    """

    min_part_bytes = store_limits.MIN_PART_BYTES
    max_parts = store_limits.MAX_PARTS
    parts_grow = False
    #: MinIO answers for exact keys only.
    lists_multiparts = False

    def __init__(
        self,
        endpoint: str,
        access_key: str,
        secret_key: str,
        region: str,
        secure: bool,
        buckets: Mapping[Bucket, str],
        *,
        ca_file: Path | None = None,
        threads: int = 8,
    ) -> None:
        try:
            for name in buckets.values():
                check_bucket_name(name, strict=True)
        except ValueError as error:
            raise InvalidInput("store-address-malformed", str(error)) from error
        self._wire = S3Wire(
            endpoint,
            access_key,
            secret_key,
            region,
            secure=secure,
            ca_file=ca_file,
            connections=4 * threads,
        )
        self._objects = S3Reads(self._wire, buckets)
        self._calls = S3Calls(self._wire, self._objects)
        self._writes = StoreThreads("s3-write", threads)
        self._reads = StoreThreads("s3-read", threads)

    async def ensure_buckets(self) -> None:
        """Make the buckets that are missing, with versions and lock; leave the others alone."""
        await self._writes.run(s3_buckets.ensure, self._wire, self._objects.names)

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
        """See ObjectStore. The lock ends at a whole second, not before ``lock_until``."""

        def put() -> StoredObject:
            digest = sha256 if sha256 is not None and just_made else digest_of(blocks)
            if sha256 not in (None, digest):
                raise mismatch(key)
            return self._calls.put(bucket, key, blocks, digest, lock_until, media_type)

        return await self._writes.run(put)

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
        return await self._writes.run(self._calls.put_file, bucket, key, path, sha256, media_type)

    async def versions(self, bucket: Bucket, key: str) -> list[StoredObject]:
        """See ObjectStore."""
        return await self._reads.run(lambda: again(lambda: self._objects.versions(bucket, key)))

    async def versions_below(self, bucket: Bucket, prefix: str) -> AsyncIterator[StoredObject]:
        """See ObjectStore. Without locks: asking for one is a request."""
        walk = self._objects.below(bucket, prefix)
        while (found := await self._reads.run(next, walk, None)) is not None:
            yield found

    async def delete_markers(
        self, bucket: Bucket, cursor: str | None = None, limit: int = 1000
    ) -> MarkerPage:
        """See ObjectStore."""
        return await self._reads.run(
            lambda: again(lambda: self._objects.delete_markers(bucket, cursor, limit))
        )

    async def stat(self, bucket: Bucket, key: str, version: str) -> StoredObject:
        """See ObjectStore."""
        return await self._reads.run(self._objects.stat, bucket, key, version)

    async def read(
        self, bucket: Bucket, key: str, version: str, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """See ObjectStore. Raises InvalidInput ``range-outside-object`` before the first byte."""
        answer: BaseHTTPResponse | None = None
        missing = -1

        def read() -> bytes:
            nonlocal answer, missing
            if missing < 0:
                answer, missing = self._objects.open(bucket, key, version, offset, length)
            if answer is None or not missing:
                return b""
            try:
                block = answer.read(min(BLOCK_BYTES, missing))
            except (HTTPError, OSError) as error:
                raise Unavailable("store-unavailable", "The store broke off a read.") from error
            if not block:
                raise Unavailable("store-unavailable", "The store ended a read early.")
            missing -= len(block)
            return block

        def close() -> None:
            if answer is None:
                return
            if missing:
                # The rest of the body is still on its way: this connection is of no more use.
                answer.close()
            answer.release_conn()

        stream = self._reads.blocks(read, close)
        try:
            async for block in stream:
                yield block
        finally:
            await stream.aclose()

    async def extend_lock(self, bucket: Bucket, key: str, version: str, until: datetime) -> None:
        """See ObjectStore."""
        await self._writes.run(self._calls.extend_lock, bucket, key, version, until)

    async def delete(self, bucket: Bucket, key: str, version: str) -> None:
        """See ObjectStore."""
        await self._writes.run(self._calls.delete, bucket, key, version)

    def local_path(self, bucket: Bucket, key: str, version: str) -> Path | None:
        """See ObjectStore: there is no file here."""
        return None

    def room_bytes(self) -> int | None:
        """See ObjectStore: S3 does not say; a full store refuses with StorageFull."""
        return None

    # -- multipart uploads -------------------------------------------------------------------

    async def create_multipart(self, key: str, *, lock_until: datetime, media_type: str) -> str:
        """See ObjectStore."""
        return await self._writes.run(
            self._calls.create, Bucket.ORIGINALS, key, lock_until, media_type
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
        """See ObjectStore. S3 knows no writers: numbers that nobody uses twice do for it."""
        store_limits.check_number(number)
        return await self._writes.run(
            self._calls.upload, Bucket.ORIGINALS, key, multipart_id, number, offset, blocks
        )

    def growing_part(self, key: str, multipart_id: str, *, offset: int, writer: int) -> GrowingPart:
        """See ObjectStore: not here."""
        raise RuntimeError("parts of S3 are sent whole")

    async def writer_files(self, key: str, multipart_id: str) -> list[WriterFile]:
        """See ObjectStore: not here."""
        raise RuntimeError("parts of S3 are sent whole")

    def read_writer(
        self, key: str, multipart_id: str, writer: int, *, offset: int, length: int
    ) -> AsyncIterator[bytes]:
        """See ObjectStore: not here."""
        raise RuntimeError("parts of S3 are sent whole")

    async def listed_parts(
        self, key: str, multipart_id: str, after: int = 0, limit: int = 1000
    ) -> PartPage:
        """See ObjectStore."""
        return await self._reads.run(
            lambda: self._calls.parts(Bucket.ORIGINALS, key, multipart_id, after, limit)
        )

    async def complete_multipart(
        self, key: str, multipart_id: str, parts: Sequence[StoredPart]
    ) -> StoredObject:
        """See ObjectStore. May take minutes: some servers copy the parts first."""
        ordered = store_limits.in_order(parts)
        return await self._writes.run(
            self._calls.complete, Bucket.ORIGINALS, key, multipart_id, ordered
        )

    async def abort_multipart(
        self, key: str, multipart_id: str, *, bucket: Bucket = Bucket.ORIGINALS
    ) -> None:
        """See ObjectStore."""
        await self._writes.run(self._calls.abort, bucket, key, multipart_id)

    async def open_multiparts(
        self, key: str | None, *, bucket: Bucket = Bucket.ORIGINALS
    ) -> list[OpenMultipart]:
        """See ObjectStore. MinIO answers for exact keys only, with nothing for a whole bucket."""
        return await self._reads.run(
            lambda: again(lambda: self._objects.open_multiparts(bucket, key))
        )

    # -- the store itself --------------------------------------------------------------------

    async def ping(self) -> None:
        """See ObjectStore: the bucket of originals answers to our account."""
        name = self._objects.names[Bucket.ORIGINALS]

        def ping() -> None:
            with translated():
                if not self._wire.client.bucket_exists(name):
                    raise Unavailable("store-unavailable", f"The bucket {name} does not exist.")

        await self._reads.run(ping)

    async def self_test(self, now: datetime) -> StoreReport:
        """See ObjectStore."""
        wire, names = self._wire, self._objects.names
        problems = await self._reads.run(s3_buckets.problems, wire, names)
        if problems:
            return StoreReport("s3", tuple(problems))
        problems = await store_canary.check(self, now, self._plain_delete)
        risks = await self._reads.run(s3_buckets.risks, wire, names)
        return StoreReport("s3", tuple(problems), tuple(risks))

    async def _plain_delete(self, key: str) -> None:
        await self._writes.run(self._calls.plain_delete, Bucket.ORIGINALS, key)

    async def close(self) -> None:
        """See ObjectStore. Waits for calls under way; later ones raise Unavailable."""
        await self._reads.close()
        await self._writes.close()
        self._wire.close()
