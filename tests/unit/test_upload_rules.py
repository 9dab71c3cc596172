"""Offsets, part sizes and the digest of what arrived."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.domain.ids import AgencyId, RecordingId, UploadId
from recorder.domain.upload import (
    LONGEST_UPLOAD_BYTES,
    MIB,
    SMALLEST_PART_BYTES,
    USABLE_PARTS,
    Part,
    Upload,
    UploadState,
    arrival_digest,
    check_length,
    check_offset,
    lock_floor,
    part_bytes_for,
)
from recorder.errors import Conflict, InvalidInput

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def upload(offset: int) -> Upload:
    return Upload(
        id=UploadId(uuid.UUID(int=1)),
        agency=AgencyId(uuid.UUID(int=2)),
        state=UploadState.OPEN,
        length=100,
        offset=offset,
        part_bytes=SMALLEST_PART_BYTES,
        key="k",
        multipart_id=None,
        fence=0,
        holder=None,
        holder_seen_at=None,
        lock_until=NOW,
        recording=RecordingId(uuid.UUID(int=3)),
        ended_early=False,
        created_at=NOW,
        expires_at=NOW,
    )


@given(st.integers(0, LONGEST_UPLOAD_BYTES))
def test_every_length_fits_into_the_parts_a_store_takes(length: int) -> None:
    size = part_bytes_for(length)
    assert size >= SMALLEST_PART_BYTES
    assert -(-length // size) <= USABLE_PARTS < 10_000
    # One may be in memory as a whole, beside the buffers.
    assert size <= 128 * MIB
    assert size == part_bytes_for(length)


@given(st.integers(0, 100), st.integers(-5, 105))
def test_only_the_present_offset_goes_on(present: int, offset: int) -> None:
    if offset == present:
        check_offset(upload(present), offset)
        return
    with pytest.raises(Conflict) as refused:
        check_offset(upload(present), offset)
    assert refused.value.code == "upload-offset-mismatch"
    assert refused.value.facts == {"offset": present, "given": offset}


def test_only_lengths_that_a_store_can_hold_are_taken() -> None:
    refused = []
    for length in (-1, 0, 1, LONGEST_UPLOAD_BYTES, LONGEST_UPLOAD_BYTES + 1):
        try:
            check_length(length)
        except InvalidInput as error:
            refused.append((length, error.code))
    assert refused == [
        (-1, "upload-length-invalid"),
        (LONGEST_UPLOAD_BYTES + 1, "upload-length-invalid"),
    ]


def part(number: int, offset: int, content: bytes) -> Part:
    return Part(number, offset, len(content), hashlib.sha256(content).digest(), "etag")


def test_the_arrival_digest_has_its_published_text() -> None:
    parts = [part(1, 0, b"abc"), part(9, 3, b"d")]
    digests = [hashlib.sha256(content).hexdigest() for content in (b"abc", b"d")]
    text = f"parts 16\n0 3 {digests[0]}\n3 1 {digests[1]}\n"
    assert arrival_digest(16, parts) == hashlib.sha256(text.encode()).digest()


def test_the_arrival_digest_names_content_and_not_how_it_came() -> None:
    assert arrival_digest(16, [part(1, 0, b"abc")]) == arrival_digest(16, [part(7, 0, b"abc")])
    assert arrival_digest(16, [part(1, 0, b"abc")]) != arrival_digest(16, [part(1, 0, b"abd")])
    assert arrival_digest(16, []) != arrival_digest(32, [])


def test_a_new_lock_outlives_the_longest_upload_by_a_week() -> None:
    assert lock_floor(NOW, timedelta(days=30)) == NOW + timedelta(days=37)
