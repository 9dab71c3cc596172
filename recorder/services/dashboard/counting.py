"""Adding up what triggers noted of recordings, for the clock."""

from __future__ import annotations

from recorder.runtime import Deps
from recorder.store import footage_days, marked_days

#: A transaction of some hundred milliseconds.
_MOST = 5_000


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
