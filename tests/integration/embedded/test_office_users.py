"""PostgreSQL refuses to be root: each way around that is walked for real.

Run as root, the tests walk all ways; as an ordinary user there is only his own.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from recorder.embedded import identity, postgres
from recorder.embedded.guardian import Seen, everyone
from recorder.embedded.stack import Embedded
from tests.support.small_office import ROOT, Office, alive, launch, open_office, tiny_services
from tests.support.waiting import eventually

_ROOT = os.geteuid() == 0
_NOBODY = pwd.getpwnam("nobody")
_LIBRARIES = os.pathsep.join([str(ROOT), *site.getsitepackages()])
_AS_NOBODY = ("setpriv", "--reuid=nobody", f"--regid={_NOBODY.pw_gid}", "--clear-groups")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A place that other users can reach, unlike pytest's own."""
    parent = Path(tempfile.mkdtemp(prefix="office-"))
    parent.chmod(0o755)
    yield parent / "data"
    shutil.rmtree(parent)


@pytest.fixture
def without_unshare() -> Iterator[str]:
    """A search path on which everything is found but the command unshare."""
    place = Path(tempfile.mkdtemp(prefix="path-"))
    place.chmod(0o755)
    for name in ("sh", "sleep", "test"):
        found = shutil.which(name)
        assert found
        (place / name).symlink_to(found)
    yield str(place)
    shutil.rmtree(place)


@pytest.fixture
def postgres_for_all(folder: Path) -> Path:
    """The folder of our PostgreSQL's wheel, or a copy of it where strangers cannot go there.

    A clone may lie below a home that is closed to them.
    """
    wheel = postgres.binaries().parents[1]
    trial = [*_AS_NOBODY, "test", "-x", str(postgres.binaries() / "psql")]
    if not _ROOT or subprocess.run(trial, check=False).returncode == 0:
        return wheel
    copies = folder.parent / "lib"
    # Its libraries lie in a folder beside it.
    for part in wheel.parent.glob(f"{wheel.name}*"):
        shutil.copytree(part, copies / part.name, symlinks=True)
    return copies / wheel.name


def _owners(office: Office) -> dict[str, int]:
    """Who runs each direct child."""
    names = ("postgres", "redis-server", "guardian.py", "http.server", "sleep")
    return {name: _effective_user(pid) for name in names if (pid := office.child(name))}


def _effective_user(pid: int) -> int:
    # The owner of /proc/PID itself is root for processes that changed their user.
    (line,) = [
        line
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("Uid:")
    ]
    return int(line.split()[2])


def _children(office: Office) -> list[Seen]:
    return [seen for seen in everyone() if seen.parent == office.pid]


