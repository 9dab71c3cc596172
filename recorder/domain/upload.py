"""What an upload is, and the rules of its offsets, parts and life; no bytes here."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from recorder.domain.ids import AgencyId, RecordingId, UploadId
from recorder.errors import Conflict, InvalidInput

MIB = 1024 * 1024
#: S3 asks for at most 10,000 parts; some are left for numbers that a lost holder used up.
USABLE_PARTS = 9_000
SMALLEST_PART_BYTES = 16 * MIB
#: Two months at 1.5 Mbit/s. A part is in memory as a whole where it is put together from pieces:
#: the 5 TiB that S3 would hold ask for parts of 1 GiB, these for parts of 128 MiB.
LONGEST_UPLOAD_BYTES = 1024 * 1024 * MIB
#: A PATCH with a checksum is held back until its whole body fits.
LONGEST_CHECKED_BODY_BYTES = 64 * MIB


class UploadState(enum.StrEnum):
    OPEN = "open"
    #: All bytes are there (or the upload has ended early); the object is being made.
    COMPLETING = "completing"
    FINISHED = "finished"
    #: Ended without a byte.
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of an open upload that are durable, in staging or in place, and in no part yet."""

    offset: int
    length: int
    sha256: bytes
    key: str
    version: str
    #: In the folder store: they lie at their place in this writer's file, and in no object.
    writer: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A stored part of the object to be."""

    number: int
    offset: int
    length: int
    sha256: bytes
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    id: UploadId
    agency: AgencyId
    state: UploadState
    length: int
    #: Everything before this position is durable.
    offset: int
    part_bytes: int
    key: str
    multipart_id: str | None
    fence: int
    holder: str | None
    holder_seen_at: datetime | None
    lock_until: datetime
    #: The id the recording will have; the id of the first one if the content was there already.
    recording: RecordingId
    ended_early: bool
    created_at: datetime
    expires_at: datetime


def part_bytes_for(length: int) -> int:
    """One size for all parts but the last: a pure function of the length, 16 MiB at least.

    Equal content therefore has equal parts, which is how a second upload of it is recognised.
    """
    size = SMALLEST_PART_BYTES
    while size * USABLE_PARTS < length:
        size *= 2
    return size


def check_length(length: int) -> None:
    """Raise InvalidInput for a length no store can hold."""
    if not 0 <= length <= LONGEST_UPLOAD_BYTES:
        raise InvalidInput(
            "upload-length-invalid",
            f"Upload-Length must be between 0 and {LONGEST_UPLOAD_BYTES} bytes.",
            length=length,
        )


def check_offset(upload: Upload, offset: int) -> None:
    """A PATCH must begin exactly where durable bytes end (tus 1.0.0), else Conflict."""
    if offset != upload.offset:
        raise Conflict(
            "upload-offset-mismatch",
            "The upload continues at another offset; ask for it with HEAD.",
            offset=upload.offset,
            given=offset,
        )


def arrival_digest(part_bytes: int, parts: Iterable[Part]) -> bytes:
    """SHA-256 over the part size and the ordered SHA-256 digests of the parts that arrived.

    Text that is hashed: ``parts <part_bytes>\\n`` and then for each part
    ``<offset> <length> <hex>\\n``. It names the content before anybody has read it back.
    """
    running = hashlib.sha256(f"parts {part_bytes}\n".encode())
    for part in parts:
        running.update(f"{part.offset} {part.length} {part.sha256.hex()}\n".encode())
    return running.digest()


def lock_floor(now: datetime, longest_life: timedelta) -> datetime:
    """Lock given when an object is begun: it must outlive the longest upload by a week."""
    return now + longest_life + timedelta(days=7)
