"""Children that look at footage, each forked from a process that has loaded what they need.

Starting Python and libav takes longer than a quick look itself; a fork takes milliseconds. The
forking process (``media_forks``) never opens footage and knows no secret. A child of it is what
one that was started by itself is: confined, in a group of its own, gone with the worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from recorder.adapters import media_process
from recorder.adapters.confinement import Confinement
from recorder.adapters.media_children import look_request
from recorder.adapters.media_process import Finished, OnLine
from recorder.errors import Unavailable

#: All children of one forking process have the addresses of their code in common: what one of
#: them learns of them is worth nothing soon.
_MOST_LOOKS = 200
_MESSAGE_BYTES = 256
#: Looks are ended by those who asked for them; what is left then is killed.
_END_S = 5.0
#: A pipe holds it, so that nobody waits for the child to read.
_REQUEST_BYTES = 60_000


@dataclass(slots=True, eq=False)
class _Look:
    """A forked child, as ``media_process`` wants one; it has its request already."""

    pid: int = 0
    returncode: int | None = None
    stdin: asyncio.StreamWriter | None = None
    stdout: asyncio.StreamReader | None = None
    stderr: asyncio.StreamReader | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    #: Whoever wanted it has gone before it began.
    is_unwanted: bool = False
    #: It ended with the forking process, through no fault of what it looked at.
    is_lost: bool = False
    _pipes: list[asyncio.BaseTransport] = field(default_factory=list)

    async def connect(self) -> list[int]:
        """Standard output and error as pipes; gives the child's ends of them."""
        ends: list[int] = []
        try:
            self.stdout = await self._pipe(ends)
            self.stderr = await self._pipe(ends)
        except BaseException:
            _close(ends)
            raise
        return ends

    async def _pipe(self, ends: list[int]) -> asyncio.StreamReader:
        read, write = os.pipe()
        ends.append(write)
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read, "rb", 0)
        )
        self._pipes.append(transport)
        return reader

    async def wait(self) -> int:
        await self.ended.wait()
        return self.returncode or 0

    def has_ended(self, code: int) -> None:
        self.returncode = code
        self.begun.set()
        self.ended.set()

    def kill(self) -> None:
        if self.pid and self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def close(self) -> None:
        for pipe in self._pipes:
            pipe.close()


class Nursery:
    """Runs looks, in one event loop. ``close`` it at the end."""

    def __init__(self) -> None:
        self._forks: _Forks | None = None
        self._opening = asyncio.Lock()
        self._retired: list[_Forks] = []

    async def look(
        self,
        name: str,
        limits: Confinement,
        request: Mapping[str, object],
        *,
        on_line: OnLine,
        time_s: float,
    ) -> Finished:
        """See Children."""
        return await self._run(name, look_request(limits, request), on_line, time_s, None)

    async def launch(
        self,
        limits: Confinement,
        program: Sequence[str],
        *,
        on_line: OnLine,
        time_s: float,
        stall_s: float,
    ) -> Finished:
        """See Children."""
        request = look_request(limits, {"program": list(program)})
        return await self._run("launch", request, on_line, time_s, stall_s)

    async def _run(
        self, name: str, request: bytes, on_line: OnLine, time_s: float, stall_s: float | None
    ) -> Finished:
        async with self._opening:
            forks = self._forks
            if forks is None or not forks.is_fit:
                self._retire()
                forks = self._forks = await _Forks.open()
        look = _Look()
        try:
            await forks.fork(look, name, request)
            ended = await media_process.attend(
                look, on_line=on_line, time_s=time_s, stall_s=stall_s
            )
            if look.is_lost:
                raise _lost()
            return ended
        finally:
            look.close()

    async def close(self) -> None:
        """Every forking process is gone; for when all looks have ended."""
        async with self._opening:
            self._retire()
            for forks in self._retired:
                await forks.wait()
            self._retired.clear()

    def _retire(self) -> None:
        self._retired = [forks for forks in self._retired if not forks.is_gone]
        if self._forks is not None:
            self._forks.retire()
            self._retired.append(self._forks)
            self._forks = None


