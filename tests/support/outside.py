"""What no footage may reach, watched: a file, and an address."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.hostile import LURES
from tests.support.touched import watching


@dataclass
class Outside:
    """What no clip may reach: a file and an address."""

    path: Path
    watch: int
    port: int = 0
    connections: int = 0

    def touched(self) -> bool:
        """Whether the file was opened or the address asked since the beginning."""
        try:
            return bool(os.read(self.watch, 4096)) or self.connections > 0
        except BlockingIOError:
            return self.connections > 0

    def lures(self) -> list[bytes]:
        address = f"http://127.0.0.1:{self.port}"
        words = {"url": address, "secret": str(self.path), "port": str(self.port)}
        return [text.format(**words).encode() for text in LURES.values()]


@asynccontextmanager
async def open_outside(folder: Path, footage: Path) -> AsyncIterator[Outside]:
    """A clip in this folder and a server of this machine that tell when they are touched."""
    path = folder / "canary.ts"
    path.write_bytes((footage / "05_mpegts.ts").read_bytes())
    with watching(path) as watch:
        found = Outside(path, watch)

        def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found.connections += 1
            writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        found.port = server.sockets[0].getsockname()[1]
        yield found
        server.close()
