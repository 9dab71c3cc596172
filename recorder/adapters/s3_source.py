"""Files of rows in a bucket of somebody else's: listed in pages, copied one at a time, only read.

Everything here blocks. The other side may send anything: lists and objects are read up to a
limit and for a limited time, contents are never unpacked, connections lead only where they may.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import unquote, unquote_plus, urlsplit
from xml.etree import ElementTree

from minio.helpers import check_bucket_name
from minio.xml import findall, findtext
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from recorder.adapters import row_files
from recorder.adapters.outgoing import is_forbidden
from recorder.adapters.s3_guard import Guard
from recorder.adapters.s3_wire import S3Wire
from recorder.adapters.store_threads import is_cancelled
from recorder.domain.source_address import Reach, SourceAddress, SourceProtocol
from recorder.errors import Conflict, Forbidden, InvalidInput, RecorderError, Unavailable

#: Half a million rows; as many as arrive within the lease of a pull at the slowest pace below.
MAX_OBJECT_BYTES = 256 << 20
_MAX_PAGE_BYTES = 8 << 20
_MAX_TOKEN = 4096
_SILENCE_S = 10.0
PATIENCE_S = 20.0
_SLOWEST = 1 << 20
_PIECE = 256 << 10
_PLAIN = ("identity", "aws-chunked")
_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,64})</Code>")


@dataclass(frozen=True, slots=True)
class BucketPlace:
    """Where a bucket is, which of its objects are meant, and how to get in."""

    address: SourceAddress
    bucket: str
    prefix: str
    region: str
    access_key: str
    secret_key: str

    @classmethod
    def of(cls, url: str, region: str, access_key: str, secret_key: str) -> BucketPlace:
        """``url``: ``https://host/bucket/prefix``. Raises InvalidInput ``pull-address-invalid``."""
        try:
            address = SourceAddress.parse(url)
        except InvalidInput as error:
            raise _no_place() from error
        path = unquote(urlsplit(address.url).path).removeprefix("/")
        bucket, _, prefix = path.partition("/")
        if address.protocol is not SourceProtocol.HLS or address.user or address.password:
            raise _no_place()
        try:
            check_bucket_name(bucket, strict=True)
        except ValueError as error:
            raise _no_place() from error
        if not access_key.isascii() or not secret_key.isascii() or not access_key or not secret_key:
            raise InvalidInput("pull-address-invalid", "It needs an access key and a secret key.")
        return cls(address, bucket, prefix, region, access_key, secret_key)


def _no_place() -> InvalidInput:
    return InvalidInput(
        "pull-address-invalid",
        "A bucket is https://host/bucket or https://host/bucket/prefix, without user or password.",
    )


@dataclass(frozen=True, slots=True)
class ListedObject:
    """One object as the bucket told of it."""

    key: str
    etag: str
    length: int

    @property
    def digest(self) -> bytes:
        """By this it is known again: the key with other contents is another file."""
        said = json.dumps([self.key, self.etag, self.length])
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class BucketPage:
    #: Those that are files of rows.
    objects: tuple[ListedObject, ...]
    #: What to ask for the next page with; empty behind the last.
    following: str


