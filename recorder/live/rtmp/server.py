"""The RTMP(S) port: one connection each, its limits, and the door that decides who may publish.

Strangers get some seconds, short messages, and a place only while there is room; the oldest of the
address that most of them are of goes first. What a peer breaks ends its own connection and nobody
else's. Keys are never logged.

Publishers are read some times a second, not whenever something comes: what lies in the kernel
meanwhile costs nothing, and waking for each packet cost more than everything else of this port.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
import os
import socket
import ssl
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from typing import Any, cast

from typing_extensions import override

from recorder import telemetry
from recorder.errors import RecorderError
from recorder.live.rtmp import gate, handshake
from recorder.live.rtmp.chunks import Message
from recorder.live.rtmp.reception import Door, Farewell, Reception, RefusedError
from recorder.live.rtmp.session import End, PublishRequest, Session, SessionLimits
from recorder.live.rtmp.violation import ViolationError
from recorder.live.together import next_moment

_log = logging.getLogger(__name__)

#: How long a refused peer may take to read why; closing at once would lose the answer.
_FAREWELL_S = 2.0
#: Answers that a peer does not read; more of them is a flood.
_MOST_UNREAD = 64 << 10
#: All connections of a port are received into the same memory, which stays in the cache.
_READ_BYTES = 256 << 10
#: How long a publisher is left alone after it was read.
_READ_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What strangers and publishers may use."""

    session: SessionLimits = field(default_factory=SessionLimits)
    #: From the connection to the request to publish; a door may wait for a lease meanwhile.
    to_publish_s: float = 15.0
    #: Without a byte from a publisher; its connection is dead by then.
    silence_s: float = 60.0
    most_strangers: int = 256
    most_publishers: int = 1000


class Listener:
    """All connections of one port."""

    def __init__(self, door: Door, limits: ServerLimits) -> None:
        self.door = door
        self.limits = limits
        #: In the order in which they came, with their addresses.
        self.strangers: dict[Connection, str] = {}
        self.publishers: set[Connection] = set()
        #: Lent to one connection while it looks at what has come; nobody keeps a part of it.
        self.memory = memoryview(bytearray(_READ_BYTES))
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something for a connection; ended with the listener."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Dismiss everybody; afterwards no connection and no task is left."""
        for connection in [*self.strangers, *self.publishers]:
            connection.read()
            connection.dismiss(Farewell.SHUTDOWN)
            connection.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def listening(
    door: Door,
    host: str,
    port: int,
    *,
    tls: ssl.SSLContext | None = None,
    limits: ServerLimits | None = None,
    inherited: socket.socket | None = None,
) -> AsyncIterator[int]:
    """Take publishers inside the block; gives the port.

    ``inherited`` is a listening socket that other processes accept from as well; then host and
    port say nothing.
    """
    listener = Listener(door, limits or ServerLimits())
    loop = asyncio.get_running_loop()

    def connection() -> Connection:
        return Connection(listener)

    plain = tls is None
    if inherited is None:
        server = await loop.create_server(connection, host, port, backlog=512, start_serving=plain)
    else:
        server = await loop.create_server(
            connection, sock=inherited, backlog=512, start_serving=plain
        )
    try:
        async with contextlib.AsyncExitStack() as stack:
            if tls is not None:
                door_keeper = gate.TlsGate(
                    connection, tls, handshake_s=listener.limits.to_publish_s,
                    most=listener.limits.most_strangers,
                )  # fmt: skip
                await stack.enter_async_context(door_keeper.serving(gate.listeners_of(server)))
            yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await listener.close()
        await server.wait_closed()


class _State(enum.Enum):
    GREETING = 1
    CONFIRMING = 2
    TALKING = 3
    ASKING = 4
    CLOSING = 5


