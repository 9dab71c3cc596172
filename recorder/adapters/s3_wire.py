"""Requests to an S3 server: signed here, sent blocking, their failures told in our own words.

Bodies are lists of blocks and go to the socket as they are. The digest of the body is computed
once and serves the signature and the checksum header, which AWS demands under object lock.
Nothing here decides what to write; only what is harmless twice is tried again.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn, Protocol, TypeVar
from urllib.parse import SplitResult, urlunsplit

import urllib3
from minio import Minio
from minio.credentials.credentials import Credentials
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from minio.helpers import BaseURL
from minio.signer import sign_v4_s3
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from recorder.adapters.s3_guard import Guard
from recorder.adapters.store_threads import is_cancelled
from recorder.errors import (
    Conflict,
    Gone,
    IntegrityError,
    InvalidInput,
    NotFound,
    StorageFull,
    Unavailable,
)

T = TypeVar("T")

#: Seconds for connecting and for sending one slice.
_SEND_SECONDS = 10.0
READ_SECONDS = 60.0
#: A server may copy all parts before it answers a completion.
COMPLETE_SECONDS = 600.0
#: urllib3 limits the time of one send; a slice this small passes on a very slow line too.
_SLICE_BYTES = 256 << 10
_PAUSES = (0.1, 0.4)
_CHECKSUM = "x-amz-checksum-sha256"
_UNSIGNED = "UNSIGNED-PAYLOAD"

_BUSY = frozenset(
    {
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "RequestTimeTooSkewed",
        "ServiceUnavailable",
        "SlowDown",
        "SlowDownRead",
        "SlowDownWrite",
        "ConditionalRequestConflict",
        "Throttling",
        "XMinioServerNotInitialized",
    }
)
_FULL = frozenset(
    {
        "InsufficientStorage",
        "QuotaExceeded",
        "XMinioAdminBucketQuotaExceeded",
        "XMinioStorageFull",
    }
)
_CORRUPT = frozenset(
    {"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"}
)
_ABSENT = frozenset({"NoSuchKey", "NoSuchVersion", "MethodNotAllowed"})


class Refused(Unavailable):
    """The store understood and said no; only the caller knows what that means for its call."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__("store-unavailable", f"The object store refuses ({code}): {message}")
        self.s3_code = code
        self.status = status


class Sending(Protocol):
    """Sends one request with a body and its checksum, harmlessly twice."""

    def __call__(self, *, once: bool) -> BaseHTTPResponse: ...


class S3Wire:
    """Connections to one server under one account."""

    def __init__(
        self,
        endpoint: str,
        access_key: str,
        secret_key: str,
        region: str,
        *,
        secure: bool,
        ca_file: Path | None,
        connections: int,
        guard: Guard | None = None,
    ) -> None:
        """``guard`` looks at each connection, where somebody else named the address."""
        self._region = region
        self._http = urllib3.PoolManager(
            maxsize=connections,
            timeout=urllib3.Timeout(connect=_SEND_SECONDS, read=READ_SECONDS),
            retries=False,
            cert_reqs="CERT_REQUIRED",
            ca_certs=None if ca_file is None else str(ca_file),
        )
        if guard is not None:
            guard.watch(self._http)
        try:
            self._base = BaseURL(("https://" if secure else "http://") + endpoint, region)
            #: The library's own calls, over the same connections; wrap them in ``translated``.
            self.client = Minio(
                endpoint,
                access_key,
                secret_key,
                secure=secure,
                region=region,
                http_client=self._http,
            )
        except ValueError as error:
            raise InvalidInput("store-address-malformed", str(error)) from error
        self._credentials = Credentials(access_key, secret_key)
        #: Whether the store may be asked to check a body once; None: not known yet.
        self._once: bool | None = None

    def send(
        self,
        method: str,
        bucket: str,
        key: str | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        blocks: Sequence[bytes | memoryview] = (),
        digest: bytes | None = None,
        checksum: bool = False,
        once: bool = False,
        seconds: float = READ_SECONDS,
    ) -> BaseHTTPResponse:
        """Send one signed request; give the answer, read whole.

        ``checksum`` adds the body's SHA-256 as a header of its own: for bodies that are stored.
        The signature covers that header; ``once``, the body is in the signature by it alone, so
        that the store computes one digest and not two: for ``checked_once`` alone.
        Raises what ``translated`` makes of a refusal, also of one inside a 200 answer.
        """
        digest = digest_of(blocks) if digest is None else digest
        named = dict(headers or {})
        named["Content-Length"] = str(sum(memoryview(block).nbytes for block in blocks))
        if checksum:
            named[_CHECKSUM] = _base64(digest)
        content = _UNSIGNED if checksum and once else digest.hex()
        url = self._address(method, bucket, key, query)
        with translated(key or ""):
            answer = self._http.urlopen(
                method,
                urlunsplit(url),
                body=_slices(blocks),
                headers=self._signed(method, url, named, content),
                timeout=urllib3.Timeout(connect=_SEND_SECONDS, read=seconds),
                retries=False,
                redirect=False,
            )
            if answer.status not in {200, 204} or b"<Error" in answer.data[:1024]:
                if b"<Error" in answer.data[:1024]:
                    raise S3Error.fromxml(answer)
                if answer.status in {408, 429} or answer.status >= 500:
                    raise ServerError(f"HTTP status {answer.status}", answer.status)
                raise InvalidResponseError(answer.status, None, None)
            return answer

    def checked_once(self, send: Sending, digest: bytes) -> BaseHTTPResponse:
        """The answer to ``send(once=…)``, whose body the store has checked, once if possible.

        Only one that has shown that it checks is given a body that its signature does not name,
        and what it then does not call checked is sent again. A policy may demand signed bodies.
        """
        if self._once:
            try:
                answer = send(once=True)
            except Refused as refused:
                if refused.status not in {400, 403}:
                    raise
            else:
                if _is_checked(answer, digest):
                    return answer
            self._once = False
        answer = send(once=False)
        if self._once is None:
            self._once = _is_checked(answer, digest)
        return answer

    def open(
        self,
        bucket: str,
        key: str | None = None,
        *,
        query: Mapping[str, str] | None = None,
        seconds: float = READ_SECONDS,
    ) -> BaseHTTPResponse:
        """Send a signed GET; the answer, whatever it says, of which nothing is read yet."""
        url = self._address("GET", bucket, key, query)
        with translated(key or ""):
            return self._http.urlopen(
                "GET",
                urlunsplit(url),
                headers=self._signed("GET", url, {}, digest_of(()).hex()),
                timeout=urllib3.Timeout(connect=_SEND_SECONDS, read=seconds),
                retries=False,
                redirect=False,
                preload_content=False,
            )

    def _address(
        self, method: str, bucket: str, key: str | None, query: Mapping[str, str] | None
    ) -> SplitResult:
        return self._base.build(
            method=method,
            region=self._region,
            bucket_name=bucket,
            object_name=key,
            query_params=dict(query or {}),
        )

    def _signed(
        self, method: str, url: SplitResult, headers: Mapping[str, str], content: str
    ) -> dict[str, str]:
        """The headers with those of the signature, which covers all of them and ``content``."""
        now = datetime.now(UTC)
        signed: dict[str, str | list[str] | tuple[str]] = {
            **headers,
            "Host": url.netloc,
            "x-amz-content-sha256": content,
            "x-amz-date": now.strftime("%Y%m%dT%H%M%SZ"),
        }
        sign_v4_s3(
            method=method,
            url=url,
            region=self._region,
            headers=signed,
            credentials=self._credentials,
            content_sha256=content,
            date=now,
        )
        return {name: str(value) for name, value in signed.items()}

    def close(self) -> None:
        """Close idle connections; those in use close when they are done."""
        self._http.clear()


