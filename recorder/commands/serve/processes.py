"""``--processes N`` of ``recorder serve`` and ``recorder live serve``: several behind one listener.

The parent owns the listening sockets, starts the processes, brings dead ones back and ends all in
order. It serves nobody itself and opens neither database nor store, so there is little in it that
could fail. Each process is a whole replica: what they share is in PostgreSQL and in the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from recorder.telemetry import log

logger = logging.getLogger(__name__)

MOST_PROCESSES = 64
#: Seconds before a dead process is started again; doubled, and forgotten after a healthy minute.
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0
_HEALTHY_S = 60.0
_READY = b"r"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process stands among its siblings; given to it on its command line."""

    number: int
    #: Its end of a pair of sockets; the other end closes when the parent is gone, however.
    parent_fd: int
    #: Where it is asked for its own figures by the others.
    figures_fd: int
    #: Number of each sibling, and the name of its socket for figures.
    siblings: dict[int, str]

    def to_text(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Place:
        told = json.loads(text)
        named = {int(number): name for number, name in told.pop("siblings").items()}
        return cls(**told, siblings=named)


@dataclass(slots=True)
class Parent:
    """A process's view of its parent."""

    _end: socket.socket

    @classmethod
    def at(cls, descriptor: int) -> Parent:
        end = socket.socket(fileno=descriptor)
        end.setblocking(False)
        return cls(end)

    def tell_ready(self) -> None:
        """Say that this process answers."""
        with contextlib.suppress(OSError):
            self._end.send(_READY)

    def on_death(self, ended: asyncio.Event) -> None:
        """Set the event when the parent is gone: nobody would end this process otherwise."""
        asyncio.get_running_loop().add_reader(self._end.fileno(), ended.set)


@dataclass(slots=True)
class _Member:
    """One process over all its lives."""

    number: int
    figures: socket.socket
    #: Set once, when the process answers for the first time.
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    running: asyncio.subprocess.Process | None = None


class Family:
    """The processes of one service. ``serve`` returns when all have ended."""

    def __init__(
        self,
        count: int,
        listeners: Mapping[str, socket.socket],
        words: Sequence[str],
        end_s: float,
        on_ready: Callable[[], None] | None = None,
    ) -> None:
        """``words`` follow ``recorder`` in each of them, and each listener by its option; they get
        ``end_s`` to end. ``on_ready`` is called when the first one answers."""
        self._listeners = dict(listeners)
        self._words = list(words)
        self._end_s = end_s
        self._on_ready = on_ready
        self._members = [_Member(number, _figures_socket()) for number in range(count)]
        self._stopping = asyncio.Event()

    async def serve(self) -> int:
        """Serve until SIGTERM or SIGINT; 0 after an orderly end of all.

        If the first process ends before it was ready, nothing else is started and its exit code
        is given: what keeps one from starting keeps all.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        first, *others = self._members
        lives = [asyncio.create_task(self._live(first))]
        ready = asyncio.create_task(first.ready.wait())
        await asyncio.wait({lives[0], ready}, return_when=asyncio.FIRST_COMPLETED)
        if first.ready.is_set():
            if self._on_ready is not None:
                self._on_ready()
            lives += [asyncio.create_task(self._live(member)) for member in others]
            log(logger, logging.INFO, "several processes answer", processes=len(lives))
        ready.cancel()
        codes = await asyncio.gather(*lives)
        for member in self._members:
            member.figures.close()
        return next((code for code in codes if code), 0)

    async def _live(self, member: _Member) -> int:
        """Keep one process alive until the end of the service; its last exit code."""
        loop = asyncio.get_running_loop()
        pause = _FIRST_PAUSE_S
        while True:
            began = loop.time()
            code = await self._one_life(member)
            if self._stopping.is_set() or not self._members[0].ready.is_set():
                return self._told(code)
            if loop.time() - began >= _HEALTHY_S:
                pause = _FIRST_PAUSE_S
            log(
                logger, logging.ERROR, "a process ended and is started again",
                process=member.number, code=code, pause_s=pause,
            )  # fmt: skip
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
                    return 0
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _told(self, code: int) -> int:
        """What the parent says of a process that has ended for good."""
        # One that was asked to end before it could hear that ends by the signal itself.
        if self._stopping.is_set() and code == -signal.SIGTERM:
            return 0
        return code if code >= 0 else 1

    async def _one_life(self, member: _Member) -> int:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with ours, theirs:
            running = member.running = await self._spawn(member, theirs)
            theirs.close()
            listening = asyncio.create_task(self._hear(member, ours))
            ending = asyncio.create_task(self._end_when_asked(running))
            try:
                code = await running.wait()
            finally:
                for task in (listening, ending):
                    task.cancel()
                await asyncio.gather(listening, ending, return_exceptions=True)
        return code

    async def _spawn(self, member: _Member, end: socket.socket) -> asyncio.subprocess.Process:
        place = Place(
            number=member.number,
            parent_fd=end.fileno(),
            figures_fd=member.figures.fileno(),
            siblings={
                other.number: _name_of(other.figures) for other in self._members if other != member
            },
        )
        listeners = {option: each.fileno() for option, each in self._listeners.items()}
        inherited = [word for option, number in listeners.items() for word in (option, str(number))]
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "recorder", *self._words, *inherited),
            *("--place", place.to_text()),
            stdin=subprocess.DEVNULL,
            pass_fds=(*listeners.values(), place.figures_fd, place.parent_fd),
        )

    async def _hear(self, member: _Member, ours: socket.socket) -> None:
        if await asyncio.get_running_loop().sock_recv(ours, 1) == _READY:
            member.ready.set()

    async def _end_when_asked(self, running: asyncio.subprocess.Process) -> None:
        await self._stopping.wait()
        with contextlib.suppress(ProcessLookupError):
            running.terminate()
        await asyncio.sleep(self._end_s)
        log(logger, logging.ERROR, "a process did not end in time; killed", pid=running.pid)
        with contextlib.suppress(ProcessLookupError):
            running.kill()


def _figures_socket() -> socket.socket:
    """A listening socket under a name that the kernel chooses and no file system holds."""
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bound.bind("")
    bound.listen(16)
    return bound


def _name_of(bound: socket.socket) -> str:
    """The name without its leading zero byte, which no command line can hold."""
    name: bytes = bound.getsockname()
    return name[1:].decode()
