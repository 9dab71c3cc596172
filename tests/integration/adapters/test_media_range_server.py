"""The one-time address: the right bytes, nothing outside, and no reader left open."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

from recorder.adapters.range_server import RangeServer, serve_ranges
from recorder.errors import Unavailable

CONTENT = bytes(range(256)) * 400


class Original:
    """A source of ranges that counts its open readers."""

    def __init__(self, *, fails_after: int | None = None) -> None:
        self.open = 0
        self.asked: list[tuple[int, int]] = []
        self._fails_after = fails_after

    async def read(self, offset: int, length: int) -> AsyncIterator[bytes]:
        self.open += 1
        self.asked.append((offset, length))
        try:
            for start in range(offset, offset + length, 1000):
                if self._fails_after is not None and start - offset >= self._fails_after:
                    raise Unavailable("store-unavailable", "The store is away.")
                yield CONTENT[start : min(start + 1000, offset + length)]
        finally:
            self.open -= 1


class Talk:
    """One connection to the server, spoken to by hand."""

    def __init__(self, server: RangeServer) -> None:
        self._server = server
        self.path = "/" + server.url.rpartition("/")[2]

    async def __aenter__(self) -> Talk:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._server.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def ask(self, *fields: str, method: str = "GET", path: str = "") -> tuple[str, int]:
        lines = [f"{method} {path or self.path} HTTP/1.1", "Host: x", *fields]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        await self._writer.drain()
        header = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            int(line.partition(":")[2])
            for line in header.splitlines()
            if line.startswith("Content-Length")
        )
        return header, length

    async def body(self, length: int) -> bytes:
        return await self._reader.readexactly(length)

    async def rest(self) -> bytes:
        return await self._reader.read()


async def test_ranges_follow_each_other_on_one_connection() -> None:
    original = Original()
    async with serve_ranges(len(CONTENT), original.read) as server, Talk(server) as talk:
        header, length = await talk.ask()
        assert header.startswith("HTTP/1.1 200 ")
        assert await talk.body(length) == CONTENT
        header, length = await talk.ask("Range: bytes=500-1499")
        assert header.startswith("HTTP/1.1 206 ")
        assert f"Content-Range: bytes 500-1499/{len(CONTENT)}" in header
        assert await talk.body(length) == CONTENT[500:1500]
        header, length = await talk.ask("Range: bytes=-300")
        assert await talk.body(length) == CONTENT[-300:]
    assert original.asked == [(0, len(CONTENT)), (500, 1000), (len(CONTENT) - 300, 300)]


async def test_a_head_tells_the_length_and_reads_nothing() -> None:
    original = Original()
    async with serve_ranges(len(CONTENT), original.read) as server, Talk(server) as talk:
        header, length = await talk.ask(method="HEAD")
        assert (header[:12], length) == ("HTTP/1.1 200", len(CONTENT))
        header, _ = await talk.ask(method="HEAD")
        assert "Accept-Ranges: bytes" in header
    assert original.asked == []


async def test_what_cannot_be_given_is_refused_and_the_connection_goes_on() -> None:
    original = Original()
    async with serve_ranges(len(CONTENT), original.read) as server, Talk(server) as talk:
        header, _ = await talk.ask(f"Range: bytes={len(CONTENT)}-")
        assert header.startswith("HTTP/1.1 416 ")
        assert f"Content-Range: bytes */{len(CONTENT)}" in header
        header, _ = await talk.ask(path="/guess")
        assert header.startswith("HTTP/1.1 404 ")
        header, _ = await talk.ask(method="DELETE")
        assert header.startswith("HTTP/1.1 405 ")
        header, _ = await talk.ask("Range: bytes=0-0")
        assert header.startswith("HTTP/1.1 206 ")
    assert original.asked == [(0, 1)]


async def test_two_originals_never_share_an_address() -> None:
    original = Original()
    async with (
        serve_ranges(10, original.read) as one,
        serve_ranges(10, original.read) as other,
    ):
        assert one.url.rpartition("/")[2] != other.url.rpartition("/")[2]
        assert len(one.url.rpartition("/")[2]) >= 43


async def test_a_reader_is_closed_when_the_tool_goes_away() -> None:
    gone = asyncio.Event()
    started = asyncio.Event()

    async def endless(offset: int, length: int) -> AsyncIterator[bytes]:
        try:
            while True:
                started.set()
                yield b"x" * 65536
        finally:
            gone.set()

    async with serve_ranges(1 << 40, endless) as server:
        async with Talk(server) as talk:
            await talk.ask()
            await started.wait()
        async with asyncio.timeout(60):
            await gone.wait()
    assert server.failure == ""


async def test_the_end_of_the_block_closes_readers_and_connections() -> None:
    stuck = asyncio.Event()
    closed = asyncio.Event()

    async def silent(offset: int, length: int) -> AsyncIterator[bytes]:
        try:
            yield b"x"
            stuck.set()
            await asyncio.Event().wait()
        finally:
            closed.set()

    async with serve_ranges(100, silent) as server, Talk(server) as talk:
        await talk.ask()
        await stuck.wait()
    assert closed.is_set()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", server.port)) != 0


async def test_a_store_that_goes_away_breaks_the_answer_off_and_is_remembered() -> None:
    original = Original(fails_after=2000)
    async with serve_ranges(len(CONTENT), original.read) as server, Talk(server) as talk:
        await talk.ask()
        assert await talk.rest() == CONTENT[:2000]
        assert server.failure == "The store is away."
    assert original.open == 0


async def test_endless_headers_end_the_connection() -> None:
    original = Original()
    async with serve_ranges(len(CONTENT), original.read) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 100_000)
        async with asyncio.timeout(60):
            try:
                answer = await reader.read()
            except ConnectionResetError:
                answer = b""
        assert answer == b""
        writer.close()
    assert original.asked == []
