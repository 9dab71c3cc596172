"""Somebody else's HLS: ffmpeg's own segments behind an HTTP server whose list a test extends."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import encode_basic_auth, web

from tests.support import cache, live_clips

USER, PASSWORD = "guard", "s3cr3t&p@ss"
_WORDS = encode_basic_auth(USER, PASSWORD, "utf-8")


def segments(codec: str = "h264") -> list[Path]:
    """A clip of six seconds in transport streams of one second."""

    def make(place: Path) -> None:
        live_clips.run(
            ["-i", str(live_clips.clip(codec)), "-c", "copy", "-f", "hls", "-hls_time", "1",
             "-hls_list_size", "0", "-hls_segment_filename", str(place / f"{codec}-%d.ts"),
             str(place / "list.m3u8")]
        )  # fmt: skip

    return sorted(cache.once(f"hls-1-{codec}", make).glob("*.ts"))


@dataclass(slots=True)
class HlsSource:
    """Lines of a playlist, and how often each place was asked for."""

    port: int = 0
    lines: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    first: int = 0

    @property
    def url(self) -> str:
        return f"http://{USER}:s3cr3t%26p%40ss@127.0.0.1:{self.port}/k3y/main.m3u8"

    def add(self, file: Path, *tags: str, is_there: bool = True) -> None:
        """List a segment; one that is not there is listed all the same."""
        self.lines += [*tags, "#EXTINF:1.0,", f"{file.name}?token=abc"]
        if is_there:
            self.files[file.name] = file.read_bytes()

    def end(self) -> None:
        self.lines.append("#EXT-X-ENDLIST")

    async def answer(self, request: web.Request) -> web.StreamResponse:
        name = request.path.rpartition("/")[2]
        self.asked[name] += 1
        if request.headers.get("Authorization") != _WORDS:
            raise web.HTTPUnauthorized
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
        return web.Response(body=self.files[name])


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
