"""What goes on, as server-sent events: one query a second for all who may see the same.

A listener gets the newest snapshot, never a backlog: whoever is slow misses what is out of date.
Where nothing changes the snapshot is told again now and then, as long as it could be asked for: who
hears nothing knows that what is shown may be old.
The first one is asked for after the listener came: whoever has just opened a livestream must not be
told by an older one that there is none.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from aiohttp import hdrs, web

from recorder.domain.ids import LivestreamId
from recorder.domain.people import Actor, Scope
from recorder.errors import RecorderError
from recorder.runtime import Deps
from recorder.services import limits, live, tasks
from recorder.web.keys import ACTOR, DEPS, STOPPING
from recorder.web.live_shapes import WallShape
from recorder.web.work_shapes import WorkShape

logger = logging.getLogger(__name__)

_INTERVAL_S = 1.0
#: Between two queries of one topic and scope, however many listeners come.
_LEAST_S = 0.1
#: A stream ends after this long; the browser asks again, and is asked again who it is.
_LONGEST = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often listeners are told something although nothing changes."""

    #: Proxies drop connections that are silent for long, and pages take silence for a loss.
    heartbeat_s: float = 15.0
    #: A snapshot that was asked for longer ago is not told again as what goes on.
    fresh_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Topic:
    """What is told: the name of its events, and the JSON of a snapshot for this asker."""

    name: str
    snapshot: Callable[[Deps, Actor], Awaitable[str]]
    #: The one thing that it is about, if it is.
    about: uuid.UUID | None = None


async def _work(deps: Deps, actor: Actor) -> str:
    return WorkShape.of(await tasks.list_unfinished(deps, actor)).model_dump_json()


async def _wall(deps: Deps, actor: Actor) -> str:
    return WallShape.of(await live.wall(deps, actor)).model_dump_json()


#: The JSON of ``GET /api/v1/work``.
WORK = Topic("work", _work)
#: Running livestreams: ``WallShape``.
WALL = Topic("wall", _wall)


def wall_of(livestream: LivestreamId) -> Topic:
    """The same of one livestream; of none once it is closed."""

    async def snapshot(deps: Deps, actor: Actor) -> str:
        return WallShape.of(await live.wall(deps, actor, only=livestream)).model_dump_json()

    return Topic(WALL.name, snapshot, livestream)


@dataclass(slots=True)
class _Channel:
    """What the listeners of one topic and scope share."""

    task: asyncio.Task[None] | None = None
    listeners: int = 0
    #: The newest snapshot as JSON, and how often it has changed.
    snapshot: str = ""
    turn: int = 0
    #: How many queries have begun, and which of them was answered last.
    asked: int = 0
    answered: int = 0
    #: By the loop's clock.
    answered_at: float = 0.0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    #: Somebody came since the last query began.
    joined: asyncio.Event = field(default_factory=asyncio.Event)


