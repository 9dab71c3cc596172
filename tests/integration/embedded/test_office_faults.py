"""Processes of an embedded server are killed, and what must hold afterwards holds."""

from __future__ import annotations

import asyncio
import functools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from recorder.embedded import guardian
from recorder.embedded.stack import Embedded, Running
from tests.support.small_office import (
    HALF,
    Office,
    alive,
    command_line,
    held_in_initdb,
    launch,
    open_office,
    started_before,
    tiny_services,
)
from tests.support.waiting import eventually


@pytest.fixture
def place() -> Iterator[Path]:
    """A path of a data folder, so short that sockets lie inside."""
    parent = Path(tempfile.mkdtemp(prefix="office-"))
    yield parent / "data"
    shutil.rmtree(parent)


@pytest.fixture
def folder(place: Path) -> Path:
    """The data folder of an office that was started before."""
    started_before(place)
    return place


def _started(folder: Path) -> Embedded:
    return Embedded(folder, listen="127.0.0.1:0", services=tiny_services)


async def _answers(running: Running) -> bool:
    try:
        connection = await asyncpg.connect(running.addresses.service_url, timeout=5)
    except (OSError, asyncpg.PostgresError):
        return False
    try:
        return bool(await connection.fetchval("SELECT true"))
    finally:
        await connection.close()


def _restarted(running: Running, name: str, times: int) -> bool:
    return running.supervisor.restarts(name) == times


async def _all_gone(family: set[tuple[int, int]]) -> None:
    assert len(family) >= 5
    await eventually(lambda: not alive(family), within=60, what="the end of all children")


async def test_all_children_end_after_kill_9_of_the_parent(folder: Path) -> None:
    # What was promised is what the guardian allows itself; a busy machine may need longer.
    assert guardian.PATIENCE_S < guardian.LIMIT_S < 5
    async with open_office(folder) as office:
        family = office.family()
        os.kill(office.pid, signal.SIGKILL)
        await _all_gone(family)
        # Nothing tells of a server that is no more, and nothing is left outside the folder.
        assert [entry.name for entry in folder.parent.iterdir()] == ["data"]


@pytest.mark.parametrize("guardian_is_new", [False, True])
async def test_all_children_end_after_kill_9_of_the_parent_though_their_folder_is_gone(
    folder: Path, guardian_is_new: bool
) -> None:
    """The folder takes the list of them along."""
    async with open_office(folder) as office:
        if guardian_is_new:
            first = await eventually(
                lambda: office.child("guardian.py"), within=5, what="the guardian"
            )
            os.kill(first, signal.SIGKILL)
            await eventually(
                lambda: office.child("guardian.py") not in (None, first),
                within=5,
                what="a new guardian",
            )
        family = office.family()
        folder.rename(folder.parent / "moved")
        os.kill(office.pid, signal.SIGKILL)
        await _all_gone(family)


async def test_a_start_after_kill_9_has_all_data(folder: Path) -> None:
    async with open_office(folder) as office:
        url = f"postgresql://postgres@/recorder?host={folder}/run/pg"
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        os.kill(office.pid, signal.SIGKILL)
        await connection.close(timeout=5)
        # At once, while the guardian may still be at work (how quick: tests/bench/bench_start.py).
        async with _started(folder):
            connection = await asyncpg.connect(url)
            assert await connection.fetchval("SELECT n FROM kept") == 7
            await connection.close()


async def test_private_sockets_go_when_the_parent_is_killed(folder: Path) -> None:
    place = folder.parent
    # Its own place for temporary folders, since other tests have theirs in the common one.
    environment = {"TMPDIR": str(place)}
    async with open_office(place / ("y" * 120), environment=environment) as office:
        family = office.family()
        assert len(list(place.glob("recorder-*"))) == 1
        os.kill(office.pid, signal.SIGKILL)
        await _all_gone(family)
    await eventually(
        lambda: not list(place.glob("recorder-*")), within=60, what="the private folder's end"
    )


async def test_a_killed_guardian_is_replaced_and_the_new_one_guards(folder: Path) -> None:
    async with open_office(folder) as office:
        first = await eventually(lambda: office.child("guardian.py"), within=5, what="the guardian")
        os.kill(first, signal.SIGKILL)

        def another() -> int | None:
            found = office.child("guardian.py")
            return found if found != first else None

        await eventually(another, within=5, what="a new guardian")
        family = office.family()
        os.kill(office.pid, signal.SIGKILL)
        await _all_gone(family)


async def test_the_next_start_ends_what_parent_and_guardian_left_when_both_were_killed(
    folder: Path,
) -> None:
    async with open_office(folder) as office:
        watcher = office.child("guardian.py")
        assert watcher
        family = office.family()
        # The guardian is stopped first, so that it cannot act in between.
        os.kill(watcher, signal.SIGSTOP)
        os.kill(office.pid, signal.SIGKILL)
        os.kill(watcher, signal.SIGKILL)
        await office.process.wait()
        assert len(alive(family)) >= 4
        async with _started(folder) as running:
            assert alive(family) == set()
            assert await _answers(running)


