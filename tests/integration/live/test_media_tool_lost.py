"""The media tool is killed, stuck, missing or broken: what came is kept, or it is told."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from recorder.errors import StorageFull
from recorder.live.intake import IntakeLimits
from recorder.live.rtmp.chunks import Message
from recorder.live.rtmp.reception import Farewell
from recorder.live.sink import Cause
from tests.support import footage
from tests.support.live_stand import LONG_S, Stand, all_there, clip, decodes, moved, stand
from tests.support.waiting import eventually


def children(tool: Path) -> list[int]:
    """The living processes of this copy of the media tool."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if line.startswith(str(tool).encode() + b"\0"):
            found.append(int(entry.name))
    return found


async def gone(tool: Path) -> None:
    """No process of this copy is left; a killed child of a child may take a moment to die."""
    await eventually(lambda: not children(tool), within=LONG_S, what="the end of all media tools")


@pytest.fixture
def own_tool(tmp_path: Path) -> Path:
    """The media tool under a name that no other test uses."""
    place = tmp_path / "tool"
    place.mkdir()
    tool = place / "ffmpeg"
    os.link(footage.ffmpeg(), tool) if _same_disk(tmp_path) else tool.write_bytes(
        Path(footage.ffmpeg()).read_bytes()
    )
    tool.chmod(0o755)
    return tool


def _same_disk(folder: Path) -> bool:
    return folder.stat().st_dev == Path(footage.ffmpeg()).stat().st_dev


async def _flowing(place: Stand, sent: list[Message], tool: Path) -> int:
    """Feed the first half; the child's process once it has given a segment back."""
    place.take(sent[: len(sent) // 2])
    await eventually(lambda: place.sink.segments, within=LONG_S)
    (pid,) = children(tool)
    return pid


async def test_a_killed_media_tool_takes_no_frame_with_it(own_tool: Path, tmp_path: Path) -> None:
    sent = [*clip(), *moved(clip()[2:], 6000)]
    async with stand(tmp_path, tool=own_tool) as place:
        os.kill(await _flowing(place, sent, own_tool), signal.SIGKILL)
        place.take(sent[len(sent) // 2 :])
        sink = await place.finished()
    all_there(sink, sent)
    decodes(sink)
    assert [period.cause for period in sink.periods] == [Cause.STARTED, Cause.MUXER_LOST]
    await gone(own_tool)


async def test_a_media_tool_that_is_stuck_is_replaced(own_tool: Path, tmp_path: Path) -> None:
    sent = [*clip(), *moved(clip()[2:], 6000)]
    async with stand(tmp_path, tool=own_tool, limits=IntakeLimits(stall_s=2)) as place:
        os.kill(await _flowing(place, sent, own_tool), signal.SIGSTOP)
        place.take(sent[len(sent) // 2 :])
        await eventually(lambda: len(place.sink.periods) >= 2, within=LONG_S)
        sink = await place.finished()
    all_there(sink, sent)
    await gone(own_tool)


async def test_a_media_tool_that_always_fails_is_told_and_the_publisher_sent_away(
    tmp_path: Path,
) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    async with stand(tmp_path, tool=broken) as place:
        place.take(clip())
        await eventually(lambda: place.peer.dismissals, within=LONG_S)
        assert place.peer.dismissals[0] is Farewell.NOT_RECORDABLE
        sink = await place.finished(Farewell.NOT_RECORDABLE)
    assert (sink.segments, sink.ends) == ([], [Cause.NOT_RECORDABLE])


async def test_a_slow_sink_slows_the_publisher_and_nothing_is_lost(tmp_path: Path) -> None:
    sent = clip()
    async with stand(tmp_path, limits=IntakeLimits(held_bytes=250_000)) as place:
        place.sink.open.clear()
        place.take(sent)
        assert place.peer.pauses == 1
        assert place.peer.resumes == 0
        place.sink.open.set()
        await eventually(lambda: place.peer.resumes == 1, within=LONG_S)
        sink = await place.finished()
    all_there(sink, sent)


async def test_a_sink_that_fails_ends_the_publisher_and_leaves_no_child(
    own_tool: Path, tmp_path: Path
) -> None:
    async with stand(tmp_path, tool=own_tool) as place:
        place.sink.broken = StorageFull("store-full", "There is no room.")
        place.take(clip())
        await eventually(lambda: place.sink.over.is_set(), within=LONG_S)
        assert place.peer.dismissals == [Farewell.NOT_KEPT]
        assert place.sink.ends == [Cause.NOT_KEPT]
        await gone(own_tool)


async def test_a_clock_that_jumps_with_every_frame_is_no_stream(tmp_path: Path) -> None:
    pictures = [m for m in clip() if m.kind == 9]
    sent = [m._replace(timestamp=(n % 2) * 100_000) for n, m in enumerate(pictures)]
    async with stand(tmp_path, limits=IntakeLimits(most_periods=3)) as place:
        place.take(sent[:40])
        await eventually(lambda: place.peer.dismissals, within=LONG_S)
        assert place.peer.dismissals[0] is Farewell.VIOLATION
