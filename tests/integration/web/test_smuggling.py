"""No message is taken for two: at our own server, and at nginx before it."""

from __future__ import annotations

import asyncio
import re
import ssl
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from recorder.domain.people import Role
from tests.support import certificates, reverse_proxy, servers, smuggling
from tests.support.web_service import PATCH, TUS, WebService, open_web_service, until

#: Behind each message, so that whoever took it for one request ends the connection after this one.
CLOSING = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
#: Longer than any sender may be silent here, on a busy machine too.
PATIENCE_S = 60


@dataclass(frozen=True)
class Front:
    """Where the messages are sent: the service, or nginx before it."""

    service: WebService
    port: int
    tls: ssl.SSLContext | None
    nginx: servers.Server | None

    async def send(self, raw: bytes) -> bytes:
        """All that comes back until the other side ends the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.tls)
        received = b""
        try:
            writer.write(raw + CLOSING)
            with suppress(ConnectionError):
                async with asyncio.timeout(PATIENCE_S):
                    while block := await reader.read(65536):
                        received += block
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        return received

    def requests_hidden(self) -> int:
        """How many of the hidden requests nginx has taken for requests; only they are POSTs."""
        assert self.nginx is not None
        return (self.nginx.folder / "access.log").read_text().count(" POST ")


def statuses(received: bytes) -> list[int]:
    """The statuses of all final answers on a connection."""
    found = [int(word) for word in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received)]
    return [status for status in found if status >= 200]


@pytest.fixture
async def service(database_url: str, tmp_path: Path) -> AsyncIterator[WebService]:
    async with open_web_service(database_url, tmp_path, upload_silence_s=1) as running:
        yield running


@pytest.fixture
async def nginx(service: WebService, tmp_path: Path) -> AsyncIterator[Front]:
    async with before(service, tmp_path) as front:
        yield front


@asynccontextmanager
async def before(
    service: WebService, folder: Path, requests_per_address: int = 1000
) -> AsyncIterator[Front]:
    """nginx before the service."""
    certificate = certificates.make(folder / "proxy.pem").path
    ports = (service.port, service.port)
    running = await asyncio.to_thread(reverse_proxy.start, certificate, ports, requests_per_address)
    try:
        tls = ssl.create_default_context(cafile=str(certificate))
        yield Front(service, reverse_proxy.ports(running)[1], tls, running)
    finally:
        await asyncio.to_thread(running.stop)


@pytest.fixture(params=["service", "nginx"])
async def front(
    request: pytest.FixtureRequest, service: WebService, tmp_path: Path
) -> AsyncIterator[Front]:
    if request.param == "service":
        yield Front(service, service.port, None, None)
        return
    async with before(service, tmp_path) as found:
        yield found


async def opened(service: WebService, token: str) -> str:
    answer = await service.ask(
        "POST", "/api/v1/uploads", token, headers={**TUS, "Upload-Length": "5"}
    )
    return answer.headers["Location"]


async def cases(service: WebService) -> int:
    return int(str(await service.bureau.value("SELECT count(*) FROM case_file")))


async def test_what_can_be_read_in_two_ways_is_refused_and_hides_no_request(
    service: WebService,
) -> None:
    front, wrong = Front(service, service.port, None, None), []
    device, token = await service.token(Role.DEVICE), await service.token(Role.SUPERVISOR)
    place = await opened(service, device)
    for message in smuggling.messages(place, device, token):
        told, seen = statuses(await front.send(message.raw)), await cases(service)
        if told != [400] or seen:
            wrong.append(f"{message.name}: {told}, {seen} cases")
    assert wrong == []
    head = await service.ask("HEAD", place, device, headers=TUS)
    assert (head.status, head.headers["Upload-Offset"]) == (200, "0")


async def test_nginx_passes_on_as_many_requests_as_it_has_seen(
    service: WebService, nginx: Front
) -> None:
    device, token = await service.token(Role.DEVICE), await service.token(Role.SUPERVISOR)
    refused = 0
    for number, message in enumerate(
        smuggling.messages(await opened(service, device), device, token)
    ):
        told = statuses(await nginx.send(message.raw))
        refused += told in ([400], [501])

        async def agreed() -> bool:
            # nginx writes its line when the answer is out.
            return await cases(service) == nginx.requests_hidden()

        await until(agreed, within=60, what=f"the same count of requests after {message.name}")
        # What it takes as it is (lines and sizes that end with a bare LF) it writes anew.
        assert number + 1 - refused <= 3, message.name
    assert refused > 30


async def test_a_request_in_the_body_of_another_stays_a_body(front: Front) -> None:
    service, wrong = front.service, []
    device, token = await service.token(Role.DEVICE), await service.token(Role.SUPERVISOR)
    for message in smuggling.legal(await opened(service, device), device, token):
        told = statuses(await front.send(message.raw))
        seen = await cases(service)
        if seen or not told or told[1:] not in ([], [200]):
            wrong.append(f"{message.name}: {told}, {seen} cases")
    assert wrong == []


async def test_the_request_that_is_hidden_elsewhere_is_one_where_it_stands_alone(
    front: Front,
) -> None:
    device, token = (
        await front.service.token(Role.DEVICE),
        await front.service.token(Role.SUPERVISOR),
    )
    place = await opened(front.service, device)
    head = (
        f"PATCH {place} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {device}\r\n"
        + "".join(f"{name}: {value}\r\n" for name, value in PATCH.items())
        + "Upload-Offset: 0\r\nContent-Length: 5\r\n\r\n12345"
    )
    received = await front.send(head.encode() + smuggling.hidden(token))
    assert statuses(received) == [204, 201, 200]
    assert await cases(front.service) == 1


async def test_nginx_refuses_what_is_too_much_of_one_address_and_no_upload(
    service: WebService, tmp_path: Path
) -> None:
    device, token = await service.token(Role.DEVICE), await service.token(Role.SUPERVISOR)
    place = await opened(service, device)
    async with before(service, tmp_path, requests_per_address=1) as front:
        address, tls = f"https://127.0.0.1:{front.port}", front.tls or False
        bearer = {"Authorization": f"Bearer {token}"}
        stream = f"{address}/api/v1/work/stream"
        async with service.session.get(stream, headers=bearer, ssl=tls) as opened_stream:
            assert opened_stream.status == 200
            async with service.session.get(
                f"{address}/api/v1/me", headers=bearer, ssl=tls
            ) as crowded:
                assert (crowded.status, crowded.headers["Retry-After"]) == (429, "10")
                assert crowded.content_type == "application/problem+json"
                assert (await crowded.json(content_type=None))["code"] == "connections-limited"
            sending = {**PATCH, "Authorization": f"Bearer {device}", "Upload-Offset": "0"}
            async with service.session.patch(
                f"{address}{place}", headers=sending, data=b"12345", ssl=tls
            ) as answer:
                assert answer.status == 204
            beginning = f"{address}/api/v1/livestreams/{uuid.UUID(int=7)}/periods/1/init"
            async with service.session.put(
                beginning, headers={"Authorization": f"Bearer {device}"}, data=b"12345", ssl=tls
            ) as answer:
                assert (await answer.json(content_type=None))["code"] == "livestream-not-found"