def _namespace(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/ns/user")


def _interpreter_of_nobody() -> str | None:
    """An interpreter that nobody can run and that finds our libraries, if there is one.

    The one of the tests may lie in root's home, where he cannot go.
    """
    for candidate in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            subprocess.run(
                [candidate, "-c", "import recorder.embedded.command"],
                user=_NOBODY.pw_uid,
                group=_NOBODY.pw_gid,
                extra_groups=[],
                env={"PYTHONPATH": _LIBRARIES},
                cwd="/",
                check=True,
                capture_output=True,
            )
            return candidate
    return None


def _owner_of_all(folder: Path) -> set[int]:
    return _owners_of([folder, *_inside(folder)])


def _inside(folder: Path) -> Iterator[Path]:
    """Everything below a folder whose servers are at work: what goes meanwhile is passed over."""
    for place, folders, files in os.walk(folder):
        yield from (Path(place) / name for name in (*folders, *files))


def _owners_of(paths: Iterable[Path]) -> set[int]:
    owners = set()
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            owners.add(path.lstat().st_uid)
    return owners


async def _select(
    folder: Path, wheel: Path, *, prefix: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *prefix,
            str(wheel / postgres.binaries().relative_to(postgres.binaries().parents[1]) / "psql"),
            *("-X", "-h", str(folder / "run" / "pg"), "-U", "recorder_web", "-d", "recorder"),
            *("-A", "-t", "-c", "SELECT 'in'"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


async def test_an_ordinary_user_runs_everything_himself(folder: Path) -> None:
    # Root loses his powers and his number, and keeps his files.
    namespace = identity.in_namespace()
    assert namespace
    async with open_office(folder, prefix=namespace.prefix if _ROOT else ()) as office:
        server = office.child("postgres")
        assert server
        # No namespace within: the server runs in ours.
        assert _namespace(server) == _namespace(office.pid)
        assert set(_owners(office).values()) == _owner_of_all(folder) == {os.geteuid()}
        family = office.family()
        os.kill(office.pid, signal.SIGKILL)
        await eventually(lambda: not alive(family), within=5, what="the end of all children")


async def test_a_user_without_a_name_runs_postgres_in_a_namespace(folder: Path) -> None:
    # initdb asks for the name of its user, and some containers run under numbers without one.
    nameless = ("unshare", "--user", "--map-user=4242", "--map-group=4242")
    with pytest.raises(KeyError):
        pwd.getpwuid(4242)
    async with open_office(folder, prefix=nameless) as office:
        server = office.child("postgres")
        assert server
        assert _namespace(server) != _namespace(office.pid)


async def test_the_namespace_lets_us_in_and_nobody_else(
    folder: Path, postgres_for_all: Path
) -> None:
    async with Embedded(folder, listen="127.0.0.1:0", services=tiny_services):
        assert (await _select(folder, postgres_for_all)).stdout == "in\n"
        # Suppose somebody had opened the folders: the kernel still tells the server who comes.
        for path in (folder, folder / "run", folder / "run" / "pg"):
            path.chmod(0o755)
        (folder / "run" / "pg" / ".s.PGSQL.5432").chmod(0o777)
        stranger = await _select(
            folder, postgres_for_all, prefix=_AS_NOBODY if _ROOT else ("unshare", "-Ur")
        )
        assert ("in\n" in stranger.stdout) is not _ROOT
        if _ROOT:
            assert "Peer authentication failed" in stranger.stderr


if _ROOT:

    async def test_root_keeps_all_files_root_s_in_a_user_namespace(folder: Path) -> None:
        async with open_office(folder) as office:
            (server,) = [s for s in everyone() if s.pid == office.child("postgres")]
            inner = Path(f"/proc/{server.pid}/uid_map").read_text().split()
            assert inner[0] not in ("0", "65534")
            assert inner[1:] == ["0", "1"]
            assert _owner_of_all(folder) == {0}

    async def test_root_becomes_the_owner_of_the_folder_if_he_can_run_us(folder: Path) -> None:
        folder.mkdir()
        os.chown(folder, _NOBODY.pw_uid, _NOBODY.pw_gid)
        folder.parent.chmod(0o777)
        interpreter = _interpreter_of_nobody()
        expected = _NOBODY.pw_uid if interpreter else 0
        async with open_office(
            folder,
            interpreter=interpreter or sys.executable,
            environment={"PYTHONPATH": _LIBRARIES},
        ) as office:
            assert _effective_user(office.pid) == expected
            assert {_effective_user(seen.pid) for seen in _children(office)} == {expected}
            assert _owners_of(_inside(folder)) == {expected}

    async def test_root_without_namespaces_runs_postgres_as_nobody(
        folder: Path, without_unshare: str, postgres_for_all: Path
    ) -> None:
        environment = {
            "PATH": without_unshare,
            "PYTHONPATH": os.pathsep.join([str(postgres_for_all.parent), _LIBRARIES]),
        }
        async with open_office(folder, environment=environment) as office:
            owners = _owners(office)
            assert owners["postgres"] == _NOBODY.pw_uid
            assert owners["redis-server"] == owners["http.server"] == 0
            assert (folder / "pg").stat().st_uid == _NOBODY.pw_uid
            assert (folder / "objects").stat().st_uid == 0
            # He owns the database and is let in to it no more than others.
            stranger = await _select(folder, postgres_for_all, prefix=_AS_NOBODY)
            assert "Peer authentication failed" in stranger.stderr
            assert (await _select(folder, postgres_for_all)).stdout == "in\n"
            family = office.family()
            os.kill(office.pid, signal.SIGKILL)
            await eventually(lambda: not alive(family), within=5, what="the end of all children")
        # The way may change between two starts, for instance in and out of a container.
        async with Embedded(folder, listen="127.0.0.1:0", services=tiny_services):
            assert (folder / "pg" / "base").stat().st_uid == 0
            assert (await _select(folder, postgres_for_all)).stdout == "in\n"

    async def test_a_closed_place_without_namespaces_is_refused_with_a_sentence(
        folder: Path, without_unshare: str
    ) -> None:
        folder.parent.chmod(0o700)
        process = await _refused(folder, without_unshare)
        assert "start recorder as an ordinary user" in process

    async def _refused(folder: Path, path: str) -> str:
        process = await launch(folder, environment={"PATH": path})
        _, words = await process.communicate()
        assert process.returncode == 1
        return words.decode()


def test_the_plain_way_lets_in_ourselves_and_root() -> None:
    assert set(identity.plain().clients) == {pwd.getpwuid(os.geteuid()).pw_name, "root"}
