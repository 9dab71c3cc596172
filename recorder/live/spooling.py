"""What reached us and cannot go up yet: kept on a local disk, delivered when it can, never dropped.

Each livestream's oldest goes first. What comes from a spool came under an earlier lease and is put
under the present one; if another process gave its number away meanwhile, the rest becomes a
livestream of its own. Segments carry the time at which they came.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import socket
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from recorder import metrics, telemetry
from recorder.domain.alarm import AlarmCode
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import Form
from recorder.domain.people import SERVICE
from recorder.errors import Conflict, RecorderError, Unavailable
from recorder.live.spool import FLOOR_BYTES, Arrived, Place, SpoolFolder
from recorder.runtime import Deps
from recorder.services import alarms, live

_log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
#: Livestreams that go up side by side: fewer would never catch up with what goes on coming.
_AT_ONCE = 100
_LOOK_S = 2.0
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
        #: What puts under the lease that holds; asked anew after each failure.
        self._receivers: dict[LivestreamId, live.Receiver] = {}
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
        elif (fence := await asyncio.to_thread(self._folder.fence_of, last)) is not None:
            upto = live.Position(last.period, number)
            await live.promise(self._deps, livestream, fence, upto)
        self._promised[livestream] = last

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
                self._receivers.clear()
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
                self._receivers.clear()
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
            await self._bring_up(place)
            self._safe.add(place)
        if place.number:
            await asyncio.to_thread(self._folder.remove, place)
        self._safe.discard(place)

    async def _bring_up(self, place: Place) -> None:
        arrived = await asyncio.to_thread(self._folder.read, place)
        if arrived is None:
            telemetry.log(_log, logging.ERROR, "a spooled segment is damaged and stays aside",
                          livestream=str(place.livestream), number=place.number)  # fmt: skip
            return
        moved = await asyncio.to_thread(self._folder.moved, place)
        if moved is None and await self._is_given_away(arrived):
            moved = await self._move(place, arrived)
        going = arrived
        if moved is not None:
            livestream, period, number = moved
            if arrived.number:
                init = await asyncio.to_thread(self._folder.read, _init_of(place))
                if init is not None:
                    await self._put(
                        replace(init, livestream=livestream, period=init.period - period)
                    )
            going = replace(
                arrived,
                livestream=livestream,
                period=arrived.period - period,
                number=arrived.number and arrived.number - number,
            )
        try:
            await self._put(going)
        except Conflict as conflict:
            if moved is not None and conflict.code == "segment-conflicting":
                # It is no place for it any more: the next try goes to another one.
                await self._move(place, arrived)
            raise

    async def _is_given_away(self, arrived: Arrived) -> bool:
        number = arrived.number or -arrived.period
        standing = await live.digest_of(self._deps, arrived.livestream, number)
        return standing not in (None, hashlib.sha256(arrived.body).digest())

    async def _move(self, place: Place, arrived: Arrived) -> tuple[LivestreamId, int, int]:
        old = await live.find_livestream(self._deps, SERVICE, place.livestream)
        opened = await live.open_livestream(
            self._deps,
            replace(SERVICE, agency=old.agency),
            live.Opening(
                title=old.title,
                form=Form.RECEIVED,
                device_number=old.device_number,
                officer=old.officer,
                stage=old.stage,
                case_numbers=old.case_numbers,
            ),
        )
        segments = [each.number for each in self._waiting[place.livestream] if each.number]
        moved = opened.id, arrived.period - 1, min(segments, default=1) - 1
        await asyncio.to_thread(self._folder.move, place, *moved)
        self._promised.pop(place.livestream, None)
        await self.promise(place.livestream)
        telemetry.log(_log, logging.WARNING, "the rest of a livestream goes to one of its own",
                      livestream=str(old.id), new=str(opened.id))  # fmt: skip
        return moved

    async def _put(self, arrived: Arrived) -> None:
        receiver = self._receivers.get(arrived.livestream)
        if receiver is None:
            found = await live.find_livestream(self._deps, SERVICE, arrived.livestream)
            receiver = live.Receiver(self._deps, SERVICE, found.id, found.fence)
            self._receivers[found.id] = receiver
        if arrived.number:
            segment = live.SegmentArrival(
                period=arrived.period, number=arrived.number, body=arrived.body,
                device_at=arrived.device_at, arrived_at=arrived.arrived_at,
            )  # fmt: skip
            receipt = await receiver.put_segment(segment)
            tell_listed(arrived, self._deps.clock.now())
            if receipt.conflicting:  # Given away just now; the next try sees it.
                raise Conflict("segment-conflicting", "Another body has this number.")
            return
        init = live.InitArrival(
            period=arrived.period, body=arrived.body, cause=arrived.cause,
            arrived_at=arrived.arrived_at,
        )  # fmt: skip
        await receiver.put_init(init)

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
        used = await asyncio.to_thread(self._folder.used_bytes)
        if not used:
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
            detail=f"{used} bytes of livestreams wait on the disk of {host}.",
            facts={"host": host, "waiting_bytes": used},
        )  # fmt: skip


def tell_listed(arrived: Arrived, now: datetime) -> None:
    """Count how long this segment was on its way."""
    metrics.INGEST_LISTED_SECONDS.observe(max(0.0, (now - arrived.arrived_at).total_seconds()))


async def next_position(
    deps: Deps, spool: Spool | None, livestream: LivestreamId, fence: int
) -> live.Position:
    """Behind what is in the database and what waits on this machine.

    What a receiver that died had stored and not counted counts first.
    """
    with contextlib.suppress(Unavailable):
        await live.finish_claimed(deps, SERVICE, livestream, fence)
    there = await live.position(deps, livestream)
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


def _init_of(place: Place) -> Place:
    path = place.path.with_name(f"p{place.period:06d}-{0:09d}.init")
    return replace(place, number=0, path=path)


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
