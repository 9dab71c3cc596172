"""Starts named children in order, keeps them alive, and ends them in the reverse order.

It knows nothing of databases or web services: a ``Child`` says how it starts, how one can tell
that it is ready, and how it likes to be stopped. Every child waits at a gate until it stands in
the registry, so whenever this process dies, the guardian knows all that must die with it. It must
not interpret what children print: that goes to their logs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from recorder.embedded import child_logs, guardian
from recorder.errors import RecorderError, Unavailable

#: Seconds before the first restart; doubled up to the longest, forgotten after a healthy minute.
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
HEALTHY_S = 60.0
_POLL_S = 0.03
_LOG_CHECK_S = 5.0
#: Seconds that a killed process gets to leave the table; the kernel may need some for its memory.
_KILLED_S = 5.0

#: The child begins only when a line arrives; at the end of input (the parent died) it never does.
_GATE = ("/bin/sh", "-c", 'read -r _ || exit 75; exec "$@"', "gate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """How one child runs."""

    name: str
    command: Sequence[str]
    #: The whole environment; nothing is inherited.
    environment: Mapping[str, str]
    #: Asked with the child's process number until it says yes; None: alive is ready.
    ready: Callable[[int], Awaitable[bool]] | None = None
    ready_within: float = 30.0
    #: Done before each start, for instance removing what the last life left.
    prepare: Callable[[], Awaitable[None]] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    #: Seconds between the stop signal and SIGKILL.
    grace: float = 10.0
    #: What the guardian sends; anything but SIGKILL is followed by that after a while.
    orphan_signal: signal.Signals = signal.SIGKILL
    #: Inherited descriptors, under the same numbers.
    descriptors: tuple[int, ...] = ()
    uid: int | None = None
    gid: int | None = None


class ChildFailed(Unavailable):
    """A child ended or did not become ready; the detail carries the last lines of its log."""

    def __init__(self, name: str, what: str, lines: str) -> None:
        detail = f"{name} {what}." + (f" Its last lines:\n{lines}" if lines else "")
        super().__init__("child-failed", detail, child=name)


@dataclass(slots=True)
class _Life:
    """One child over all its restarts."""

    child: Child
    running: asyncio.subprocess.Process | None = None
    started: int = 0
    ready_at: float = 0.0
    restarts: int = 0
    watch: asyncio.Task[None] | None = None


@dataclass(slots=True)
class Supervisor:
    """Use it as an async context: inside, children can be started; afterwards all have ended."""

    logs: Path
    registry: Path
    #: Takes a sentence for the operator whenever a child dies or comes back.
    report: Callable[[str], None]
    #: Paths outside the data folder that must go when this process dies.
    leftovers: list[Path] = field(default_factory=list)
    _lives: list[_Life] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _guardian: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._write_registry()
        await self._start_guardian()
        self._tasks = [
            asyncio.create_task(self._keep_guardian()),
            asyncio.create_task(self._bound_logs()),
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A cancelled caller must not leave half of the children behind.
        await asyncio.shield(asyncio.create_task(self._stop()))

    def pid(self, name: str) -> int | None:
        """The present process number of a child; None while it is down."""
        for life in self._lives:
            if life.child.name == name and life.running and life.running.returncode is None:
                return life.running.pid
        return None

    @property
    def guardian_pid(self) -> int | None:
        return self._guardian.pid if self._guardian else None

    def restarts(self, name: str) -> int:
        """How often a child has come back to readiness after it died."""
        return sum(life.restarts for life in self._lives if life.child.name == name)

    async def start(self, child: Child) -> None:
        """Start a child and wait until it is ready; from then on it is kept alive.

        Raises ChildFailed if it ends or is not ready in time: a first start is not tried twice.
        """
        life = _Life(child)
        self._lives.append(life)
        await self._launch(life)
        life.watch = asyncio.create_task(self._watch(life))

    async def start_together(self, *children: Child) -> None:
        """Start several children at once; raises ChildFailed of the first that fails."""
        try:
            async with asyncio.TaskGroup() as group:
                for child in children:
                    group.create_task(self.start(child))
        except BaseExceptionGroup as group_error:
            raise group_error.exceptions[0] from None

    async def run_once(self, child: Child, *, given: bytes = b"", within: float = 120.0) -> None:
        """Run a command to its end with ``given`` as its standard input.

        Raises ChildFailed if it ends with another code than 0 or takes longer than ``within``.
        """
        life = _Life(child)
        self._lives.append(life)
        try:
            running = await self._spawn(life, given)
            async with asyncio.timeout(within):
                code = await running.wait()
        except TimeoutError:
            raise self._failed(child, f"took longer than {within:g} s") from None
        finally:
            await asyncio.shield(self._end(life))
            self._lives.remove(life)
            self._write_registry()
        if code != 0:
            raise self._failed(child, f"ended with code {code}")

    async def _launch(self, life: _Life) -> None:
        if life.child.prepare:
            await life.child.prepare()
        running = await self._spawn(life)
        await self._until_ready(life, running)
        life.ready_at = asyncio.get_running_loop().time()

    async def _spawn(self, life: _Life, given: bytes = b"") -> asyncio.subprocess.Process:
        child = life.child
        log = child_logs.open_log(self.logs, child.name)
        try:
            running = await asyncio.create_subprocess_exec(
                *_GATE,
                *child.command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=dict(child.environment),
                cwd="/",
                start_new_session=True,
                pass_fds=child.descriptors,
                user=child.uid,
                group=child.gid,
                extra_groups=None if child.gid is None else [],
                umask=0o077,
            )
        finally:
            os.close(log)
        life.running = running
        seen = guardian.look(running.pid)
        life.started = seen.started if seen else 0
        try:
            self._write_registry()
            if running.stdin:
                running.stdin.write(b"go\n" + given)
                with contextlib.suppress(ConnectionError):
                    await running.stdin.drain()
        finally:
            # Without its line, the child sees the end of input at the gate and ends.
            _close_input(running)
        return running

    async def _until_ready(self, life: _Life, running: asyncio.subprocess.Process) -> None:
        child = life.child
        asking = asyncio.create_task(_ask(child, running.pid))
        ending = asyncio.create_task(running.wait())
        try:
            await asyncio.wait(
                {asking, ending},
                timeout=child.ready_within,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if asking.done():
                asking.result()
                return
            if ending.done():
                raise self._failed(child, f"ended with code {ending.result()}")
        finally:
            asking.cancel()
            ending.cancel()
        await self._end(life)
        raise self._failed(child, f"was not ready within {child.ready_within:g} s")

    async def _watch(self, life: _Life) -> None:
        """Bring a dead child back, with growing pauses, until the supervisor stops."""
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE_S
        while life.running is not None:
            code = await life.running.wait()
            if loop.time() - life.ready_at >= HEALTHY_S:
                pause = FIRST_PAUSE_S
            self.report(f"{life.child.name} ended with code {code}; starting it again.")
            await self._sweep(life)
            failure = ""
            while True:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
                try:
                    await self._launch(life)
                except (RecorderError, OSError) as error:
                    # The lines of the log once; afterwards only that it still fails.
                    failure = str(error).partition("\n")[0] if failure else str(error)
                    self.report(f"{life.child.name} does not come back: {failure}")
                    continue
                break
            life.restarts += 1
            self.report(f"{life.child.name} is back.")

    async def _stop(self) -> None:
        watches = [life.watch for life in self._lives if life.watch]
        for task in [*watches, *self._tasks]:
            task.cancel()
        await asyncio.gather(*watches, *self._tasks, return_exceptions=True)
        for life in reversed(self._lives):
            await self._end(life)
        for path in self.leftovers:
            guardian.remove_leftover(path)
        self.registry.unlink(missing_ok=True)
        if self._guardian:
            _close_input(self._guardian)
            await self._guardian.wait()

    async def _end(self, life: _Life) -> None:
        """Stop one child as it likes it, then kill what is left of it and of its session."""
        running = life.running
        if running is None:
            return
        if running.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                running.send_signal(life.child.stop_signal)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(life.child.grace):
                    await running.wait()
        await self._sweep(life)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_KILLED_S):
                await running.wait()

    async def _sweep(self, life: _Life) -> None:
        """Kill everything in the session of a child: what it started must not outlive it."""
        if life.running is None:
            return
        for pid, started in await asyncio.to_thread(guardian.family, {life.running.pid}):
            guardian.send(pid, started, signal.SIGKILL)

    def _failed(self, child: Child, what: str) -> ChildFailed:
        return ChildFailed(child.name, what, child_logs.last_lines(self.logs, child.name))

    def _write_registry(self) -> None:
        """Whom the guardian has to end. Replaced in one step; it need not survive a power cut.

        The guardian is told too: a folder that is removed takes the registry along.
        """
        self._tell_guardian()
        temporary = self.registry.with_suffix(".new")
        temporary.write_text(self._registered())
        temporary.replace(self.registry)

    def _registered(self) -> str:
        children = [
            [life.running.pid, life.started, int(life.child.orphan_signal)]
            for life in self._lives
            if life.running and life.running.returncode is None
        ]
        return json.dumps(
            {
                "boot": guardian.boot(),
                "children": children,
                "leftovers": [str(path) for path in self.leftovers],
            }
        )

    def _tell_guardian(self) -> None:
        if self._guardian and self._guardian.returncode is None and self._guardian.stdin:
            self._guardian.stdin.write(f"{self._registered()}\n".encode())

    async def _start_guardian(self) -> None:
        log = child_logs.open_log(self.logs, "guardian")
        try:
            self._guardian = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-I", "-S", guardian.__file__, str(self.registry)),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )
        finally:
            os.close(log)
        self._tell_guardian()

    async def _keep_guardian(self) -> None:
        while self._guardian:
            code = await self._guardian.wait()
            _close_input(self._guardian)
            self.report(f"guardian ended with code {code}; starting it again.")
            await asyncio.sleep(FIRST_PAUSE_S)
            await self._start_guardian()

    async def _bound_logs(self) -> None:
        while True:
            await asyncio.sleep(_LOG_CHECK_S)
            await asyncio.to_thread(child_logs.bound, self.logs)


async def _ask(child: Child, pid: int) -> None:
    """Return when the child says that it is ready."""
    while True:
        if child.ready is None or await child.ready(pid):
            return
        await asyncio.sleep(_POLL_S)


def _close_input(running: asyncio.subprocess.Process) -> None:
    if running.stdin:
        running.stdin.close()
