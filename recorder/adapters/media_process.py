"""Running one media tool as a child that cannot hang, flood, outlive us or see our secrets.

Every child gets its own session, a bare environment, its limits (``confinement``), an end to its
time, and a watchdog that asks for progress. Its standard error is drained always and its last
lines are kept. However the call ends, nothing of the child's process group is left running.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from recorder.errors import Unavailable

#: Told each line of standard output; answers whether the work has moved on since the last one.
OnLine = Callable[[str], Awaitable[bool]]

_RING_BYTES = 64 << 10
_LINE_BYTES = 1 << 20
_TERM_S = 1.0

#: The folder that holds the package, so that children find it without any setting.
ROOT = Path(__file__).resolve().parents[2]

#: All that a child inherits: no addresses, no passwords, no proxies.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "HOME": "/"}


@dataclass(frozen=True, slots=True)
class Finished:
    """How a child ended. ``stopped`` is empty, ``time`` or ``stall``: then we ended it."""

    code: int
    stopped: str
    #: The last lines of standard error, at most 64 KiB.
    complaints: str


class Child(Protocol):
    """A child that leads a process group of its own."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    @property
    def stdin(self) -> asyncio.StreamWriter | None: ...
    @property
    def stdout(self) -> asyncio.StreamReader | None: ...
    @property
    def stderr(self) -> asyncio.StreamReader | None: ...
    async def wait(self) -> int: ...


async def run(
    command: Sequence[str],
    *,
    on_line: OnLine,
    time_s: float,
    stall_s: float | None = None,
    stdin: bytes = b"",
) -> Finished:
    """Run a command to its end and tell how it ended; its exit code is not judged here.

    ``stall_s`` is how long it may go on without ``on_line`` seeing progress. On cancellation
    and on any error the whole process group is gone before the call ends.
    Raises Unavailable ``media-tool-missing`` when it cannot be started.
    """
    child = await start(command)
    return await attend(child, on_line=on_line, time_s=time_s, stall_s=stall_s, stdin=stdin)


async def attend(
    child: Child,
    *,
    on_line: OnLine,
    time_s: float,
    stall_s: float | None = None,
    stdin: bytes = b"",
) -> Finished:
    """The rest of ``run``, of a child that was started."""
    watch = _Watch(child, on_line, stall_s)
    try:
        stopped = await watch.to_the_end(stdin, time_s)
    finally:
        await end(child)
    return Finished(child.returncode or 0, stopped, watch.complaints.text())


async def start(command: Sequence[str]) -> asyncio.subprocess.Process:
    """A child in a session of its own, with pipes; whoever starts one ends it with ``end``.

    Raises Unavailable ``media-tool-missing`` when it cannot be started.
    """
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            env=ENVIRONMENT,
            cwd=ROOT,
        )
    except OSError as error:
        raise Unavailable(
            "media-tool-missing", f"{command[0]} cannot be started: {error.strerror}."
        ) from error


class Complaints:
    """The last lines of a child's standard error, which is drained always."""

    def __init__(self) -> None:
        self._ring: deque[bytes] = deque()
        self._ring_bytes = 0

    async def drain(self, pipe: asyncio.StreamReader | None) -> None:
        """Read until the child has closed it."""
        if pipe is None:
            return
        while block := await pipe.read(16 << 10):
            self._ring.append(block)
            self._ring_bytes += len(block)
            while self._ring_bytes - len(self._ring[0]) > _RING_BYTES:
                self._ring_bytes -= len(self._ring.popleft())

    def text(self) -> str:
        return b"".join(self._ring)[-_RING_BYTES:].decode("utf-8", "replace")


class _Watch:
    """The pipes of one child, read side by side, and its watchdog."""

    def __init__(self, child: Child, on_line: OnLine, stall_s: float | None) -> None:
        self._child = child
        self._on_line = on_line
        self._stall_s = stall_s
        self.complaints = Complaints()
        self._moved_at = asyncio.get_running_loop().time()

    async def to_the_end(self, stdin: bytes, time_s: float) -> str:
        """Wait until the child has ended; ``time`` or ``stall`` when it must be ended."""
        work = asyncio.ensure_future(self._converse(stdin))
        guard = asyncio.ensure_future(self._guard(time_s))
        try:
            await asyncio.wait((work, guard), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
                return ""
            return guard.result()
        finally:
            work.cancel()
            guard.cancel()
            await asyncio.gather(work, guard, return_exceptions=True)

    async def _converse(self, stdin: bytes) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._feed(stdin))
            group.create_task(self._listen())
            group.create_task(self.complaints.drain(self._child.stderr))
        await self._child.wait()

    async def _feed(self, stdin: bytes) -> None:
        pipe = self._child.stdin
        if pipe is None:
            return
        with contextlib.suppress(ConnectionError):
            pipe.write(stdin)
            await pipe.drain()
        pipe.close()

    async def _listen(self) -> None:
        pipe = self._child.stdout
        if pipe is None:
            return
        rest = b""
        while block := await pipe.read(64 << 10):
            *lines, rest = (rest + block).split(b"\n")
            rest = rest[-_LINE_BYTES:]
            for line in lines:
                if await self._on_line(line.decode("utf-8", "replace")):
                    self._moved_at = asyncio.get_running_loop().time()

    async def _guard(self, time_s: float) -> str:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + time_s
        while True:
            stall_at = deadline if self._stall_s is None else self._moved_at + self._stall_s
            now = loop.time()
            if now >= deadline:
                return "time"
            if now >= stall_at:
                return "stall"
            await asyncio.sleep(min(deadline, stall_at) - now)


async def end(child: Child) -> None:
    """Ask the whole group to stop, then make it; returns when the child is gone."""
    try:
        if child.returncode is None:
            _signal(child, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TERM_S):
                    await child.wait()
    finally:
        # Also when we are cancelled meanwhile. The child's own children may live on; the group's
        # number stays theirs while they do.
        _signal(child, signal.SIGKILL)
    await child.wait()


def _signal(child: Child, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)
