"""Children are limited, drained, blind to our secrets, and never outlive the work they were for."""

from __future__ import annotations

import asyncio
import os
import signal
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.adapters.confinement import SYSTEM_PATHS, Confinement, landlock_version
from tests.support import footage as footage_set
from tests.support.children import processes, run
from tests.support.waiting import eventually

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
async def open_port() -> AsyncIterator[int]:
    def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_a_rendition_that_is_too_large_for_its_limit_is_not_accepted(
    footage: Path, tmp_path: Path
) -> None:
    command = [footage_set.ffmpeg(), "-nostdin", "-v", "error", "-i",
               str(footage / "01_h264_1080p.mp4"), "-c", "copy", "-y",
               str(tmp_path / "o.mp4")]  # fmt: skip
    limits = Confinement(
        file_bytes=50_000, readable=(*SYSTEM_PATHS, str(footage), command[0]),
        writable=(str(tmp_path),),
    )  # fmt: skip
    ended = await run(limits.launch(command))
    assert ended.code != 0
    assert (tmp_path / "o.mp4").stat().st_size <= 50_000


async def test_a_flood_of_complaints_hangs_nothing_and_only_its_end_is_kept() -> None:
    flood = "import sys; [sys.stderr.write('x' * 99 + '\\n') for _ in range(200_000)]; print('ok')"
    lines: list[str] = []
    ended = await run([sys.executable, "-c", flood], lines=lines)
    assert (ended.code, ended.stopped, lines) == (0, "", ["ok"])
    assert 0 < len(ended.complaints) <= 64 << 10


async def test_the_time_limit_ends_the_whole_group() -> None:
    lines: list[str] = []
    ended = await run(["/bin/sh", "-c", "sleep 3471 & wait"], time_s=0.5, lines=lines)
    assert ended.stopped == "time"
    await eventually(lambda: not processes("\x003471\x00"), within=5, what="the group is gone")


async def test_a_child_sees_none_of_our_environment() -> None:
    os.environ["A_SECRET"] = "do-not-tell"
    try:
        lines: list[str] = []
        await run(["/usr/bin/env"], lines=lines)
    finally:
        del os.environ["A_SECRET"]
    assert {line.partition("=")[0] for line in lines} == {"PATH", "LANG", "LC_ALL", "HOME"}


async def test_a_confined_child_reads_only_what_it_was_given(tmp_path: Path) -> None:
    for name in ("given", "secret"):
        (tmp_path / name).write_text(name)
    limits = Confinement(readable=(*SYSTEM_PATHS, "/usr/bin", "/bin", str(tmp_path / "given")))
    lines: list[str] = []
    command = ["/bin/cat", str(tmp_path / "given"), str(tmp_path / "secret")]
    ended = await run(limits.launch(command), lines=lines)
    if landlock_version():
        assert lines == []
        assert (ended.code, "Permission denied" in ended.complaints) == (1, True)
    else:
        assert ended.code == 0


async def test_a_confined_child_reaches_only_the_port_it_was_given(open_port: int) -> None:
    attempt = (
        "import socket, sys\n"
        "try:\n socket.create_connection(('127.0.0.1', int(sys.argv[1]))).close()\n"
        "except PermissionError:\n sys.exit(13)\n"
    )
    command = [sys.executable, "-c", attempt, str(open_port)]
    free = ("/",)
    closed = await run(Confinement(readable=free).launch(command))
    opened = await run(Confinement(readable=free, ports=(open_port,)).launch(command))
    assert (closed.code, opened.code) == (13 if landlock_version() >= 4 else 0, 0)


async def test_children_die_with_a_worker_that_is_killed() -> None:
    mark = struct.unpack("I", os.urandom(4))[0] % 10**6 + 10**6
    program = (
        "import asyncio\n"
        "from recorder.adapters.confinement import Confinement\n"
        "from recorder.adapters import media_process\n"
        "async def on_line(line): return True\n"
        f"command = Confinement(readable=('/',)).launch(['/bin/sleep', '{mark}'])\n"
        "asyncio.run(media_process.run(command, on_line=on_line, time_s=60))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=REPOSITORY) as worker:
        await eventually(
            lambda: processes(f"/bin/sleep\x00{mark}\x00"), within=20, what="the child runs"
        )
        worker.send_signal(signal.SIGKILL)
    await eventually(
        lambda: not processes(f"sleep\x00{mark}\x00"), within=5, what="the child is gone"
    )