class Broadcaster:
    """Asks for each topic and scope that somebody listens to."""

    def __init__(self, deps: Deps, pace: Pace | None = None):
        self.pace = pace or Pace()
        self._deps = deps
        self._channels: dict[tuple[str, uuid.UUID | None, Scope], _Channel] = {}

    @contextlib.contextmanager
    def listening(self, topic: Topic, actor: Actor) -> Iterator[_Channel]:
        """The channel of the actor's scope; it is kept current for the length of the block."""
        key = (topic.name, topic.about, actor.scope)
        channel = self._channels.setdefault(key, _Channel())
        channel.listeners += 1
        channel.joined.set()
        if channel.task is None:
            channel.task = asyncio.create_task(self._keep_current(topic, channel, actor))
        try:
            yield channel
        finally:
            channel.listeners -= 1
            if channel.listeners == 0:
                channel.task.cancel()
                self._channels.pop(key, None)

    async def _keep_current(self, topic: Topic, channel: _Channel, actor: Actor) -> None:
        somebody_waits = False
        while True:
            somebody_waits = somebody_waits or channel.joined.is_set()
            channel.joined.clear()
            channel.asked += 1
            try:
                snapshot = await topic.snapshot(self._deps, actor)
            except RecorderError as error:
                logger.warning("%s cannot be told now: %s", topic.name, error)
            else:
                async with channel.changed:
                    channel.answered = channel.asked
                    channel.answered_at = asyncio.get_running_loop().time()
                    is_new = snapshot != channel.snapshot
                    if is_new:
                        channel.snapshot = snapshot
                        channel.turn += 1
                    if is_new or somebody_waits:
                        channel.changed.notify_all()
                somebody_waits = False
            await asyncio.sleep(_LEAST_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(channel.joined.wait(), _INTERVAL_S - _LEAST_S)

    async def close(self) -> None:
        """End every query; listeners end by STOPPING."""
        running = [channel.task for channel in self._channels.values() if channel.task]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


BROADCASTER: web.AppKey[Broadcaster] = web.AppKey("broadcaster", Broadcaster)


async def broadcasting(app: web.Application) -> AsyncIterator[None]:
    """The broadcaster lives as long as the application."""
    app[BROADCASTER] = Broadcaster(app[DEPS])
    yield
    await app[BROADCASTER].close()


async def stream(request: web.Request, topic: Topic) -> web.StreamResponse:
    """Answer with the topic as the asker may see it until either side ends, ten minutes at most.

    Each event has the topic's name and holds a whole snapshot.
    """
    response = web.StreamResponse(
        headers={
            hdrs.CONTENT_TYPE: "text/event-stream; charset=utf-8",
            hdrs.CACHE_CONTROL: "no-store",
            # nginx would hold events back.
            "X-Accel-Buffering": "no",
        }
    )
    deps, actor = request.app[DEPS], request[ACTOR]
    stopping: asyncio.Task[object] = asyncio.create_task(_until(request.app[STOPPING]))
    try:
        async with limits.streaming(deps, actor, _LONGEST):
            await _tell(request, response, topic, stopping)
    finally:
        stopping.cancel()
    with contextlib.suppress(ConnectionError):
        await response.write_eof()
    return response


async def _tell(
    request: web.Request,
    response: web.StreamResponse,
    topic: Topic,
    stopping: asyncio.Task[object],
) -> None:
    broadcaster = request.app[BROADCASTER]
    with broadcaster.listening(topic, request[ACTOR]) as channel:
        turn, came = 0, channel.asked
        await response.prepare(request)
        await response.write(b"retry: 2000\n\n")
        ends_at = asyncio.get_running_loop().time() + _LONGEST.total_seconds()
        while not stopping.done() and asyncio.get_running_loop().time() < ends_at:
            news = await _news(channel, turn, came, stopping, broadcaster.pace)
            turn = channel.turn
            told = f"event: {topic.name}\ndata: {news}\n\n" if news else ":\n\n"
            await response.write(told.encode())


async def _until(event: asyncio.Event) -> None:
    await event.wait()


async def _news(
    channel: _Channel, seen: int, came: int, stopping: asyncio.Task[object], pace: Pace
) -> str | None:
    """A newer snapshot than the one seen, of a query after the one under way when the listener
    came; after a silence the same again, None where it is old, or when the service stops.
    """

    def is_news() -> bool:
        return channel.turn > seen and channel.answered > came

    async def newer() -> str:
        async with channel.changed:
            await channel.changed.wait_for(is_news)
            return channel.snapshot

    waiting = asyncio.create_task(newer())
    try:
        await asyncio.wait(
            {waiting, stopping}, timeout=pace.heartbeat_s, return_when=asyncio.FIRST_COMPLETED
        )
        if waiting.done():
            return waiting.result()
        old = asyncio.get_running_loop().time() - channel.answered_at > pace.fresh_s
        return None if old or stopping.done() else channel.snapshot
    finally:
        waiting.cancel()
