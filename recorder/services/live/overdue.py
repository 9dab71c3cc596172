"""Livestreams that somebody should look at: interrupted, incomplete, left by a process, unfetched.

Alarms only; what becomes of them is decided by ``upkeep``. Each alarm clears itself.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from recorder.domain.alarm import AlarmCode
from recorder.domain.livestream import Livestream, LivestreamState
from recorder.runtime import Deps
from recorder.services import alarms, guard
from recorder.services.live.viewing import as_of_now
from recorder.store import alarms as alarm_rows
from recorder.store import livestream_sources, livestreams

#: A tunnel, a lift: shorter breaks are nobody's business.
INTERRUPTED = timedelta(minutes=2)
#: Who pushes has an hour to deliver the rest before somebody asks where it is.
INCOMPLETE = timedelta(hours=1)
#: A lease that ended without being let go: its process died, and no other one has taken over.
UNOWNED = timedelta(minutes=1)
#: A camera that starts again, or a network that does, is back by then.
UNFETCHED = timedelta(minutes=5)


def _interrupted_since(livestream: Livestream) -> datetime | None:
    if livestream.state is not LivestreamState.INTERRUPTED:
        return None
    return livestream.interrupted_at


def _incomplete_since(livestream: Livestream) -> datetime | None:
    if livestream.state is not LivestreamState.CLOSING or livestream.is_complete:
        return None
    # What still comes shows that somebody is at it.
    return max(filter(None, (livestream.closing_at, livestream.last_arrival_at)), default=None)


def _unowned_since(livestream: Livestream) -> datetime | None:
    return livestream.held_until if livestream.holder is not None else None


_CHECKS: tuple[
    tuple[AlarmCode, Callable[[Livestream], datetime | None], timedelta, str], ...
] = (
    (
        AlarmCode.LIVESTREAM_INTERRUPTED, _interrupted_since, INTERRUPTED,
        "Nothing has come of the livestream for minutes",
    ),
    (
        AlarmCode.LIVESTREAM_INCOMPLETE, _incomplete_since, INCOMPLETE,
        "A livestream that is over still lacks segments",
    ),
    (
        AlarmCode.LIVESTREAM_UNOWNED, _unowned_since, UNOWNED,
        "The process that received the livestream is gone, and no other one has taken it over",
    ),
)  # fmt: skip


async def watch_overdue(deps: Deps) -> None:
    """Chore: raise what has lasted too long, clear what is over."""
    if await guard.is_younger(deps):
        return
    async with deps.database.acquire() as connection:
        running = await livestreams.running(connection)
        troubles = await livestream_sources.in_trouble(connection)
    now = deps.clock.now()
    unfetched = (
        AlarmCode.LIVESTREAM_UNFETCHED, lambda each: troubles.get(each.id), UNFETCHED,
        "Nothing can be fetched of the livestream for minutes",
    )  # fmt: skip
    for code, since_when, longest, sentence in (*_CHECKS, unfetched):
        due = set()
        for livestream in running:
            since = since_when(as_of_now(deps, livestream))
            if since is None or now - since <= longest:
                continue
            due.add(str(livestream.id))
            await alarms.report(
                deps,
                code,
                about_kind="livestream",
                about=str(livestream.id),
                agency=livestream.agency,
                detail=f"{sentence}: {livestream.title}",
                facts={"title": livestream.title},
            )
        async with deps.database.acquire() as connection:
            open_ones = await alarm_rows.open_about_all(connection, code)
        for about in sorted(open_ones - due):
            await alarms.clear_if_open(
                deps, code, about_kind="livestream", about=about, note="Its cause is gone."
            )
