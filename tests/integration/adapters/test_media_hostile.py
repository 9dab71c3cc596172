"""Hostile footage opens nothing, bloats nothing, and no child outlives the work it was for."""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from recorder.adapters.media import FfmpegTool, MediaLimits, find_ffmpeg
from recorder.adapters.media_nursery import Nursery
from recorder.adapters.media_progress import Progress
from recorder.adapters.media_source import MediaSource
from recorder.adapters.range_server import serve_ranges
from recorder.domain.media import MediaFacts, Problem, StreamFacts, plan
from recorder.errors import Unavailable, Unprocessable
from tests.support import footage as footage_set
from tests.support.children import processes, run
from tests.support.touched import watching
from tests.support.waiting import eventually

REPOSITORY = Path(__file__).resolve().parents[3]
BELIEVED = MediaFacts(
    container="mov",
    length_ms=4000,
    streams=(StreamFacts(kind="video", codec="hevc", pix_fmt="yuv420p", width=640, height=360),),
)
PLAYLISTS = {
    "hls": "#EXTM3U\n#EXTINF:1,\n{file}\n#EXTINF:1,\n{http}\n#EXT-X-ENDLIST\n",
    "hls with a key": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{http}"\n#EXTINF:1,\n{file}\n',
    "hls hidden in an id3 tag": "ID3\x04\x00\x00\x00\x00\x00\x00#EXTM3U\n#EXTINF:1,\n{file}\n",
    "concat list": "ffconcat version 1.0\nfile '{path}'\n",
    "concat of an address": "ffconcat version 1.0\nfile '{http}'\n",
    "bare file list": "file '{path}'\n",
    "dash": "<?xml version='1.0'?><MPD><Period><AdaptationSet mimeType='video/mp4'>"
    "<Representation id='1'><BaseURL>{http}</BaseURL></Representation>"
    "</AdaptationSet></Period></MPD>",
    "sdp": "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nm=video {port} RTP/AVP 96\r\n",
    "playlist behind noise": "\x00\x01\x02\x03\x04\x05\x06\x07#EXTM3U\n{file}\n",
}


class Canary:
    """A file and an address that nobody may touch."""

    def __init__(self, path: Path, port: int, watch: int) -> None:
        self.path = path
        self.port = port
        self.connections = 0
        self._watch = watch

    def opened(self) -> bool:
        """Whether the file has been opened since the last question."""
        try:
            return bool(os.read(self._watch, 4096))
        except BlockingIOError:
            return False

    def fill(self, text: str) -> bytes:
        words = {
            "path": str(self.path),
            "file": f"file://{self.path}",
            "http": f"http://127.0.0.1:{self.port}/canary.ts",
            "port": str(self.port),
        }
        return text.format(**words).encode("latin-1")


@pytest.fixture
async def canary(tmp_path: Path, footage: Path) -> AsyncIterator[Canary]:
    path = tmp_path / "canary.ts"
    path.write_bytes((footage / "05_mpegts.ts").read_bytes())
    seen: list[Canary] = []

    def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen[0].connections += 1
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    with watching(path) as watch:
        seen.append(Canary(path, server.sockets[0].getsockname()[1], watch))
        yield seen[0]
    server.close()


@pytest.fixture(params=["started", "forked"])
async def tool(request: pytest.FixtureRequest) -> AsyncIterator[FfmpegTool]:
    """The tool with children that are started one by one, and with those of a nursery."""
    if request.param == "started":
        yield FfmpegTool(Path(footage_set.ffmpeg()))
        return
    nursery = Nursery()
    yield FfmpegTool(Path(footage_set.ffmpeg()), children=nursery)
    await nursery.close()


async def ignore(_: Progress) -> None:
    return None


@asynccontextmanager
async def stalling(file: Path, after: int) -> AsyncIterator[MediaSource]:
    """A source that gives ``after`` bytes of each range and then nothing more."""

    async def read(offset: int, length: int) -> AsyncIterator[bytes]:
        yield file.read_bytes()[offset : offset + min(length, after)]
        if length > after:
            await asyncio.Event().wait()

    async with serve_ranges(file.stat().st_size, read) as server:
        yield MediaSource(server=server)


