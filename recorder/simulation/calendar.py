"""Working days of the simulated years, from the notices of the State Council.

A transcription of its own: the labels of late footage must not come from the library by which
the service counts.
"""

from __future__ import annotations

from datetime import date, timedelta

#: First and last day of each holiday.
_HOLIDAYS = {
    2025: (
        ((1, 1), (1, 1)),
        ((1, 28), (2, 4)),
        ((4, 4), (4, 6)),
        ((5, 1), (5, 5)),
        ((5, 31), (6, 2)),
        ((10, 1), (10, 8)),
    ),
    2026: (
        ((1, 1), (1, 3)),
        ((2, 15), (2, 23)),
        ((4, 4), (4, 6)),
        ((5, 1), (5, 5)),
        ((6, 19), (6, 21)),
        ((9, 25), (9, 27)),
        ((10, 1), (10, 7)),
    ),
}
#: Saturdays and Sundays on which people work (调休上班).
_WORKED = {
    2025: ((1, 26), (2, 8), (4, 27), (9, 28), (10, 11)),
    2026: ((1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)),
}
YEARS = tuple(_HOLIDAYS)
_DAY = timedelta(days=1)


class Calendar:
    """One year, and the first days of the next as plain weekdays."""

    def __init__(self, year: int) -> None:
        self.year = year
        self.worked = frozenset(date(year, *day) for day in _WORKED[year])
        self.holidays = frozenset(
            date(year, *first) + _DAY * n
            for first, last in _HOLIDAYS[year]
            for n in range((date(year, *last) - date(year, *first)).days + 1)
        )

    def days(self) -> list[date]:
        first = date(self.year, 1, 1)
        return [first + _DAY * n for n in range((date(self.year + 1, 1, 1) - first).days)]

    def is_working(self, day: date) -> bool:
        return day in self.worked or (day.weekday() < 5 and day not in self.holidays)

    def working_day_after(self, day: date, count: int = 1) -> date:
        """The ``count``-th working day behind this day."""
        while count:
            day += _DAY
            count -= self.is_working(day)
        return day

    def is_near_holiday(self, day: date) -> bool:
        """Whether a holiday or a make-up day lies within three days: where counting goes wrong."""
        near = [day + _DAY * n for n in range(-3, 4)]
        return any(one in self.holidays or one in self.worked for one in near)