class BucketSource:
    """One bucket; close it."""

    def __init__(self, place: BucketPlace, reach: Reach, *, patience_s: float = PATIENCE_S) -> None:
        """``patience_s``: for a page, and for a copy besides what its length needs.

        Raises InvalidInput ``pull-address-invalid``, Forbidden ``pull-address-forbidden``."""
        self._place = place
        self._patience_s = patience_s
        if place.address.is_number and not reach.may(place.address.name):
            raise _forbidden()
        self._guard = Guard(reach)
        try:
            self._wire = S3Wire(
                place.address.host,
                place.access_key,
                place.secret_key,
                place.region,
                secure=place.address.encrypted,
                ca_file=None,
                connections=1,
                guard=self._guard,
            )
        except InvalidInput as error:
            raise InvalidInput("pull-address-invalid", error.detail) from error

    def page(self, following: str = "", most: int = 1000) -> BucketPage:
        """The objects of one page of the list.

        Raises InvalidInput ``pull-place-lost`` where the list cannot be gone on with, Unavailable
        ``pull-unreachable``, Forbidden ``pull-address-forbidden``.
        """
        query = {
            "list-type": "2",
            "encoding-type": "url",
            "max-keys": str(most),
            "prefix": self._place.prefix,
        }
        if following:
            query["continuation-token"] = following
        with self._guard.within(self._patience_s), closing(self._open(None, query)) as answer:
            if answer.status == 400 and following:
                raise InvalidInput("pull-place-lost", "The list is begun anew.")
            _refuse_failure(answer)
            content = _read(answer, _MAX_PAGE_BYTES)
        try:
            # Expat bounds entity expansion.
            page = _page(ElementTree.fromstring(content))  # noqa: S314
        except (ElementTree.ParseError, ValueError) as error:
            raise _away("its list is malformed") from error
        if page.following and page.following == following:
            raise _away("its list goes round in a circle")
        return page

    def copy(self, listed: ListedObject, into: BinaryIO) -> None:
        """Write the object there; all of it came, as it was listed.

        Raises Conflict ``pull-object-refused`` for what can only be left alone, and as ``page``.
        """
        if listed.length > MAX_OBJECT_BYTES:
            raise _left(listed, f"it has more than {MAX_OBJECT_BYTES} bytes")
        seconds = self._patience_s + listed.length / _SLOWEST
        with self._guard.within(seconds), closing(self._open(listed.key, {})) as answer:
            if answer.status in (403, 404):
                raise _left(listed, "it is refused")
            _refuse_failure(answer)
            if answer.headers.get("content-encoding", "identity") not in _PLAIN:
                raise _left(listed, "it is compressed")
            if answer.headers.get("etag", listed.etag).strip('"') != listed.etag:
                raise _left(listed, "it was replaced meanwhile")
            length = 0
            for piece in _pieces(answer):
                length += len(piece)
                if length > listed.length:
                    break
                into.write(piece)
            if length != listed.length:
                raise _left(listed, "its length is not what was listed")

    def close(self) -> None:
        self._wire.close()
        self._guard.close()

    def _open(self, key: str | None, query: dict[str, str]) -> BaseHTTPResponse:
        try:
            return self._wire.open(self._place.bucket, key, query=query, seconds=_SILENCE_S)
        except RecorderError as error:
            if is_forbidden(error):
                raise _forbidden() from error
            raise _away("it does not answer") from error


def _page(listed: ElementTree.Element) -> BucketPage:
    encoded = findtext(listed, "EncodingType") == "url"
    found = []
    for each in findall(listed, "Contents"):
        key = findtext(each, "Key") or ""
        length = int(findtext(each, "Size") or "")
        if length < 0:
            raise ValueError("a negative length")
        key = unquote_plus(key) if encoded else key
        if row_files.is_named_so(key.rpartition("/")[2]):
            found.append(ListedObject(key, (findtext(each, "ETag") or "").strip('"'), length))
    following = findtext(listed, "NextContinuationToken") or ""
    if findtext(listed, "IsTruncated") != "true":
        following = ""
    if len(following) > _MAX_TOKEN or "\0" in following:
        raise ValueError("a token that cannot be kept")
    return BucketPage(tuple(found), following)


def _refuse_failure(answer: BaseHTTPResponse) -> None:
    if answer.status != 200:
        code = _CODE.search(_read(answer, 64 << 10))
        raise _away(f"it refuses ({code[1].decode() if code else answer.status})")


def _read(answer: BaseHTTPResponse, most: int) -> bytes:
    found = bytearray()
    for piece in _pieces(answer):
        found += piece
        if len(found) > most:
            raise _away("its answer is too long")
    return bytes(found)


def _pieces(answer: BaseHTTPResponse) -> Iterator[bytes]:
    """The body as it comes. Raises Unavailable ``pull-unreachable``."""
    while True:
        try:
            piece = answer.read1(_PIECE, decode_content=False)
        except (HTTPError, OSError, ValueError) as error:
            raise _away("it breaks off, or is too slow") from error
        if not piece:
            return
        if is_cancelled():
            raise _away("nobody waits for it any more")
        yield piece


def _left(listed: ListedObject, why: str) -> Conflict:
    return Conflict("pull-object-refused", f"{listed.key[-100:]}: {why}.")


def _away(why: str) -> Unavailable:
    return Unavailable("pull-unreachable", f"The bucket of the source: {why}.")


def _forbidden() -> Forbidden:
    return Forbidden(
        "pull-address-forbidden", "The address lies in a network from which nothing is fetched."
    )
