"""What the clock does for livestreams: interruptions, closing by silence, sealing, supplements.

Each function may run in several processes at once and die at any line.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias
from weakref import WeakKeyDictionary

from recorder.adapters.objects import Bucket
from recorder.domain.events import LivestreamClosing, LivestreamInterrupted
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import Form, Livestream, LivestreamState
from recorder.domain.people import SERVICE, Actor
from recorder.errors import RecorderError
from recorder.runtime import Deps
from recorder.services import guard
from recorder.services.live import arriving
from recorder.services.live.opening import LOCK_MORE
from recorder.services.live.sealing import seal
from recorder.store import livestream_openings, livestream_segments, livestreams

logger = logging.getLogger(__name__)

_AT_ONCE = 100
#: How long the store may take to say that it is there.
_PATIENCE_S = 5.0
#: By then an ingest process, or the next one on its machine, has told what waits in its spool.
TELLING = timedelta(seconds=10)
#: After a failure of database or store, so many looks, two seconds apart, go by before anything is
#: closed by silence: nobody could deliver meanwhile, and whoever will is back by then.
_LOOKS = 15
_LONGEST_PAUSE_S = 30.0
#: Leases and arrivals move each two seconds, and so do looks.
_MOVING = 3

#: What whoever delivers a livestream moves in its row, by its own clock.
_Signs: TypeAlias = tuple[datetime | None, datetime | None, datetime | None]


@dataclass(slots=True)
class _Watch:
    """What this process has seen of database, store and livestreams."""

    #: Looks since its begin, or since the last failure.
    looks: int = 0
    has_failed: bool = False
    #: Of the last look, by a clock that nobody sets.
    at_s: float | None = None
    #: Of each running livestream its signs, and for how many looks more they count as moving.
    signs: dict[LivestreamId, tuple[_Signs, int]] = field(default_factory=dict)

    def fail(self) -> None:
        self.looks, self.has_failed = 0, True

    def look(self, at_s: float) -> None:
        """One more; a database that only hung has failed as well."""
        if self.at_s is not None and at_s - self.at_s > _LONGEST_PAUSE_S:
            self.fail()
        self.looks, self.at_s = self.looks + 1, at_s

    def see(self, running: Sequence[Livestream]) -> None:
        """Note what has moved since the last look."""
        seen: dict[LivestreamId, tuple[_Signs, int]] = {}
        for each in running:
            signs = each.held_until, each.last_arrival_at, each.heard_at
            before, counts = self.signs.get(each.id, (signs, 0))
            seen[each.id] = signs, max(0, counts - 1) if before == signs else _MOVING
        self.signs = seen

    def believes(self, livestream: Livestream, now: datetime) -> bool:
        """Whether silence of this one may be believed.

        A lease that was not given back may have ended because the database was away. What moves is
        not silent, however long ago it says that was: the clock of its machine is wrong.
        """
        _, moving = self.signs.get(livestream.id, (None, 0))
        if moving:
            return False
        left = livestream.held_until is not None and livestream.held_until < now
        return self.looks > _LOOKS or not (left or self.has_failed)


_WATCHES: WeakKeyDictionary[Deps, _Watch] = WeakKeyDictionary()


async def watch_livestreams(deps: Deps) -> None:
    """Chore: interrupt what fell silent, close what stays so, seal what is complete or overdue."""
    watch = _WATCHES.setdefault(deps, _Watch())
    try:
        now = await guard.ending(deps)
        if now is None:
            return
        async with deps.database.acquire() as connection:
            running = await livestreams.running(connection)
    except RecorderError:
        watch.fail()
        raise
    watch.look(asyncio.get_running_loop().time())
    watch.see(running)
    silent = {each.id for each in running if _is_silent(deps, each, now)}
    if silent and not await _store_answers(deps):
        watch.fail()
    for livestream in running:
        try:
            if livestream.id in silent and watch.believes(livestream, now):
                await _close_by_silence(deps, livestream)
            else:
                await _look_after(deps, livestream, now)
        except RecorderError as error:
            logger.warning("livestream %s could not be looked after: %s", livestream.id, error)


async def supplement_livestreams(deps: Deps) -> int:
    """Chore: what came after a closing becomes a recording that continues the first one."""
    now = await guard.ending(deps)
    if now is None:
        return 0
    quiet = now - timedelta(seconds=deps.config.live_idle_close_s)
    async with deps.database.acquire() as connection:
        due = await livestreams.supplementable(connection, quiet, _AT_ONCE)
    made = [await seal(deps, SERVICE, livestream) for livestream in due]
    return sum(recording is not None for recording in made)


async def extend_segment_locks(deps: Deps) -> int:
    """Chore: keep locked what is in no recording: running livestreams, second bodies, openings.

    Originals of recordings are kept locked by ``ingest.extend_locks``.
    """
    promised = deps.clock.now() + timedelta(seconds=deps.config.lock_ahead_s)
    async with deps.database.acquire() as connection:
        due = await livestream_segments.with_lock_before(connection, promised, _AT_ONCE)
    until = promised + LOCK_MORE
    for segment in due:
        version = segment.version or ""
        await deps.objects.extend_lock(Bucket.ORIGINALS, segment.key, version, until)
        async with deps.database.acquire() as connection:
            await livestream_segments.set_lock(connection, segment, until)
    async with deps.database.acquire() as connection:
        described = await livestream_openings.with_lock_before(connection, promised, _AT_ONCE)
    for one in described:
        await deps.objects.extend_lock(Bucket.ORIGINALS, one.key, one.version, until)
        async with deps.database.acquire() as connection:
            await livestream_openings.set_lock(connection, one.livestream, until)
    return len(due) + len(described)


async def _look_after(deps: Deps, livestream: Livestream, now: datetime) -> None:
    if livestream.state is LivestreamState.CLOSING:
        await seal_if_due(deps, SERVICE, livestream, now)
    elif livestream.state is LivestreamState.LIVE and not livestream.waits_for_store(now):
        since = now - timedelta(seconds=deps.config.live_interrupted_s)
        await _interrupt(deps, livestream, since)


def _is_silent(deps: Deps, livestream: Livestream, now: datetime) -> bool:
    """Whether nothing has come of it for so long that it is over."""
    if livestream.state is LivestreamState.CLOSING:
        return False
    longest = timedelta(seconds=deps.config.live_idle_close_s)
    return now - livestream.silent_since > longest and not _is_published(livestream, now)


async def _store_answers(deps: Deps) -> bool:
    """With the store away nobody can deliver: that is no silence."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await deps.objects.ping()
    except (RecorderError, TimeoutError):
        return False
    return True


