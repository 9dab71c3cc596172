"""Adding up what triggers noted of recordings, and days to weeks, for the clock."""

from __future__ import annotations

from recorder.domain.instant import CHINA
from recorder.runtime import Deps
from recorder.store import footage_days, marked_days
from recorder.store.coverage import weeks

#: A transaction of some hundred milliseconds.
_MOST = 5_000
_MOST_MARKS = 20_000


async def add_up_footage(deps: Deps) -> bool:
    """Add noted differences to the figures of footage; True when there may be more.

    One transaction: whoever dies has added nothing and taken nothing away.
    """
    async with deps.database.transaction() as connection:
        if not await footage_days.take_turn(connection):
            return False
        deltas, more = await footage_days.take(connection, _MOST)
        if deltas:
            await footage_days.count_devices(connection, deltas)
            await footage_days.count_agencies(connection, deltas)
            await footage_days.mark_months(connection, deltas)
        more_marked = await marked_days.add_up(connection, _MOST)
    return more or more_marked


async def add_up_weeks(deps: Deps) -> bool:
    """Add the days of marked weeks up; True when there may be more.

    A week that is not over keeps a mark, one for all that it had: its days change all the time.
    """
    today = deps.clock.now().astimezone(CHINA).date()
    async with deps.database.transaction() as connection:
        if not await weeks.take_turn(connection):
            return False
        more = False
        for marks in weeks.MARKS:
            marked, is_full = await weeks.take_marks(connection, marks, _MOST_MARKS)
            over = [week for week in marked if week[2] < today]
            await weeks.mark(connection, marks, [week for week in marked if week[2] >= today])
            await weeks.add_up(connection, marks, over)
            more |= is_full
    return more