async def test_the_canary_sings_when_it_is_touched(canary: Canary) -> None:
    assert not canary.opened()
    canary.path.read_bytes()
    assert canary.opened()


@pytest.mark.parametrize("kind", sorted(PLAYLISTS))
async def test_a_playlist_opens_nothing_whether_it_is_probed_or_believed(
    tool: FfmpegTool, canary: Canary, tmp_path: Path, kind: str
) -> None:
    hostile = tmp_path / "clip.mp4"
    hostile.write_bytes(canary.fill(PLAYLISTS[kind]))
    source = MediaSource(path=hostile)
    facts = await tool.probe(source, "clip.mp4")
    assert facts.problem in {Problem.PLAYLIST, Problem.NOT_MEDIA, Problem.DAMAGED}
    assert facts.streams == ()
    with pytest.raises(Unprocessable, match="end"):
        await tool.proxy(source, BELIEVED, plan(BELIEVED), tmp_path / "out.mp4", ignore)
    assert not canary.opened()
    assert canary.connections == 0


async def test_a_playlist_behind_an_address_opens_nothing_either(
    tool: FfmpegTool, canary: Canary, tmp_path: Path
) -> None:
    content = canary.fill(PLAYLISTS["hls"])

    async def read(offset: int, length: int) -> AsyncIterator[bytes]:
        yield content[offset : offset + length]

    async with serve_ranges(len(content), read) as server:
        source = MediaSource(server=server)
        assert (await tool.probe(source, "x.ts")).problem is Problem.PLAYLIST
        with pytest.raises(Unprocessable):
            await tool.poster(source, BELIEVED, tmp_path / "out.jpg")
    assert not canary.opened()
    assert canary.connections == 0


def pointing_elsewhere(clip: bytes, target: Path) -> bytes:
    """A MOV whose picture lies in another file, by an alias record with an absolute path."""
    name = os.fsencode(target)
    tail = struct.pack(">hh", 2, len(name)) + name + b"\x00" * (len(name) % 2) + b"\xff\xff\x00\x00"
    record = b"\x00" * 4 + b"\x00" * 118 + b"\x00" * 12 + struct.pack(">hh", 1, 1) + b"\x00" * 16
    entry = struct.pack(">I", 8 + len(record) + len(tail)) + b"alis" + record + tail
    place = clip.index(b"url ") - 4
    grown = bytearray(clip[:place] + entry + clip[place + 12 :])
    for box in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        at = clip.rindex(box, 0, place) - 4
        length = struct.unpack_from(">I", grown, at)[0]
        struct.pack_into(">I", grown, at, length + len(entry) - 12)
    return bytes(grown)


async def test_an_index_that_points_at_another_file_is_not_followed(
    tool: FfmpegTool, canary: Canary, tmp_path: Path, footage: Path
) -> None:
    hostile = tmp_path / "aliases.mov"
    hostile.write_bytes(
        pointing_elsewhere((footage / "01_h264_1080p.mp4").read_bytes(), canary.path)
    )
    trusting = [footage_set.ffmpeg(), "-enable_drefs", "1", "-use_absolute_path", "1", "-i"]
    await run([*trusting, str(hostile), "-f", "null", "-"])
    assert canary.opened(), "the trap itself does not work"
    source = MediaSource(path=hostile)
    facts = await tool.probe(source, "aliases.mov")
    assert facts.container == "mov"
    with contextlib.suppress(Unprocessable):
        await tool.poster(source, BELIEVED, tmp_path / "out.jpg")
    assert not canary.opened()


async def test_a_pixel_bomb_is_refused_within_half_a_gigabyte(footage: Path) -> None:
    small = FfmpegTool(
        Path(footage_set.ffmpeg()), limits=MediaLimits(memory_bytes=512 << 20, threads=1)
    )
    facts = await small.probe(MediaSource(path=footage / "62_pixel_bomb.mp4"), "x.mp4")
    assert facts.problem is Problem.TOO_LARGE


