"""Deadlines in hours and in working days, with Chinese holidays and make-up days (R16)."""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from typing_extensions import override

from recorder.domain.instant import CHINA
from recorder.errors import InvalidInput

_TERM = re.compile(r"([1-9]\d{0,3})(h|wd)", re.ASCII)
_SATURDAY = 5
#: The notice of the next year may make holidays of this one's last days, or working days of a
#: weekend among them: the one of 2019 did with 29 to 31 December 2018.
_NEXT_YEARS_NOTICE = (12, 25)
_DAY = timedelta(days=1)


class DayKind(enum.StrEnum):
    """What the State Council's notice makes of a day that differs from its weekday."""

    HOLIDAY = "holiday"
    #: A Saturday or Sunday on which the days of a long holiday are made up for.
    WORKDAY = "workday"


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are working days."""

    #: The days that differ from their weekday.
    days: Mapping[date, DayKind] = field(default_factory=dict)
    #: Years whose arrangement is known; in others only weekdays are.
    announced: frozenset[int] = frozenset()

    def is_working(self, day: date) -> bool:
        kind = self.days.get(day)
        if kind is None:
            return day.weekday() < _SATURDAY
        return kind is DayKind.WORKDAY

    def knows(self, day: date) -> bool:
        years = {day.year}
        if (day.month, day.day) >= _NEXT_YEARS_NOTICE:
            years.add(day.year + 1)
        return years <= self.announced


class Unit(enum.StrEnum):
    HOURS = "h"
    WORKING_DAYS = "wd"


@dataclass(frozen=True, slots=True)
class Term:
    """How long there is time."""

    count: int
    unit: Unit

    @override
    def __str__(self) -> str:
        return f"{self.count}{self.unit.value}"


@dataclass(frozen=True, slots=True)
class Deadline:
    """The last moment that is in time."""

    at: datetime
    #: It rests on a year whose holidays are not announced, and may still move.
    provisional: bool


@functools.lru_cache(maxsize=256)
def parse_term(text: str) -> Term:
    """`24h` or `1wd`. Raises InvalidInput ``term-malformed``."""
    found = _TERM.fullmatch(text)
    if found is None:
        raise InvalidInput(
            "term-malformed",
            "A term is a number of hours (24h) or of working days (1wd).",
            term=text[:20],
        )
    return Term(int(found[1]), Unit(found[2]))


def deadline(began_at: datetime, term: Term, calendar: Calendar) -> Deadline:
    """Until when a term that begins at a moment runs.

    Hours run on. Of working days the day of the beginning does not count, and the last one runs
    to its end in China's zone.
    """
    if term.unit is Unit.HOURS:
        return Deadline(began_at + timedelta(hours=term.count), False)
    day = began_at.astimezone(CHINA).date()
    left, provisional = term.count, False
    while left:
        day += _DAY
        provisional = provisional or not calendar.knows(day)
        left -= calendar.is_working(day)
    return Deadline(datetime.combine(day + _DAY, time(), CHINA), provisional)
