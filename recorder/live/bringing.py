"""One file of a spool on its way up: put under the present lease, moved aside, or told as lost.

What comes from a spool came under an earlier lease. If another process gave its number away
meanwhile, the rest becomes a livestream of its own. What the disk damaged holds up nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from recorder import metrics, telemetry
from recorder.adapters.clock import Clock
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import LONGEST_INIT_BYTES, PeriodCause
from recorder.domain.people import SERVICE
from recorder.errors import Conflict
from recorder.live.spool import Arrived, Place, SpoolFolder
from recorder.runtime import Deps
from recorder.services import live

_log = logging.getLogger(__name__)

#: The livestream that takes the rest of one, and what to take off from its periods and numbers.
Moved: TypeAlias = tuple[LivestreamId, int, int]


class Bringer:
    """Brings files up, each safe to repeat; ``promise`` is asked before anything goes elsewhere."""

    def __init__(
        self, deps: Deps, folder: SpoolFolder, promise: Callable[[LivestreamId], Awaitable[None]]
    ) -> None:
        self._deps = deps
        self._folder = folder
        self._promise = promise
        #: What puts under the lease that holds; asked anew after each failure.
        self._receivers: dict[LivestreamId, tuple[live.Receiver, int]] = {}

    def forget(self) -> None:
        """Leases may have changed hands."""
        self._receivers.clear()

    async def bring(self, place: Place, waiting: Sequence[Place]) -> None:
        """After return it counts, or is known to be lost; ``waiting``: all of its livestream."""
        arrived = await asyncio.to_thread(self._folder.read, place)
        moved = await asyncio.to_thread(self._folder.moved, place)
        if arrived is None:
            await self._make_do(place, moved)
            return
        if moved is None and await self._is_given_away(arrived):
            if not arrived.number:
                return  # The first of its segments takes it along.
            moved = await self._move(place, arrived, waiting)
        if moved is not None and arrived.number:
            await self._describe(place, moved)
        try:
            await self._put(_at(arrived, moved))
        except Conflict as conflict:
            if moved is not None and conflict.code == "segment-conflicting":
                # It is no place for it any more: the next try goes to another one.
                await self._move(place, arrived, waiting)
            elif conflict.code == "period-not-begun":
                if await self._describe(place, moved):
                    await self._put(_at(arrived, moved))
                else:
                    await self._lose(place, moved)
                return
            raise

    async def _make_do(self, place: Place, moved: Moved | None) -> None:
        """It is damaged: of an init segment what is left goes up, so that its segments can."""
        if place.number == 0:
            await self._describe(place, moved)
        else:
            await self._lose(place, moved)
        await asyncio.to_thread(self._folder.put_aside, place)

    async def _lose(self, place: Place, moved: Moved | None) -> None:
        """Nobody waits for it any more; its file stays under a name of its own."""
        livestream, period, number = _numbers(place, moved)
        damaged = live.Damaged(
            period=period,
            number=number or -period,
            length=place.length,
            host=socket.gethostname(),
            file=self._folder.name_of(place),
        )
        if await live.lose(self._deps, livestream, damaged):
            telemetry.log(_log, logging.ERROR, "a spooled segment is damaged and stays aside",
                          livestream=str(livestream), number=number)  # fmt: skip
        await asyncio.to_thread(self._folder.put_aside, place)

    async def _describe(self, place: Place, moved: Moved | None) -> bool:
        """See that the period of this file is described, by what is left of it if need be."""
        where = _init_of(place)
        init = await asyncio.to_thread(self._folder.read, where)
        if init is None:
            livestream, period, _ = _numbers(where, moved)
            if await live.digest_of(self._deps, livestream, -period) is not None:
                return True
            left = await asyncio.to_thread(self._folder.left_of, where)
            await self._lose(where, moved)
            if not 0 < len(left) <= LONGEST_INIT_BYTES:
                return False
            cause = PeriodCause.INGEST_FAILED
            now = self._deps.clock.now()
            init = Arrived(place.livestream, place.period, 0, left, now, cause)
        await self._put(_at(init, moved))
        return True

    async def _is_given_away(self, arrived: Arrived) -> bool:
        number = arrived.number or -arrived.period
        standing = await live.digest_of(self._deps, arrived.livestream, number)
        if standing is not None:
            return standing != hashlib.sha256(arrived.body).digest()
        return await self._may_be_given_away(arrived)

    async def _may_be_given_away(self, arrived: Arrived) -> bool:
        """Whether somebody who has the lease now and knows nothing of it gives its number away.

        Put under that lease it would take the number from what comes there.
        """
        known = self._receivers.get(arrived.livestream)
        if known is not None and known[1] == arrived.fence:
            return False  # If that lease was lost since, the put is refused.
        found = await live.find_livestream(self._deps, SERVICE, arrived.livestream)
        if arrived.fence in (None, found.fence) or found.holder is None:
            return False
        if arrived.number:
            return arrived.number > (found.promised_number or 0)
        return arrived.period > (found.promised_period or 0)

    async def _move(self, place: Place, arrived: Arrived, waiting: Sequence[Place]) -> Moved:
        old = await live.find_livestream(self._deps, SERVICE, place.livestream)
        opened = await live.set_beside(self._deps, old)
        segments = [each.number for each in waiting if each.number]
        moved = opened.id, arrived.period - 1, min(segments, default=1) - 1
        await asyncio.to_thread(self._folder.move, place, *moved)
        await self._promise(place.livestream)
        telemetry.log(_log, logging.WARNING, "the rest of a livestream goes to one of its own",
                      livestream=str(old.id), new=str(opened.id))  # fmt: skip
        return moved

    async def _put(self, arrived: Arrived) -> None:
        known = self._receivers.get(arrived.livestream)
        if known is None:
            found = await live.find_livestream(self._deps, SERVICE, arrived.livestream)
            known = live.Receiver(self._deps, SERVICE, found.id, found.fence), found.fence
            self._receivers[found.id] = known
        receiver, _ = known
        receipt = await put(receiver, arrived, self._deps.clock)
        if arrived.number and receipt.conflicting:  # Given away just now; the next try sees it.
            raise Conflict("segment-conflicting", "Another body has this number.")


async def put(receiver: live.Receiver, arrived: Arrived, clock: Clock) -> live.Receipt:
    """Put it under the lease of the receiver; of a segment is counted how long it was on its way.

    Raises what ``put_init`` and ``put_segment`` do.
    """
    if arrived.number == 0:
        init = live.InitArrival(
            period=arrived.period, body=arrived.body, cause=arrived.cause,
            arrived_at=arrived.arrived_at,
        )  # fmt: skip
        return await receiver.put_init(init)
    segment = live.SegmentArrival(
        period=arrived.period, number=arrived.number, body=arrived.body,
        device_at=arrived.device_at, arrived_at=arrived.arrived_at,
    )  # fmt: skip
    receipt = await receiver.put_segment(segment)
    way_s = (clock.now() - arrived.arrived_at).total_seconds()
    metrics.INGEST_LISTED_SECONDS.observe(max(0.0, way_s))
    return receipt


def _numbers(place: Place, moved: Moved | None) -> Moved:
    """The livestream, period and number that a place has there."""
    if moved is None:
        return place.livestream, place.period, place.number
    livestream, period, number = moved
    return livestream, place.period - period, place.number and place.number - number


def _at(arrived: Arrived, moved: Moved | None) -> Arrived:
    """As it is put where the rest of its livestream goes."""
    if moved is None:
        return arrived
    livestream, period, number = moved
    return replace(
        arrived,
        livestream=livestream,
        period=arrived.period - period,
        number=arrived.number and arrived.number - number,
    )


def _init_of(place: Place) -> Place:
    path = place.path.with_name(f"p{place.period:06d}-{0:09d}.init")
    return replace(place, number=0, path=path)