async def test_a_bomb_that_is_believed_to_be_small_is_not_decoded(
    footage: Path, tool: FfmpegTool, tmp_path: Path
) -> None:
    source = MediaSource(path=footage / "62_pixel_bomb.mp4")
    with pytest.raises(Unprocessable):
        await tool.poster(source, BELIEVED, tmp_path / "out.jpg")
    assert list(tmp_path.iterdir()) == []


async def test_a_prober_that_dies_is_a_verdict_and_no_failure(footage: Path) -> None:
    starved = FfmpegTool(Path(footage_set.ffmpeg()), limits=MediaLimits(memory_bytes=40 << 20))
    facts = await starved.probe(MediaSource(path=footage / "08_faststart.mp4"), "x.mp4")
    assert facts.problem is Problem.DAMAGED
    assert facts.note


async def test_a_source_that_is_away_is_our_failure_and_no_verdict(
    tool: FfmpegTool, tmp_path: Path, footage: Path
) -> None:
    with pytest.raises(Unavailable) as missing:
        await tool.probe(MediaSource(path=tmp_path / "gone.mp4"), "gone.mp4")
    assert missing.value.code == "media-source-away"

    async def broken(offset: int, length: int) -> AsyncIterator[bytes]:
        yield b"x" * 16
        raise Unavailable("store-unavailable", "The store is away.")

    async with serve_ranges(10_000, broken) as server:
        with pytest.raises(Unavailable):
            await tool.probe(MediaSource(server=server), "x.mp4")
        with pytest.raises(Unavailable) as away:
            await tool.poster(MediaSource(server=server), BELIEVED, tmp_path / "o.jpg")
    assert away.value.code == "media-source-away"


async def test_a_stalled_source_is_ended_by_the_watchdog(footage: Path, tmp_path: Path) -> None:
    quick = FfmpegTool(Path(footage_set.ffmpeg()), limits=MediaLimits(stall_s=1.5))
    out = tmp_path / "proxy.mp4"
    async with stalling(footage / "08_faststart.mp4", 20_000) as source:
        with pytest.raises(Unavailable) as stalled:
            await quick.proxy(source, BELIEVED, plan(BELIEVED), out, ignore)
        assert stalled.value.code == "media-stalled"
        assert processes(source.location) == []
        with pytest.raises(Unavailable) as silent:
            await quick.probe(source, "x.mp4")
        assert silent.value.code == "media-source-away"
    assert not out.exists()


async def test_a_cancelled_rendition_leaves_no_process_and_no_file(
    footage: Path, tool: FfmpegTool, tmp_path: Path
) -> None:
    out = tmp_path / "proxy.mp4"
    async with stalling(footage / "08_faststart.mp4", 20_000) as source:
        work = asyncio.create_task(tool.proxy(source, BELIEVED, plan(BELIEVED), out, ignore))
        await eventually(lambda: processes(source.location), within=10, what="ffmpeg runs")
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert processes(source.location) == []
    assert not out.exists()


async def test_a_hostile_name_reaches_neither_the_tool_nor_the_facts(
    footage: Path, tool: FfmpegTool
) -> None:
    name = "-i \x00\ud800\u202e/../../etc/passwd\n.jpg"
    facts = await tool.probe(MediaSource(path=footage / "08_faststart.mp4"), name)
    assert facts.original_name == "-i /../../etc/passwd.jpg"
    assert facts.flags == ("wrong_name",)


async def test_a_tool_that_is_not_there_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="No ffmpeg was found"):
        await find_ffmpeg(str(tmp_path / "nothing"))
    with pytest.raises(Unavailable) as missing:
        await FfmpegTool(tmp_path / "nothing").versions()
    assert missing.value.code == "media-tool-missing"


async def test_the_tool_says_its_version_and_its_confinement(tool: FfmpegTool) -> None:
    versions = await tool.versions()
    assert versions["ffmpeg"]
    assert versions["pyav"]
    assert versions["confinement"].startswith("rlimits")
    assert await find_ffmpeg("", Path(footage_set.ffmpeg())) == Path(footage_set.ffmpeg())
