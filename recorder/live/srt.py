"""SRT: one port for all devices, each with its own passphrase, transport streams inside.

libsrt asks for the passphrase before it answers a caller, so nobody gets in who does not know the
one that belongs to its words. One thread reads all callers; what it reads is fed in the loop.
A caller that is not read is slowed down by its own window and at last loses packets, which the
transport stream tells: bounded memory comes before completeness here as in the protocol itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from recorder import telemetry
from recorder.adapters.srt import Caller, SrtPort
from recorder.domain.ids import LivestreamId
from recorder.domain.people import Actor
from recorder.errors import RecorderError
from recorder.live.elementary import Tag
from recorder.live.intake import Intake
from recorder.live.mpegts import TransportStream
from recorder.live.rtmp.reception import Farewell, Peer, RefusedError
from recorder.live.sink import Cause
from recorder.runtime import Deps
from recorder.services import live
from recorder.services.live import SrtWords

_log = logging.getLogger(__name__)

_LEARN_S = 3.0
_WAKE_MS = 50
#: Callers may ask for a delay of some seconds.
_FAREWELL_S = 8.0
#: Read and not fed yet, for each caller.
_MOST_PENDING = 4 << 20
_MOST_CALLERS = 1000


class SrtDoor(Protocol):
    """Where callers whose device is known are let in."""

    async def admit_device(
        self,
        actor: Actor,
        wished: LivestreamId | None,
        peer: Peer,
        protocol: str,
        stands: Callable[[], Awaitable[bool]] | None = None,
    ) -> Intake:
        """Raises RefusedError."""
        ...


@dataclass(frozen=True, slots=True)
class StreamWords:
    """What a caller says: its device, and the livestream if it names one."""

    device: str
    livestream: LivestreamId | None

    @classmethod
    def parse(cls, text: str) -> StreamWords | None:
        """A device's number, or ``#!::u=NUMBER[,r=LIVESTREAM][,m=publish]``; None for others."""
        if not text.startswith("#!::"):
            return cls(text, None) if text else None
        said = dict(each.partition("=")[::2] for each in text[4:].split(","))
        device = said.get("u", "")
        if not device or said.get("m", "publish") != "publish":
            return None
        place = said.get("r", "")
        try:
            return cls(device, LivestreamId(uuid.UUID(place)) if place else None)
        except ValueError:
            return None


class _Connection:
    """A Peer, and what becomes of its bytes; lives in the loop."""

    encrypted = True

    def __init__(self, listener: _Listener, caller: Caller) -> None:
        self.address = caller.address
        self.number = caller.number
        #: Bytes that were read, counted by the thread, and that were fed, counted by the loop.
        self.read = self._fed = 0
        self._listener = listener
        self._stream = TransportStream()
        self._intake: Intake | None = None
        self._is_over = False
        self._is_paused = False

    def begin(self, intake: Intake) -> None:
        if self._is_over:
            intake.left(Farewell.CONNECTION_LOST)
            return
        self._intake = intake
        self._listener.do(self._listener.port.watch, self.number)

    @property
    def pending(self) -> int:
        return self.read - self._fed

    def received(self, data: bytes) -> None:
        self._fed += len(data)
        if not self._is_over:
            self._hand_on(self._stream.feed(data))

    def caught_up(self) -> None:
        """Everything read is fed: more may be read."""
        if not self._is_over and not self._is_paused:
            self._listener.do(self._listener.port.watch, self.number)

    def gone(self) -> None:
        self._end(Farewell.CONNECTION_LOST)

    def pause(self) -> None:
        """See Peer."""
        self._is_paused = True
        self._listener.do(self._listener.port.unwatch, self.number)

    def resume(self) -> None:
        """See Peer."""
        self._is_paused = False
        self.caught_up()

    def dismiss(self, farewell: Farewell) -> None:
        """See Peer."""
        self._end(farewell)

    def _end(self, farewell: Farewell) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._listener.forget(self)
        if self._intake is not None:
            self._hand_on(self._stream.end(is_cut=True))
            self._intake.left(farewell)

    def _hand_on(self, tags: Iterator[Tag]) -> None:
        if self._intake is None:
            return
        for tag in tags:
            if self._stream.lost:
                self._stream.lost = 0
                self._intake.break_off(Cause.MEDIA_LOST)
            self._intake.take_tag(tag)
        if self._stream.left_out:
            self._intake.leave_out(self._stream.left_out)


