"""Maps of reports: what is wrong with one is said with its place, and lines are as it says."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recorder.domain import reporting
from recorder.domain.case import Scheme, Stage
from recorder.domain.case_event import ActType
from recorder.domain.ids import AgencyId, CaseId, new_uuid
from recorder.domain.recording import Integrity, Recording
from recorder.domain.reporting import (
    FIELDS,
    MapError,
    ReportedCase,
    ReportedFootage,
    ReportedOfficer,
    ReportMap,
)
from tests.support.recorded import a_recording

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = (ROOT / "deploy" / "reports" / "example.toml").read_text("utf-8")
AT = datetime(2026, 2, 28, 16, 5, 30, 999_000, tzinfo=UTC)
STAGES = '\n[codes.stage.words]\ninitiation = "1"\n'
COLUMN = '\n[[column]]\nname = "环节"\nsource = "stage"\n'


def recording() -> Recording:
    return replace(
        a_recording(AT, AgencyId(new_uuid(AT))),
        agency_code="NS-CG",
        device_number="=cmd()",
        officer="A1",
        integrity=Integrity.SEALED,
        sha256=bytes(32),
        sm3=b"\xff" * 32,
        original_name="片段,一.mp4",
        stage="decision",
        started_at=AT,
        ended_at=datetime(2026, 2, 28, 17, 6, 31, tzinfo=UTC),
        latitude=-22.5,
    )


def footage() -> ReportedFootage:
    """A recording of two cases; the second officer took part in both."""
    second = ReportedOfficer("A2", "乙", "19A2")
    one = ReportedCase(
        id=CaseId(new_uuid(AT)),
        stage=Stage.INVESTIGATION,
        numbers=((Scheme.FILING, "立〔2026〕1号"), (Scheme.SCAN, "S1")),
        act_types=(ActType.COERCION,),
        officers=(ReportedOfficer("A1", "甲", "19A1"), second),
    )
    other = ReportedCase(
        id=CaseId(new_uuid(AT)),
        stage=None,
        numbers=((Scheme.FILING, "立〔2026〕2号"),),
        officers=(second,),
    )
    return ReportedFootage(
        recording=recording(),
        agency_name="城管局",
        uscc="",
        link="https://example.test/recordings/1",
        wearer=ReportedOfficer("A1", "甲"),
        cases=(one, other),
    )


def read(text: str) -> ReportMap:
    return reporting.read_map(text.encode())


def asking(*sources: str, head: str = 'form = "ndjson"') -> ReportMap:
    """A map with a column of its own name for each field."""
    columns = "".join(f'\n[[column]]\nname = "{one}"\nsource = "{one}"\n' for one in sources)
    return read(head + columns)


def told(shape: ReportMap, what: ReportedFootage) -> list[bytes]:
    return [reporting.line(shape, cells) for cells in reporting.values(shape, what)]


def test_the_example_is_a_map_and_fits() -> None:
    shape = read(EXAMPLE)
    assert reporting.beginning(shape).startswith("\ufeff数据来源,唯一标识,".encode())
    first, second = csv.reader(b"".join(told(shape, footage())).decode().splitlines())
    assert first[4:12] == [
        "立〔2026〕1号", "", "02", "03", "甲;乙", "19A1;19A2", "'=cmd()", "2026-03-01 00:05:30",
    ]  # fmt: skip
    assert first[12:] == [
        "2026-03-01 01:06:31", "3660", "https://example.test/recordings/1", "00" * 32, "ff" * 32,
    ]  # fmt: skip
    # Where the link names no stage, what the sender said stands.
    assert second[4:10] == ["立〔2026〕2号", "", "04", "", "甲;乙", ";19A2"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("form = \n", "line 1, column 8"),
        ('form = "csv"', "no columns"),
        (f'form = "xlsx"{COLUMN}', "line 1: form is one of 'csv', 'ndjson'"),
        (COLUMN, "form is one of"),
        (f'form = "csv"\nencoding = "gbk"{COLUMN}', "line 2: encoding is one of"),
        (f'form = "csv"\nheader = "no"{COLUMN}', "line 2: header is true or false"),
        (f'form = "csv"\nstates = ["lost"]{COLUMN}', "line 2: a list of some of sealed"),
        (f'form = "csv"\nstates = [1]{COLUMN}', "line 2: a list of some of sealed"),
        (f'form = "csv"\ntime = "%c"{COLUMN}', "line 2: time is one of iso"),
        (f'form = "csv"\ntime = "ISO"{COLUMN}', "line 2: time is one of iso"),
        (f'form = "csv"\nseparator = 1{COLUMN}', "line 2: separator is a text"),
        (f'form = "csv"\ncolour = 1{COLUMN}', "line 2: 'colour' means nothing here"),
        (f'form = "csv"{COLUMN}width = "3"\n', "line 5: column 1: 'width' means nothing here"),
        (f'form = "csv"{COLUMN}{COLUMN}', "line 7: column 2: an earlier one has this name"),
        ('form = "csv"\n[[column]]\nsource = "link"', "line 2: column 1: it has no name"),
        ('form = "csv"\n[[column]]\nname = "x"', "line 2: column 1: give either source or"),
        (f'form = "csv"{COLUMN}constant = ""\n', "line 2: column 1: give either source or"),
        ('form = "csv"\ncolumn = ["x"]', "column 1: write each column below"),
        ('form = "csv"\ncolumn = [{name = "x", source = "y"}]', "column 1: there is no field 'y'"),
        (
            'form = "csv"\n[[column]]\nname = "x"\nsource = "hash"',
            "line 4: column 1: there is no field 'hash'; there are recording_id",
        ),
        (
            'form = "csv"\n[[column]]\nname = "x"\nconstant = 3',
            "line 4: column 1: constant is a text in quotes",
        ),
        (f'form = "csv"{COLUMN}time = "iso"\n', "line 5: column 1: this field is no time"),
        (f'form = "csv"{COLUMN}codes = "stage"\n', "column 1: there is no [codes.stage]"),
        (
            f'form = "csv"{STAGES}{COLUMN}codes = "stage"\n',
            "line 8: column 1: [codes.stage] says nothing for investigation, review, decision,"
            " service, enforcement of stage, and has no otherwise",
        ),
        (
            f'form = "csv"{STAGES}filing = "2"\n{COLUMN}codes = "stage"\n',
            "stage never says filing",
        ),
        (
            f'form = "csv"{STAGES}\n[[column]]\nname = "x"\nsource = "began_at"\ncodes = "stage"',
            "only fields of words and texts have codes",
        ),
        (f'form = "csv"\n[codes.a]\notherwise = 1{COLUMN}', "line 2: [codes.a]: words and"),
        (f'form = "csv"\n[codes.a]\nwords = "b"{COLUMN}', "line 2: [codes.a]: words and"),
        (f'form = "csv"\n[codes.a]\nb = "c"{COLUMN}', "line 2: [codes.a]: 'b' means nothing here"),
        (f'form = "csv"\n[codes]\na = "b"{COLUMN}', "[codes.a]: write our words"),
        (f'form = "csv"\ncodes = 1{COLUMN}', "codes: write each table below"),
        ("a = " + "[" * 5000, "nested"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_map_is_said_with_its_place(text: str, complaint: str) -> None:
    with pytest.raises(MapError, match=re.escape(complaint)):
        read(text)


def test_a_map_that_is_no_utf8_is_told_by_its_line() -> None:
    with pytest.raises(MapError, match="line 2: the map is not in UTF-8"):
        reporting.read_map('form = "csv"\nname = "粤执法"'.encode("gb18030"))


def test_lines_of_all_encodings_and_marks_read_back() -> None:
    for encoding, codec in (("utf-8", "utf-8"), ("utf-8-bom", "utf-8-sig"), ("gb18030",) * 2):
        shape = asking("agency_name", "numbers", head=f'form = "csv"\nencoding = "{encoding}"')
        content = reporting.beginning(shape) + b"".join(told(shape, footage()))
        assert content.startswith(b"\xef\xbb\xbf") is (encoding == "utf-8-bom")
        assert list(csv.reader(content.decode(codec).splitlines())) == [
            ["agency_name", "numbers"],
            ["城管局", "立〔2026〕1号;S1;立〔2026〕2号"],
        ]
    bare = asking("stage", head='form = "csv"\nheader = false')
    assert reporting.beginning(bare) == b""


def test_objects_hold_numbers_as_numbers_and_null_where_nobody_knows() -> None:
    shape = asking("duration_ms", "latitude", "longitude", "agency_uscc", "certificates", "device")
    (line,) = told(shape, footage())
    assert reporting.beginning(shape) == b""
    assert json.loads(line) == {
        "duration_ms": 3_660_001,
        "latitude": -22.5,
        "longitude": None,
        "agency_uscc": None,
        "certificates": "19A1;19A2",
        "device": "=cmd()",
    }
    probed = replace(footage(), recording=replace(recording(), media={"length_ms": 61_400}))
    assert told(asking("duration_s", "duration_hms"), probed) == [
        b'{"duration_s":61,"duration_hms":"00:01:01"}\n'
    ]


def test_times_are_as_the_map_says() -> None:
    for time, zone, wanted in (
        ("iso", "china", "2026-03-01T00:05:30+08:00"),
        ("iso", "utc", "2026-02-28T16:05:30+00:00"),
        ("%Y年%m月%d日 %H时%M分%S秒 100%%", "china", "2026年03月01日 00时05分30秒 100%"),
        ("epoch_s", "china", 1772294730),
        ("epoch_ms", "utc", 1772294730999),
    ):
        head = f'form = "ndjson"\ntime = "{time}"\nzone = "{zone}"'
        (line,) = told(asking("began_at", head=head), footage())
        assert json.loads(line) == {"began_at": wanted}


def test_a_word_without_a_code_ends_the_report_unless_there_is_another() -> None:
    text = 'form = "ndjson"\n[codes.organ]\n{}[codes.organ.words]\nSZ = "1"\n[[column]]\n'
    text += 'name = "机关"\nsource = "agency_code"\ncodes = "organ"\n'
    with pytest.raises(MapError, match=r"column 1 \(机关\): \[codes.organ\] says nothing for 'NS"):
        told(read(text.format("")), footage())
    assert json.loads(told(read(text.format('otherwise = "0"\n')), footage())[0]) == {"机关": "0"}


def test_every_field_is_read_of_the_fullest_and_of_the_barest_recording() -> None:
    shape = asking(*FIELDS)
    bare = replace(
        recording(), officer=None, started_at=None, ended_at=None, sha256=None, sm3=None, stage=None
    )
    empty = ReportedFootage(recording=bare, agency_name="", uscc="", link="", wearer=None, cases=())
    full = [name for name, value in json.loads(told(shape, footage())[0]).items() if value]
    assert {"link", "sha256", "sm3", "officers", "certificates", "case_id", "state"} <= set(full)
    assert json.loads(told(shape, empty)[0])["officers"] is None
    assert told(asking("link", head='form = "ndjson"\neach = "case"'), empty) == []


def test_the_guides_describe_every_field_and_no_other() -> None:
    for guide in ("reports.md", "reports.zh-CN.md"):
        page = (ROOT / "docs" / "guide" / guide).read_text("utf-8")
        rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", page.split("<!-- fields -->")[1], re.M)
        assert sorted(re.findall(r"\w+", " ".join(rows))) == sorted(FIELDS), guide
