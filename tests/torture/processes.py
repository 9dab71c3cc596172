"""Processes of the stand: started again whenever they die, and killed by their names."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import servers


@dataclass
class Process:
    """One process that is started again when it dies, until it is stopped."""

    name: str
    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str = "TERM"
    #: Exit codes after which it is not started again.
    final: frozenset[int] = frozenset()
    starts: int = 0
    _leash: subprocess.Popen[bytes] | None = None
    _keeping: asyncio.Task[None] | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def start(self) -> None:
        """It runs from now on, whatever kills it."""
        self._launch()
        self._keeping = asyncio.create_task(self._keep())

    def _launch(self) -> None:
        self.starts += 1
        with self.log.open("ab") as log:
            self._leash = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.support.guard"),
                    *("--stop-signal", self.stop_signal, "--", *self.command),
                ],
                cwd=servers.REPOSITORY,
                env={**os.environ, **self.environment},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def _keep(self) -> None:
        while self._leash is not None:
            code = self._leash.poll()
            if code is None:
                await asyncio.sleep(0.05)
            elif code in self.final:
                return
            else:
                _let_go(self._leash)
                await asyncio.sleep(0.1)
                self._launch()

    def kill(self) -> None:
        """kill -9, from any thread; nothing happens while it is between two lives."""
        if self._leash is None:
            return
        with contextlib.suppress(OSError, ValueError):
            children = Path(f"/proc/{self._leash.pid}/task/{self._leash.pid}/children")
            for word in children.read_text().split():
                os.kill(int(word), signal.SIGKILL)

    async def end(self) -> None:
        """No promise is asked of it any more: it does not come again, and is given no time.

        But for who asks for a signal of its own: PostgreSQL would leave shared memory behind.
        """
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        if self.stop_signal == "TERM":
            self.kill()
        await self.stop()

    async def ended(self, within: float) -> None:
        """It has ended with one of its final codes."""
        assert self._keeping is not None
        async with asyncio.timeout(within):
            await asyncio.shield(self._keeping)

    async def stop(self) -> None:
        """It has ended and does not come again."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        if self._leash is not None:
            _let_go(self._leash)
            await asyncio.to_thread(self._leash.wait)


def _let_go(leash: subprocess.Popen[bytes]) -> None:
    if leash.stdin is not None:
        leash.stdin.close()


class Victims:
    """Who is killed by which name; of several with one name the next one each time."""

    def __init__(self) -> None:
        self._named: dict[str, list[Process]] = {}

    def add(self, name: str, process: Process) -> None:
        self._named.setdefault(name, []).append(process)

    def replace(self, name: str, process: Process) -> None:
        self._named[name] = [process]

    def starts(self, name: str) -> int:
        """How often processes of this name were started."""
        return sum(process.starts for process in self._named[name])

    def kill(self, name: str) -> None:
        """kill -9; nothing happens where nobody has the name now."""
        for process in self._named.get(name, [])[:1]:
            process.kill()
            self._named[name].append(self._named[name].pop(0))
