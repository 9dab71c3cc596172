"""What reached us and cannot go up yet: kept on a local disk, delivered when it can, never dropped.

Each livestream's oldest goes first (``bringing``). Segments carry the time at which they came.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path

from recorder import metrics, telemetry
from recorder.domain.alarm import AlarmCode
from recorder.domain.ids import LivestreamId
from recorder.domain.people import SERVICE
from recorder.errors import RecorderError, Unavailable
from recorder.live.bringing import Bringer
from recorder.live.spool import FLOOR_BYTES, Arrived, Place, SpoolFolder
from recorder.runtime import Deps
from recorder.services import alarms, live

_log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
#: Livestreams that go up side by side: fewer would never catch up with what goes on coming.
_AT_ONCE = 100
_LOOK_S = 2.0
#: Of so many damaged ones at the end, what is before them tells the lease under which they came.
_MOST_DAMAGED = 20
#: A new livestream needs room for more than its first segment.
_NEEDED_BYTES = 64 << 20


class Spool:
    """One process's hold on the spool of its machine."""

    def __init__(self, deps: Deps, folder: SpoolFolder) -> None:
        self._deps = deps
        self._folder = folder
        self._waiting: dict[LivestreamId, list[Place]] = {}
        self._described: set[tuple[LivestreamId, int]] = set()
        self._tasks: dict[LivestreamId, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(_AT_ONCE)
        #: Writing for a livestream, and removing the last of it, exclude each other.
        self._locks: defaultdict[LivestreamId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._bringer = Bringer(deps, folder, self._promise_anew)
        #: What counts and could not be removed yet; livestreams whose descriptions could not.
        self._safe: set[Place] = set()
        #: Of each livestream the last place that the service knows of.
        self._promised: dict[LivestreamId, Place] = {}
        self._untidy: set[LivestreamId] = set()
        self._since: datetime | None = None
        self._may_be_open = True

    def is_waiting(self, livestream: LivestreamId) -> bool:
        """Whether something of it lies here; then what comes goes behind it."""
        return livestream in self._waiting

    async def highest(self, livestream: LivestreamId) -> live.Position:
        """The highest numbers that wait on this machine: nobody else may give them away."""
        return live.Position(*await asyncio.to_thread(self._folder.highest, livestream))

    async def is_full(self) -> bool:
        """Whether new livestreams must be refused; those that run may use what is left."""
        return await asyncio.to_thread(self._folder.is_full, _NEEDED_BYTES)

    async def keep(self, init: Arrived, segment: Arrived | None) -> None:
        """After return both are durable. Raises StorageFull ``spool-full``, Unavailable."""
        async with self._locks[init.livestream]:
            if (init.livestream, init.period) not in self._described:
                self._add(await asyncio.to_thread(self._folder.keep, init))
                self._described.add((init.livestream, init.period))
            if segment is not None:
                self._add(await asyncio.to_thread(self._folder.keep, segment))

    async def promise(self, livestream: LivestreamId) -> None:
        """After return the service waits for what lies here of it before it is sealed.

        What came under an old lease promises nothing: its numbers may be given away by now.
        """
        places = self._waiting.get(livestream)
        if not places or self._promised.get(livestream) == places[-1]:
            return
        last, number = places[-1], max(place.number for place in places)
        moved = await asyncio.to_thread(self._folder.moved, last)
        if moved is not None:
            # It is ours alone: nobody ever takes its lease.
            upto = live.Position(last.period - moved[1], max(0, number - moved[2]))
            await live.promise(self._deps, moved[0], 0, upto)
        elif (fence := await asyncio.to_thread(self._fence_of, places)) is not None:
            upto = live.Position(last.period, number)
            await live.promise(self._deps, livestream, fence, upto)
        self._promised[livestream] = last

    def _fence_of(self, places: Sequence[Place]) -> int | None:
        """The lease under which the last of them came; of what is damaged, the one before."""
        for place in places[: -_MOST_DAMAGED - 1 : -1]:
            if (fence := self._folder.fence_of(place)) is not None:
                return fence
        return None

    async def _promise_anew(self, livestream: LivestreamId) -> None:
        self._promised.pop(livestream, None)
        await self.promise(livestream)

    async def take_over(self) -> None:
        """Find what earlier processes of this machine left."""
        for place in await asyncio.to_thread(self._folder.adopt):
            self._add(place)

    async def watch(self) -> None:
        """Until cancelled: look for what dead processes left, raise and clear the alarm."""
        while True:
            with contextlib.suppress(RecorderError):
                await self.take_over()
                await self._tidy()
                await self._show()
                # The store may take its time to say no: the wall knows meanwhile how much waits.
                for livestream in list(self._waiting):
                    await self.promise(livestream)
                await self._tell()
            await asyncio.sleep(_LOOK_S)

    async def close(self) -> None:
        """Deliver nothing more; what is left is found by the next process."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await asyncio.to_thread(self._folder.close)

    def _add(self, place: Place) -> None:
        places = self._waiting.setdefault(place.livestream, [])
        places.append(place)
        places.sort(key=lambda each: (each.period, each.number))
        if place.livestream not in self._tasks:
            task = asyncio.create_task(self._deliver(place.livestream))
            self._tasks[place.livestream] = task

    async def _deliver(self, livestream: LivestreamId) -> None:
        pause = _FIRST_PAUSE_S
        while not await self._is_done(livestream):
            place = self._waiting[livestream][0]
            try:
                async with self._turns:
                    # Before the first of it counts: nothing is sealed between two of them.
                    await self.promise(livestream)
                    await self._deliver_one(place)
            except RecorderError as error:
                self._bringer.forget()
                telemetry.log(_log, logging.WARNING, "a spooled segment is given again",
                              livestream=str(livestream), why=error.code)  # fmt: skip
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)
                continue
            pause = _FIRST_PAUSE_S
            self._waiting[livestream].remove(place)

    async def _is_done(self, livestream: LivestreamId) -> bool:
        """Whether nothing waits any more; then its descriptions are removed as well."""
        if self._waiting[livestream]:
            return False
        async with self._locks[livestream]:
            if self._waiting[livestream]:
                return False
            self._described = {each for each in self._described if each[0] != livestream}
            del self._waiting[livestream], self._tasks[livestream]
            self._promised.pop(livestream, None)
            self._untidy.add(livestream)
            with contextlib.suppress(RecorderError):
                await self._tidy_one(livestream)
            if not self._waiting:
                self._bringer.forget()
            return True

    async def _tidy(self) -> None:
        """Remove descriptions of what has gone up that could not be removed then."""
        for livestream in list(self._untidy):
            async with self._locks[livestream]:
                if livestream in self._waiting:
                    self._untidy.discard(livestream)
                else:
                    await self._tidy_one(livestream)

    async def _tidy_one(self, livestream: LivestreamId) -> None:
        await asyncio.to_thread(self._folder.done, livestream)
        self._untidy.discard(livestream)

    async def _deliver_one(self, place: Place) -> None:
        if place not in self._safe:
            await self._bringer.bring(place, self._waiting[place.livestream])
            self._safe.add(place)
        if place.number:
            await asyncio.to_thread(self._folder.remove, place)
        self._safe.discard(place)

    async def _show(self) -> None:
        """What waits here, as figures."""
        places = [place for waiting in self._waiting.values() for place in waiting]
        metrics.SPOOL_BYTES.set(sum(place.length for place in places))
        metrics.SPOOL_SEGMENTS.set(sum(place.number > 0 for place in places))
        metrics.SPOOL_LIMIT_BYTES.set(self._deps.config.live_spool_bytes)
        # Of each livestream the first has waited longest.
        firsts = [waiting[0] for waiting in self._waiting.values() if waiting]
        age_s = await asyncio.to_thread(self._folder.oldest_age_s, firsts)
        metrics.SPOOL_AGE_SECONDS.set(age_s)

    async def _tell(self) -> None:
        """Raise the alarm once something has waited through two looks; clear it when all went."""
        host = socket.gethostname()
        waiting = await asyncio.to_thread(self._folder.waiting_bytes)
        if not waiting:
            self._since = None
            if self._may_be_open:
                await alarms.clear_if_open(
                    self._deps, AlarmCode.LIVE_SPOOL, about_kind="system", about=host,
                    note="All of it is in the store.",
                )  # fmt: skip
                self._may_be_open = False
            return
        if self._since is None:
            self._since = self._deps.clock.now()
            return
        self._may_be_open = True
        await alarms.report(
            self._deps, AlarmCode.LIVE_SPOOL, about_kind="system", about=host,
            detail=f"{waiting} bytes of livestreams wait on the disk of {host}.",
            facts={"host": host, "waiting_bytes": waiting},
        )  # fmt: skip


async def next_position(
    deps: Deps, spool: Spool | None, livestream: LivestreamId, fence: int
) -> live.Position:
    """Behind what is in the database and what waits on this machine.

    What a receiver that died had stored and not counted counts first. With the store away nobody
    knows what of it is there: its numbers are left to it.
    """
    is_known = False
    with contextlib.suppress(Unavailable):
        await live.finish_claimed(deps, SERVICE, livestream, fence)
        is_known = True
    there = await live.position(deps, livestream, behind_claims=not is_known)
    if spool is None:
        return there
    waiting = await spool.highest(livestream)
    ahead = live.Position(max(there.period, waiting.period), max(there.segment, waiting.segment))
    if ahead != there:
        # Under this lease nobody else may know of it.
        await live.promise(deps, livestream, fence, ahead)
    return ahead


async def give_back(deps: Deps, spool: Spool | None, livestream: LivestreamId, fence: int) -> None:
    """Let the next receiver in at once, or sealing: what waits here is told before.

    Where that cannot be told, the lease ends by itself, and sealing waits somewhat longer.
    """
    with contextlib.suppress(RecorderError):
        if spool is not None:
            await spool.promise(livestream)
        await live.let_go(deps, livestream, fence)


@contextlib.asynccontextmanager
async def spooling(deps: Deps, *, floor_bytes: int = FLOOR_BYTES) -> AsyncIterator[Spool | None]:
    """The spool that the settings name, with what was left in it; None where they name none."""
    root: Path | None = deps.config.live_spool_folder
    if root is None:
        telemetry.log(_log, logging.WARNING, "no spool: what a store does not take waits in memory")
        yield None
        return
    folder = SpoolFolder(root, deps.instance, deps.config.live_spool_bytes, floor_bytes)
    await asyncio.to_thread(folder.open)
    spool = Spool(deps, folder)
    try:
        await spool.take_over()
        watching = asyncio.create_task(spool.watch())
        try:
            yield spool
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
    finally:
        await spool.close()
