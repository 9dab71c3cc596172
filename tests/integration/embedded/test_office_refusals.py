"""What an embedded server refuses, each time with a sentence that says what to do."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.embedded import child_logs, identity
from recorder.embedded.data_folder import LAYOUT, POSTGRES_MAJOR, lock
from recorder.embedded.listener import listen_on, parse
from recorder.embedded.stack import Embedded, Setting
from recorder.embedded.supervisor import Child, ChildFailed
from recorder.errors import InvalidInput, RecorderError, Unprocessable
from tests.support.small_office import open_office, refusal, tiny_services


@pytest.fixture
def folder() -> Iterator[Path]:
    """A place that other users can reach, unlike pytest's own."""
    parent = Path(tempfile.mkdtemp(prefix="office-"))
    parent.chmod(0o755)
    yield parent / "data"
    shutil.rmtree(parent)


def _ordinary() -> tuple[str, ...]:
    """Words that make an ordinary user of whoever runs the tests: root loses his powers.

    He keeps his files, so an interpreter in his home stays within reach.
    """
    namespace = identity.in_namespace()
    assert namespace
    return namespace.prefix if os.geteuid() == 0 else ()


async def test_a_second_start_on_one_folder_names_the_holder(folder: Path) -> None:
    async with open_office(folder) as office:
        words = await refusal(folder)
        assert f"in use by a running recorder, process {office.pid}" in words
        assert f"kill {office.pid}" in words
        # The running one took no harm.
        assert len(office.family()) >= 5


async def test_a_taken_port_is_told_before_anything_is_started(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        words = await refusal(folder, "--listen", f"127.0.0.1:{port}")
    assert f"Port {port} on 127.0.0.1 is taken" in words
    assert "choose another with --listen" in words
    assert not (folder / "pg").exists()


async def test_a_folder_that_cannot_be_written_is_told_with_the_user(folder: Path) -> None:
    folder.mkdir()
    (folder / "version.json").write_text("{}")
    folder.chmod(0o555)
    try:
        words = await refusal(folder, prefix=_ordinary())
    finally:
        folder.chmod(0o755)
    assert f"The folder {folder} cannot be written by" in words
    assert "chown" in words


async def test_a_parent_that_cannot_be_written_is_told_too(folder: Path) -> None:
    folder.parent.chmod(0o555)
    try:
        words = await refusal(folder, prefix=_ordinary())
    finally:
        folder.parent.chmod(0o755)
    assert f"The folder {folder} cannot be written by" in words


def test_a_folder_with_other_things_in_it_is_left_alone(folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.odt").write_text("years of work")
    with pytest.raises(InvalidInput, match=r"thesis\.odt.*an empty or a new folder"):
        lock(folder)
    assert [entry.name for entry in folder.iterdir()] == ["thesis.odt"]


def test_a_file_in_place_of_the_folder_is_told(folder: Path) -> None:
    folder.write_text("")
    with pytest.raises(InvalidInput, match="is not a folder"):
        lock(folder)


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        ({"layout": LAYOUT + 1, "postgresql": POSTGRES_MAJOR}, "start the version of recorder"),
        ({"layout": LAYOUT, "postgresql": 16}, r"PostgreSQL 16.*recorder backup"),
        ({"layout": LAYOUT, "postgresql": POSTGRES_MAJOR}, "its database .pg. is gone"),
        ("nonsense", "cannot be read; put it back"),
    ],
)
def test_a_folder_of_another_version_is_not_touched(
    folder: Path, version: object, sentence: str
) -> None:
    folder.mkdir()
    (folder / "version.json").write_text(json.dumps(version))
    with pytest.raises(Unprocessable, match=sentence):
        lock(folder)
    assert not (folder / "objects").exists()
    # The lock went with the refusal: the right version may start at once.
    shutil.rmtree(folder)
    os.close(lock(folder))


def test_the_major_in_the_database_counts_when_the_version_file_is_missing(folder: Path) -> None:
    (folder / "pg").mkdir(parents=True)
    (folder / "pg" / "PG_VERSION").write_text("17\n")
    with pytest.raises(Unprocessable, match="PostgreSQL 17"):
        lock(folder)


@pytest.mark.parametrize("listen", ["8080", ":8080", "localhost", "localhost:http", "::1:99999"])
def test_a_malformed_address_is_explained(listen: str) -> None:
    with pytest.raises(InvalidInput, match=r"takes HOST:PORT such as"):
        parse(listen)


@pytest.mark.parametrize("listen", ["no-such-host.invalid:0", "192.0.2.1:0"])
def test_an_address_of_another_machine_is_explained(listen: str) -> None:
    with pytest.raises(InvalidInput, match=r"127\.0\.0\.1 \(this machine only\)"):
        listen_on(listen)


@pytest.mark.parametrize(
    ("listen", "url"),
    [("0.0.0.0:0", "http://127.0.0.1:"), ("[::1]:0", "http://[::1]:"), ("[::]:0", "http://[::1]:")],
)
def test_the_url_of_a_listener_can_be_called(listen: str, url: str) -> None:
    listener = listen_on(listen)
    port = listener.socket.getsockname()[1]
    assert listener.url == f"{url}{port}"
    listener.close()


async def test_a_service_that_fails_at_the_first_start_shows_its_last_lines(folder: Path) -> None:
    async def failing(setting: Setting) -> None:
        await setting.supervisor.start(
            Child(
                name="web",
                command=(sys.executable, "-c", "raise SystemExit('no such template')"),
                environment={},
                ready=_never,
            )
        )

    with pytest.raises(ChildFailed, match=r"web ended with code 1.*\n.*no such template"):
        async with Embedded(folder, listen="127.0.0.1:0", services=failing):
            pass
    # All is free again.
    async with Embedded(folder, listen="127.0.0.1:0", services=tiny_services):
        pass


async def test_a_service_that_never_becomes_ready_is_given_up(folder: Path) -> None:
    async def silent(setting: Setting) -> None:
        await setting.supervisor.start(
            Child(
                name="web",
                command=("sleep", "3600"),
                environment={"PATH": os.defpath},
                ready=_never,
                ready_within=0.3,
            )
        )

    with pytest.raises(RecorderError, match=r"web was not ready within 0\.3 s"):
        async with Embedded(folder, listen="127.0.0.1:0", services=silent):
            pass


async def _never(_pid: int) -> bool:
    return False


def test_a_log_that_grew_too_long_is_put_aside_and_goes_on(tmp_path: Path) -> None:
    writer = child_logs.open_log(tmp_path, "web")
    os.write(writer, b"old\n" * 1000)
    child_logs.bound(tmp_path, limit=1000)
    os.write(writer, b"new\n")
    os.close(writer)
    assert (tmp_path / "web.log").read_bytes() == b"new\n"
    assert (tmp_path / "web.log.1").stat().st_size == 4000
    assert child_logs.last_lines(tmp_path, "web") == "new"
    assert child_logs.last_lines(tmp_path, "unknown") == ""
