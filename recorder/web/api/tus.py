"""Headers of the tus resumable upload protocol 1.0.0: reading them, strictly; no service here.

https://tus.io/protocols/resumable-upload with the extensions creation, creation-with-upload,
checksum, expiration and termination. docs/design/http.md lists what we decided where it is open.
"""

from __future__ import annotations

import base64
import binascii
import re
from email.utils import format_datetime

from aiohttp import hdrs, web

from recorder.domain.upload import LONGEST_UPLOAD_BYTES, Upload, UploadState
from recorder.errors import InvalidInput, PreconditionFailed, TooLarge, Unsupported
from recorder.services.ingest import Checksum, UploadStatus
from recorder.web.body import refuse_encoding

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"
ALGORITHMS = "sha1,sha256"
MEDIA_TYPE = "application/offset+octet-stream"

RESUMABLE = "Tus-Resumable"
LENGTH = "Upload-Length"
OFFSET = "Upload-Offset"
METADATA = "Upload-Metadata"
CHECKSUM = "Upload-Checksum"
EXPIRES = "Upload-Expires"
RECORDING = "Recorder-Recording"
STATE = "Recorder-State"
INTEGRITY = "Recorder-Integrity"

#: What OPTIONS says about this server.
CAPABILITIES = {
    "Tus-Version": VERSION,
    "Tus-Extension": EXTENSIONS,
    "Tus-Max-Size": str(LONGEST_UPLOAD_BYTES),
    "Tus-Checksum-Algorithm": ALGORITHMS,
}

#: Nineteen digits hold every 63-bit number; anything longer is no length of ours.
_NUMBER = re.compile(r"[0-9]{1,19}", re.ASCII)


def check_version(request: web.Request) -> None:
    """Raise PreconditionFailed ``tus-version-unsupported`` unless the sender speaks 1.0.0."""
    if request.headers.get(RESUMABLE) != VERSION:
        raise PreconditionFailed(
            "tus-version-unsupported", f"Send `{RESUMABLE}: {VERSION}`.", supported=VERSION
        )


def length_of(request: web.Request) -> int:
    """Upload-Length of a creation.

    Raises InvalidInput where it is missing, deferred or no number, TooLarge beyond Tus-Max-Size.
    """
    if "Upload-Concat" in request.headers:
        raise InvalidInput(
            "upload-concat-unsupported", "Parts of uploads are not joined here; send one upload."
        )
    if "Upload-Defer-Length" in request.headers:
        raise InvalidInput(
            "upload-length-deferred", "The length must be said when the upload is created."
        )
    if LENGTH not in request.headers:
        raise InvalidInput("upload-length-missing", f"Send {LENGTH}.")
    length = _number(request, LENGTH, "upload-length-invalid")
    if length > LONGEST_UPLOAD_BYTES:
        raise TooLarge(
            "upload-too-large",
            f"An upload may have {LONGEST_UPLOAD_BYTES} bytes at most.",
            limit=LONGEST_UPLOAD_BYTES,
        )
    return length


def offset_of(request: web.Request) -> int:
    """Upload-Offset of a PATCH; InvalidInput where it is missing or no number."""
    if OFFSET not in request.headers:
        raise InvalidInput("upload-offset-missing", f"Send {OFFSET}.")
    return _number(request, OFFSET, "upload-offset-invalid")


def _number(request: web.Request, name: str, code: str) -> int:
    values = request.headers.getall(name)
    if len(values) != 1 or not _NUMBER.fullmatch(values[0]):
        raise InvalidInput(code, f"{name} must be one whole number of bytes, in digits.")
    return int(values[0])


def check_body_form(request: web.Request) -> None:
    """Raise Unsupported unless the body is bytes of the file, as they are."""
    refuse_encoding(request, "upload-content-encoding")
    if request.content_type != MEDIA_TYPE:
        raise Unsupported("upload-content-type", f"Send `Content-Type: {MEDIA_TYPE}`.")


def check_body_fits(request: web.Request, length: int) -> None:
    """Raise TooLarge ``upload-too-long`` for a body that is longer than the whole upload."""
    if (request.content_length or 0) > length:
        raise TooLarge(
            "upload-too-long", "The body is longer than its Upload-Length.", length=length
        )


def checksum_of(request: web.Request) -> Checksum | None:
    """Upload-Checksum, if there is one; else InvalidInput ``upload-checksum-invalid``."""
    header = request.headers.get(CHECKSUM)
    if header is None:
        return None
    algorithm, _, encoded = header.partition(" ")
    try:
        value = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput("upload-checksum-invalid", f"{CHECKSUM} is no base64.") from error
    match algorithm, len(value):
        case "sha1", 20:
            return Checksum("sha1", value)
        case "sha256", 32:
            return Checksum("sha256", value)
        case _:
            raise InvalidInput(
                "upload-checksum-invalid", f"{CHECKSUM} takes a whole digest by {ALGORITHMS}."
            )


def progress_headers(upload: Upload, status: UploadStatus | None = None) -> dict[str, str]:
    """Where an upload stands, as every answer about it says."""
    headers = {OFFSET: str(upload.offset), hdrs.CACHE_CONTROL: "no-store"}
    if upload.state is UploadState.OPEN:
        headers[EXPIRES] = format_datetime(upload.expires_at, usegmt=True)
    if status is not None and status.recording is not None:
        headers[RECORDING] = str(status.recording)
    if status is not None and status.state is not None and status.integrity is not None:
        headers |= {STATE: status.state, INTEGRITY: status.integrity.value}
    return headers