class _Forks:
    """One forking process, seen from the worker."""

    def __init__(self, line: socket.socket, running: asyncio.subprocess.Process) -> None:
        self._line = line
        self._running = running
        self._looks: dict[str, _Look] = {}
        self._count = 0
        self._is_lost = False
        #: A child of it died of a signal: nobody guesses twice at one layout of memory.
        self._is_spent = False
        asyncio.get_running_loop().add_reader(line, self._hear)

    @classmethod
    async def open(cls) -> _Forks:
        """A new one, which may still be loading. Raises Unavailable ``media-tool-missing``."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        try:
            running = await asyncio.create_subprocess_exec(
                sys.executable, "-E", "-s", "-m", "recorder.adapters.media_forks",
                str(theirs.fileno()), str(os.getpid()),
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),), start_new_session=True,
                env=media_process.ENVIRONMENT, cwd=media_process.ROOT,
            )  # fmt: skip
        except BaseException as error:
            ours.close()
            if isinstance(error, OSError):
                raise _missing(error) from error
            raise
        finally:
            theirs.close()
        return cls(ours, running)

    @property
    def is_fit(self) -> bool:
        """Whether the next look may be a child of it."""
        return not self._is_lost and not self._is_spent and self._count < _MOST_LOOKS

    @property
    def is_gone(self) -> bool:
        return self._running.returncode is not None

    async def fork(self, look: _Look, name: str, request: bytes) -> None:
        """After return the look is under way. Raises Unavailable ``media-tool-missing``."""
        self._count += 1
        number = str(self._count)
        ends: list[int] = []
        try:
            if len(request) > _REQUEST_BYTES:
                raise OSError(errno.E2BIG, os.strerror(errno.E2BIG))
            end, given = os.pipe()
            ends.append(end)
            with os.fdopen(given, "wb", 0) as pipe:
                pipe.write(request)
            ends += await look.connect()
            socket.send_fds(self._line, [f"{number} {name}".encode()], ends)
        except OSError as error:
            raise _missing(error) from error
        finally:
            _close(ends)
        self._looks[number] = look
        try:
            await look.begun.wait()
        except asyncio.CancelledError:
            look.is_unwanted = True
            look.kill()
            raise
        if not look.pid:
            raise _lost()

    def _hear(self) -> None:
        """Take what the forking process says of its children, or its end."""
        while not self._is_lost:
            try:
                message = self._line.recv(_MESSAGE_BYTES)
            except BlockingIOError:
                return
            except OSError:
                message = b""
            if not message:
                self._lose()
                return
            word, number, value = message.decode().split()
            if word == "begun":
                look = self._looks[number]
                look.pid = int(value)
                look.begun.set()
                if look.is_unwanted:
                    look.kill()
            else:
                self._is_spent = self._is_spent or int(value) < 0
                self._looks.pop(number).has_ended(int(value))

    def _lose(self) -> None:
        # The kernel kills its children with it.
        self._is_lost = True
        asyncio.get_running_loop().remove_reader(self._line)
        self._line.close()
        for look in self._looks.values():
            look.is_lost = True
            look.has_ended(-signal.SIGKILL)
        self._looks.clear()

    def retire(self) -> None:
        """Ask for no more looks; it ends with the last of those under way."""
        if not self._is_lost:
            with contextlib.suppress(OSError):
                self._line.shutdown(socket.SHUT_WR)

    async def wait(self) -> None:
        """Wait for its end, and hear what it said before."""
        try:
            async with asyncio.timeout(_END_S):
                await self._running.wait()
        except TimeoutError:
            self._running.kill()
            await self._running.wait()
        self._hear()


def _close(ends: list[int]) -> None:
    for end in ends:
        os.close(end)


def _missing(error: OSError) -> Unavailable:
    return Unavailable(
        "media-tool-missing", f"Looking at footage cannot be started: {error.strerror}."
    )


def _lost() -> Unavailable:
    return Unavailable("media-tool-missing", "The process that looks at footage was ended.")
