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
from tests.torture.disk import DiskSide
from tests.torture.drawer import Drawer, open_drawer
from tests.torture.ear import Ear
from tests.torture.schedule import Director
from tests.torture.store import StoreProxy

_START_S = 90.0
_RECORDER = (sys.executable, "-m", "recorder")
#: The kind of a stand whose objects lie in a folder.
FOLDER = "folder"


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


@dataclass(frozen=True, slots=True)
class Crew:
    """How many processes of each kind the stand runs."""

    services: int = 1
    workers: int = 1
    ingests: int = 0
    has_drawer: bool = True


@dataclass
class Stand:
    """The running product and everything that strikes at it."""

    folder: Path
    director: Director
    ear: Ear
    store: StoreProxy
    drawer: Drawer | None
    #: Where files of processes are struck.
    disk: DiskSide
    #: Through the proxies, with a clock that the rounds move.
    deps: Deps
    clock: SetClock
    #: Straight to database and store, with the real clock.
    straight: Deps
    device: str
    program: str
    victims: Victims
    #: Ports of the processes that take livestreams by RTMP, comma-separated.
    rtmp_ports: str

    def spooled_files(self) -> list[Path]:
        """What waits on the disk of the processes that take livestreams."""
        return [path for path in (self.folder / "spool").glob("*/*/p*") if path.is_file()]

    def sender(self, name: str, module: str, place: Path, *words: str) -> Process:
        """A program that sends what is in this folder; the victim ``name`` from now on."""
        (place / "token").write_text(self.device)
        process = Process(
            name,
            (sys.executable, "-m", module, *words, str(place)),
            self.folder,
            final=frozenset({0}),
        )
        self.victims.replace(name, process)
        process.start()
        return process

    def camera(self, place: Path) -> Process:
        """A client that sends the card in this folder; the victim ``client`` from now on."""
        return self.sender("client", "tests.torture.camera", place, self.ear.url)


@contextlib.asynccontextmanager
async def open_stand(kind: str, crew: Crew | None = None) -> AsyncIterator[Stand]:
    """Everything answers inside the block; nothing of it is left after it.

    ``kind``: versitygw or minio behind the store proxy, or folder: then files of services and
    workers are struck.
    """
    crew = crew or Crew()
    async with AsyncExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="footage-torture-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        ports = {name: servers.free_port() for name in ("s3", "postgres", "redis")}
        victims = Victims()
        director = Director(victims.kill)

        def start(name: str, process: Process) -> None:
            victims.add(name, process)
            process.start()
            stack.push_async_callback(process.stop)

        for process in await asyncio.to_thread(_servers, kind, folder, ports):
            start(process.name, process)
        direct, drawer = await _databases(kind, ports)
        database = await stack.enter_async_context(DatabaseProxy(ports["postgres"], director))
        store = stack.enter_context(StoreProxy(s3.url(ports["s3"]), director))
        disk = stack.enter_context(DiskSide(folder / "disk.socket", director))
        straight, struck = _both_settings(kind, folder, direct, ports, store)
        struck |= {"RECORDER_DATABASE_URL": database.instead_of(direct)}
        web = [servers.free_port() for _ in range(crew.services)]
        rtmp = [servers.free_port() for _ in range(crew.ingests)]
        for number, (name, words) in enumerate(_product(crew, web, rtmp)):
            is_struck = kind == FOLDER or name == "ingest"
            command = disk.command(name, *words) if is_struck else (*_RECORDER, *words)
            start(name, Process(f"{number}-{name}", command, folder, struck))
        for port in web:
            await _answers(port)
        device = await _admin(straight, "device", "add", "TORTURE-1")
        program = await _admin(straight, "token", "add", "torture", "--role", "supervisor")
        clock = SetClock()
        ear = await stack.enter_async_context(Ear(web, director, store.pushed))
        yield Stand(
            folder=folder,
            director=director,
            ear=ear,
            store=store,
            drawer=await stack.enter_async_context(
                open_drawer(drawer, database.instead_of(drawer), folder / "drawer", director)
            )
            if crew.has_drawer
            else None,
            disk=disk,
            deps=await stack.enter_async_context(open_deps(read_config(struck), clock=clock)),
            clock=clock,
            straight=await stack.enter_async_context(open_deps(read_config(straight))),
            device=device,
            program=program,
            victims=victims,
            rtmp_ports=",".join(map(str, rtmp)),
        )


