"""What a sender says is understood leniently: odd values are left out, flagged, never refused."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.domain.footage_facts import (
    LONGEST_VALUE_CHARACTERS,
    FootageFacts,
    marks_in,
    parse_metadata,
    read_facts,
)
from recorder.domain.mark import MarkKind
from recorder.errors import InvalidInput


def header(**values: bytes | str) -> str:
    pairs = []
    for key, value in values.items():
        raw = value.encode() if isinstance(value, str) else value
        pairs.append(f"{key} {base64.b64encode(raw).decode()}")
    return ",".join(pairs)


def facts(**values: bytes | str) -> FootageFacts:
    return read_facts(parse_metadata(header(**values)))


def test_metadata_is_read_as_tus_says() -> None:
    assert parse_metadata(header(filename="a.mp4", note="")) == {"filename": b"a.mp4", "note": b""}
    assert parse_metadata("is_confidential, filename YQ==") == {
        "is_confidential": b"",
        "filename": b"a",
    }
    assert parse_metadata("") == {}


@pytest.mark.parametrize("said", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1899-12-31"])
def test_a_time_that_no_camera_can_mean_is_left_out_and_flagged(said: str) -> None:
    read = facts(filename="x.mp4", device_started_at=said, device_ended_at=said)
    assert (read.started_at, read.ended_at) == (None, None)
    assert "metadata_malformed" in read.flags


@pytest.mark.parametrize("raw", ["filename !", "filename YQ", "a YQ==,a Yg==", "ключ YQ=="])
def test_what_is_no_metadata_is_refused(raw: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_metadata(raw)
    assert refused.value.code == "upload-metadata-malformed"


def test_every_word_of_a_whole_sender_is_understood() -> None:
    said = facts(
        filename="x.mp4",
        filetype="video/mp4",
        device="TA00716",
        dock="front desk",
        officer="440300",
        stage="service",
        case_number="深市监罚〔2023〕1号，深市监罚〔2023〕2号",
        device_clock_at="2026-03-05T08:15:30Z",
        device_started_at="2026-03-05T16:00:00+08:00",
        device_ended_at="2026-03-05T16:10:00+08:00",
        lat="22.5",
        lon="114.1",
        accuracy_m="5",
        key_file="true",
        sha256="AB" * 32,
        note="第一段",
    )
    assert said.flags == ()
    assert (said.device_number, said.dock_name, said.officer) == ("TA00716", "front desk", "440300")
    assert said.case_numbers == ("深市监罚〔2023〕1号", "深市监罚〔2023〕2号")
    assert said.device_clock_at == datetime(2026, 3, 5, 8, 15, 30, tzinfo=UTC)
    assert said.started_at == datetime(2026, 3, 5, 8, 0, tzinfo=UTC)
    assert said.started_at_source == "metadata"
    assert (said.latitude, said.longitude, said.accuracy_m) == (22.5, 114.1, 5)
    assert said.key_file
    assert said.declared_sha256 == "ab" * 32
    assert (said.stage, said.note) == ("service", "第一段")


def test_a_standard_file_name_fills_what_is_missing_and_contradicts_nothing_silently() -> None:
    said = facts(filename="TA00716_JX0227_20170623093621.MOV")
    assert (said.device_number, said.named_device_number) == ("TA00716", "TA00716")
    assert said.named_officer is not None
    assert said.officer is None
    assert said.started_at == datetime(2017, 6, 23, 1, 36, 21, tzinfo=UTC)
    assert (said.started_at_source, said.flags) == ("file_name", ("zone_assumed",))
    said = facts(filename="TA00716_JX0227_20170623093621.MOV", device="OTHER")
    assert (said.device_number, said.named_device_number) == ("OTHER", "TA00716")


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("0000000_000000_20200101000000.mp4", None),
        ("TA00716_000000_20200101000000.mp4", "TA00716"),
    ],
)
def test_numbers_that_stand_for_nobody_attribute_nothing_and_are_flagged(
    name: str, device: str | None
) -> None:
    said = facts(filename=name)
    assert (said.device_number, said.named_officer) == (device, None)
    assert "placeholder_number" in said.flags


@pytest.mark.parametrize(
    ("values", "flag"),
    [
        ({"device_started_at": "yesterday"}, "metadata_malformed"),
        ({"device_started_at": "2026-03-05T08:00:00"}, "zone_assumed"),
        ({"lat": "91", "lon": "1"}, "metadata_malformed"),
        ({"lat": "nan", "lon": "1"}, "metadata_malformed"),
        ({"lat": "1", "lon": "inf"}, "metadata_malformed"),
        ({"stage": "later"}, "metadata_malformed"),
        ({"sha256": "12"}, "metadata_malformed"),
        ({"note": "x" * (LONGEST_VALUE_CHARACTERS + 1)}, "metadata_malformed"),
        ({"device": b"\xff\xfe\xff\x81"}, "metadata_malformed"),
    ],
)
def test_an_odd_value_is_left_out_and_flagged(values: dict[str, bytes | str], flag: str) -> None:
    said = facts(filename="x.mp4", **values)
    assert said.flags == (flag,)
    assert said.original_name == "x.mp4"
    assert (said.latitude, said.longitude, said.stage, said.declared_sha256) == (None,) * 4


def test_half_a_place_is_no_place() -> None:
    said = facts(lat="22.5", accuracy_m="3")
    assert (said.latitude, said.longitude, said.accuracy_m) == (None, None, None)


def test_a_name_in_gbk_is_read_and_a_missing_one_is_unnamed() -> None:
    assert facts(filename="现场.mp4".encode("gbk")).original_name == "现场.mp4"
    assert facts().original_name == "unnamed"
    assert facts(name="other.mp4").original_name == "other.mp4"


KEYS = [
    *("filename", "filetype", "device", "dock", "device_clock_at", "case_number", "stage"),
    *("officer", "device_started_at", "device_ended_at", "lat", "lon", "accuracy_m", "key_file"),
    *("sha256", "note"),
]


@given(st.dictionaries(st.sampled_from(KEYS), st.binary(max_size=80) | st.text().map(str.encode)))
def test_nothing_a_sender_says_raises_and_all_of_it_survives_the_row(
    values: dict[str, bytes],
) -> None:
    said = read_facts(parse_metadata(header(**values)))
    assert FootageFacts.from_json(said.to_json()) == said


def test_fields_of_a_newer_version_are_ignored() -> None:
    said = facts(filename="x.mp4", case_number="深市监罚〔2023〕1号")
    assert FootageFacts.from_json({**said.to_json(), "weather": "rain"}) == said


def test_where_it_comes_from_is_understood_and_survives_its_row() -> None:
    said = facts(
        filename="a.mp4",
        provenance="party",
        provider="张三",
        handed_over_at="2026-03-05T10:00:00+08:00",
        provider_receipt="17",
        provenance_reason="当事人自愿提供",
        camera="phone",
    )
    assert (said.provenance, said.provider, said.camera) == ("party", "张三", "phone")
    assert said.handed_over_at == datetime(2026, 3, 5, 2, tzinfo=UTC)
    assert FootageFacts.from_json(said.to_json()) == said
    odd = facts(filename="a.mp4", provenance="unsaid", camera="spy")
    assert (odd.provenance, odd.camera, odd.flags) == (None, None, ("metadata_malformed",))


def test_marks_of_a_device_are_read_leniently() -> None:
    said = facts(filename="a.mp4", marks="announcement@1500, id_shown@30500,announcement@1500")
    assert marks_in(said) == [(MarkKind.ANNOUNCEMENT, 1500), (MarkKind.ID_SHOWN, 30500)]
    assert said.flags == ()
    assert FootageFacts.from_json(said.to_json()) == said
    for odd in ("dance@1", "announcement", "announcement@-1", "announcement@1.5", "@5"):
        read = facts(filename="a.mp4", marks=f"{odd},seizure@7")
        assert marks_in(read) == [(MarkKind.SEIZURE, 7)]
        assert read.flags == ("metadata_malformed",)
    many = facts(filename="a.mp4", marks=",".join(f"other@{n}" for n in range(60)))
    assert len(many.marks) == 50
    assert many.flags == ("metadata_malformed",)