class _Listener:
    def __init__(self, library: ctypes.CDLL, host: str, port: int, door: SrtDoor) -> None:
        self.words: Mapping[str, SrtWords] = {}
        self._door = door
        self._loop = asyncio.get_running_loop()
        self._connections: dict[int, _Connection] = {}
        self._orders: deque[Callable[[], None]] = deque()
        #: Callers that are gone and of whom something is to be read yet, and until when.
        self._leaving: dict[int, float] = {}
        self._stopping = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = SrtPort(library, host, port, self._passphrase)
        self._thread = threading.Thread(target=self._read, name="srt", daemon=True)
        self._thread.start()

    def do(self, order: Callable[[int], None], number: int) -> None:
        """Have the reading thread do something with a caller it still has."""
        self._orders.append(lambda: order(number) if number in self._connections else None)

    def forget(self, connection: _Connection) -> None:
        def drop() -> None:
            self._connections.pop(connection.number, None)
            self._leaving.pop(connection.number, None)
            self.port.drop(connection.number)

        self._orders.append(drop)

    async def stop(self) -> None:
        """Dismiss everybody; afterwards no thread is left."""
        for connection in list(self._connections.values()):
            connection.dismiss(Farewell.SHUTDOWN)
        self._stopping.set()
        await asyncio.to_thread(self._thread.join)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.port.close()

    def _passphrase(self, text: str) -> str | None:
        """Asked in a thread of libsrt: from memory, so that it never waits."""
        said = StreamWords.parse(text)
        known = self.words.get(said.device) if said else None
        if known is None or len(self._connections) >= _MOST_CALLERS:
            return None
        return known.passphrase

    def _read(self) -> None:
        """The thread: orders, callers, bytes."""
        while not self._stopping.is_set() or self._orders:
            try:
                self._round()
            except Exception as error:  # noqa: BLE001 - it would end the port for everybody.
                telemetry.log(_log, logging.ERROR, "an SRT caller made trouble", why=repr(error))

    def _round(self) -> None:
        is_called, numbers = self.port.wait(_WAKE_MS)
        while self._orders:
            self._orders.popleft()()
        while is_called and (caller := self.port.accept()) is not None:
            connection = _Connection(self, caller)
            self._connections[caller.number] = connection
            self._loop.call_soon_threadsafe(self._admit, connection, caller)
        for number in {*numbers, *self._leaving}:
            if (found := self._connections.get(number)) is not None:
                self._read_one(found)

    def _read_one(self, connection: _Connection) -> None:
        data, is_there = self.port.read(connection.number)
        if data:
            connection.read += len(data)
            self._loop.call_soon_threadsafe(connection.received, data)
        if not is_there:
            # It is gone; what came before that is given out when it is due.
            self.port.unwatch(connection.number)
            is_late = time.monotonic() > self._leaving.setdefault(
                connection.number, time.monotonic() + _FAREWELL_S
            )
            if is_late or not self.port.has_more(connection.number):
                del self._leaving[connection.number]
                self._loop.call_soon_threadsafe(connection.gone)
        elif connection.pending > _MOST_PENDING:
            # The order of calls is kept: it is told when all of this is fed.
            self.port.unwatch(connection.number)
            self._loop.call_soon_threadsafe(connection.caught_up)

    def _admit(self, connection: _Connection, caller: Caller) -> None:
        task = asyncio.create_task(self._ask(connection, caller))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, connection: _Connection, caller: Caller) -> None:
        said = StreamWords.parse(caller.words)
        known = self.words.get(said.device) if said else None
        try:
            if said is None or known is None:
                raise RefusedError("unknown", "The device was known a moment ago.")
            device = said.device

            async def stands() -> bool:
                return device in self.words

            intake = await self._door.admit_device(
                known.actor, said.livestream, connection, "SRT", stands
            )
        except (RefusedError, RecorderError) as refusal:
            telemetry.log(_log, logging.INFO, "a publisher was refused",
                          address=caller.address, why=str(refusal))  # fmt: skip
            connection.dismiss(Farewell.REFUSED)
            return
        connection.begin(intake)


@contextlib.asynccontextmanager
async def listening(
    library: ctypes.CDLL | None, deps: Deps, door: SrtDoor, host: str, port: int
) -> AsyncIterator[int | None]:
    """Take callers inside the block; gives the port, or None where libsrt is missing.

    Raises SrtError when the port is taken, RecorderError when the devices cannot be read.
    """
    if library is None:
        telemetry.log(_log, logging.ERROR, "no SRT: libsrt is not installed; see recorder doctor")
        yield None
        return
    words = await live.all_srt_words(deps)
    listener = _Listener(library, host, port, door)
    listener.words = words
    learning = asyncio.create_task(_learn(deps, listener))
    try:
        yield listener.port.port
    finally:
        learning.cancel()
        await listener.stop()


async def _learn(deps: Deps, listener: _Listener) -> None:
    """Keep the passphrases in memory those of the database; without it, those there were."""
    while True:
        await asyncio.sleep(_LEARN_S)
        try:
            listener.words = await live.all_srt_words(deps)
        except RecorderError as error:
            telemetry.log(_log, logging.WARNING, "devices could not be read", why=error.code)
