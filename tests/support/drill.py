"""An installation of real processes and commands whose database can be lost, for drills."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from tests.support import footage as footage_set
from tests.support import postgres as databases
from tests.support import servers
from tests.support.waiting import eventually


@dataclass(frozen=True)
class Installation:
    """One store and one signing key, and the database that it has at the moment."""

    folder: Path
    settings: Mapping[str, str]
    database: str
    owner: str
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(servers.REPOSITORY),
            "HOME": str(self.folder),
            "RECORDER_DATABASE_URL": self.database,
            "RECORDER_OWNER_DATABASE_URL": self.owner,
            "RECORDER_OBJECTS_FLOOR_BYTES": "0",
            "RECORDER_SIGNING_KEY_FILE": str(self.folder / "signing.key"),
            "RECORDER_LISTEN": f"127.0.0.1:{self.port}",
            "RECORDER_FFMPEG": footage_set.ffmpeg(),
            **self.settings,
        }

    async def command(self, *words: str | Path, code: int = 0) -> str:
        """``recorder …`` run to its end with this exit code; gives what it printed."""
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "recorder", *map(str, words)),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await child.communicate()
        assert child.returncode == code, (words, out.decode(), err.decode())
        return out.decode()

    async def told(self, *words: str) -> dict[str, Any]:
        """The JSON object that ``recorder …`` prints."""
        answer: dict[str, Any] = json.loads(await self.command(*words))
        return answer

    @contextlib.asynccontextmanager
    async def running(self, *kinds: str) -> AsyncIterator[None]:
        """``recorder serve`` and ``recorder work``, stopped in order at the end."""
        log = (self.folder / "processes.log").open("ab")
        children = [
            subprocess.Popen(
                [sys.executable, "-m", "recorder", kind],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            for kind in kinds
        ]
        try:
            if "serve" in kinds:
                up: bool = await eventually(self._answers, within=60, what="the web service")
                assert up
            yield
        finally:
            log.close()
            for child in children:
                child.terminate()
            for child in children:
                await asyncio.to_thread(child.wait, 60)

    async def _answers(self) -> bool | None:
        with contextlib.suppress(aiohttp.ClientError):
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"{self.url}/healthz") as found,
            ):
                return found.status == 200
        return None

    async def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Rows straight from the database, as its owner."""
        connection = await asyncpg.connect(self.owner)
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    async def all_done(self) -> None:
        """Every recording is sealed and no task is waiting."""

        async def done() -> bool | None:
            left = await self.rows(
                "SELECT 1 FROM task_run WHERE state <> 'done'"
                " UNION ALL SELECT 1 FROM recording WHERE integrity <> 'sealed'"
            )
            failed = await self.rows("SELECT task, error_detail FROM task_run WHERE error_code > ''"
                                     " AND state = 'failed'")  # fmt: skip
            assert failed == []
            return left == [] or None

        finished: bool = await eventually(done, within=120, what="the end of all tasks")
        assert finished

    async def audit(self) -> None:
        """Reads every byte; findings fail the test with their sentences."""
        await self.command("audit", "--level", "digest")


@contextlib.asynccontextmanager
async def installation(
    cluster: databases.Cluster, folder: Path, settings: Mapping[str, str]
) -> AsyncIterator[Installation]:
    """The installation with a new, empty, migrated database, which is destroyed at the end."""
    async with databases.clone(cluster, empty=True) as name:
        made = Installation(
            folder,
            settings,
            cluster.url(name, databases.SERVICE),
            cluster.url(name, databases.OWNER),
            servers.free_port(),
        )
        await made.command("migrate")
        yield made
