"""Tables that want to break the reader: none of them is taken, and none takes long."""

from __future__ import annotations

import csv
import io
import zipfile

import openpyxl
import pytest

from recorder.adapters import tables
from recorder.domain.spreadsheet_cell import plain, safe
from recorder.errors import RecorderError


def workbook(*, says: dict[str, int] | None = None, **parts: bytes) -> bytes:
    """A small spreadsheet in which some parts are others, or say that they unpack to so much."""
    made = io.BytesIO()
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["number", "name"])
    book.save(made)
    out = io.BytesIO()
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            name = part.rpartition("/")[2].partition(".")[0]
            new.writestr(part, parts.get(name, old.read(part)))
            new.getinfo(part).file_size = (says or {}).get(name, new.getinfo(part).file_size)
        if "sharedStrings" in (says or {}):
            new.writestr("xl/sharedStrings.xml", b"<sst/>")
            new.getinfo("xl/sharedStrings.xml").file_size = (says or {})["sharedStrings"]
    return out.getvalue()


def rows(content: bytes) -> list[list[object]]:
    return [list(row) for _, row in tables.read_table(content)]


ENTITIES = (
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b"<worksheet><sheetData><row><c><v>&b;</v></c></row></sheetData></worksheet>"
)


#: A whole sheet with one row; what looks for marks in it must not be led past them by an encoding.
LONG_ROW = (
    "<worksheet xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'><sheetData><row>"
    + "<c t='inlineStr'><is><t>a</t></is></c>" * 3
    + "</row></sheetData></worksheet>"
)
EBCDIC = b'<?xml version="1.0" encoding="cp037"?>' + LONG_ROW.encode("cp037")


#: A header with a word far beyond the columns that a table has.
WIDE = (
    b"<worksheet xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'>"
    b"<sheetData><row r='1'><c r='A1' t='inlineStr'><is><t>a</t></is></c>"
    b"<c r='IR1' t='inlineStr'><is><t>b</t></is></c></row></sheetData></worksheet>"
)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"PK\x03\x04 no zip at all", "import-unreadable"),
        (workbook()[:-200], "import-unreadable"),
        (workbook(sheet1=ENTITIES), "import-unreadable"),
        (workbook(sheet1=b"<worksheet><sheetData><row>"), "import-unreadable"),
        (workbook(says={"sheet1": 257 << 20}), "import-too-large"),
        (workbook(says={"sharedStrings": 65 << 20}), "import-too-large"),
        (b"a,b\n\xff\xff\xff\xff,1\n", "import-unreadable"),
        (b"a,b\n\0,1\n", "import-unreadable"),
        (b'a,b\n"never closed', "import-unreadable"),
        (b"a,b\n" + b"x" * 200_000 + b",1\n", "import-unreadable"),
        (b",".join([b"a"] * 300), "import-unreadable"),
        (b"a," * 1_000_000, "import-unreadable"),
        (b'"\n",' * 1_000_000, "import-unreadable"),
        ("a,b\n1,2\n".encode("utf-16")[:-1], "import-unreadable"),
        (workbook(sheet1=b"<worksheet><sheetData><row>" + b"<c/>" * 1_000_000), "import-too-large"),
        (workbook(sheet1=WIDE), "import-unreadable"),
        (workbook(sheet1=LONG_ROW.encode("utf-16")), "import-unreadable"),
        (workbook(sheet1=LONG_ROW.encode("utf-16-be")), "import-unreadable"),
        (workbook(sheet1=EBCDIC), "import-unreadable"),
        (b'{"a": [1]}\n', "import-unreadable"),
        (b'{"a": ' + b"[" * 100_000 + b"\n", "import-unreadable"),
        (b"a,b\n" + b"1,2\n" * 200_001, "import-too-large"),
    ],
)
def test_what_would_break_the_reader_is_refused_with_a_sentence(content: bytes, code: str) -> None:
    with pytest.raises(RecorderError) as caught:
        rows(content)
    assert caught.value.code == code
    assert caught.value.detail.endswith(".")


def test_a_formula_is_a_text_that_nobody_computes() -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["number", "=1+1", '=WEBSERVICE("http://203.0.113.1/")'])
    out = io.BytesIO()
    book.save(out)
    assert rows(out.getvalue()) == [["number", "=1+1", '=WEBSERVICE("http://203.0.113.1/")']]


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le", "utf-16-be"],
)
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_text_is_read_in_the_encodings_that_agencies_use(encoding: str, separator: str) -> None:
    text = f'编号{separator}姓名\r\n1{separator}"甲\r\n乙"\r\n\r\n2{separator}丙\r\n'
    assert list(tables.read_table(text.encode(encoding))) == [
        (1, ["编号", "姓名"]),
        (3, ["1", "甲\r\n乙"]),
        (5, ["2", "丙"]),
    ]


def test_objects_may_name_their_columns_late() -> None:
    content = b'{"number": "1"}\n\n{"number": "2", "name": "x", "n": null}\n'
    assert list(tables.read_table(content)) == [
        (0, ["number", "name", "n"]),
        (1, ["1", None, None]),
        (3, ["2", "x", None]),
    ]


HOSTILE = ("=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "＝1", "'=1", "x\0\x07", "", "普通")


def test_no_cell_that_is_written_is_a_formula_and_texts_stay_texts() -> None:
    lines = [("编号", "=cmd|' /C calc'!A0"), *((cell, "00012") for cell in HOSTILE)]
    sheet = openpyxl.load_workbook(io.BytesIO(tables.write_xlsx("名[单]*?" * 9, lines))).active
    assert sheet is not None
    for row in sheet.iter_rows():
        assert [cell.data_type for cell in row if cell.value is not None] != []
        assert all(cell.data_type in ("s", "inlineStr", "n") for cell in row)
        assert all(not str(cell.value or "").startswith(("=", "+", "-", "@", "＝")) for cell in row)
    assert sheet.cell(2, 2).value == "00012"
    written = tables.write_csv(lines).decode("utf-8-sig")
    for line in csv.reader(io.StringIO(written, newline="")):
        assert not line[0].startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))
    assert [plain(safe(cell)) for cell in HOSTILE] == list(HOSTILE)
