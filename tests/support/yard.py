"""Real worker processes on a bureau of their own, to be killed, stopped and woken by tests."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from recorder.config import PREFIX
from recorder.domain.ids import RecordingId
from recorder.services import ingest
from recorder.store.task_runs import TaskRun
from tests.support import footage as footage_set
from tests.support import servers
from tests.support.bureau import Bureau, open_bureau
from tests.support.waiting import eventually
from tests.support.workshop import runs

LEASE_S = 2


@dataclass
class Yard:
    """A bureau whose tasks are done by processes of their own."""

    bureau: Bureau
    folder: Path
    environment: dict[str, str]
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    #: What each worker has written, by its process number.
    logs: dict[int, Path] = field(default_factory=dict)

    async def worker(self) -> asyncio.subprocess.Process:
        """A worker that has said that it is ready; killed at the end of the test if still there."""
        log = self.folder / f"worker-{time.monotonic_ns()}.log"
        with log.open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "workers"),
                env=self.environment,
                cwd=servers.REPOSITORY,
                stderr=stderr,
            )
        self.stack.push_async_callback(_end, process)
        self.logs[process.pid] = log

        def ready() -> bool:
            assert process.returncode is None, log.read_text()
            return "worker ready" in log.read_text()

        await eventually(ready, within=60, what=f"a worker being ready ({log})")
        return process

    async def when(self, recording: RecordingId, task: str, state: str) -> TaskRun:
        """Wait until the run is in this state."""

        async def reached() -> TaskRun | None:
            found = (await runs(self.bureau, recording)).get(task)
            return found if found is not None and found.state == state else None

        there: TaskRun = await eventually(reached, within=120, what=f"{task} being {state}")
        return there

    async def progressing(self, recording: RecordingId) -> TaskRun:
        """Wait until the proxy shows progress."""

        async def reached() -> TaskRun | None:
            found = (await runs(self.bureau, recording)).get("proxy")
            return found if found and (found.progress or {}).get("percent") else None

        there: TaskRun = await eventually(reached, within=120, what="progress of the proxy")
        return there


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


@asynccontextmanager
async def open_yard(
    database_url: str, folder: Path, redis_url: str, **store: str
) -> AsyncIterator[Yard]:
    """A yard on a folder store, or on the store that these settings name."""
    work = folder / "work"
    work.mkdir()
    settings = {
        "redis_url": redis_url,
        "task_lease_s": str(LEASE_S),
        "work_folder": str(work),
        "ffmpeg": footage_set.ffmpeg(),
        **store,
    }
    async with open_bureau(database_url, folder, **settings) as bureau:
        ingest.begin(bureau.deps)
        environment = {
            **os.environ,
            f"{PREFIX}DATABASE_URL": database_url,
            f"{PREFIX}OBJECTS_FOLDER": str(folder / "objects"),
            f"{PREFIX}OBJECTS_FLOOR_BYTES": "0",
            f"{PREFIX}SIGNING_KEY_FILE": str(folder / "signing.key"),
            **{f"{PREFIX}{name.upper()}": value for name, value in settings.items()},
        }
        yard = Yard(bureau, folder, environment)
        async with yard.stack:
            yield yard
        await ingest.shutdown(bureau.deps)


@asynccontextmanager
async def locked(owner_url: str, statement: str, *arguments: object) -> AsyncIterator[None]:
    """Hold what the statement locks, so that a worker stands exactly there."""
    connection = await asyncpg.connect(owner_url)
    try:
        async with connection.transaction():
            await connection.execute(statement, *arguments)
            yield
    finally:
        await connection.close()
