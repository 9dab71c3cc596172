"""The calendar that deadlines are counted by: what a library knows, and what was imported."""

from __future__ import annotations

import functools
from datetime import date, datetime

from recorder.adapters.china_calendar import known_days
from recorder.domain.deadline import Calendar, DayKind
from recorder.store.connection import Connection
from recorder.store.registry import holidays

_FIRST, _LAST = date(2000, 1, 1), date(2199, 12, 31)


@functools.cache
def shipped() -> Calendar:
    """What the library knows."""
    days, years = known_days()
    kinds = {True: DayKind.WORKDAY, False: DayKind.HOLIDAY}
    return Calendar({day: kinds[working] for day, working in days.items()}, years)


async def known(connection: Connection, as_of: datetime | None = None) -> Calendar:
    """The library's days with those that were imported before them; a year with any is announced.

    An import says of its own days what they are, and of others nothing: whoever mends one day of a
    year does not take the rest of its holidays away. ``as_of``: with what was imported by then.
    """
    imported = await holidays.between(connection, _FIRST, _LAST, as_of)
    if not imported:
        return shipped()
    base = shipped()
    days = {**base.days, **{day: DayKind(facts.kind) for day, facts in imported.items()}}
    return Calendar(days, base.announced | {day.year for day in imported})
