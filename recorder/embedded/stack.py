"""Everything of an embedded server put together: what starts in which order on which folder.

``Embedded`` is the async context that tests, demo and ``serve`` use. The servers come first, then
whatever ``services`` starts: the product's own by default. It must not know HTTP routes, tables
or tasks.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import imageio_ffmpeg

import recorder
from recorder.embedded import guardian, identity, listener, postgres, redis
from recorder.embedded.data_folder import DataFolder, lock, open_locked, write_durably
from recorder.embedded.supervisor import Child, Supervisor
from recorder.errors import Conflict, Unavailable
from recorder.store import migrate

#: Where a browser is sent without being asked; this machine only.
DEFAULT_LISTEN = "127.0.0.1:8080"
_LOCK_PATIENCE_S = 1.0
#: Nobody writes while an embedded server starts.
_ALONE = migrate.Limits(statement_s=3600)


@dataclass(frozen=True, slots=True)
class Tls:
    """Certificate and key of the web service."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Addresses:
    """How the servers of one data folder are reached."""

    #: For migrations only.
    owner_url: str
    #: For web service, workers and commands.
    service_url: str
    redis_url: str


@dataclass(frozen=True, slots=True)
class Setting:
    """What the services are started with."""

    supervisor: Supervisor
    folder: DataFolder
    addresses: Addresses
    listener: listener.Listener
    #: The whole environment of a service.
    environment: Mapping[str, str]
    #: Web processes behind the one listener.
    processes: int = 1


Services = Callable[[Setting], Awaitable[None]]


def service_environment(
    folder: DataFolder | Path,
    addresses: Addresses,
    *,
    base: Mapping[str, str],
    tls: Tls | None = None,
) -> dict[str, str]:
    """The environment of web service, workers and commands on this data folder.

    ``base`` stays where it says other things, so an office may still set, say,
    ``RECORDER_LOG_LEVEL``; what PostgreSQL's library would read is taken out.
    """
    path = folder if isinstance(folder, Path) else folder.path
    ours = {
        "RECORDER_DATABASE_URL": addresses.service_url,
        "RECORDER_OWNER_DATABASE_URL": addresses.owner_url,
        "RECORDER_REDIS_URL": addresses.redis_url,
        "RECORDER_OBJECTS": "folder",
        "RECORDER_OBJECTS_FOLDER": str(path / "objects"),
        "RECORDER_LIVE_SPOOL_FOLDER": str(path / "live-spool"),
        "RECORDER_SIGNING_KEY_FILE": str(path / "keys" / "signing.key"),
        "RECORDER_FFMPEG": base.get("RECORDER_FFMPEG") or imageio_ffmpeg.get_ffmpeg_exe(),
        # Children start in another folder, and must find this very code there.
        "PYTHONPATH": os.pathsep.join(
            filter(None, [str(Path(recorder.__file__).parent.parent), base.get("PYTHONPATH")])
        ),
    }
    if tls:
        ours["RECORDER_TLS_CERT"] = str(tls.certificate.absolute())
        ours["RECORDER_TLS_KEY"] = str(tls.key.absolute())
    # A setting of ours given in a file instead would contradict us.
    files = {f"{name}_FILE" for name in ours}
    return {
        name: value
        for name, value in base.items()
        if not name.startswith("PG") and name not in files
    } | ours


async def product_services(setting: Setting) -> None:
    """Bring the schema up to date, start web service and worker together, then the ingest."""
    await migrate.migrate(setting.addresses.owner_url, limits=_ALONE)
    # Its own end takes up to 15 s: uploads under way make durable what has arrived.
    web = Child(
        name="web",
        command=(
            *(sys.executable, "-m", "recorder", "serve"),
            *("--listen-fd", str(setting.listener.descriptor)),
            *(("--processes", str(setting.processes)) if setting.processes > 1 else ()),
        ),
        environment=setting.environment,
        ready=lambda _pid: listener.answers(setting.listener, "/readyz"),
        ready_within=60.0,
        grace=20.0 if setting.processes == 1 else 25.0,
        descriptors=(setting.listener.descriptor,),
    )
    work = Child(
        name="worker",
        # Receiving comes before verifying: footage that is in can wait, a camera cannot.
        command=("nice", "-n", "5", sys.executable, "-m", "workers"),
        environment=setting.environment,
        grace=20.0,
    )
    await setting.supervisor.start_together(web, work)
    await setting.supervisor.start(_live(setting))


def _live(setting: Setting) -> Child:
    """The ingest of livestreams: nobody waits for it, and without it all else works.

    Its port is a free one, told in ``run/live.json``, unless the office chose one: a port that
    another server on this machine has must not keep this one from starting.
    """
    listen = setting.environment.get("RECORDER_LIVE_RTMP_LISTEN", "127.0.0.1:0")
    return Child(
        name="live",
        command=(
            *(sys.executable, "-m", "recorder", "live", "serve", "--rtmp", listen),
            *("--ready-file", str(setting.folder.run / "live.json")),
        ),
        environment=setting.environment,
        # Its own end takes up to 20 s: what has arrived is stored.
        grace=25.0,
    )


@dataclass(frozen=True, slots=True)
class Running:
    """An embedded server that answers."""

    url: str
    folder: DataFolder
    addresses: Addresses
    environment: Mapping[str, str]
    supervisor: Supervisor


