from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from recorder.domain import registry_cells as cells
from recorder.domain.registry_cells import CellError, Raw
from recorder.domain.registry_columns import (
    COLUMNS,
    RegistryKind,
    RegistryRow,
    match_header,
    read_row,
)


@pytest.mark.parametrize(
    "written",
    [
        "2026-01-05",
        "2026/1/5",
        "2026.1.5",
        "2026年1月5日",
        "20260105",
        "2026-1-5 00:00:00",
        "2026 年 1 月 5 日",
        "２０２６年１月５日",
    ],
)
def test_a_day_is_read_as_people_write_it(written: str) -> None:
    assert cells.day(written) == date(2026, 1, 5)


@pytest.mark.parametrize("written", [None, "", " ", "长期", "-", "至今"])
def test_an_open_end_is_no_day(written: str | None) -> None:
    assert cells.day(written) is None


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026/1/5 8:30", datetime(2026, 1, 5, 0, 30, tzinfo=UTC)),
        ("2026-01-05T08:30:15+08:00", datetime(2026, 1, 5, 0, 30, 15, tzinfo=UTC)),
        ("2026年1月5日 8:30", datetime(2026, 1, 5, 0, 30, tzinfo=UTC)),
        ("2026年1月5日8时30分", datetime(2026, 1, 5, 0, 30, tzinfo=UTC)),
        ("2026-01-05T00:30:00Z", datetime(2026, 1, 5, 0, 30, tzinfo=UTC)),
        (datetime(2026, 1, 5, 8, 30), datetime(2026, 1, 5, 0, 30, tzinfo=UTC)),  # noqa: DTZ001 - as spreadsheets give it
    ],
)
def test_a_moment_without_a_zone_is_of_china(written: Raw, at: datetime) -> None:
    assert cells.moment(written) == at


@pytest.mark.parametrize(
    ("read", "raw", "code"),
    [
        (cells.day, "5.1.2026", "cell-day"),
        (cells.day, "2026-02-30", "cell-day"),
        (cells.moment, "2026-01-05", "cell-moment"),
        (cells.moment, "2026-01-05 25:00", "cell-moment"),
        (cells.moment, "2026-01-058:30", "cell-moment"),
        (cells.text, "=cmd|' /C calc'!A0", "cell-formula"),
        (cells.text, "#N/A", "cell-formula"),
        (cells.text, 440305190001011234.0, "cell-number"),
        (cells.text, 1.5, "cell-number"),
        (cells.text, "a\0b", "cell-characters"),
        (cells.text, "长" * 501, "cell-too-long"),
        (cells.octets, "zz", "cell-bytes"),
    ],
)
def test_what_cannot_be_read_is_named_and_not_guessed(read: object, raw: Raw, code: str) -> None:
    assert callable(read)
    with pytest.raises(CellError) as caught:
        read(raw)
    assert caught.value.code == code


def test_codes_that_a_spreadsheet_made_numbers_are_text_again() -> None:
    assert [cells.text(raw) for raw in (19030112345, 7.0, " 007 ", None)] == [
        "19030112345", "7", "007", "",
    ]  # fmt: skip


def test_codes_stand_between_whatever_separates_them() -> None:
    assert cells.several("A1、B2；A1 C3") == ("A1", "B2", "C3")


@pytest.mark.parametrize("kind", RegistryKind)
def test_headers_are_known_in_both_languages_and_no_word_means_two_columns(
    kind: RegistryKind,
) -> None:
    columns = COLUMNS[kind]
    words = [word.casefold() for column in columns for word in (column.name, *column.aliases)]
    assert len(words) == len(set(words))
    chinese = match_header(kind, [column.aliases[0] for column in columns])
    english = match_header(kind, [column.name for column in columns])
    assert [c.name for _, c, _ in chinese.places] == [c.name for _, c, _ in english.places]
    assert (chinese.absent, chinese.ignored) == ((), ())


def test_a_line_says_each_fault_by_its_own_header_word() -> None:
    header = match_header(RegistryKind.OFFICERS, ["姓名", "序号", "编号", "生效日期"])
    assert header.ignored == ("序号",)
    wrong = read_row(header, 7, ["", 1, "O1", "昨天"])
    assert isinstance(wrong, list)
    assert [(one.line, one.column, one.code) for one in wrong] == [
        (7, "姓名", "cell-missing"),
        (7, "生效日期", "cell-day"),
    ]
    right = read_row(header, 8, ["甲", 1, "O1"])
    assert isinstance(right, RegistryRow)
    assert (right["name"], right["certificate"], right["valid_from"]) == ("甲", "", None)
