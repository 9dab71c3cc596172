"""Finding and reading versions in S3. Everything here blocks.

A version is always named; a listing only says which versions there are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from xml.etree import ElementTree

from minio.datatypes import Object
from minio.xml import findall, findtext
from urllib3.response import BaseHTTPResponse

from recorder.adapters import s3_versions
from recorder.adapters.objects import Bucket, MarkerPage, OpenMultipart, StoredObject
from recorder.adapters.s3_versions import NULL_VERSION
from recorder.adapters.s3_wire import Refused, S3Wire, again, translated
from recorder.adapters.store_limits import check_key
from recorder.errors import InvalidInput, NotFound, RecorderError, Unavailable

LOCK_UNTIL = "x-amz-object-lock-retain-until-date"


class S3Reads:
    """The reading half of ``ObjectStore`` on the buckets with these names."""

    def __init__(self, wire: S3Wire, names: Mapping[Bucket, str]) -> None:
        self._wire = wire
        self.names = dict(names)

    def versions(self, bucket: Bucket, key: str) -> list[StoredObject]:
        """All versions of exactly this key, newest first, with their locks."""
        check_key(key)
        found: list[StoredObject] = []
        for stored in self.below(bucket, key):
            # The key itself sorts before every longer one.
            if stored.key != key:
                break
            found.append(
                self.stat(bucket, key, stored.version) if bucket is Bucket.ORIGINALS else stored
            )
        return found

    def below(self, bucket: Bucket, prefix: str) -> Iterator[StoredObject]:
        """Every version whose key begins with ``prefix``, in the store's order, without locks."""
        last: s3_versions.Version | None = None
        following: dict[str, str] | None = {}
        while following is not None:
            page = s3_versions.page(self._wire, self.names[bucket], prefix=prefix, after=following)
            for each in page.versions:
                if each != last:
                    version = each.version if bucket is not Bucket.STAGING else NULL_VERSION
                    yield StoredObject(bucket, each.key, version, each.length)
                last = each
            following = page.following

    def open_multiparts(self, bucket: Bucket, key: str | None) -> list[OpenMultipart]:
        """ListMultipartUploads, of this key or of the whole bucket."""
        found: list[OpenMultipart] = []
        marker: dict[str, str] = {}
        while True:
            answer = self._wire.send(
                "GET",
                self.names[bucket],
                query={"uploads": "", **({"prefix": key} if key else {}), **marker},
            )
            try:
                # The answer comes from the operator's own store; expat bounds entity expansion.
                listed = ElementTree.fromstring(answer.data)  # noqa: S314
                found += [
                    OpenMultipart(
                        findtext(each, "Key") or "",
                        findtext(each, "UploadId") or "",
                        datetime.fromisoformat(findtext(each, "Initiated") or "").astimezone(UTC),
                    )
                    for each in findall(listed, "Upload")
                ]
            except (ElementTree.ParseError, ValueError) as error:
                raise Unavailable(
                    "store-unavailable", "The store's list of multipart uploads is malformed."
                ) from error
            following = {
                "key-marker": findtext(listed, "NextKeyMarker") or "",
                "upload-id-marker": findtext(listed, "NextUploadIdMarker") or "",
            }
            if findtext(listed, "IsTruncated") != "true" or following == marker:
                break
            marker = following
        return [each for each in found if key is None or each.key == key]

    def delete_markers(self, bucket: Bucket, cursor: str | None, limit: int) -> MarkerPage:
        """The markers of one page of the listing."""
        page = s3_versions.page(
            self._wire,
            self.names[bucket],
            after=json.loads(cursor) if cursor else None,
            limit=limit,
        )
        return MarkerPage(page.markers, json.dumps(page.following) if page.following else None)

    def stat(self, bucket: Bucket, key: str, version: str) -> StoredObject:
        """HeadObject of one version; NotFound also for a version id the store cannot read."""
        check_key(key)

        def head() -> Object:
            with translated(key):
                return self._wire.client.stat_object(
                    self.names[bucket], key, version_id=pinned(version).get("versionId")
                )

        try:
            found = again(head)
        except Refused as error:
            raise _absent_version(key, version, error) from error
        headers = found.metadata or {}
        until = headers.get(LOCK_UNTIL)
        if not until and bucket is Bucket.ORIGINALS:
            until = self._retention(key, version)
        lock = None if not until else datetime.fromisoformat(until).astimezone(UTC)
        return StoredObject(bucket, key, version, found.size or 0, lock)

    def _retention(self, key: str, version: str) -> str | None:
        """GetObjectRetention: versitygw tells no lock with a version below a newer one."""
        try:
            answer = self._wire.send(
                "GET",
                self.names[Bucket.ORIGINALS],
                key,
                query={"retention": "", **pinned(version)},
            )
        except (NotFound, Refused):
            return None
        try:
            # As above: the operator's own store.
            return findtext(ElementTree.fromstring(answer.data), "RetainUntilDate")  # noqa: S314
        except ElementTree.ParseError:
            return None

    def open(
        self, bucket: Bucket, key: str, version: str, offset: int, length: int | None
    ) -> tuple[BaseHTTPResponse | None, int]:
        """GetObject: the open answer and how many bytes it has to bring; None for no bytes.

        Raises InvalidInput ``range-outside-object``.
        """
        if length == 0 or offset < 0 or (length or 0) < 0:
            return self._open_nothing(bucket, key, version, offset, length)
        check_key(key)

        def get() -> BaseHTTPResponse:
            with translated(key):
                return self._wire.client.get_object(
                    self.names[bucket],
                    key,
                    offset=offset,
                    length=length or 0,
                    version_id=pinned(version).get("versionId"),
                )

        try:
            answer = again(get)
        except Refused as error:
            if error.status == 416:
                return self._open_nothing(bucket, key, version, offset, length)
            raise _absent_version(key, version, error) from error
        coming = int(answer.headers.get("content-length", "-1"))
        if coming < 0 or (length is not None and coming != length):
            answer.close()
            answer.release_conn()
            return self._open_nothing(bucket, key, version, offset, length)
        return answer, coming

    def _open_nothing(
        self, bucket: Bucket, key: str, version: str, offset: int, length: int | None
    ) -> tuple[None, int]:
        """Judge a range that the store cannot serve by the length of the object."""
        size = self.stat(bucket, key, version).length
        end = size if length is None else offset + length
        if not 0 <= offset <= end <= size:
            raise InvalidInput("range-outside-object", f"The object has {size} bytes.", length=size)
        if end > offset:
            raise Unavailable("store-unavailable", "The store answered with another range.")
        return None, 0


def pinned(version: str) -> dict[str, str]:
    """The query that names this version."""
    return {} if version == NULL_VERSION else {"versionId": version}


def _absent_version(key: str, version: str, refusal: Refused) -> RecorderError:
    """What a refused read means: 400 is how stores answer a version id they cannot parse."""
    if refusal.status == 400:
        return NotFound(
            "object-not-found", "The store has no such version.", key=key, version=version
        )
    return refusal
