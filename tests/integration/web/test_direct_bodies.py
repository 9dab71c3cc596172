"""Bodies that are read past aiohttp's parser: what comes before, behind and instead of them."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from recorder.domain.people import Role
from tests.support.senders import content
from tests.support.web_service import TUS, WebService, until

UPLOADS = "/api/v1/uploads"


async def opened(service: WebService, token: str, length: int) -> str:
    answer = await service.ask(
        "POST", UPLOADS, token, headers={**TUS, "Upload-Length": str(length)}
    )
    return answer.headers["Location"]


def patch(place: str, token: str, offset: int, length: int) -> bytes:
    """The head of a PATCH, as bytes on a socket."""
    return (
        f"PATCH {place} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Tus-Resumable: 1.0.0\r\nUpload-Offset: {offset}\r\nContent-Length: {length}\r\n"
        "Content-Type: application/offset+octet-stream\r\n\r\n"
    ).encode()


def head(place: str, token: str, more: str = "") -> bytes:
    """A HEAD for an upload, as bytes on a socket."""
    return (
        f"HEAD {place} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Tus-Resumable: 1.0.0\r\n{more}\r\n"
    ).encode()


class Line:
    """One connection on which requests follow each other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, service: WebService) -> Line:
        return cls(*await asyncio.open_connection("127.0.0.1", service.port))

    async def send(self, *words: bytes) -> None:
        """Each word arrives by itself, as far as that can be had."""
        for word in words:
            self._writer.write(word)
            await self._writer.drain()

    async def answer(self) -> tuple[int, dict[str, str]]:
        """Status and headers of the next answer, which must have no body."""
        async with asyncio.timeout(60):
            lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        named = (line.partition(": ") for line in lines[1:] if line)
        return int(lines[0].split()[1]), {name.lower(): value for name, _, value in named}

    async def rest(self) -> bytes:
        """Everything until the service ends the connection."""
        async with asyncio.timeout(60):
            return await self._reader.read()

    def close(self) -> None:
        self._writer.close()


async def original(service: WebService, recording: str) -> bytes:
    supervisor = await service.token(Role.SUPERVISOR)
    answer = await service.ask("GET", f"/api/v1/recordings/{recording}/original", supervisor)
    assert answer.status == 200
    return answer.content


@pytest.mark.parametrize("length", [1, 70_000, 600_000, 3 << 20])
async def test_requests_follow_each_other_on_one_connection(
    service: WebService, device: str, length: int
) -> None:
    line = await Line.to(service)
    for seed in (1, 2):
        sent = content(length, seed)
        place = await opened(service, device, length)
        half = length // 2
        await line.send(patch(place, device, 0, half), sent[:half])
        status, headers = await line.answer()
        assert (status, headers["upload-offset"]) == (204, str(half))
        await line.send(head(place, device))
        status, headers = await line.answer()
        assert (status, headers["upload-offset"]) == (200, str(half))
        await line.send(patch(place, device, half, length - half), sent[half:])
        status, headers = await line.answer()
        assert (status, headers["upload-offset"]) == (204, str(length))
        found = await original(service, headers["recorder-recording"])
        assert hashlib.sha256(found).digest() == hashlib.sha256(sent).digest()
    line.close()


async def test_a_request_right_behind_a_body_is_answered(service: WebService, device: str) -> None:
    sent = content(700_000)
    place = await opened(service, device, len(sent))
    line = await Line.to(service)
    await line.send(patch(place, device, 0, len(sent)) + sent + head(place, device))
    assert (await line.answer())[0] == 204
    status, headers = await line.answer()
    assert (status, headers["upload-offset"]) == (200, str(len(sent)))
    line.close()


async def test_a_body_that_is_not_read_to_its_end_is_never_taken_for_a_request(
    service: WebService, device: str
) -> None:
    place = await opened(service, device, 1 << 20)
    victim = await opened(service, device, 10)
    line, newer = await Line.to(service), await Line.to(service)
    inner = head(victim, device).replace(b"HEAD", b"DELETE")
    await line.send(patch(place, device, 0, 1 << 20), b"x" * 1000)

    async def held() -> bool:
        answer = await service.ask("HEAD", place, device, headers=TUS)
        return answer.headers["Upload-Offset"] == "1000"

    await until(held, within=20, what="the offset of 1000 bytes")
    # The newer connection evicts the first, whose sender goes on with what looks like a request.
    await newer.send(patch(place, device, 1000, 5), b"y" * 5)
    assert (await newer.answer())[0] == 204
    await line.send(inner)
    told = await line.rest()
    line.close()
    assert told.startswith(b"HTTP/1.1 409 ")
    assert told.count(b"HTTP/1.1 ") == 1
    answer = await service.ask("HEAD", victim, device, headers=TUS)
    assert answer.status == 200, "nobody has deleted it"
    newer.close()


async def test_a_body_in_chunks_takes_the_other_way_and_arrives_as_well(
    service: WebService, device: str
) -> None:
    sent = content(300_000)
    place = await opened(service, device, len(sent))
    line = await Line.to(service)
    framed = b"".join(
        f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in (sent[:1000], sent[1000:])
    )
    begin = patch(place, device, 0, 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    await line.send(begin, framed + b"0\r\n\r\n" + head(place, device))
    status, headers = await line.answer()
    assert (status, headers["upload-offset"]) == (204, str(len(sent)))
    assert await original(service, headers["recorder-recording"]) == sent
    assert (await line.answer())[0] == 200
    line.close()
