"""What each change of an object is in the words of S3. Everything here blocks.

Versions are pinned, new keys are demanded, locks are in compliance mode. Nothing is concluded
from a lost answer: after an uncertain completion the versions of the key decide.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, NoReturn
from xml.etree import ElementTree

from minio.xml import Element, SubElement, findall, findtext, getbytes
from urllib3.response import BaseHTTPResponse

from recorder.adapters import s3_wire
from recorder.adapters.objects import Bucket, ListedPart, PartPage, StoredObject, StoredPart
from recorder.adapters.s3_reads import LOCK_UNTIL, S3Reads, pinned
from recorder.adapters.s3_versions import NULL_VERSION
from recorder.adapters.s3_wire import Refused, S3Wire, again, digest_of
from recorder.adapters.store_limits import MAX_PARTS, check_key
from recorder.errors import (
    Conflict,
    Forbidden,
    Gone,
    IntegrityError,
    InvalidInput,
    NotFound,
    RecorderError,
    Unavailable,
)

#: Local files up to this length go in one request.
_SINGLE_BYTES = 64 << 20
_PART_BYTES = 16 << 20
_BLOCK_BYTES = 1 << 20
_ID = re.compile(r"[A-Za-z0-9._~+=-]{1,1024}")
#: The store's clock decides about locks; ours may be so much ahead of it.
_CLOCKS_DIFFER = timedelta(minutes=5)
_NEW_KEY = {"If-None-Match": "*"}


class S3Calls:
    """The writing half of ``ObjectStore``, over what ``reads`` can see."""

    def __init__(self, wire: S3Wire, reads: S3Reads) -> None:
        self._wire = wire
        self._reads = reads
        self._names = reads.names

    def put(
        self,
        bucket: Bucket,
        key: str,
        blocks: Sequence[bytes | memoryview],
        digest: bytes,
        lock_until: datetime | None,
        media_type: str,
    ) -> StoredObject:
        """PutObject on a new key. Not tried again: the second try would find the first."""
        check_key(key)
        lock = None if lock_until is None else _whole_second(lock_until)
        answer = self._wire.send(
            "PUT",
            self._names[bucket],
            key,
            headers={"Content-Type": media_type, **_NEW_KEY, **_lock_headers(lock)},
            blocks=blocks,
            digest=digest,
            checksum=True,
        )
        length = sum(memoryview(block).nbytes for block in blocks)
        return StoredObject(bucket, key, _version(bucket, answer), length, lock)

    def put_file(
        self, bucket: Bucket, key: str, path: Path, sha256: bytes, media_type: str
    ) -> StoredObject:
        """Write a local file in one request, or in parts when it is over 64 MiB."""
        try:
            source = path.open("rb", buffering=0)
        except OSError as error:
            raise InvalidInput("local-file-unreadable", f"Cannot read {path.name}.") from error
        with source:
            size = path.stat().st_size
            if size > _SINGLE_BYTES:
                return self._put_in_parts(bucket, key, source, size, sha256, media_type)
            blocks = list(_blocks(source, size))
            if digest_of(blocks) != sha256:
                raise mismatch(key)
            return self.put(bucket, key, blocks, sha256, None, media_type)

    def _put_in_parts(
        self,
        bucket: Bucket,
        key: str,
        source: BinaryIO,
        size: int,
        sha256: bytes,
        media_type: str,
    ) -> StoredObject:
        whole = hashlib.sha256()
        part_bytes = max(_PART_BYTES, -(-size // MAX_PARTS // _BLOCK_BYTES + 1) * _BLOCK_BYTES)
        multipart_id = self.create(bucket, key, None, media_type)
        try:
            parts: list[StoredPart] = []
            for offset in range(0, size, part_bytes):
                blocks = list(_blocks(source, min(part_bytes, size - offset)))
                for block in blocks:
                    whole.update(block)
                parts.append(self.upload(bucket, key, multipart_id, len(parts) + 1, offset, blocks))
            if whole.digest() != sha256:
                raise mismatch(key)
            return self.complete(bucket, key, multipart_id, parts)
        except RecorderError:
            self.abort(bucket, key, multipart_id)
            raise

    def create(self, bucket: Bucket, key: str, lock_until: datetime | None, media_type: str) -> str:
        """CreateMultipartUpload with SHA-256 checksums; the lock is fixed here."""
        check_key(key)
        lock = None if lock_until is None else _whole_second(lock_until)
        answer = self._wire.send(
            "POST",
            self._names[bucket],
            key,
            query={"uploads": ""},
            headers={
                "Content-Type": media_type,
                "x-amz-checksum-algorithm": "SHA256",
                **_lock_headers(lock),
            },
        )
        return _text(answer, "UploadId")

    def upload(
        self,
        bucket: Bucket,
        key: str,
        multipart_id: str,
        number: int,
        offset: int,
        blocks: Sequence[bytes | memoryview],
    ) -> StoredPart:
        """UploadPart, tried again while the store is away: the same bytes under the same number."""
        _check_id(key, multipart_id)
        digest = digest_of(blocks)

        def send(*, once: bool) -> BaseHTTPResponse:
            return self._wire.send(
                "PUT",
                self._names[bucket],
                key,
                query={"partNumber": str(number), "uploadId": multipart_id},
                blocks=blocks,
                digest=digest,
                checksum=True,
                once=once,
            )

        answer = again(lambda: self._wire.checked_once(send, digest))
        length = sum(memoryview(block).nbytes for block in blocks)
        etag = answer.headers.get("etag", "").strip('"')
        return StoredPart(number, offset, length, digest, etag)

    def complete(
        self, bucket: Bucket, key: str, multipart_id: str, parts: Sequence[StoredPart]
    ) -> StoredObject:
        """CompleteMultipartUpload; when its answer is no clear yes, the key's versions decide."""
        check_key(key)
        _check_id(key, multipart_id)
        failure: RecorderError | None = None
        try:
            self._wire.send(
                "POST",
                self._names[bucket],
                key,
                query={"uploadId": multipart_id},
                headers={"Content-Type": "application/xml", **_NEW_KEY},
                blocks=[_complete_request(parts)],
                seconds=s3_wire.COMPLETE_SECONDS,
            )
        except (Unavailable, Gone, Conflict) as error:
            failure = error
        found = self._reads.versions(bucket, key)
        length = parts[-1].offset + parts[-1].length
        if len(found) == 1 and found[0].length == length:
            if failure is not None:
                # A server that died in the middle may hold the object and still list its parts.
                self.abort(bucket, key, multipart_id)
            return found[0]
        if found:
            raise Conflict(
                "object-exists", "The key holds other objects than this one.", key=key
            ) from failure
        if isinstance(failure, Refused) and failure.s3_code == "InvalidPart":
            self._explain_invalid_part(bucket, key, multipart_id, failure)
        if failure is not None:
            raise failure
        raise Unavailable("store-unavailable", "The store completed an object and lost it.")

    def _explain_invalid_part(
        self, bucket: Bucket, key: str, multipart_id: str, refusal: Refused
    ) -> NoReturn:
        """Some stores say so too when they do not know the upload (then this raises Gone)."""
        query = {"uploadId": multipart_id, "max-parts": "1"}
        again(lambda: self._wire.send("GET", self._names[bucket], key, query=query))
        raise IntegrityError(
            "store-bytes-missing", "The store lost a part that it had acknowledged.", key=key
        ) from refusal

    def parts(
        self, bucket: Bucket, key: str, multipart_id: str, after: int, limit: int
    ) -> PartPage:
        """ListParts behind this number."""
        check_key(key)
        _check_id(key, multipart_id)
        query = {
            "max-parts": str(limit),
            "part-number-marker": str(after),
            "uploadId": multipart_id,
        }
        answer = again(lambda: self._wire.send("GET", self._names[bucket], key, query=query))
        try:
            # The answer comes from the operator's own store; expat bounds entity expansion.
            listed = ElementTree.fromstring(answer.data)  # noqa: S314
            found = tuple(
                ListedPart(
                    int(findtext(each, "PartNumber") or ""),
                    int(findtext(each, "Size") or ""),
                    (findtext(each, "ETag") or "").strip('"'),
                )
                for each in findall(listed, "Part")
            )
        except (ElementTree.ParseError, ValueError) as error:
            raise Unavailable(
                "store-unavailable", "The store's list of parts is malformed."
            ) from error
        is_truncated = findtext(listed, "IsTruncated") == "true"
        return PartPage(found, found[-1].number if found and is_truncated else None)

    def abort(self, bucket: Bucket, key: str, multipart_id: str) -> None:
        """AbortMultipartUpload; one that the store does not know is let go already."""
        check_key(key)
        try:
            _check_id(key, multipart_id)
            again(
                lambda: self._wire.send(
                    "DELETE", self._names[bucket], key, query={"uploadId": multipart_id}
                )
            )
        except (Gone, NotFound):
            return

    def extend_lock(self, bucket: Bucket, key: str, version: str, until: datetime) -> None:
        """PutObjectRetention in compliance mode; Forbidden ``object-locked`` if it were shorter."""
        lock = _whole_second(until)
        found = self._reads.stat(bucket, key, version)
        if found.lock_until is not None and lock <= found.lock_until:
            if until + timedelta(seconds=1) <= found.lock_until:
                raise Forbidden("object-locked", "A lock can only be made longer.", key=key)
            return
        root = Element("Retention")
        SubElement(root, "Mode", "COMPLIANCE")
        SubElement(root, "RetainUntilDate", _iso(lock))
        body = getbytes(root)
        again(
            lambda: self._wire.send(
                "PUT",
                self._names[bucket],
                key,
                query={"retention": "", **pinned(version)},
                headers={"Content-Type": "application/xml"},
                blocks=[body],
                checksum=True,
            )
        )

    def delete(self, bucket: Bucket, key: str, version: str) -> None:
        """DeleteObject of one version, which leaves no marker."""
        check_key(key)
        try:
            again(
                lambda: self._wire.send("DELETE", self._names[bucket], key, query=pinned(version))
            )
        except NotFound:
            return
        except Refused as error:
            self._explain_refused_delete(bucket, key, version, error)

    def _explain_refused_delete(
        self, bucket: Bucket, key: str, version: str, refusal: Refused
    ) -> None:
        """Stores word a lock differently, and as they word a missing permission: so look."""
        try:
            found = self._reads.stat(bucket, key, version)
        except NotFound:
            return
        if found.lock_until is None or found.lock_until < datetime.now(UTC) - _CLOCKS_DIFFER:
            raise refusal
        raise Forbidden(
            "object-locked",
            f"The object is locked until {found.lock_until.isoformat()}.",
            key=key,
            version=version,
        ) from refusal

    def plain_delete(self, bucket: Bucket, key: str) -> None:
        """Delete without a version, as the canary tries it, and remove the marker it leaves."""
        answer = self._wire.send("DELETE", self._names[bucket], key)
        if answer.headers.get("x-amz-delete-marker") == "true":
            self.delete(bucket, key, answer.headers.get("x-amz-version-id", ""))


