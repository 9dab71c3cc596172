"""ListObjectVersions, a page at a time. Everything here blocks.

Not by the library: it gives up a whole listing over one time with nanoseconds, as versitygw
writes it for delete markers. With one marker in a bucket no audit could be made any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from minio.xml import findall, findtext

from recorder.adapters.objects import DeleteMarker
from recorder.adapters.s3_wire import S3Wire, again
from recorder.errors import Unavailable

#: What S3 calls the only version of an object in a bucket without versions.
NULL_VERSION = "null"


@dataclass(frozen=True, slots=True)
class Version:
    """One line of a listing."""

    key: str
    version: str
    length: int


@dataclass(frozen=True, slots=True)
class Page:
    """Some versions and delete markers in the store's order."""

    versions: tuple[Version, ...]
    markers: tuple[DeleteMarker, ...]
    #: What to ask the next page with; None behind the last.
    following: dict[str, str] | None


def page(
    wire: S3Wire, bucket: str, *, prefix: str = "", after: dict[str, str] | None = None,
    limit: int = 1000,
) -> Page:  # fmt: skip
    """The versions below the prefix behind a page's ``following``.

    A store may repeat on a page what stood on the one before (versitygw does).
    """
    asked = {"versions": "", "encoding-type": "url", "max-keys": str(limit), "prefix": prefix}
    answer = again(lambda: wire.send("GET", bucket, query={**asked, **(after or {})}))
    try:
        # The answer comes from the operator's own store; expat bounds entity expansion.
        return _read(ElementTree.fromstring(answer.data), after or {})  # noqa: S314
    except (ElementTree.ParseError, ValueError) as error:
        raise Unavailable(
            "store-unavailable", "The store's list of versions is malformed."
        ) from error


def _read(listed: ElementTree.Element, after: dict[str, str]) -> Page:
    # Some stores do not encode, and say so.
    encoded = findtext(listed, "EncodingType") == "url"

    def text(element: ElementTree.Element, name: str) -> str:
        found = findtext(element, name) or ""
        return unquote_plus(found) if encoded and name.endswith(("Key", "KeyMarker")) else found

    following = {
        "key-marker": text(listed, "NextKeyMarker"),
        "version-id-marker": text(listed, "NextVersionIdMarker"),
    }
    ended = findtext(listed, "IsTruncated") != "true" or following == after
    return Page(
        tuple(
            Version(
                text(each, "Key"),
                text(each, "VersionId") or NULL_VERSION,
                int(text(each, "Size") or 0),
            )
            for each in findall(listed, "Version")
        ),
        tuple(
            DeleteMarker(
                text(each, "Key"),
                text(each, "VersionId") or NULL_VERSION,
                datetime.fromisoformat(text(each, "LastModified")).astimezone(UTC),
            )
            for each in findall(listed, "DeleteMarker")
        ),
        None if ended else following,
    )