async def _databases(kind: str, ports: Mapping[str, int]) -> list[str]:
    """The addresses of the product's database and the drawer's, when all servers answer."""
    await eventually(
        lambda: postgres.is_ready(ports["postgres"]) and (kind == FOLDER or s3.serves(ports["s3"])),
        within=_START_S,
        what="database and store",
    )
    cluster = await postgres.prepare(postgres.admin_url(ports["postgres"]))
    for name in ("torture", "drawer"):
        await _new_database(cluster, name)
    return [cluster.url(name, postgres.SERVICE) for name in ("torture", "drawer")]


async def _new_database(cluster: postgres.Cluster, name: str) -> None:
    """A database that ends with its server; no connection is held, since that will be killed."""
    connection = await asyncpg.connect(cluster.admin_url)
    try:
        await connection.execute(
            f'CREATE DATABASE {name} TEMPLATE "{cluster.template}" OWNER {postgres.OWNER}'
        )
    finally:
        await connection.close()


def _both_settings(
    kind: str, folder: Path, url: str, ports: Mapping[str, int], store: StoreProxy
) -> tuple[dict[str, str], dict[str, str]]:
    """Straight to the store, and by its proxy; in a folder both are the same."""
    plain = _settings(folder, url, ports)
    if kind != FOLDER:
        straight = _s3_settings(store.server, f"127.0.0.1:{ports['s3']}")
        return plain | straight, plain | _s3_settings(store.server, store.server.host)
    plain |= {
        "RECORDER_OBJECTS_FOLDER": str(folder / "objects"),
        "RECORDER_OBJECTS_FLOOR_BYTES": "0",
    }
    return plain, dict(plain)


def _settings(folder: Path, url: str, ports: Mapping[str, int]) -> dict[str, str]:
    (folder / "work").mkdir(exist_ok=True)
    return {
        "RECORDER_DATABASE_URL": url,
        "RECORDER_REDIS_URL": f"redis://127.0.0.1:{ports['redis']}",
        "RECORDER_SIGNING_KEY_FILE": str(folder / "signing.key"),
        "RECORDER_WORK_FOLDER": str(folder / "work"),
        "RECORDER_FFMPEG": footage.ffmpeg(),
        "RECORDER_TASK_LEASE_S": "3",
        "RECORDER_LIVE_SPOOL_FOLDER": str(folder / "spool"),
    }


def _s3_settings(server: s3.S3Server, endpoint: str) -> dict[str, str]:
    return {
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
    }


def _servers(kind: str, folder: Path, ports: Mapping[str, int]) -> list[Process]:
    (folder / "s3").mkdir()
    data = folder / "postgres"
    postgres.make_cluster(data)
    stores = [
        Process(
            "store",
            s3.command(each, folder / "s3", ports["s3"]),
            folder,
            s3.environment(folder / "s3"),
        )
        for each in {kind} - {FOLDER}
    ]
    return [
        *stores,
        Process(
            "database",
            postgres.command(data, ports["postgres"], more={"synchronous_commit": "on"}),
            folder,
            {"TZ": "UTC"},
            stop_signal="INT",
        ),
        Process(
            "redis",
            (
                *(str(redis.binary()), "--port", str(ports["redis"]), "--bind", "127.0.0.1"),
                *("--dir", str(folder), "--save", "", "--appendonly", "no"),
            ),
            folder,
        ),
    ]


def _product(
    crew: Crew, web: Sequence[int], rtmp: Sequence[int]
) -> list[tuple[str, Sequence[str]]]:
    """The name of each process of the product as a victim, and the words of its command."""
    return [
        *(("service", ("serve", "--listen", f"127.0.0.1:{port}")) for port in web),
        *(("worker", ("work",)) for _ in range(crew.workers)),
        *(("ingest", ("live", "serve", "--rtmp", f"127.0.0.1:{port}")) for port in rtmp),
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