@dataclass(slots=True)
class Embedded:
    """One embedded server: ``async with Embedded(folder, listen="127.0.0.1:0") as running``.

    Inside the block all children answer, and dead ones are brought back; after it all have ended
    and the folder is free. Failures to start are RecorderErrors whose detail tells what to do.
    """

    path: Path
    listen: str = DEFAULT_LISTEN
    ready_file: Path | None = None
    tls: Tls | None = None
    services: Services = product_services
    processes: int = 1
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    #: Takes sentences for the operator.
    report: Callable[[str], None] = lambda _sentence: None
    _exit: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> Running:
        async with AsyncExitStack() as stack:
            running = await self._start(stack)
            self._exit = stack.pop_all()
        return running

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._exit.aclose()

    async def _start(self, stack: AsyncExitStack) -> Running:
        folder = await _own(self.path, stack)
        bound = listener.listen_on(self.listen, tls=self.tls is not None)
        stack.callback(bound.close)
        supervisor = await _supervise(folder, stack, self.report, self.ready_file)
        addresses = await _start_servers(folder, supervisor)
        environment = service_environment(folder, addresses, base=self.environment, tls=self.tls)
        await self.services(
            Setting(supervisor, folder, addresses, bound, environment, self.processes)
        )
        _announce(folder, addresses, stack)
        if self.ready_file:
            _write_ready(self.ready_file, bound.url, stack)
        return Running(bound.url, folder, addresses, environment, supervisor)


async def _lock_soon(path: Path) -> int:
    """Lock the folder; a process that was just killed may hold its lock for a moment more."""
    deadline = asyncio.get_running_loop().time() + _LOCK_PATIENCE_S
    while True:
        try:
            return lock(path)
        except Conflict:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.05)


async def _own(path: Path, stack: AsyncExitStack) -> DataFolder:
    """Lock the folder and end whatever an earlier life left running on it."""
    path = path.absolute()
    descriptor = await _lock_soon(path)
    survivors = await asyncio.to_thread(guardian.put_down, path / "run" / "children.json")
    if survivors:
        os.close(descriptor)
        numbers = " ".join(map(str, survivors))
        raise Conflict(
            "data-folder-in-use",
            f"Processes of an earlier start on {path} cannot be ended: {numbers}; end them"
            f" (kill -9 {numbers}) or start the machine anew.",
        )
    try:
        folder = open_locked(path, descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    stack.callback(folder.close)
    return folder


async def _supervise(
    folder: DataFolder,
    stack: AsyncExitStack,
    report: Callable[[str], None],
    ready_file: Path | None = None,
) -> Supervisor:
    leftovers = [] if folder.sockets == folder.run else [folder.sockets]
    if ready_file:
        # A file of an earlier life must not tell of a server that is not ready.
        ready_file.unlink(missing_ok=True)
        leftovers.append(ready_file.absolute())
    return await stack.enter_async_context(
        Supervisor(folder.log, folder.registry, report, leftovers)
    )


async def _start_servers(folder: DataFolder, supervisor: Supervisor) -> Addresses:
    programs, redis_program = postgres.binaries(), redis.binary()
    chosen = await identity.choose(folder.path, programs / "postgres")
    database = postgres.Postgres(folder, chosen, programs)
    await database.initialise(supervisor)
    folder.record_version()
    cache = redis.Redis(folder, redis_program)
    await supervisor.start_together(database.child(), cache.child())
    return Addresses(
        database.url(postgres.OWNER_ROLE), database.url(postgres.LOGIN_ROLE), cache.url
    )


def _announce(folder: DataFolder, addresses: Addresses, stack: AsyncExitStack) -> None:
    """Tell commands on the same folder how to reach the servers."""
    text = json.dumps(
        {
            "owner_url": addresses.owner_url,
            "service_url": addresses.service_url,
            "redis_url": addresses.redis_url,
        }
    )
    write_durably(folder.addresses, text)
    stack.callback(folder.addresses.unlink, missing_ok=True)


def _write_ready(path: Path, url: str, stack: AsyncExitStack) -> None:
    write_durably(path.absolute(), json.dumps({"url": url, "pid": os.getpid()}) + "\n", mode=0o644)
    stack.callback(path.unlink, missing_ok=True)


@asynccontextmanager
async def addresses_of(
    path: Path, report: Callable[[str], None] = lambda _sentence: None
) -> AsyncIterator[Addresses]:
    """The servers of a data folder for a command such as ``recorder admin --data DIR``.

    If an embedded server runs on the folder, its own are used; else database and Redis are
    started for the length of the block, with the schema up to date. Raises what ``Embedded``
    raises, and Unavailable ``data-folder-starting`` while another one is starting or stopping.
    """
    path = path.absolute()
    async with AsyncExitStack() as stack:
        try:
            folder = await _own(path, stack)
        except Conflict:
            addresses = _announced(path)
        else:
            supervisor = await _supervise(folder, stack, report)
            addresses = await _start_servers(folder, supervisor)
            await migrate.migrate(addresses.owner_url, limits=_ALONE)
        yield addresses


def _announced(path: Path) -> Addresses:
    with contextlib.suppress(OSError, ValueError, TypeError):
        return Addresses(**json.loads((path / "run" / "addresses.json").read_text()))
    raise Unavailable(
        "data-folder-starting",
        f"Another recorder is just starting or stopping on {path}; try again in a few seconds.",
    )
