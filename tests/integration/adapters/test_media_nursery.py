"""Looks forked in a nursery are confined, alone, and never outlive the work they were for."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.adapters.confinement import SYSTEM_PATHS, Confinement, landlock_version
from recorder.adapters.media import FfmpegTool
from recorder.adapters.media_nursery import Nursery
from recorder.adapters.media_process import Finished
from recorder.adapters.media_source import MediaSource
from recorder.adapters.range_server import serve_ranges
from recorder.errors import Unavailable
from tests.support import footage as footage_set
from tests.support.children import children_of, processes
from tests.support.waiting import eventually

REPOSITORY = Path(__file__).resolve().parents[3]
EVERYTHING = Confinement(readable=("/",))


@pytest.fixture
async def nursery() -> AsyncIterator[Nursery]:
    opened = Nursery()
    yield opened
    await opened.close()
    assert forking() == []


def forking() -> list[int]:
    """The forking processes of this one."""
    mine = set(children_of(os.getpid()))
    return [pid for pid in processes("recorder.adapters.media_forks") if pid in mine]


async def launched(
    nursery: Nursery,
    *program: str,
    limits: Confinement = EVERYTHING,
    lines: list[str] | None = None,
    time_s: float = 20,
) -> Finished:
    async def on_line(line: str) -> bool:
        if lines is not None:
            lines.append(line)
        return True

    return await nursery.launch(limits, program, on_line=on_line, time_s=time_s, stall_s=60)


def sleep_mark() -> str:
    """Seconds that no other process sleeps."""
    return str(struct.unpack("I", os.urandom(4))[0] % 10**6 + 10**6)


async def test_a_forked_look_says_what_a_started_one_says(
    nursery: Nursery, footage: Path, tmp_path: Path
) -> None:
    ffmpeg = Path(footage_set.ffmpeg())
    started, forked = FfmpegTool(ffmpeg), FfmpegTool(ffmpeg, children=nursery)
    for name in ("01_h264_1080p.mp4", "04_mjpeg_pcm.avi"):
        source = MediaSource(path=footage / name)
        facts = await forked.probe(source, name)
        assert facts == await started.probe(source, name)
        assert await forked.codes(source) == await started.codes(source)
        poster = await forked.poster(source, facts, tmp_path / f"{name}.jpg")
        assert poster.path.stat().st_size == poster.length_bytes > 0
    assert len(forking()) == 1


async def test_looks_at_the_same_time_each_get_their_own_answer(nursery: Nursery) -> None:
    async def one(number: int) -> list[str]:
        lines: list[str] = []
        await launched(nursery, "/bin/echo", str(number), lines=lines)
        return lines

    found = await asyncio.gather(*(one(number) for number in range(12)))
    assert found == [[str(number)] for number in range(12)]


async def test_a_look_has_nothing_open_but_its_pipes_and_its_source(nursery: Nursery) -> None:
    async def silent(offset: int, length: int) -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    tool = FfmpegTool(Path(footage_set.ffmpeg()), children=nursery)
    async with serve_ranges(10_000, silent) as server:
        running = asyncio.create_task(tool.probe(MediaSource(server=server), "x.mp4"))

        def is_alone() -> bool:
            looks = [pid for forks in forking() for pid in children_of(forks)]
            # The last one is its connection.
            return [sorted(os.listdir(f"/proc/{pid}/fd")) for pid in looks] == [list("0123")]

        await eventually(is_alone, within=20, what="the look is connected")
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_a_launched_program_sees_none_of_our_environment(nursery: Nursery) -> None:
    os.environ["A_SECRET"] = "do-not-tell"
    try:
        lines: list[str] = []
        await launched(nursery, "/usr/bin/env", lines=lines)
    finally:
        del os.environ["A_SECRET"]
    assert {line.partition("=")[0] for line in lines} == {"PATH", "LANG", "LC_ALL", "HOME"}


async def test_a_launched_program_reads_only_what_it_was_given(
    nursery: Nursery, tmp_path: Path
) -> None:
    for name in ("given", "secret"):
        (tmp_path / name).write_text(name)
    limits = Confinement(readable=(*SYSTEM_PATHS, "/usr/bin", "/bin", str(tmp_path / "given")))
    lines: list[str] = []
    places = [str(tmp_path / "given"), str(tmp_path / "secret")]
    ended = await launched(nursery, "/bin/cat", *places, limits=limits, lines=lines)
    if landlock_version():
        assert lines == []
        assert (ended.code, "Permission denied" in ended.complaints) == (1, True)
    else:
        assert ended.code == 0


async def test_after_a_look_that_a_signal_ended_nobody_shares_its_memory(nursery: Nursery) -> None:
    await launched(nursery, "/bin/true")
    first = forking()
    ended = await launched(nursery, "/bin/sh", "-c", "kill -SEGV $$")
    assert ended.code == -signal.SIGSEGV
    await launched(nursery, "/bin/true")
    await eventually(lambda: len(forking()) == 1, within=10, what="the first one has ended")
    assert forking() != first


async def test_the_time_limit_ends_the_whole_group(nursery: Nursery) -> None:
    mark = sleep_mark()
    ended = await launched(nursery, "/bin/sh", "-c", f"sleep {mark} & wait", time_s=0.5)
    assert ended.stopped == "time"
    await eventually(lambda: not processes(f"\x00{mark}\x00"), within=5, what="the group is gone")


async def test_a_cancelled_look_is_gone(nursery: Nursery) -> None:
    mark = sleep_mark()
    running = asyncio.create_task(launched(nursery, "/bin/sleep", mark))
    await eventually(lambda: processes(f"\x00{mark}\x00"), within=20, what="the look runs")
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert processes(f"\x00{mark}\x00") == []


async def test_a_look_that_is_cancelled_before_it_begins_never_stays(nursery: Nursery) -> None:
    mark = sleep_mark()
    running = asyncio.create_task(launched(nursery, "/bin/sleep", mark))
    # The forking process is only being started then.
    await eventually(lambda: len(forking()) == 1, within=20, what="it is being started")
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await launched(nursery, "/bin/true")
    await eventually(lambda: not processes(f"\x00{mark}\x00"), within=5, what="the look is gone")


async def test_who_kills_the_forking_process_condemns_no_footage(nursery: Nursery) -> None:
    mark = sleep_mark()
    running = asyncio.create_task(launched(nursery, "/bin/sleep", mark))
    await eventually(lambda: processes(f"\x00{mark}\x00"), within=20, what="the look runs")
    os.kill(forking()[0], signal.SIGKILL)
    with pytest.raises(Unavailable) as raised:
        await running
    assert raised.value.code == "media-tool-missing"
    await eventually(lambda: not processes(f"\x00{mark}\x00"), within=5, what="the look is gone")
    assert (await launched(nursery, "/bin/true")).code == 0


async def test_all_of_it_dies_with_a_worker_that_is_killed() -> None:
    mark = sleep_mark()
    program = (
        "import asyncio\n"
        "from recorder.adapters.confinement import Confinement\n"
        "from recorder.adapters.media_nursery import Nursery\n"
        "async def on_line(line): return True\n"
        f"program = ['/bin/sleep', '{mark}']\n"
        "async def main():\n"
        "    await Nursery().launch(\n"
        "        Confinement(readable=('/',)), program, on_line=on_line, time_s=60, stall_s=60)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=REPOSITORY) as worker:
        await eventually(
            lambda: processes(f"/bin/sleep\x00{mark}\x00"), within=20, what="the look runs"
        )
        (forks,) = children_of(worker.pid)
        worker.send_signal(signal.SIGKILL)
    await eventually(
        lambda: not processes(f"sleep\x00{mark}\x00") and not Path(f"/proc/{forks}").exists(),
        within=5, what="all are gone",
    )  # fmt: skip
