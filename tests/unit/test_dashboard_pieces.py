"""Pieces of the dashboard without a database: tables for spreadsheets, spans of days."""

from __future__ import annotations

import io
from datetime import date, timedelta

import openpyxl
import pytest

from recorder.adapters.tables import write_xlsx
from recorder.errors import InvalidInput
from recorder.services.dashboard import Comparison, Question
from recorder.services.dashboard.answer import Lateness
from recorder.services.dashboard.question import by_years, whole_weeks
from recorder.web.pages.dashboard_question import spans


def test_an_export_has_several_sheets_and_no_formula_in_any() -> None:
    lines: list[list[str | float]] = [["code", "share"], ["=1+1", 97.1]]
    written = write_xlsx("one", lines, [("two", [["-2"], [-2]])])
    book = openpyxl.load_workbook(io.BytesIO(written))
    assert book.sheetnames == ["one", "two"]
    kinds = {cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row}
    assert kinds == {"s", "n"}
    assert [cell.value for cell in book["two"]["A"]] == ["'-2", -2]


def test_spans_end_today_but_for_the_last_whole_week() -> None:
    told = {one.name: (one.first, one.last) for one in spans(date(2026, 3, 2))}
    assert told == {
        "last_week": (date(2026, 2, 23), date(2026, 3, 1)),
        "week": (date(2026, 3, 2), date(2026, 3, 2)),
        "month": (date(2026, 3, 1), date(2026, 3, 2)),
        "quarter": (date(2026, 1, 1), date(2026, 3, 2)),
        "year": (date(2025, 3, 3), date(2026, 3, 2)),
    }


@pytest.mark.parametrize(
    ("comparison", "compared"),
    [
        (Comparison.PREVIOUS, (date(2024, 2, 23), date(2024, 2, 26))),
        (Comparison.LAST_YEAR, (date(2023, 2, 27), date(2023, 3, 1))),
        (Comparison.NONE, None),
    ],
)
def test_what_a_span_is_compared_with(
    comparison: Comparison, compared: tuple[date, date] | None
) -> None:
    asked = Question(first=date(2024, 2, 27), last=date(2024, 3, 1), comparison=comparison)
    assert asked.compared == compared
    assert Question(first=asked.first, last=asked.last, beside="A").compared == (
        asked.first,
        asked.last,
    )


def test_days_in_the_wrong_order_or_too_many_are_refused() -> None:
    for first, last in ((date(2026, 3, 2), date(2026, 3, 1)), (date(2020, 1, 1), date(2026, 1, 1))):
        with pytest.raises(InvalidInput):
            Question(first=first, last=last)


def test_days_of_a_span_are_bits_of_its_years() -> None:
    first, last = date(2025, 12, 30), date(2026, 2, 2)
    before, behind = by_years([(first, last)], [date(2025, 12, 31), date(2026, 2, 2)])
    assert (before.first, before.last, before.year) == (first, last, 2025)
    assert behind.year == 2026
    assert before.days[-32:] == "011" + "0" * 29
    assert before.working[-32:] == "010" + "0" * 29
    assert behind.days[:64] == "0" + "1" * 31 + "0" * 30 + "11"
    assert behind.working[:64] == "0" * 62 + "10"
    assert not before.days[:-32].strip("0")
    assert not behind.days[64:].strip("0")


def test_half_and_nine_in_ten_of_what_is_late_came_within_so_many_hours() -> None:
    late = Lateness()
    assert (late.median_h, late.p90_h) == (None, None)
    late.add({1: 1})
    assert (late.median_h, late.p90_h) == (1, 1)
    late.add({3: 4, 48: 5})
    assert (late.median_h, late.p90_h) == (3, 48)
    late.add({2: 1})
    assert (late.within(1), late.within(1000)) == (1, 48)


def test_whole_weeks_lie_in_the_span_and_in_one_month_each() -> None:
    for first in (date(2026, 1, 1), date(2026, 2, 3), date(2026, 3, 2)):
        for length in (40, 90, 365):
            last = first + timedelta(days=length)
            found = whole_weeks(first, last, [])
            assert found is not None
            assert first <= found.first <= found.last <= found.until <= last
            for day in (found.first, found.last):
                assert day.weekday() == 0 or day.day == 1
            behind = found.until + timedelta(days=1)
            assert behind.weekday() == 0 or behind.day == 1
            assert (found.first - first).days < 7
            assert (last - found.until).days < 7
    assert whole_weeks(date(2026, 1, 1), date(2026, 1, 20), []) is None