async def seal_if_due(deps: Deps, actor: Actor, livestream: Livestream, now: datetime) -> None:
    """Seal a closing livestream that waits for nothing more."""
    if not _is_due(deps, livestream, now):
        return
    if livestream.form is Form.RECEIVED:
        # Nobody comes again with what its last receiver stored and did not live to count.
        await arriving.finish_claimed(deps, SERVICE, livestream.id, livestream.fence)
    await seal(deps, actor, livestream.id)


def _is_due(deps: Deps, livestream: Livestream, now: datetime) -> bool:
    """Whether a closing livestream waits for nothing more: all is there, or its time is over."""
    if livestream.form is Form.RECEIVED:
        if _may_be_received(livestream, now):
            return False
        if livestream.promised_number is None:
            return True
    last = max(filter(None, (livestream.closing_at, livestream.last_arrival_at)), default=now)
    return livestream.is_complete or now - last > timedelta(seconds=deps.config.live_closing_s)


def _is_published(livestream: Livestream, now: datetime) -> bool:
    """Whether somebody publishes it to a process of ours: then its media cannot go up.

    For what is fetched a lease is held also while nothing comes; its holder says what waits.
    """
    if livestream.is_pulled or livestream.held_until is None:
        return False
    return livestream.held_until >= now


def _may_be_received(livestream: Livestream, now: datetime) -> bool:
    """Whether somebody receives it, or may have some of it in a spool of which it has not told."""
    if livestream.held_until is None:
        return False
    # A lease that was not given back ended with its process, or while the database was away.
    asked = livestream.closing_at or now
    return max(livestream.held_until, asked + TELLING) >= now


async def _interrupt(deps: Deps, livestream: Livestream, silent_since: datetime) -> None:
    if livestream.last_arrival_at is None or livestream.last_arrival_at >= silent_since:
        return
    async with deps.change(SERVICE, told_later=True) as change:
        if await livestreams.interrupt(change, livestream.id, silent_since):
            change.record(
                LivestreamInterrupted(
                    subject=livestream.id,
                    agency=livestream.agency,
                    last_arrival_at=livestream.last_arrival_at,
                    highest=livestream.highest_number,
                )
            )


async def _close_by_silence(deps: Deps, livestream: Livestream) -> None:
    async with deps.change(SERVICE, told_later=True) as change:
        found = await livestreams.locked(change, livestream.id)
        if (
            found is None
            or found.state in (LivestreamState.CLOSING, LivestreamState.CLOSED)
            or found.silent_since != livestream.silent_since
        ):
            return
        await livestreams.begin_closing(change, livestream.id, None)
        change.record(
            LivestreamClosing(
                subject=found.id,
                agency=found.agency,
                cause="silence",
                last=None,
                highest=found.highest_number,
            )
        )
