"""Somebody else's HLS: ffmpeg's own segments behind an HTTP server whose list a test extends.

Transport streams or fragmented MP4, each in a file of its own or as parts of one file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import encode_basic_auth, web

from tests.support import cache, live_clips
from tests.support.live_stand import read_back

USER, PASSWORD = "guard", "s3cr3t&p@ss"
_WORDS = encode_basic_auth(USER, PASSWORD, "utf-8")


def segments(codec: str = "h264") -> list[Path]:
    """A clip of six seconds in transport streams of one second."""

    def make(place: Path) -> None:
        _cut(codec, place, "-hls_segment_filename", str(place / f"{codec}-%d.ts"))

    return sorted(cache.once(f"hls-1-{codec}", make).glob("*.ts"))


def movie(codec: str = "h264") -> tuple[Path, list[Path]]:
    """The same in fragmented MP4: what describes it, and its segments."""

    def make(place: Path) -> None:
        _cut(codec, place, *("-hls_segment_type", "fmp4", "-hls_fmp4_init_filename", "init.mp4"),
             *("-hls_segment_filename", str(place / f"{codec}-%d.m4s")))  # fmt: skip

    place = cache.once(f"hls-movie-1-{codec}", make)
    return place / "init.mp4", sorted(place.glob("*.m4s"))


def whole_movie(codec: str = "bframes") -> tuple[Path, list[str]]:
    """The same in one file, and the lines of ffmpeg's playlist that name its parts."""

    def make(place: Path) -> None:
        _cut(codec, place, *("-hls_segment_type", "fmp4", "-hls_flags", "single_file"),
             *("-hls_segment_filename", str(place / f"{codec}.m4s")))  # fmt: skip

    place = cache.once(f"hls-whole-1-{codec}", make)
    lines = (place / "list.m3u8").read_text().splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith("#EXT-X-MAP"))
    return place / f"{codec}.m4s", [line for line in lines[begin:] if line != "#EXT-X-ENDLIST"]


def apart(codec: str = "h264", *, is_movie: bool = False) -> Path:
    """The same with its sound in a playlist of its own: a folder with ``main.m3u8``, ``0.m3u8``
    (pictures), ``1.m3u8`` (sound) and what they list."""

    def make(place: Path) -> None:
        form, end = ("fmp4", "m4s") if is_movie else ("mpegts", "ts")
        live_clips.run(
            ["-i", str(live_clips.clip(codec)), "-map", "0:v", "-map", "0:a", "-c", "copy",
             "-f", "hls", "-hls_time", "1", "-hls_list_size", "0", "-hls_segment_type", form,
             "-hls_fmp4_init_filename", f"{codec}-init-%v.mp4", "-master_pl_name", "main.m3u8",
             "-var_stream_map", "v:0,agroup:sound a:0,agroup:sound,default:yes",
             "-hls_segment_filename", str(place / f"{codec}-%v-%d.{end}"), str(place / "%v.m3u8")]
        )  # fmt: skip

    return cache.once(f"hls-apart-1-{codec}-{is_movie}", make)


def _cut(codec: str, place: Path, *words: str) -> None:
    tag = ["-tag:v", "hvc1"] if codec == "hevc" else []
    live_clips.run(
        ["-i", str(live_clips.clip(codec)), "-c", "copy", *tag, "-f", "hls", "-hls_time", "1",
         "-hls_list_size", "0", *words, str(place / "list.m3u8")]
    )  # fmt: skip


def frames(files: list[Path], folder: Path) -> dict[str, list[bytes]]:
    """The frames of transport streams as ffmpeg reads them."""
    whole = folder / "whole.ts"
    whole.write_bytes(b"".join(file.read_bytes() for file in files))
    live_clips.run(["-i", str(whole), "-c", "copy", str(folder / "whole.mp4")])
    found = read_back(folder / "whole.mp4")
    return {kind: [content for _, content in each] for kind, each in found.items()}


def frames_in(file: Path) -> dict[str, list[bytes]]:
    """The frames of a file by kind."""
    return {kind: [each for _, each in found] for kind, found in read_back(file).items()}


def frames_apart(place: Path, folder: Path, *, but: str = "") -> dict[str, list[bytes]]:
    """The frames of what ``apart`` wrote, as ffmpeg reads them; ``but``: without this file."""
    found: dict[str, list[bytes]] = {}
    for kind, n in (("video", 0), ("audio", 1)):
        init = sorted(place.glob(f"*-init-{n}.mp4"))
        segments = sorted(file for file in place.glob(f"*-{n}-*.*") if file.name != but)
        whole = folder / f"whole{segments[0].suffix}"
        whole.write_bytes(b"".join(file.read_bytes() for file in (*init, *segments)))
        movie = folder / "whole.mp4"
        live_clips.run(["-i", str(whole), "-c", "copy", str(movie)])
        found[kind] = frames_in(movie)[kind]
    return found


@dataclass(slots=True)
class HlsSource:
    """Lines of a playlist, and how often each place was asked for."""

    port: int = 0
    lines: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    first: int = 0
    #: What another file becomes once this one was asked for.
    becomes: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    #: Whether whoever asks for a part is given the whole, as servers may do.
    gives_whole: bool = False

    @property
    def url(self) -> str:
        return f"http://{USER}:s3cr3t%26p%40ss@127.0.0.1:{self.port}/k3y/main.m3u8"

    def add(self, file: Path, *tags: str, is_there: bool = True, name: str = "") -> None:
        """List a segment; one that is not there is listed all the same."""
        name = name or file.name
        self.lines += [*tags, "#EXTINF:1.0,", f"{name}?token=abc"]
        if is_there:
            self.files[name] = file.read_bytes()

    def end(self) -> None:
        self.lines.append("#EXT-X-ENDLIST")

    async def answer(self, request: web.Request) -> web.StreamResponse:
        name = request.path.rpartition("/")[2]
        self.asked[name] += 1
        if request.headers.get("Authorization") != _WORDS:
            raise web.HTTPUnauthorized
        if name.endswith(".m3u8") and name in self.files:
            content = self.files[name]
            self.files |= dict([self.becomes.pop(name)] if name in self.becomes else [])
            return web.Response(body=content)
        if name == "main.m3u8":
            best = '#EXT-X-STREAM-INF:CODECS="avc1,mp4a",BANDWIDTH=900'
            variants = ("#EXTM3U", "#EXT-X-STREAM-INF:BANDWIDTH=100", "low.m3u8", best, "high.m3u8")
            return web.Response(text="\n".join(variants))
        if name == "high.m3u8":
            head = ("#EXTM3U", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{self.first}")
            return web.Response(text="\n".join([*head, *self.lines]))
        if name == "moved":
            raise web.HTTPFound("http://169.254.169.254/latest/meta-data")
        if name not in self.files:
            raise web.HTTPNotFound
        return self._file(request, self.files[name])

    def _file(self, request: web.Request, content: bytes) -> web.Response:
        asked = request.http_range
        if asked.start is None or self.gives_whole:
            return web.Response(body=content)
        part = content[asked]
        if not part:
            raise web.HTTPRequestRangeNotSatisfiable
        end = asked.start + len(part)
        words = {"Content-Range": f"bytes {asked.start}-{end - 1}/{len(content)}"}
        return web.Response(status=206, body=part, headers=words)


@asynccontextmanager
async def source() -> AsyncIterator[HlsSource]:
    found = HlsSource()
    app = web.Application()
    app.router.add_get("/{path:.*}", found.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.port = runner.addresses[0][1]
    try:
        yield found
    finally:
        await runner.cleanup()
