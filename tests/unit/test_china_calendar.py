"""The shipped calendar against the State Council's notices of three years."""

from __future__ import annotations

from datetime import date

import pytest

from recorder.services.coverage.calendar import shipped


def days(*texts: str) -> list[date]:
    return [date.fromisoformat(text) for text in texts]


@pytest.mark.parametrize(
    "day",
    days(
        # 2024: 国办发明电〔2023〕7号.
        "2024-01-01", "2024-02-12", "2024-02-16", "2024-04-04", "2024-05-03", "2024-06-10",
        "2024-09-16", "2024-10-07",
        # 2025: 国办发明电〔2024〕12号.
        "2025-01-28", "2025-02-04", "2025-04-04", "2025-05-05", "2025-06-02", "2025-10-08",
        # 2026.
        "2026-01-01", "2026-02-17", "2026-02-23", "2026-05-01", "2026-06-19", "2026-10-01",
    ),
)  # fmt: skip
def test_a_holiday_on_a_weekday_is_no_working_day(day: date) -> None:
    assert day.weekday() < 5
    assert not shipped().is_working(day)


@pytest.mark.parametrize(
    "day",
    days(
        "2024-02-04", "2024-02-18", "2024-04-07", "2024-04-28", "2024-05-11", "2024-09-14",
        "2024-09-29", "2024-10-12", "2025-01-26", "2025-02-08", "2025-04-27", "2025-09-28",
        "2025-10-11", "2026-02-14", "2026-02-28",
    ),
)  # fmt: skip
def test_a_weekend_that_is_made_up_for_is_a_working_day(day: date) -> None:
    assert day.weekday() >= 5
    assert shipped().is_working(day)


def test_years_that_are_announced_are_known_and_others_are_not() -> None:
    assert all(shipped().knows(date(year, 6, 1)) for year in (2024, 2025, 2026))
    assert not shipped().knows(date(2028, 6, 1))
    assert shipped().is_working(date(2026, 11, 30))
    assert not shipped().is_working(date(2026, 11, 29))
