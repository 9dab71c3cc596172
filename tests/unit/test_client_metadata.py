from __future__ import annotations

import base64
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recorder.client.metadata import Metadata, upload_metadata
from recorder.domain.case import Stage
from recorder.domain.provenance import Camera, ProvenanceKind
from recorder.errors import InvalidInput


def fields(path: Path, metadata: Metadata, sha256: str | None = None) -> dict[str, bytes]:
    header = upload_metadata(path, metadata, clock="2026-11-23T22:31:00+08:00", sha256=sha256)
    assert header.isascii()
    pairs = (pair.split(" ") for pair in header.split(","))
    return {key: base64.b64decode(value, validate=True) for key, value in pairs}


def test_only_what_is_known_is_said() -> None:
    assert fields(Path("/card/clip"), Metadata()) == {
        "filename": b"clip",
        "device_clock_at": b"2026-11-23T22:31:00+08:00",
    }


def test_all_that_is_known_is_said() -> None:
    said = Metadata(
        case_numbers=("1", "2"),
        stage=Stage.SERVICE,
        officer="9",
        device="D",
        dock="K",
        note="N",
        device_started_at=datetime(2026, 1, 1, tzinfo=UTC),
        device_ended_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    told = fields(Path("a.mp4"), said, "ab" * 32)
    assert told["case_number"] == b"1,2"
    assert told["stage"] == b"service"
    assert told["device_started_at"] == b"2026-01-01T00:00:00+00:00"
    assert told["sha256"] == b"ab" * 32
    assert set(told) >= {"device", "dock", "officer", "note", "device_ended_at", "filetype"}


def test_bytes_that_are_no_utf8_are_kept() -> None:
    name = os.fsdecode(b"\xd6\xb4\xb7\xa8.mp4")
    assert fields(Path(name), Metadata(note=name))["filename"] == b"\xd6\xb4\xb7\xa8.mp4"
    assert fields(Path(name), Metadata(note=name))["note"] == b"\xd6\xb4\xb7\xa8.mp4"


def test_a_compressed_file_is_not_called_by_the_type_inside() -> None:
    assert "filetype" not in fields(Path("a.mp4.gz"), Metadata())


@pytest.mark.parametrize("number", ["", "  ", "1,2"])
def test_a_case_number_is_one_number(number: str) -> None:
    with pytest.raises(InvalidInput, match="no case number"):
        Metadata(case_numbers=(number,))


def test_fingerprints_tell_statements_apart() -> None:
    statements = [
        Metadata(),
        Metadata(case_numbers=("1",)),
        Metadata(case_numbers=("1", "2")),
        Metadata(officer="1"),
        Metadata(device="1"),
    ]
    assert len({one.fingerprint() for one in statements}) == len(statements)
    assert Metadata(officer="1").fingerprint() == Metadata(officer="1").fingerprint()


def test_where_it_comes_from_is_said() -> None:
    said = Metadata(
        provenance=ProvenanceKind.PARTY,
        provider="张三",
        handed_over_at=datetime(2026, 3, 5, tzinfo=UTC),
        provider_receipt="17",
        provenance_reason="自愿",
        camera=Camera.PHONE,
    )
    told = fields(Path("a"), said)
    assert told["provenance"] == b"party"
    assert told["provider"] == "张三".encode()
    assert told["handed_over_at"] == b"2026-03-05T00:00:00+00:00"
    assert (told["provider_receipt"], told["camera"]) == (b"17", b"phone")
    assert told["provenance_reason"] == "自愿".encode()
