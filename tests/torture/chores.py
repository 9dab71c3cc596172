"""What the clock does, with nine days gone by: expiry, sweeps, locks, alarms, duplicates."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from recorder.domain.alarm import AlarmCode
from recorder.errors import RecorderError, Unavailable
from recorder.services import alarms, ingest, live, watch
from recorder.store import original_objects, uploads
from tests.torture.stand import Stand


async def again(work: Callable[[], Awaitable[object]], times: int = 100) -> None:
    """Do it until nothing fails and nothing is left to do, as the workers' clock does."""
    for _ in range(times):
        try:
            while await work():
                pass
            return
        except (RecorderError, OSError) as error:
            last = error
            await asyncio.sleep(0.2)
    raise AssertionError(f"{work} kept failing: {last}")


async def do_chores(stand: Stand, days: int) -> None:
    """Everything of it, until nothing is left to do, so many days from now."""
    stand.clock.at = datetime.now(UTC) + timedelta(days=days)
    await again(lambda: _expire(stand))
    await _keep_locks_ahead(stand)
    await _raise_and_clear(stand)
    for sweep in (ingest.sweep_pieces, ingest.sweep_intents):
        # What the expiry itself left on those days is old enough for the next chore.
        stand.clock.forward(days=2)
        await again(lambda sweep=sweep: sweep(stand.deps))  # type: ignore[misc]
    stand.clock.at = datetime.now(UTC)
    drawer = stand.drawer
    if drawer is not None:
        await again(lambda: ingest.release_duplicates(drawer.struck))
        await again(lambda: live.release_superseded(drawer.struck))


async def _expire(stand: Stand) -> int:
    """As the clock does, again and again: one that could not be ended is not left to the next."""
    ended = await ingest.expire_overdue(stand.deps)
    async with stand.straight.database.acquire() as connection:
        due = await uploads.overdue(connection, stand.clock.now(), 1)
    if due and not ended:
        raise Unavailable("uploads-overdue", "Some uploads could not be ended.")
    return ended


async def _keep_locks_ahead(stand: Stand) -> None:
    async def extend() -> None:
        await ingest.extend_locks(stand.deps)
        promised = stand.clock.now() + timedelta(seconds=stand.deps.config.lock_ahead_s)
        async with stand.deps.database.acquire() as connection:
            due = await original_objects.with_lock_before(connection, promised, None, 1)
        if due:
            raise Unavailable("locks-expiring", "Some locks were not extended in this hour.")

    stand.store.are_chores_at_work = True
    try:
        await again(extend)
    finally:
        stand.store.are_chores_at_work = False
    await _clear(stand, AlarmCode.LOCK_EXPIRING, "recording")


async def _raise_and_clear(stand: Stand) -> None:
    """Footage that waits in quarantine: told once, told again, and seen to."""
    for _ in range(2):
        await again(lambda: watch.check_quarantine(stand.deps))
    await _clear(stand, AlarmCode.QUARANTINE_WAITING, "agency")


async def _clear(stand: Stand, code: AlarmCode, about_kind: str) -> None:
    """As a person clears what was seen to."""

    async def clear() -> None:
        for about in await alarms.open_about(stand.deps, code):
            await alarms.clear_if_open(
                stand.deps, code, about_kind=about_kind, about=about, note="Seen to."
            )

    await again(clear)
