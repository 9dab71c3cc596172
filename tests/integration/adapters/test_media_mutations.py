"""Mutated clips through probe, poster and proxy: odd footage is an answer and opens nothing."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path

import pytest

from recorder.adapters.media import FfmpegTool, MediaLimits
from recorder.adapters.media_progress import Progress
from recorder.adapters.media_source import MediaSource
from recorder.domain.media import Showable, plan
from recorder.errors import Unprocessable
from tests.support import footage as footage_set
from tests.support import fuzzing
from tests.support.hostile import LURES
from tests.support.mutations import MUTATIONS, mutated
from tests.support.outside import Outside, open_outside
from tests.support.waiting import eventually

#: Clips of one round.
CLIPS = 8
#: No clip of two seconds takes longer, however it is broken; the tool's own limits are lower.
PATIENCE_S = 200
CHILDREN = Path("/proc/self/task")


@pytest.fixture
async def outside(tmp_path: Path, footage: Path) -> AsyncIterator[Outside]:
    async with open_outside(tmp_path, footage) as found:
        yield found


@pytest.fixture
def clips(footage: Path) -> list[bytes]:
    return [file.read_bytes() for file in sorted(footage.iterdir())]


async def ignore(_: Progress) -> None:
    return None


async def look(tool: FfmpegTool, clip: Path, folder: Path) -> Showable:
    """All that workers do with a clip; what cannot be made is refused, and never our fault."""
    source = MediaSource(path=clip)
    facts = await tool.probe(source, "clip.mp4")
    # Whatever it finds in broken pictures are texts with their times.
    for text, ms in await tool.codes(source):
        assert (len(text) > 0, ms >= 0) == (True, True)
    wanted = plan(facts)
    if wanted.showable is Showable.NONE:
        return wanted.showable
    poster, proxy = folder / "poster.jpg", folder / "proxy.mp4"
    await _made(tool.poster(source, facts, poster), poster)
    if wanted.needs_proxy:
        await _made(tool.proxy(source, facts, wanted, proxy, ignore), proxy)
    return wanted.showable


async def _made(making: Coroutine[object, object, object], place: Path) -> None:
    try:
        await making
    except Unprocessable:
        assert not place.exists()
    else:
        assert place.stat().st_size > 0
        place.unlink()


def keep(number: int, clip: bytes) -> None:
    """Keep what broke something, where make fuzz asked for it."""
    if folder := os.environ.get(fuzzing.FINDINGS):
        Path(folder).mkdir(exist_ok=True)
        (Path(folder) / f"clip-{number}.bin").write_bytes(clip)


def children() -> set[str]:
    """The living children of this process."""
    return {pid for task in CHILDREN.iterdir() for pid in (task / "children").read_text().split()}


@pytest.mark.timeout(fuzzing.limit_s(900))
async def test_no_mutated_clip_ends_the_tool_leaves_a_process_or_reaches_anything_else(
    clips: list[bytes], outside: Outside, tmp_path: Path
) -> None:
    tool = FfmpegTool(Path(footage_set.ffmpeg()), limits=MediaLimits(stall_s=60, most_s=120))
    folder = tmp_path / "made"
    folder.mkdir()
    before = children()
    seen: Counter[str] = Counter()
    for number in fuzzing.rounds():
        for each in range(number * CLIPS, (number + 1) * CLIPS):
            what, content = mutated(each, clips, outside.lures())
            clip = tmp_path / "clip"
            clip.write_bytes(content)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    seen[(await look(tool, clip, folder)).value] += 1
                fuzzing.tried("clips")
                assert not outside.touched()
                assert list(folder.iterdir()) == []
                assert children() <= before
            except BaseException:
                keep(each, content)
                sys.stdout.write(f"clip {each} of seed {number}: {what}\n")
                raise
    # Both those that are shown and those that are not are among them.
    assert seen["none"] > 0
    assert seen.total() > seen["none"]


def test_every_mutation_changes_a_clip_and_a_seed_gives_one_clip(clips: list[bytes]) -> None:
    lures = [text.encode() for text in LURES.values()]
    some = [mutated(number, clips, lures) for number in range(80)]
    assert some == [mutated(number, clips, lures) for number in range(80)]
    assert {name for names, _ in some for name in names.split(" and ")} == set(MUTATIONS)
    assert sum(content in clips for _, content in some) < 8


async def test_the_canaries_of_this_test_sing(outside: Outside) -> None:
    assert not outside.touched()
    outside.path.read_bytes()
    assert outside.touched()
    _, writer = await asyncio.open_connection("127.0.0.1", outside.port)
    assert await eventually(outside.touched, within=20, what="a touched address")
    writer.close()