@pytest.mark.parametrize("name", ["postgres", "redis", "web", "worker"])
async def test_a_killed_child_comes_back_and_what_it_had_started_is_gone(
    folder: Path, name: str
) -> None:
    async with _started(folder) as running:
        pid = running.supervisor.pid(name)
        assert pid
        orphans = {one for one in guardian.family({pid}) if one[0] != pid}
        os.kill(pid, signal.SIGKILL)
        await eventually(
            lambda: running.supervisor.restarts(name) == 1, within=10, what=f"a new {name}"
        )
        assert running.supervisor.pid(name) not in (None, pid)
        assert alive(orphans) == set()
        assert await _answers(running)


async def test_a_child_that_dies_again_and_again_is_started_with_growing_pauses(
    folder: Path,
) -> None:
    loop = asyncio.get_running_loop()
    async with _started(folder) as running:
        took = []
        for time in range(1, 4):
            pid = running.supervisor.pid("worker")
            assert pid
            began = loop.time()
            os.kill(pid, signal.SIGKILL)
            back = functools.partial(_restarted, running, "worker", time)
            await eventually(back, within=10, what="a new worker")
            took.append(loop.time() - began)
        assert took[0] >= 0.2
        assert took[1] >= 0.4
        assert took[2] >= 0.8


async def test_a_busy_backend_does_not_keep_a_killed_postgres_from_coming_back(
    folder: Path,
) -> None:
    async with _started(folder) as running:
        connection = await asyncpg.connect(running.addresses.service_url)
        backend = await connection.fetchval("SELECT pg_backend_pid()")
        seen = guardian.look(backend)
        assert seen
        # It counts in memory and does not look whether its postmaster lives.
        busy = asyncio.create_task(
            connection.fetchval("SELECT count(*) FROM generate_series(1, 1000000000) a")
        )
        await eventually(
            lambda: "SELECT" in command_line(backend), within=5, what="the busy backend"
        )
        pid = running.supervisor.pid("postgres")
        assert pid
        os.kill(pid, signal.SIGKILL)
        await eventually(
            lambda: running.supervisor.restarts("postgres") == 1, within=10, what="a new server"
        )
        assert alive({(backend, seen.started)}) == set()
        with pytest.raises((asyncpg.PostgresError, ConnectionError, asyncpg.InterfaceError)):
            await busy
        assert await _answers(running)


async def test_a_stale_lock_file_with_a_reused_number_does_not_stop_the_start(
    folder: Path,
) -> None:
    async with _started(folder):
        content = (folder / "pg" / "postmaster.pid").read_text().splitlines()
    # In a container the next process tree gets the same numbers: here, that of a living process.
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        content[0] = str(bystander.pid)
        (folder / "pg" / "postmaster.pid").write_text("\n".join(content) + "\n")
        async with _started(folder) as running:
            assert await _answers(running)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


async def test_a_registry_with_reused_numbers_ends_no_stranger(folder: Path) -> None:
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        seen = guardian.look(bystander.pid)
        assert seen
        registry = folder.parent / "children.json"
        registry.write_text(
            f'{{"boot": "{guardian.boot()}", "leftovers": [],'
            f' "children": [[{bystander.pid}, {seen.started - 1}, 9]]}}'
        )
        assert guardian.put_down(registry) == []
        registry.write_text(
            f'{{"boot": "another", "leftovers": [],'
            f' "children": [[{bystander.pid}, {seen.started}, 9]]}}'
        )
        assert guardian.put_down(registry) == []
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


async def test_a_half_initialised_database_is_thrown_away_and_made_anew(place: Path) -> None:
    folder = place
    process = await launch(folder, environment=held_in_initdb(folder.parent))
    await eventually((folder / "pg.new" / HALF).exists, within=60, what="initdb")
    process.kill()
    await process.wait()
    assert not (folder / "pg").exists()
    async with _started(folder) as running:
        assert await _answers(running)
        assert not (folder / "pg.new").exists()


async def test_a_crash_between_the_database_and_the_version_file_is_mended(
    folder: Path,
) -> None:
    async with _started(folder):
        pass
    (folder / "version.json").unlink()
    async with _started(folder) as running:
        assert (folder / "version.json").exists()
        assert await _answers(running)


async def test_nothing_of_the_office_holds_the_folder_after_a_stop(folder: Path) -> None:
    office: Office
    async with open_office(folder) as office:
        family = office.family()
    assert alive(family) == set()
    async with _started(folder) as running:
        assert await _answers(running)