def again(call: Callable[[], T], pauses: Sequence[float] = _PAUSES) -> T:
    """Call it up to three times while the store is away. Only for what is harmless twice.

    ``pauses`` are the seconds between the calls, one less than there are calls.
    """
    for pause in pauses:
        try:
            return call()
        except Refused:
            raise
        except Unavailable:
            if is_cancelled():
                raise
            time.sleep(pause)
    return call()


def digest_of(blocks: Sequence[bytes | memoryview]) -> bytes:
    """The SHA-256 over all blocks in their order."""
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.digest()


def _is_checked(answer: BaseHTTPResponse, digest: bytes) -> bool:
    """Whether the store says that it has looked at the checksum of the body."""
    return bool(answer.headers.get(_CHECKSUM) == _base64(digest))


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _slices(blocks: Sequence[bytes | memoryview]) -> Iterator[memoryview]:
    for block in blocks:
        view = memoryview(block).cast("B")
        for start in range(0, len(view), _SLICE_BYTES):
            if is_cancelled():
                raise ConnectionAbortedError("The caller gave up.")
            yield view[start : start + _SLICE_BYTES]


@contextmanager
def translated(key: str = "") -> Iterator[None]:
    """Turn failures of the library and of the network into ours.

    What only the caller can judge (access denied, wrong range, …) becomes Refused.
    """
    try:
        yield
    except S3Error as error:
        _raise(error.code or "", error.response.status, error.message or "", key, error)
    except ServerError as error:
        _raise("", error.status_code, "", key, error)
    except (MinioException, ValueError, SyntaxError) as error:
        # An answer that is no XML comes from a proxy in between or from something else.
        raise Unavailable(
            "store-unavailable", "The object store's address answers, but not as S3 does."
        ) from error
    except (HTTPError, OSError) as error:
        raise Unavailable(
            "store-unavailable", f"The object store does not answer ({type(error).__name__})."
        ) from error


def _raise(code: str, status: int, message: str, key: str, cause: Exception) -> NoReturn:
    if status == 507 or code in _FULL:
        raise StorageFull("storage-full", "The object store has no room.") from cause
    if (status >= 500 and status != 501) or status in {408, 429} or code in _BUSY:
        raise Unavailable(
            "store-unavailable", f"The object store is busy ({code or status})."
        ) from cause
    if code in _CORRUPT:
        raise IntegrityError(
            "store-checksum-mismatch",
            "The object store received other bytes than were sent.",
            key=key,
        ) from cause
    if code == "NoSuchUpload":
        raise Gone(
            "multipart-gone", "The store knows no such multipart upload.", key=key
        ) from cause
    if code in _ABSENT or (status == 404 and code != "NoSuchBucket"):
        raise NotFound("object-not-found", "The store has no such object.", key=key) from cause
    if code == "NoSuchBucket":
        raise Unavailable(
            "store-unavailable", "A bucket of the object store is missing; ask recorder doctor."
        ) from cause
    if status == 412 or code == "PreconditionFailed":
        raise Conflict(
            "object-exists", "There is an object of this key already.", key=key
        ) from cause
    raise Refused(code or str(status), status, message) from cause
