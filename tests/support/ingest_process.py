"""`recorder live serve` as the process that it is, on a database and a folder of a test."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support import footage
from tests.support.waiting import eventually

_READY_S = 60.0


@dataclass(slots=True)
class IngestProcess:
    """A running process that takes publishers."""

    child: asyncio.subprocess.Process
    port: int
    rtmps_port: int | None
    srt_port: int | None

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code after this signal."""
        if self.child.returncode is None:
            self.child.send_signal(number)
        return await asyncio.wait_for(self.child.wait(), _READY_S)


def environment(database_url: str, folder: Path) -> dict[str, str]:
    """Everything that it is configured by."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return kept | {
        "RECORDER_DATABASE_URL": database_url,
        "RECORDER_OBJECTS_FOLDER": str(folder / "objects"),
        "RECORDER_OBJECTS_FLOOR_BYTES": "0",
        "RECORDER_SIGNING_KEY_FILE": str(folder / "signing.key"),
        "RECORDER_FFMPEG": footage.ffmpeg(),
    }


async def start(settings: Mapping[str, str], folder: Path, *words: str) -> IngestProcess:
    """A process that is ready; whoever starts one ends it."""
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "recorder", "live", "serve", "--rtmp", "127.0.0.1:0"),
        *("--ready-file", str(ready), *words),
        env=dict(settings),
        stdin=subprocess.DEVNULL,
    )
    await eventually(
        lambda: ready.exists() or child.returncode is not None, within=_READY_S, what="its start"
    )
    told = json.loads(ready.read_text())
    return IngestProcess(child, told["rtmp"], told.get("rtmps"), told.get("srt"))
