"""The stand: every process of the product on the loopback, restarted whenever it dies.

versitygw or MinIO, PostgreSQL, Redis, ``recorder serve``, ``recorder work`` and a client, with
the three proxies between them. PostgreSQL does not fsync (the machine itself does not fail) and
waits for each commit, so that a killed server has lost nothing that it answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import asyncpg

from recorder.config import read_config
from recorder.runtime import Deps, open_deps
from tests.support import footage, postgres, redis, s3, servers
from tests.support.bureau import SetClock
from tests.support.waiting import eventually
from tests.torture.database import DatabaseProxy
from tests.torture.drawer import Drawer, open_drawer
from tests.torture.ear import Ear
from tests.torture.schedule import Director
from tests.torture.store import StoreProxy

_START_S = 90.0


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


@dataclass
class Stand:
    """The running product and everything that strikes at it."""

    folder: Path
    director: Director
    ear: Ear
    store: StoreProxy
    drawer: Drawer
    #: Through the proxies, with a clock that the rounds move.
    deps: Deps
    clock: SetClock
    #: Straight to database and store, with the real clock.
    straight: Deps
    device: str
    program: str
    processes: dict[str, Process]

    def camera(self, place: Path) -> Process:
        """A client that sends the card in this folder; the victim ``client`` from now on."""
        (place / "token").write_text(self.device)
        process = Process(
            "client",
            (sys.executable, "-m", "tests.torture.camera", self.ear.url, str(place)),
            self.folder,
            final=frozenset({0}),
        )
        self.processes["client"] = process
        process.start()
        return process


@contextlib.asynccontextmanager
async def open_stand(kind: str) -> AsyncIterator[Stand]:
    """Everything answers inside the block; nothing of it is left after it. ``kind``: the store."""
    async with AsyncExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="footage-torture-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        ports = {name: servers.free_port() for name in ("s3", "postgres", "redis", "service")}
        processes = await asyncio.to_thread(_servers, kind, folder, ports)
        director = Director(lambda victim: processes[victim].kill())
        for process in processes.values():
            process.start()
            stack.push_async_callback(process.stop)
        await eventually(
            lambda: postgres.is_ready(ports["postgres"]) and s3.serves(ports["s3"]),
            within=_START_S,
            what="database and store",
        )
        cluster = await postgres.prepare(postgres.admin_url(ports["postgres"]))
        for name in ("torture", "drawer"):
            await _new_database(cluster, name)
        direct = cluster.url("torture", postgres.SERVICE)
        drawer = cluster.url("drawer", postgres.SERVICE)
        database = await stack.enter_async_context(DatabaseProxy(ports["postgres"], director))
        store = StoreProxy(s3.url(ports["s3"]), director)
        stack.enter_context(store)
        straight = _settings(folder, direct, ports, store.server, f"127.0.0.1:{ports['s3']}")
        struck = {
            **straight,
            "RECORDER_DATABASE_URL": database.instead_of(direct),
            "RECORDER_S3_ENDPOINT": store.server.host,
        }
        for process in _product(folder, struck, ports["service"]):
            processes[process.name] = process
            process.start()
            stack.push_async_callback(process.stop)
        await _answers(ports["service"])
        device = await _admin(straight, "device", "add", "TORTURE-1")
        program = await _admin(straight, "token", "add", "torture", "--role", "supervisor")
        clock = SetClock()
        ear = await stack.enter_async_context(Ear(ports["service"], director))
        yield Stand(
            folder=folder,
            director=director,
            ear=ear,
            store=store,
            drawer=await stack.enter_async_context(
                open_drawer(drawer, database.instead_of(drawer), folder / "drawer", director)
            ),
            deps=await stack.enter_async_context(open_deps(read_config(struck), clock=clock)),
            clock=clock,
            straight=await stack.enter_async_context(open_deps(read_config(straight))),
            device=device,
            program=program,
            processes=processes,
        )


async def _new_database(cluster: postgres.Cluster, name: str) -> None:
    """A database that ends with its server; no connection is held, since that will be killed."""
    connection = await asyncpg.connect(cluster.admin_url)
    try:
        await connection.execute(
            f'CREATE DATABASE {name} TEMPLATE "{cluster.template}" OWNER {postgres.OWNER}'
        )
    finally:
        await connection.close()


def _settings(
    folder: Path, url: str, ports: Mapping[str, int], server: s3.S3Server, endpoint: str
) -> dict[str, str]:
    (folder / "work").mkdir(exist_ok=True)
    return {
        "RECORDER_DATABASE_URL": url,
        "RECORDER_REDIS_URL": f"redis://127.0.0.1:{ports['redis']}",
        "RECORDER_OBJECTS": "s3",
        "RECORDER_S3_ENDPOINT": endpoint,
        "RECORDER_S3_SECURE": "false",
        "RECORDER_S3_ACCESS_KEY": server.access_key,
        "RECORDER_S3_SECRET_KEY": server.secret_key,
        "RECORDER_S3_REGION": server.region,
        "RECORDER_S3_MAKE_BUCKETS": "true",
        **{
            f"RECORDER_S3_BUCKET_{name}": f"{server.bucket_prefix}{name.lower()}"
            for name in ("ORIGINALS", "RENDITIONS", "STAGING")
        },
        "RECORDER_SIGNING_KEY_FILE": str(folder / "signing.key"),
        "RECORDER_WORK_FOLDER": str(folder / "work"),
        "RECORDER_FFMPEG": footage.ffmpeg(),
        "RECORDER_TASK_LEASE_S": "3",
    }


def _servers(kind: str, folder: Path, ports: Mapping[str, int]) -> dict[str, Process]:
    (folder / "s3").mkdir()
    data = folder / "postgres"
    postgres.make_cluster(data)
    return {
        "store": Process(
            "store",
            s3.command(kind, folder / "s3", ports["s3"]),
            folder,
            s3.environment(folder / "s3"),
        ),
        "database": Process(
            "database",
            postgres.command(data, ports["postgres"], more={"synchronous_commit": "on"}),
            folder,
            {"TZ": "UTC"},
            stop_signal="INT",
        ),
        "redis": Process(
            "redis",
            (
                *(str(redis.binary()), "--port", str(ports["redis"]), "--bind", "127.0.0.1"),
                *("--dir", str(folder), "--save", "", "--appendonly", "no"),
            ),
            folder,
        ),
    }


def _product(folder: Path, environment: Mapping[str, str], port: int) -> list[Process]:
    recorder = (sys.executable, "-m", "recorder")
    return [
        Process(
            "service", (*recorder, "serve", "--listen", f"127.0.0.1:{port}"), folder, environment
        ),
        Process("worker", (*recorder, "work"), folder, environment),
    ]


async def _answers(port: int) -> None:
    async def ready() -> bool | None:
        with contextlib.suppress(aiohttp.ClientError):
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"http://127.0.0.1:{port}/readyz") as answer,
            ):
                return answer.status == 200 or None
        return None

    is_ready: bool = await eventually(ready, within=_START_S, what="the service")
    assert is_ready


async def _admin(environment: Mapping[str, str], *words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "recorder", "admin", *words, "--json"),
        cwd=servers.REPOSITORY,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return str(json.loads(out)["token"])