class Connection(asyncio.BufferedProtocol):
    """One peer, from its first byte to its last.

    Strangers, and everybody over TLS, are read when something comes; publishers by ``read``.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._limits = listener.limits
        self._session = Session(listener.limits.session)
        self._state = _State.GREETING
        self._early = bytearray()
        self._reception: Reception | None = None
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._farewell = Farewell.CONNECTION_LOST
        self._question: asyncio.Task[None] | None = None
        self._paused = False
        #: The socket of a publisher that we read ourselves: its transport only writes; else -1.
        self._descriptor = -1
        self._reading: asyncio.TimerHandle | None = None
        self.address = ""
        self.encrypted = False

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        address = transport.get_extra_info("peername")
        self.address = str(address[0]) if address else ""
        self.encrypted = transport.get_extra_info("ssl_object") is not None
        strangers = self._listener.strangers
        if len(strangers) >= self._limits.most_strangers:
            gate.who_goes(strangers).abort()
        strangers[self] = self.address
        self._timer = self._loop.call_later(self._limits.to_publish_s, self._too_late)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._leave_alone()
        self._forget(self._farewell)
        if self._timer is not None:
            self._timer.cancel()
        if self._question is not None:
            self._question.cancel()

    @override
    def get_buffer(self, sizehint: int) -> memoryview:
        return self._listener.memory

    @override
    def buffer_updated(self, nbytes: int) -> None:
        self._received(self._listener.memory[:nbytes])

    def read(self) -> None:
        """Take what has come from a publisher since the last time; then again in a while."""
        self._leave_alone()
        if self._descriptor < 0 or self._paused or self._transport.is_closing():
            return
        try:
            count = os.readv(self._descriptor, [self._listener.memory])
        except BlockingIOError:
            count = -1
        except OSError:
            self._transport.abort()
            return
        if count == 0:
            self._transport.close()
            return
        if count > 0:
            self._received(self._listener.memory[:count])
        if self._descriptor >= 0 and not self._paused:
            now = self._loop.time()
            at = now if count == _READ_BYTES else next_moment(now, _READ_EVERY_S)
            self._reading = self._loop.call_at(at, self.read)

    def pause(self) -> None:
        """See Peer."""
        if not self._paused and not self._transport.is_closing():
            self._paused = True
            self._leave_alone()
            self._transport.pause_reading()

    def resume(self) -> None:
        """See Peer."""
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self._heard_at = self._loop.time()
            if self._descriptor < 0:
                self._transport.resume_reading()
            else:
                self.read()

    def dismiss(self, farewell: Farewell) -> None:
        """See Peer."""
        self._farewell = farewell
        self._forget(farewell)
        self._close_slowly()

    def abort(self) -> None:
        """Close without waiting for the peer."""
        self._forget(self._farewell)
        self._transport.abort()

    def _received(self, data: memoryview) -> None:
        self._heard_at = self._loop.time()
        try:
            if self._state in (_State.TALKING, _State.ASKING):
                self._session.append(data)
                self._converse()
            elif self._state is not _State.CLOSING:
                self._greet(data)
        except ViolationError as violation:
            self._end_for(violation)

    def _leave_alone(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _greet(self, data: memoryview) -> None:
        self._early += data
        if self._state is _State.GREETING and len(self._early) >= handshake.GREETING_BYTES:
            self._transport.write(handshake.answer(bytes(self._early)))
            del self._early[: handshake.GREETING_BYTES]
            self._state = _State.CONFIRMING
        elif self._state is _State.GREETING and self._early[0] != 3:
            raise ViolationError("it does not speak RTMP 3")
        if self._state is _State.CONFIRMING and len(self._early) >= handshake.CONFIRMATION_BYTES:
            rest = bytes(self._early[handshake.CONFIRMATION_BYTES :])
            self._early.clear()
            self._state = _State.TALKING
            self._session.append(rest)
            self._converse()

    def _converse(self) -> None:
        """Act on what has come, until the door must be asked or more is needed."""
        session = self._session
        media: list[Message] = []
        is_over = False
        try:
            while self._state is _State.TALKING and not is_over:
                event = session.next_event()
                if event is None:
                    break
                if isinstance(event, Message):
                    media.append(event)
                elif isinstance(event, PublishRequest):
                    self._state = _State.ASKING
                    self.pause()
                    self._question = self._listener.start(self._ask(event))
                else:
                    is_over = event is End.UNPUBLISHED
        finally:
            session.settle()
            if media and self._reception is not None:
                self._reception.take(media)
            self._answer()
        if is_over:
            self.dismiss(Farewell.UNPUBLISHED)

    async def _ask(self, request: PublishRequest) -> None:
        try:
            if len(self._listener.publishers) >= self._limits.most_publishers:
                raise RefusedError("NetStream.Publish.Failed", "There is no room.")
            reception = await self._admission(request)
        except RefusedError as refusal:
            telemetry.log(_log, logging.INFO, "a publisher was refused",
                          address=self.address, code=refusal.code, why=refusal.why)  # fmt: skip
            self._session.refuse(refusal.code, refusal.why)
            self._answer()
            self.dismiss(Farewell.REFUSED)
            return
        if self._state is not _State.ASKING or self._transport.is_closing():
            reception.left(self._farewell)
            return
        self._reception = reception
        self._listener.strangers.pop(self, None)
        self._listener.publishers.add(self)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(self._limits.silence_s, self._listen)
        self._state = _State.TALKING
        self._session.accept()
        if not self.encrypted:
            self._descriptor = self._transport.get_extra_info("socket").fileno()
        self.resume()
        try:
            self._converse()
        except ViolationError as violation:
            self._end_for(violation)

    async def _admission(self, request: PublishRequest) -> Reception:
        try:
            return await self._listener.door.admit(request, self)
        except RecorderError as error:
            telemetry.log(_log, logging.ERROR, "the door gave no answer", why=error.code)
            raise RefusedError("NetStream.Publish.Failed", "Try again later.") from error

    def _answer(self) -> None:
        out = self._session.answers()
        if not out or self._transport.is_closing():
            return
        self._transport.write(out)
        if self._transport.get_write_buffer_size() > _MOST_UNREAD:
            raise ViolationError("it does not read its answers")

    def _end_for(self, violation: ViolationError) -> None:
        telemetry.log(_log, logging.INFO, "a peer broke the protocol",
                      address=self.address, why=str(violation))  # fmt: skip
        self.dismiss(Farewell.VIOLATION)

    def _too_late(self) -> None:
        self._end_for(ViolationError("it took too long to publish"))

    def _listen(self) -> None:
        """Ask whether the publisher is still there; a paused one is not expected to be heard."""
        silent_s = self._loop.time() - self._heard_at
        if silent_s >= self._limits.silence_s and not self._paused:
            self.dismiss(Farewell.SILENT)
            return
        wait_s = self._limits.silence_s - min(silent_s, self._limits.silence_s / 2)
        self._timer = self._loop.call_later(wait_s, self._listen)

    def _forget(self, farewell: Farewell) -> None:
        self._listener.strangers.pop(self, None)
        self._listener.publishers.discard(self)
        reception, self._reception = self._reception, None
        if reception is not None:
            reception.left(farewell)

    def _close_slowly(self) -> None:
        """Let the peer read its last answer: what it still sends is read and thrown away."""
        if self._state is _State.CLOSING or self._transport.is_closing():
            return
        self._state = _State.CLOSING
        self._leave_alone()
        self._descriptor, self._paused = -1, False
        self._transport.resume_reading()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(_FAREWELL_S, self._transport.abort)
        if self._transport.can_write_eof():
            self._transport.write_eof()
