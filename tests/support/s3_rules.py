"""What AWS refuses and test servers let pass: the rules of the strict S3 proxy, without network.

The codes and conditions are those of the S3 API reference (PutObject, UploadPart,
CompleteMultipartUpload, PutObjectRetention) and of the Object Lock chapter of its user guide.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from xml.etree import ElementTree

SMALLEST_PART = 5 * 2**20
LARGEST_PART_NUMBER = 10_000
_LOCK = "x-amz-object-lock-"
_CHECKSUM = "x-amz-checksum-"
_ALGORITHMS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}


class Refused(Exception):
    """An S3 error answer: status, code and message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Request:
    """One request as it arrived, read whole. Header names are looked up in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def bucket(self) -> str:
        return self.path.lstrip("/").partition("/")[0]

    @property
    def key(self) -> str:
        return self.path.lstrip("/").partition("/")[2]

    @property
    def is_part(self) -> bool:
        return self.method == "PUT" and "partNumber" in self.query

    @property
    def is_object(self) -> bool:
        subresources = {"partNumber", "retention", "legal-hold", "tagging", "acl"}
        return self.method == "PUT" and bool(self.key) and not subresources & set(self.query)

    @property
    def opens_multipart(self) -> bool:
        return self.method == "POST" and "uploads" in self.query

    @property
    def completes_multipart(self) -> bool:
        return self.method == "POST" and "uploadId" in self.query

    @property
    def ends_multipart(self) -> bool:
        return self.method in ("POST", "DELETE") and "uploadId" in self.query

    @property
    def has_lock(self) -> bool:
        return any(name.lower().startswith(_LOCK) for name in self.headers)

    def checksums(self) -> dict[str, str]:
        """Algorithm → base64 value, from *headers*; AWS ignores those in a presigned query."""
        return {
            name.lower().removeprefix(_CHECKSUM): value
            for name, value in self.headers.items()
            if name.lower().startswith(_CHECKSUM)
            and name.lower() not in (f"{_CHECKSUM}algorithm", f"{_CHECKSUM}type")
        }


@dataclass
class _Multipart:
    locked: bool
    #: ``SHA256`` or empty.
    algorithm: str
    sizes: dict[int, int] = field(default_factory=dict)


class Rules:
    """Judges requests by themselves and by what went before them on the same proxy."""

    def __init__(self) -> None:
        self._lock_buckets: set[str] = set()
        self._multiparts: dict[str, _Multipart] = {}
        self._ended: set[str] = set()
        self._written: set[tuple[str, str]] = set()

    def judge(self, request: Request) -> None:
        """Raise Refused where AWS would; anything else may go on to the real server."""
        _signature_covers_what_counts(request)
        if request.is_object or request.opens_multipart:
            _lock_headers_make_sense(request)
            self._bucket_has_lock(request)
        if request.is_object:
            self._key_is_new(request)
        if request.is_object or request.is_part:
            self._body_is_vouched_for(request)
            _body_fits(request)
        if request.method == "PUT" and {"retention", "legal-hold"} & set(request.query):
            _needs_digest(request, "Missing required header for this request: Content-MD5")
        if request.is_part:
            self._part_fits_its_upload(request)
        if request.completes_multipart:
            self._completion_is_sound(request)

    def wants_to_see(self, request: Request) -> bool:
        """Whether ``note`` needs the body of the answer."""
        return request.opens_multipart or request.completes_multipart

    def note(self, request: Request, status: int, answer: bytes) -> None:
        """Remember what the real server agreed to."""
        if status >= 300:
            return
        headers = {name.lower(): value for name, value in request.headers.items()}
        if request.method == "PUT" and not request.key:
            if headers.get("x-amz-bucket-object-lock-enabled", "").lower() == "true":
                self._lock_buckets.add(request.bucket)
        elif request.is_object:
            self._written.add((request.bucket, request.key))
        elif request.method == "DELETE" and "uploadId" not in request.query:
            self._written.discard((request.bucket, request.key))
        elif request.opens_multipart:
            upload = next(
                e.text or "" for e in ElementTree.fromstring(answer).iter() if _tag(e) == "UploadId"
            )
            algorithm = headers.get("x-amz-checksum-algorithm", "")
            self._multiparts[upload] = _Multipart(self._is_locked(request), algorithm)
        elif request.ends_multipart and b"<Error>" not in answer:
            self._ended.add(request.query["uploadId"])
        elif request.is_part and (known := self._multiparts.get(request.query["uploadId"])):
            known.sizes[int(request.query["partNumber"])] = len(request.body)

    def _key_is_new(self, request: Request) -> None:
        # versitygw says the same, but resets the connection under its answer to a large body.
        headers = {name.lower(): value for name, value in request.headers.items()}
        if "if-none-match" in headers and (request.bucket, request.key) in self._written:
            raise Refused(412, "PreconditionFailed", "The key is taken.")

    def _is_locked(self, request: Request) -> bool:
        return request.has_lock or request.bucket in self._lock_buckets

    def _bucket_has_lock(self, request: Request) -> None:
        if request.has_lock and request.bucket not in self._lock_buckets:
            raise Refused(400, "InvalidRequest", "Bucket is missing Object Lock Configuration")

    def _body_is_vouched_for(self, request: Request) -> None:
        upload = self._multiparts.get(request.query.get("uploadId", ""))
        if self._is_locked(request) or (upload is not None and upload.locked):
            _needs_digest(
                request,
                "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests "
                "with Object Lock parameters",
            )

    def _part_fits_its_upload(self, request: Request) -> None:
        number = request.query["partNumber"]
        if not number.isdecimal() or not 1 <= int(number) <= LARGEST_PART_NUMBER:
            raise Refused(
                400, "InvalidArgument", "Part number must be an integer between 1 and 10000"
            )
        if request.query["uploadId"] in self._ended:
            raise Refused(404, "NoSuchUpload", "The specified multipart upload does not exist")
        upload = self._multiparts.get(request.query["uploadId"])
        if upload is None or not upload.algorithm:
            return
        if upload.algorithm.lower() not in request.checksums():
            raise Refused(
                400, "InvalidRequest", f"Checksum Type mismatch, expected {upload.algorithm}"
            )

    def _completion_is_sound(self, request: Request) -> None:
        parts = [e for e in ElementTree.fromstring(request.body).iter() if _tag(e) == "Part"]
        if not parts:
            raise Refused(400, "MalformedXML", "The list of parts is empty")
        listed = [{_tag(child): child.text or "" for child in part} for part in parts]
        numbers = [int(part["PartNumber"]) for part in listed]
        if any(a >= b for a, b in itertools.pairwise(numbers)):
            raise Refused(400, "InvalidPartOrder", "The list of parts was not in ascending order")
        upload = self._multiparts.get(request.query["uploadId"])
        if upload is None:
            return
        if any(upload.sizes.get(number, SMALLEST_PART) < SMALLEST_PART for number in numbers[:-1]):
            raise Refused(
                400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed"
            )
        wanted = f"Checksum{upload.algorithm.upper()}"
        if upload.algorithm and not all(wanted in part for part in listed):
            raise Refused(
                400, "InvalidRequest", "The complete request must include the checksum of each part"
            )


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _signature_covers_what_counts(request: Request) -> None:
    """Every x-amz- header must be among the signed ones, in a header or presigned signature."""
    authorization = request.headers.get("Authorization", "")
    signed = request.query.get("X-Amz-SignedHeaders", "")
    if "SignedHeaders=" in authorization:
        signed = authorization.partition("SignedHeaders=")[2].partition(",")[0]
    if not signed:
        return
    covered = set(signed.lower().split(";"))
    loose = [n for n in request.headers if n.lower().startswith("x-amz-")]
    missing = [name for name in loose if name.lower() not in covered]
    if missing:
        raise Refused(
            403, "AccessDenied", f"There were headers present which were not signed: {missing}"
        )


def _lock_headers_make_sense(request: Request) -> None:
    headers = {name.lower(): value for name, value in request.headers.items()}
    mode = headers.get(f"{_LOCK}mode")
    until = headers.get(f"{_LOCK}retain-until-date")
    if (mode is None) != (until is None):
        raise Refused(
            400,
            "InvalidArgument",
            f"{_LOCK}retain-until-date and {_LOCK}mode must both be supplied",
        )
    if until is None:
        return
    if mode not in ("GOVERNANCE", "COMPLIANCE"):
        raise Refused(400, "InvalidArgument", "Unknown wormMode directive")
    try:
        moment = datetime.fromisoformat(until.strip())
    except ValueError:
        raise Refused(400, "InvalidArgument", "The retain until date must be ISO 8601") from None
    if moment.tzinfo is None or moment <= datetime.now(UTC):
        raise Refused(400, "InvalidArgument", "The retain until date must be in the future!")


def _needs_digest(request: Request, message: str) -> None:
    if "content-md5" not in {n.lower() for n in request.headers} and not request.checksums():
        raise Refused(400, "InvalidRequest", message)


def _body_fits(request: Request) -> None:
    """Each digest that the request names is the digest of its body."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    if "content-length" not in headers:
        raise Refused(411, "MissingContentLength", "You must provide Content-Length")
    content = headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    if content.startswith("STREAMING-"):
        return
    if content not in ("UNSIGNED-PAYLOAD", hashlib.sha256(request.body).hexdigest()):
        raise Refused(
            400, "XAmzContentSHA256Mismatch", "The provided x-amz-content-sha256 does not match"
        )
    md5 = headers.get("content-md5")
    if md5 is not None and md5 != _base64(hashlib.md5(request.body, usedforsecurity=False)):
        raise Refused(400, "BadDigest", "The Content-MD5 you specified did not match")
    for algorithm, value in request.checksums().items():
        known = _ALGORITHMS.get(algorithm)
        if known is not None and value != _base64(known(request.body)):
            raise Refused(400, "BadDigest", f"The {algorithm} you specified did not match")


def _base64(digest: hashlib._Hash) -> str:
    return base64.b64encode(digest.digest()).decode()
