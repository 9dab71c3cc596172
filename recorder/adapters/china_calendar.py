"""China's holidays and made-up working days as a library knows them; no other module imports it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import date

from chinese_calendar import constants


@functools.cache
def known_days() -> tuple[Mapping[date, bool], frozenset[int]]:
    """Days that differ from their weekday, with whether they are working days, and their years."""
    days = {day: False for day in constants.holidays if day.weekday() < 5}
    days.update({day: True for day in constants.workdays if day.weekday() >= 5})
    years = {day.year for day in (*constants.holidays, *constants.workdays)}
    return days, frozenset(years)
