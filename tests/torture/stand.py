"""The stand: every process of the product on the loopback, restarted whenever it dies.

versitygw or MinIO, PostgreSQL, Redis, ``recorder serve``, ``recorder work`` and a client, with
the three proxies between them. PostgreSQL does not fsync (the machine itself does not fail) and
waits for each commit, so that a killed server has lost nothing that it answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg

from recorder.config import read_config
from recorder.domain.people import OPERATOR, Role
from recorder.runtime import Deps, open_deps
from recorder.services import registry
from tests.support import footage, postgres, redis, s3, servers
from tests.support.bureau import SetClock
from tests.support.waiting import eventually
from tests.torture.database import DatabaseProxy
from tests.torture.disk import DiskSide
from tests.torture.drawer import Drawer, open_drawer
from tests.torture.ear import Ear
from tests.torture.processes import Process, Victims
from tests.torture.schedule import Director
from tests.torture.store import StoreProxy
from tests.torture.struck_objects import StruckObjects

_START_S = 90.0
#: The kind of a stand whose objects lie in a folder.
FOLDER = "folder"
#: What the chores of such a stand ask of the folder, by the name of the call.
_CHORES = {
    "extend_lock": "folder.lock_ahead",
    "open_multiparts": "folder.list",
    "abort_multipart": "folder.abort",
}


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

    @contextlib.asynccontextmanager
    async def with_own_clock(self) -> AsyncIterator[Stand]:
        """The same stand for a round beside another one, whose clock moves otherwise."""
        clock = SetClock()
        async with open_deps(self.deps.config, clock=clock) as deps:
            yield dataclasses.replace(self, deps=deps, clock=clock)

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
        # A thousand small files: on a busy disk they take longer to remove than a round does.
        cluster = servers.new_folder("postgres", in_memory=True)
        for each in (folder, cluster):
            stack.callback(shutil.rmtree, each, ignore_errors=True)
        ports = {name: servers.free_port() for name in ("s3", "postgres", "redis")}
        director = Director((victims := Victims()).kill)

        def start(name: str, process: Process) -> None:
            victims.add(name, process)
            process.start()
            stack.push_async_callback(process.end)

        for process in await asyncio.to_thread(_servers, kind, folder, cluster, ports):
            start(process.name, process)
        direct, drawer = await _databases(kind, ports)
        ways: dict[str, str] = {}
        database = await stack.enter_async_context(DatabaseProxy(ports["postgres"], director, ways))
        store = stack.enter_context(StoreProxy(s3.url(ports["s3"]), director, ways))
        disk = stack.enter_context(DiskSide(folder / "disk.socket", director))
        straight, struck = _both_settings(kind, folder, direct, ports, store)
        struck |= {"RECORDER_DATABASE_URL": database.instead_of(direct)}
        web, rtmp = ([servers.free_port() for _ in range(n)] for n in (crew.services, crew.ingests))
        for process in _product(crew, web, rtmp, disk, folder, is_folder=kind == FOLDER):
            process.environment = struck
            start(process.name.partition("-")[2], process)
        plain = await stack.enter_async_context(open_deps(read_config(straight)))
        clock = SetClock()
        deps = await stack.enter_async_context(open_deps(read_config(struck), clock=clock))
        if kind == FOLDER:
            deps = _struck(deps, director)
        device, program = await _senders(plain, web)
        ear = await stack.enter_async_context(Ear(web, director, ways))
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
            deps=deps,
            clock=clock,
            straight=plain,
            device=device,
            program=program,
            victims=victims,
            rtmp_ports=",".join(map(str, rtmp)),
        )


def _struck(deps: Deps, director: Director) -> Deps:
    """With a folder whose calls by the chores are struck."""
    objects = StruckObjects(deps.objects, director, _CHORES)
    return dataclasses.replace(deps, objects=objects)


async def _senders(deps: Deps, web: Sequence[int]) -> tuple[str, str]:
    """Tokens of a device and of a program, when the services answer."""
    for port in web:
        await _answers(port)
    device = await registry.add_device(deps, OPERATOR, number="TORTURE-1")
    program = await registry.add_token(deps, OPERATOR, name="torture", role=Role.SUPERVISOR)
    return device.token, program.secret


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
        # Days go by for the chores.
        await postgres.set_clock_far_ahead(cluster, name)
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
        straight = s3.settings(store.server, f"127.0.0.1:{ports['s3']}")
        return plain | straight, plain | s3.settings(store.server, store.server.host)
    plain |= {
        "RECORDER_OBJECTS_FOLDER": str(folder / "objects"),
        "RECORDER_OBJECTS_FLOOR_BYTES": "0",
        # Little, so that tails leave memory for the page cache.
        "RECORDER_UPLOAD_BUFFER_BYTES": str(32 << 20),
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
        "RECORDER_LIVE_PULL_NETWORKS": "127.0.0.0/8",
        # The least: several volumes of what is pushed.
        "RECORDER_COMPACT_OBJECT_BYTES": str(1 << 20),
    }


def _servers(kind: str, folder: Path, cluster: Path, ports: Mapping[str, int]) -> list[Process]:
    (folder / "s3").mkdir()
    data = cluster / "data"
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
    crew: Crew,
    web: Sequence[int],
    rtmp: Sequence[int],
    disk: DiskSide,
    folder: Path,
    *,
    is_folder: bool,
) -> list[Process]:
    """The processes of the product; in a folder stand all are struck, else those with a spool."""
    ways = ("live", "serve", "--rtmp")
    named = [
        *(("service", ("recorder", "serve", "--listen", f"127.0.0.1:{port}")) for port in web),
        # What ``recorder work`` becomes.
        *(("worker", ("workers",)) for _ in range(crew.workers)),
        *(("ingest", ("recorder", *ways, f"127.0.0.1:{port}")) for port in rtmp),
    ]
    processes = []
    for number, (name, words) in enumerate(named):
        command = (sys.executable, "-m", *words)
        if is_folder or name == "ingest":
            command = disk.command(name, *words)
        processes.append(Process(f"{number}-{name}", command, folder))
    return processes


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
