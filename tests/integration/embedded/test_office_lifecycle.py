"""An embedded server starts, keeps data, and ends without leaving anything behind."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from recorder.embedded.data_folder import LAYOUT, lock
from recorder.embedded.stack import Embedded, Running, addresses_of
from recorder.errors import Unavailable
from tests.support.small_office import (
    HALF,
    alive,
    held_in_initdb,
    launch,
    open_office,
    tiny_services,
)
from tests.support.waiting import eventually


@pytest.fixture
def folder() -> Iterator[Path]:
    """A path so short that sockets lie inside."""
    parent = Path(tempfile.mkdtemp(prefix="office-"))
    yield parent / "data"
    shutil.rmtree(parent)


def _started(folder: Path) -> Embedded:
    return Embedded(folder, listen="127.0.0.1:0", services=tiny_services)


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        yield connection
    finally:
        await connection.close()


async def test_data_survive_a_restart(folder: Path) -> None:
    async with _started(folder) as running, _connected(running.addresses.owner_url) as owner:
        await owner.execute("CREATE TABLE kept (word text)")
        await owner.execute("INSERT INTO kept VALUES ('证据')")
    # As the version before wrote it, which would not find the objects of this one.
    version = folder / "version.json"
    version.write_text(version.read_text().replace(f'"layout": {LAYOUT}', '"layout": 1'))
    # How quick this is: tests/bench/bench_start.py.
    async with _started(folder) as running, _connected(running.addresses.owner_url) as owner:
        assert await owner.fetchval("SELECT word FROM kept") == "证据"
    assert json.loads(version.read_text())["layout"] == LAYOUT


async def test_the_service_may_do_what_migrations_grant_and_no_more(folder: Path) -> None:
    async with _started(folder) as running:
        async with _connected(running.addresses.owner_url) as owner:
            await owner.execute("CREATE TABLE granted (n int); CREATE TABLE closed (n int)")
            await owner.execute("GRANT SELECT ON granted TO recorder_service")
        async with _connected(running.addresses.service_url) as service:
            assert await service.fetchval("SELECT count(*) FROM granted") == 0
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await service.fetchval("SELECT count(*) FROM closed")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await service.execute("CREATE TABLE sneaked (n int)")
            assert await service.fetchval("SHOW server_encoding") == "UTF8"
            assert await service.fetchval("SHOW listen_addresses") == ""


async def test_a_stop_ends_every_process_and_leaves_only_the_folder(folder: Path) -> None:
    async with open_office(folder) as office:
        family = office.family()
        assert len(family) >= 5
        office.process.send_signal(signal.SIGTERM)
        assert await office.process.wait() == 0
        assert alive(family) == set()
        assert list((folder / "run").iterdir()) == []
        assert [entry.name for entry in folder.parent.iterdir()] == ["data"]


async def test_ctrl_c_stops_as_cleanly_as_sigterm(folder: Path) -> None:
    async with open_office(folder) as office:
        family = office.family()
        office.process.send_signal(signal.SIGINT)
        assert await office.process.wait() == 0
        assert alive(family) == set()
        # A clean stop leaves no postmaster.pid: nothing to recover.
        assert not (folder / "pg" / "postmaster.pid").exists()


async def test_a_stop_in_the_middle_of_the_first_start_does_no_harm(folder: Path) -> None:
    process = await launch(folder, environment=held_in_initdb(folder.parent))
    await eventually((folder / "pg.new" / HALF).exists, within=60, what="initdb")
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    assert not (folder / "version.json").exists()
    async with _started(folder) as running, _connected(running.addresses.service_url) as service:
        assert await service.fetchval("SELECT 1") == 1


@pytest.mark.parametrize("name", ["x" * 120, "执法记录 办公室", "a,b?c%d"])
async def test_sockets_go_elsewhere_when_the_path_does_not_suit_them(
    folder: Path, name: str
) -> None:
    async with _started(folder.parent / name) as running:
        private = running.folder.sockets
        assert private.parent == Path(tempfile.gettempdir())
        assert private.is_dir()
        async with _connected(running.addresses.service_url) as service:
            assert await service.fetchval("SELECT 1") == 1
    assert not private.exists()


async def test_commands_find_the_servers_whether_or_not_they_run(folder: Path) -> None:
    async with _started(folder) as running, addresses_of(folder) as addresses:
        assert addresses == running.addresses
    async with addresses_of(folder) as addresses, _connected(addresses.service_url) as service:
        # The schema is up to date also where no service has ever run.
        assert await service.fetchval("SELECT count(*) FROM schema_migration") > 0
    assert list((folder / "run").iterdir()) == []


async def test_a_command_during_another_start_is_told_to_come_again(folder: Path) -> None:
    # Locked, and nothing announced: what a start looks like until its servers are up.
    starting = lock(folder)
    try:
        with pytest.raises(Unavailable, match="try again in a few seconds"):
            async with addresses_of(folder):
                pass
    finally:
        os.close(starting)


async def test_folders_are_closed_to_other_users(folder: Path) -> None:
    async with _started(folder) as running:
        modes = {
            path: path.stat().st_mode & 0o777
            for path in (folder / "objects", folder / "keys", folder / "log", folder / "pg")
        }
        assert set(modes.values()) == {0o700}
        assert running.folder.sockets.joinpath("pg").stat().st_mode & 0o777 == 0o700


async def test_services_get_their_settings_and_none_of_another_deployment(folder: Path) -> None:
    base = {
        "PATH": os.defpath,
        "PGHOST": "elsewhere",
        "RECORDER_DATABASE_URL": "postgresql://production",
        "RECORDER_DATABASE_URL_FILE": "/etc/production",
        "RECORDER_LOG_LEVEL": "debug",
    }
    server = Embedded(folder, listen="127.0.0.1:0", services=tiny_services, environment=base)
    async with server as running:
        environment = running.environment
        assert environment["RECORDER_DATABASE_URL"] == running.addresses.service_url
        assert environment["RECORDER_LOG_LEVEL"] == "debug"
        assert environment["RECORDER_OBJECTS_FOLDER"] == str(folder / "objects")
        assert environment.keys().isdisjoint({"PGHOST", "RECORDER_DATABASE_URL_FILE"})


async def test_the_ready_file_names_address_and_process(folder: Path) -> None:
    ready_file = folder.parent / "ready.json"
    ready_file.write_text('{"url": "http://stale", "pid": 1}')
    server = Embedded(folder, listen="127.0.0.1:0", services=tiny_services, ready_file=ready_file)
    async with server as running:
        assert json.loads(ready_file.read_text()) == {"url": running.url, "pid": os.getpid()}
    assert not ready_file.exists()


async def test_the_port_stays_reserved_while_the_web_service_is_down(folder: Path) -> None:
    async with _started(folder) as running:
        pid = running.supervisor.pid("web")
        assert pid
        os.kill(pid, signal.SIGKILL)
        # Nobody is there to answer yet, but the call is taken, waits, and is answered.
        assert await asyncio.wait_for(_status(running), 60) == b"HTTP/1.0 200 OK\r\n"


async def _status(running: Running) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(running.url.split(":")[-1]))
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    line = await reader.readline()
    writer.close()
    return line
