"""Who may publish what: keys to livestreams, one publisher for each, and its lease.

The key of a device is its own token; with a token behind the question mark the key is the id of
a livestream. A wrong key and an unknown livestream get the same answer; to one that is over a
publisher comes back into another that goes on with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias
from urllib.parse import parse_qs

from recorder import metrics, telemetry
from recorder.domain.alarm import AlarmCode
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import RUNNING, Form, Livestream, PeriodCause
from recorder.domain.people import SERVICE, Actor, ActorKind
from recorder.errors import Locked, NotFound, RecorderError, Unauthenticated
from recorder.live.intake import Intake, IntakeLimits
from recorder.live.keeping import KeptLivestream
from recorder.live.rtmp.reception import Farewell, Peer, RefusedError
from recorder.live.rtmp.session import PublishRequest
from recorder.live.spooling import Spool, give_back, next_position
from recorder.runtime import Deps
from recorder.services import accounts, alarms, live

_log = logging.getLogger(__name__)

APP = "live"
#: Whether what let a publisher in still counts.
Stands: TypeAlias = Callable[[], Awaitable[bool]]
#: What a publisher has sent may be heard this much later: publishers are read now and then.
_READ_LATE_S = 0.5


@dataclass(frozen=True, slots=True)
class DoorLimits:
    """How long a publisher may be silent beside another one, and how leases are kept."""

    #: A publisher from whom nothing came for so long gives way to a new one.
    give_way_s: float = 3.0
    #: How long a new publisher waits for a lease that another process holds.
    lease_wait_s: float = 10.0
    keep_s: float = 2.0
    #: How often it is asked whether the token of a running publisher still counts.
    ask_again_s: float = 15.0
    intake: IntakeLimits = field(default_factory=IntakeLimits)


@dataclass(slots=True, eq=False)
class _Publisher:
    peer: Peer
    intake: Intake
    stands: Stands | None = None


class LivestreamDoor:
    """A Door onto the livestreams of the service."""

    def __init__(
        self,
        deps: Deps,
        tool: Path,
        limits: DoorLimits | None = None,
        spool: Spool | None = None,
    ) -> None:
        self._deps = deps
        self._spool = spool
        self._tool = tool
        self._limits = limits or DoorLimits()
        self._publishers: dict[LivestreamId, _Publisher] = {}
        #: One admission at a time for each livestream and each device.
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[None]] = set()

    async def admit(self, request: PublishRequest, peer: Peer) -> Intake:
        """See Door."""
        said = parse_qs(request.query).get("token", [""])[0]
        actor, wished = await self._asker(request, said)

        async def stands() -> bool:
            return await self._counts(said or request.key)

        return await self.admit_device(actor, wished, peer, "RTMP", stands)

    async def admit_device(
        self,
        actor: Actor,
        wished: LivestreamId | None,
        peer: Peer,
        protocol: str,
        stands: Stands | None = None,
    ) -> Intake:
        """The intake for somebody whom we know, and who is sent away when that does not stand any
        more. Raises RefusedError."""
        if self._spool is not None and await self._spool.is_full():
            telemetry.log(_log, logging.ERROR, "a publisher was refused: the spool is full")
            raise RefusedError("NetStream.Publish.Failed", "There is no room: try again later.")
        async with self._turns[str(wished or actor.id)]:
            livestream = await self._livestream(actor, wished, protocol)
            return await self._receive(actor, livestream, peer, protocol, stands)

    async def finished(self) -> None:
        """Wait until everything that came is safe and every lease is given back."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _counts(self, token: str) -> bool:
        """Whether a token that let somebody in is not revoked; a push key that ends meanwhile
        brings its stream to its end."""
        try:
            await accounts.actor_of_token(self._deps, token)
        except Unauthenticated as error:
            return error.code != "token-unknown"
        return True

    async def _asker(
        self, request: PublishRequest, token: str
    ) -> tuple[Actor, LivestreamId | None]:
        wished: LivestreamId | None = None
        if token:
            with contextlib.suppress(ValueError):
                wished = LivestreamId(uuid.UUID(request.key))
        try:
            actor = await accounts.actor_of_token(self._deps, token or request.key)
        except Unauthenticated as error:
            raise _unknown() from error
        if not token:
            # A push key is for one livestream, also where it stands alone.
            wished = actor.livestream
        is_whole = wished is not None or (not token and actor.kind is ActorKind.DEVICE)
        if request.app != APP or not is_whole:
            raise _unknown()
        return actor, wished

    async def _livestream(
        self, actor: Actor, wished: LivestreamId | None, protocol: str
    ) -> Livestream:
        """The livestream of that id, or the running one of this device, or a new one."""
        if wished is not None:
            if actor.livestream not in (None, wished):
                # A push key delivers the one it was made for, not what else its opener may see.
                raise _unknown()
            try:
                await live.check_delivery(self._deps, actor, wished)
                found = await live.find_livestream(self._deps, SERVICE, wished)
            except NotFound as error:
                raise _unknown() from error
            if found.form is not Form.RECEIVED or found.is_pulled:
                raise _unknown()
            return found if found.state in RUNNING else await live.going_on(self._deps, found)
        page = await live.list_livestreams(self._deps, actor, running=True)
        for each in page.items:
            own = each.device == actor.device and each.form is Form.RECEIVED
            # The numbers of one that was set beside are taken.
            own = own and not each.is_pulled and not each.is_set_beside
            if own and each.state in RUNNING:
                return each
        opening = live.Opening(title=f"{protocol} {actor.name}", form=Form.RECEIVED)
        return await live.open_livestream(self._deps, actor, opening)

    async def _receive(
        self,
        actor: Actor,
        livestream: Livestream,
        peer: Peer,
        protocol: str,
        stands: Stands | None,
    ) -> Intake:
        cause = PeriodCause.RECONNECT
        if await self._make_way(livestream.id, peer):
            cause = PeriodCause.TAKEN_OVER
        fence = await self._lease(livestream.id, peer)
        try:
            sink = KeptLivestream(
                self._deps,
                actor,
                livestream.id,
                fence,
                await next_position(self._deps, self._spool, livestream.id, fence),
                first_cause=cause,
                spool=self._spool,
            )
        except RecorderError:
            await live.let_go(self._deps, livestream.id, fence)
            raise
        intake = Intake(self._tool, sink, peer, self._deps.clock, self._limits.intake)
        publisher = _Publisher(peer, intake, stands)
        self._publishers[livestream.id] = publisher
        task = asyncio.create_task(self._attend(livestream.id, publisher, fence, protocol))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        telemetry.log(_log, logging.INFO, "a publisher was admitted", livestream=str(livestream.id),
                      address=peer.address, encrypted=peer.encrypted)  # fmt: skip
        return intake

    async def _make_way(self, livestream: LivestreamId, peer: Peer) -> bool:
        """True when a silent publisher of ours gave way. Raises RefusedError beside a live one."""
        old = self._publishers.get(livestream)
        if old is None:
            return False
        loop = asyncio.get_running_loop()
        latest = loop.time() + self._limits.give_way_s + _READ_LATE_S
        while (silent_until := old.intake.heard + self._limits.give_way_s) > loop.time():
            if silent_until > latest:
                await self._report_second(livestream, peer)
                raise _busy()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(silent_until - loop.time()):
                    await old.intake.done.wait()
                    return True
        old.peer.dismiss(Farewell.TAKEN_OVER)
        await old.intake.done.wait()
        return True

    async def _lease(self, livestream: LivestreamId, peer: Peer) -> int:
        """Hold the livestream before all processes. Raises RefusedError while another one lives."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._limits.lease_wait_s
        while True:
            try:
                return await live.take(self._deps, livestream)
            except Locked as error:
                if loop.time() >= deadline:
                    await self._report_second(livestream, peer)
                    raise _busy() from error
            await asyncio.sleep(0.2)

    async def _report_second(self, livestream: LivestreamId, peer: Peer) -> None:
        """Two that hold one key: a mistake of somebody's, or a key in wrong hands."""
        telemetry.log(_log, logging.WARNING, "a second publisher was refused beside a live one",
                      livestream=str(livestream), address=peer.address)  # fmt: skip
        with contextlib.suppress(RecorderError):
            found = await live.find_livestream(self._deps, SERVICE, livestream)
            await alarms.report(
                self._deps,
                AlarmCode.SECOND_PUBLISHER,
                about_kind="livestream",
                about=str(livestream),
                agency=found.agency,
                detail=f"Somebody at {peer.address} publishes beside the one who does already.",
                facts={"title": found.title, "address": peer.address},
            )

    async def _attend(
        self, livestream: LivestreamId, publisher: _Publisher, fence: int, protocol: str
    ) -> None:
        """Keep the lease while media come; give it back when all is safe."""
        with metrics.INGEST_STREAMS.labels(protocol.lower()).track_inprogress():
            await self._keep_lease(livestream, publisher, fence)
        if self._publishers.get(livestream) is publisher:
            del self._publishers[livestream]
        await give_back(self._deps, self._spool, livestream, fence)

    async def _keep_lease(
        self, livestream: LivestreamId, publisher: _Publisher, fence: int
    ) -> None:
        intake = publisher.intake
        loop = asyncio.get_running_loop()
        asked = loop.time()
        while not intake.done.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._limits.keep_s):
                    await intake.done.wait()
                    break
            silent_s = loop.time() - intake.heard
            try:
                wanted = silent_s < self._limits.give_way_s or intake.is_delivering
                if wanted:
                    state = await live.keep(self._deps, livestream, fence)
                    if state is None:
                        publisher.peer.dismiss(Farewell.TAKEN_OVER)
                    elif state not in RUNNING:
                        # Somebody closed it: what came is kept, what comes is another livestream.
                        publisher.peer.dismiss(Farewell.UNPUBLISHED)
                if loop.time() - asked >= self._limits.ask_again_s:
                    asked = loop.time()
                    await self._ask_again(livestream, publisher)
            except RecorderError as error:
                telemetry.log(_log, logging.WARNING, "a lease could not be kept", why=error.code)

    async def _ask_again(self, livestream: LivestreamId, publisher: _Publisher) -> None:
        """Send away whoever would not be let in any more."""
        if publisher.stands is None or await publisher.stands():
            return
        telemetry.log(_log, logging.WARNING, "what let a publisher in was revoked",
                      livestream=str(livestream), address=publisher.peer.address)  # fmt: skip
        publisher.peer.dismiss(Farewell.REFUSED)


def _unknown() -> RefusedError:
    return RefusedError("NetStream.Publish.BadName", "This key publishes nothing here.")


def _busy() -> RefusedError:
    return RefusedError("NetStream.Publish.BadName", "Somebody publishes this already.")
