import re
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.domain import device_file_name
from recorder.domain.instant import CHINA


def _at(*fields: int) -> datetime:
    year, month, day, hour, minute, second = fields
    return datetime(year, month, day, hour, minute, second, tzinfo=CHINA)


@pytest.mark.parametrize(
    ("name", "device", "officer", "key_file", "vendor"),
    [
        ("TA00716_JX0227_20170623093621.MOV", "TA00716", "JX0227", False, "gat947"),
        ("TA00716_JX0227_20170623093621IMP.MOV", "TA00716", "JX0227", True, "gat947"),
        ("ta00716_jx0227_20170623093621imp.mp4", "ta00716", "jx0227", True, "gat947"),
        ("TA00716_JX0227_20170623093621_IMP.mp4", "TA00716", "JX0227", True, "gat947"),
        ("DCIM/100ANDRO/TA00716_JX0227_20170623093621.MOV", "TA00716", "JX0227", False, "gat947"),
        (r"E:\DCIM\TA00716_JX0227_20170623093621.MOV", "TA00716", "JX0227", False, "gat947"),
        ("0000123_000001_20170623093621_0002.ts", "0000123", "000001", False, "gat947-numbered"),
        ("0000123_000001_20170623093621_2IMP.ts", "0000123", "000001", True, "gat947-numbered"),
        ("DSJ_TA00716_JX0227_20170623093621.MP4", "TA00716", "JX0227", False, "gat947-marked"),
        ("TA00716_20170623093621.MP4", "TA00716", None, False, "gat947-no-officer"),
    ],
)
def test_a_name_tells_device_officer_time_and_mark(
    name: str, device: str, officer: str | None, key_file: bool, vendor: str
) -> None:
    read = device_file_name.parse(name)
    assert read == device_file_name.DeviceFileName(
        device_number=device,
        officer_number=officer,
        started_at_local=_at(2017, 6, 23, 9, 36, 21),
        key_file=key_file,
        placeholder=False,
        vendor=vendor,
    )
    assert read.started_at_local.utcoffset() == timedelta(hours=8)


@pytest.mark.parametrize(
    ("name", "device_unset", "officer"),
    [
        ("0000000_000000_20200101000000.mp4", True, None),
        ("99999_000000_20200101000000.mp4", True, None),
        ("0000000_JX0227_20200101000000.mp4", True, "JX0227"),
        ("TA00716_000000_20200101000000.mp4", False, None),
    ],
)
def test_placeholder_numbers_are_flagged_and_name_no_officer(
    name: str, device_unset: bool, officer: str | None
) -> None:
    read = device_file_name.parse(name)
    assert read is not None
    assert read.placeholder
    assert read.device_is_placeholder is device_unset
    assert read.officer_number == officer


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "video.mp4", "20170623093621.mp4", "TA00716_JX0227_20170623093621"),
        *("TA0716_JX0227_20170623093621.mp4", "TA00716_JX027_20170623093621.mp4"),
        *("TA00716_JX0227_20170623093621XYZ.mp4", "TA00716_JX0227_2017062309362.mp4"),
        *("TA00716_JX0227_20170230093621.mp4", "TA00716_JX0227_20171301000000.mp4"),
        *("TA00716_JX0227_20170623246060.mp4", "TA00716_JX0227_00000000000000.mp4"),
        *("TA00716_JX0227_00010101000000.mp4", "TA00716_JX0227_99991231235959.mp4"),
        *("ＴＡ00716_JX0227_20170623093621.mp4", "TA00716_JX0227_２０１７0623093621.mp4"),
        *("TA00716_JX0227_20170623093621.mp4\n", "TA00716_JX0227_20170623093621.mp4/x"),
        "TA00716_JX0227_20170623093621.mp4.part.of.something",
    ],
)
def test_a_name_that_says_nothing_certain_is_not_read(name: str) -> None:
    assert device_file_name.parse(name) is None


def test_a_site_adds_its_own_pattern() -> None:
    own = device_file_name.NamePattern(
        "site", re.compile(r"(?P<stamp>[0-9]{14})-(?P<device>[0-9]+)\.mp4")
    )
    patterns = (*device_file_name.PATTERNS, own)
    assert device_file_name.parse("20200102030405-77.mp4") is None
    read = device_file_name.parse("20200102030405-77.mp4", patterns)
    assert read is not None
    assert (read.device_number, read.officer_number, read.vendor) == ("77", None, "site")


@pytest.mark.parametrize(
    ("raw", "text", "encoding"),
    [
        ("现场检查.mp4".encode(), "现场检查.mp4", "utf-8"),
        ("现场检查.mp4".encode("gbk"), "现场检查.mp4", "gbk"),
        ("㐀𠀀.mp4".encode("gb18030"), "㐀𠀀.mp4", "gb18030"),
        (b"plain.mp4", "plain.mp4", "utf-8"),
        (b"a\x00b", "a\ufffdb", "utf-8"),
        (b"\xff\xff.mp4", "\ufffd\ufffd.mp4", "unknown"),
        (b"", "", "utf-8"),
    ],
)
def test_names_in_both_encodings_are_read(raw: bytes, text: str, encoding: str) -> None:
    assert device_file_name.decode_name(raw) == (text, encoding)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("现场检查 01.mp4", "现场检查 01.mp4"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..\\..\\boot.ini", "_.._boot.ini"),
        ('a\r\nSet-Cookie: x="1".mp4', "aSet-Cookie_ x=_1_.mp4"),
        ("gpj.\u202e4pm.exe", "gpj.4pm.exe"),
        ("a\u2028b\u00a0c\x7f.mp4", "ab c.mp4"),
        ("CON", "_CON"),
        ("nul.mp4", "_nul.mp4"),
        ("console.mp4", "console.mp4"),
        (".hidden", "hidden"),
        ("name. . ", "name"),
        ("", "recording"),
        (" .. ", "recording"),
        ("\u200b\ud800", "recording"),
    ],
)
def test_a_hostile_name_becomes_a_harmless_one(name: str, safe: str) -> None:
    assert device_file_name.safe_file_name(name) == safe


def test_a_long_name_is_cut_between_characters_and_keeps_its_extension() -> None:
    safe = device_file_name.safe_file_name("案" * 300 + ".mp4")
    assert safe == "案" * 65 + ".mp4"
    assert len(device_file_name.safe_file_name("a." + "b" * 300)) == 200


@given(st.text() | st.from_regex(r"[0-9A-Z_]{5,9}_[0-9A-Z]{6}_[0-9]{14}(IMP)?\.mp4"))
def test_no_name_makes_the_reader_fail(name: str) -> None:
    read = device_file_name.parse(name)
    assert read is None or 1970 <= read.started_at_local.year <= 2099


@given(st.binary())
def test_no_bytes_make_a_name_that_cannot_be_stored(raw: bytes) -> None:
    text, _ = device_file_name.decode_name(raw)
    assert "\0" not in text
    assert text.encode("utf-8") is not None


@given(st.text(st.characters()))
def test_every_safe_name_is_safe(name: str) -> None:
    safe = device_file_name.safe_file_name(name)
    assert 0 < len(safe.encode("utf-8")) <= 200
    assert not set(safe) & set('/\\:*?"<>|\r\n\0\u202e')
    assert not safe.startswith(".")
    assert device_file_name.safe_file_name(safe) == safe