def _version(bucket: Bucket, answer: BaseHTTPResponse) -> str:
    if bucket is Bucket.STAGING:
        return NULL_VERSION
    version = answer.headers.get("x-amz-version-id")
    if not version or version == NULL_VERSION:
        raise Unavailable(
            "store-unavailable", f"The bucket of {bucket.value} keeps no versions; ask doctor."
        )
    return version


def _check_id(key: str, multipart_id: str) -> None:
    """Raises Gone for an id that no store gave: some servers take it for a file name."""
    if not _ID.fullmatch(multipart_id) or ".." in multipart_id:
        raise Gone("multipart-gone", "The store knows no such multipart upload.", key=key)


def _whole_second(moment: datetime) -> datetime:
    """The same moment or up to a second later: stores differ in how they cut fractions."""
    utc = moment.astimezone(UTC)
    return utc if not utc.microsecond else utc.replace(microsecond=0) + timedelta(seconds=1)


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _lock_headers(until: datetime | None) -> dict[str, str]:
    if until is None:
        return {}
    return {"x-amz-object-lock-mode": "COMPLIANCE", LOCK_UNTIL: _iso(until)}


def _complete_request(parts: Sequence[StoredPart]) -> bytes:
    root = Element("CompleteMultipartUpload")
    for part in parts:
        tag = SubElement(root, "Part")
        SubElement(tag, "PartNumber", str(part.number))
        SubElement(tag, "ETag", f'"{part.etag}"')
        SubElement(tag, "ChecksumSHA256", base64.b64encode(part.sha256).decode())
    return getbytes(root)


def _text(answer: BaseHTTPResponse, name: str) -> str:
    try:
        # The answer comes from the operator's own store; expat bounds entity expansion.
        found = findtext(ElementTree.fromstring(answer.data), name)  # noqa: S314
    except ElementTree.ParseError:
        found = None
    if not found:
        raise Unavailable("store-unavailable", f"The store's answer lacks {name}.")
    return found


def _blocks(source: BinaryIO, length: int) -> Iterator[bytes]:
    """The next ``length`` bytes of a file, or fewer where it ends."""
    while length and (block := source.read(min(_BLOCK_BYTES, length))):
        length -= len(block)
        yield block


def mismatch(key: str) -> IntegrityError:
    """The error for bytes that do not fit the digest given for them."""
    return IntegrityError(
        "store-checksum-mismatch", "The bytes do not fit their SHA-256 digest.", key=key
    )
