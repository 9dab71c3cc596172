"""Livestreams that we fetch: found, held by lease, fetched again and again until they are closed.

Every process looks for what nobody fetches. A livestream whose process has died is free as soon
as its lease has ended; a camera that is away keeps its process, which asks it again with growing
pauses.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from recorder import metrics, telemetry
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import PeriodCause
from recorder.domain.people import SERVICE
from recorder.domain.source_address import Reach, SourceProtocol
from recorder.errors import Locked, NotFound, RecorderError, Unavailable
from recorder.live.fetching import FetchError, Inlet, Trouble
from recorder.live.intake import Intake, IntakeLimits
from recorder.live.keeping import KeptLivestream
from recorder.live.rtmp.reception import Farewell, Peer
from recorder.live.rtsp import client as rtsp
from recorder.live.spooling import Spool, give_back, next_position
from recorder.runtime import Deps
from recorder.services import live

_log = logging.getLogger(__name__)

_FAREWELLS = {
    Trouble.BROKEN: Farewell.VIOLATION,
    Trouble.SILENT: Farewell.SILENT,
}

#: Why the intake itself ended the connection.
_SENT_AWAY: Mapping[Farewell | None, Trouble] = {
    Farewell.NOT_RECORDABLE: Trouble.NOTHING_RECORDABLE,
    Farewell.NOT_KEPT: Trouble.NOT_KEPT,
    Farewell.VIOLATION: Trouble.BROKEN,
}


@dataclass(frozen=True, slots=True)
class PullLimits:
    """How often a camera is asked, and how the lease is kept meanwhile."""

    look_s: float = 1.0
    keep_s: float = 2.0
    first_pause_s: float = 0.5
    longest_pause_s: float = 15.0
    #: A connection that lasted so long begins with the first pause again.
    steady_s: float = 30.0
    #: Taken up in one look, so that other processes get their share.
    at_once: int = 4
    intake: IntakeLimits = field(default_factory=IntakeLimits)


class Puller:
    """Fetches what nobody else fetches, from ``start`` until ``stop``."""

    def __init__(
        self,
        deps: Deps,
        tool: Path,
        limits: PullLimits | None = None,
        spool: Spool | None = None,
    ) -> None:
        self._deps = deps
        self._spool = spool
        self._tool = tool
        self._limits = limits or PullLimits()
        self._pulls: dict[LivestreamId, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._looking = asyncio.create_task(self._look())

    async def stop(self) -> None:
        """End every fetch; afterwards what came is safe and every lease given back."""
        self._stopping.set()
        if self._looking is not None:
            await asyncio.gather(self._looking, return_exceptions=True)
        while self._pulls:
            await asyncio.gather(*self._pulls.values(), return_exceptions=True)

    async def _look(self) -> None:
        while not self._stopping.is_set():
            try:
                if not await self._is_full():
                    for livestream in await live.free_sources(self._deps, self._limits.at_once):
                        await self._begin(livestream)
            except RecorderError as error:
                telemetry.log(_log, logging.WARNING, "no livestreams to fetch could be looked for",
                              why=error.code)  # fmt: skip
            await _unless(self._stopping, self._limits.look_s * random.uniform(0.7, 1.3))  # noqa: S311

    async def _is_full(self) -> bool:
        """Whether nothing new may be begun: another machine may have room."""
        return self._spool is not None and await self._spool.is_full()

    async def _begin(self, livestream: LivestreamId) -> None:
        if livestream in self._pulls or self._stopping.is_set():
            return
        try:
            fence = await live.take(self._deps, livestream)
        except Locked:
            return  # Another process was quicker.
        pull = _Pull(
            self._deps, self._tool, self._limits, livestream, fence, self._stopping, self._spool
        )
        task = asyncio.create_task(pull.run())
        self._pulls[livestream] = task
        task.add_done_callback(lambda _: self._pulls.pop(livestream, None))


class _Pull:
    """One livestream while this process holds it."""

    def __init__(
        self, deps: Deps, tool: Path, limits: PullLimits, livestream: LivestreamId, fence: int,
        stopping: asyncio.Event, spool: Spool | None,
    ) -> None:  # fmt: skip
        self._deps = deps
        self._spool = spool
        self._tool = tool
        self._limits = limits
        self._livestream = livestream
        self._fence = fence
        self._stopping = stopping
        self._reach = Reach.parse(deps.config.live_pull_networks)
        #: Set when nothing more is to be fetched here.
        self._over = asyncio.Event()
        self._farewell = Farewell.SHUTDOWN
        self._peer: Peer | None = None
        self._intake: Intake | None = None
        self._sink: KeptLivestream | None = None
        #: See Bookmark; the second one until it is written down.
        self.text: str | None = None
        self._misses_sound = False

    async def run(self) -> None:
        """Fetch until it is closed, taken over or we stop; then give the lease back."""
        keeping = asyncio.create_task(self._keep())
        try:
            with metrics.INGEST_STREAMS.labels("fetched").track_inprogress():
                await self._again_and_again()
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await give_back(self._deps, self._spool, self._livestream, self._fence)

    async def _keep(self) -> None:
        while not self._over.is_set():
            if await _unless(self._stopping, self._limits.keep_s):
                self._end(Farewell.SHUTDOWN)
                break
            try:
                wanted = await live.keep_source(
                    self._deps, self._livestream, self._fence, has_waiting=self._has_waiting
                )
            except RecorderError as error:
                telemetry.log(_log, logging.WARNING, "a lease could not be kept", why=error.code)
                continue
            await self._tell_sound()
            if not wanted:
                self._end(Farewell.UNPUBLISHED)
        await self._keep_while_delivering()

    @property
    def _has_waiting(self) -> bool:
        """Whether media that were fetched are here and cannot go up."""
        if self._sink is not None:
            return self._sink.has_waiting
        return self._spool is not None and self._spool.is_waiting(self._livestream)

    async def _keep_while_delivering(self) -> None:
        """What came is still on its way to the store; until it is there, it is ours."""
        while True:
            await asyncio.sleep(self._limits.keep_s)
            with contextlib.suppress(RecorderError):
                await live.keep(self._deps, self._livestream, self._fence)

    def _end(self, farewell: Farewell) -> None:
        self._farewell = farewell
        self._over.set()
        if self._peer is not None:
            self._peer.dismiss(farewell)

    async def _again_and_again(self) -> None:
        loop = asyncio.get_running_loop()
        pause = self._limits.first_pause_s
        while not self._over.is_set():
            begun = loop.time()
            await self._once()
            if self._over.is_set():
                return
            lasted = loop.time() - begun
            if lasted >= self._limits.steady_s:
                pause = self._limits.first_pause_s
            await _unless(self._over, pause * random.uniform(0.5, 1.5))  # noqa: S311
            pause = min(pause * 2, self._limits.longest_pause_s)

    async def _once(self) -> None:
        """One connection, from asking to its end."""
        fetching = asyncio.create_task(self._fetch())
        ending = asyncio.create_task(self._over.wait())
        await asyncio.wait((fetching, ending), return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if self._over.is_set() and self._intake is None:
            fetching.cancel()  # Nothing came yet; nobody waits for a camera that is not wanted.
        (result,) = await asyncio.gather(fetching, return_exceptions=True)
        trouble = result if isinstance(result, Trouble) else Trouble.BROKEN
        if isinstance(result, Exception):
            telemetry.log(_log, logging.ERROR, "fetching failed", livestream=str(self._livestream),
                          why=type(result).__name__)  # fmt: skip
        intake, self._intake, self._peer = self._intake, None, None
        if intake is not None:
            farewell = _FAREWELLS.get(trouble, Farewell.CONNECTION_LOST)
            intake.left(self._farewell if self._over.is_set() else farewell)
            await intake.done.wait()
        if not self._over.is_set():
            await self._tell(trouble)

    async def _fetch(self) -> Trouble:
        try:
            errand = await live.source_errand(self._deps, self._livestream)
            if errand is None:
                raise FetchError(Trouble.UNREADABLE, "it was sealed with another key")
            address, now = errand.address, self._deps.clock.now
            if address.protocol is SourceProtocol.RTSP:
                await rtsp.fetch(address, self._reach, self._admit, now)
            else:
                # An HTTP client is long to load, and most who take livestreams fetch none so.
                from recorder.live.hls import client as hls

                self.text = errand.bookmark
                await hls.fetch(address, self._reach, self._admit, now, self)
        except FetchError as error:
            telemetry.log(_log, logging.INFO, "a camera is asked again",
                          livestream=str(self._livestream), trouble=error.trouble.value,
                          why=error.why)  # fmt: skip
            return _SENT_AWAY.get(error.farewell, error.trouble)
        except NotFound:
            self._end(Farewell.UNPUBLISHED)  # It was closed, and its address is forgotten.
        except RecorderError as error:
            telemetry.log(_log, logging.WARNING, "nothing can be fetched now", why=error.code)
            return Trouble.NOT_KEPT
        return Trouble.ENDED

    async def _admit(self, peer: Peer) -> Inlet:
        """The camera agreed: what comes now is kept."""
        position = await next_position(self._deps, self._spool, self._livestream, self._fence)
        sink = KeptLivestream(
            self._deps, SERVICE, self._livestream, self._fence, position,
            first_cause=PeriodCause.RECONNECT, spool=self._spool,
        )  # fmt: skip
        self._peer, self._sink = peer, sink
        self._intake = Intake(self._tool, sink, peer, self._deps.clock, self._limits.intake)
        if self._over.is_set():
            peer.dismiss(self._farewell)
        await self._tell(None)
        return self._intake

    async def note(self, text: str) -> None:
        """See Bookmark; tried as long as it is ours: given up, what is in hand would be lost."""
        while True:
            try:
                await live.mark_source(self._deps, self._livestream, self._fence, text)
                break
            except Unavailable:
                if await _unless(self._over, self._limits.first_pause_s):
                    raise
        self.text = text

    async def miss_sound(self) -> None:
        """See Bookmark."""
        self._misses_sound = True
        await self._tell_sound()

    async def _tell_sound(self) -> None:
        if self._misses_sound:
            with contextlib.suppress(RecorderError):
                await live.miss_sound(self._deps, self._livestream, self._fence)
                self._misses_sound = False

    async def _tell(self, trouble: Trouble | None) -> None:
        with contextlib.suppress(RecorderError):
            await live.tell_source(self._deps, self._livestream, self._fence, trouble)


async def _unless(event: asyncio.Event, seconds: float) -> bool:
    """Wait so long, or until the event, and say whether that came."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
