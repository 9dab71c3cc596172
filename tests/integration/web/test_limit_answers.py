"""What is asked too often gets 429 and Retry-After, and footage gets in all the same."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from recorder.client import RetryPolicy, Uploader
from recorder.domain.limit import Limit
from recorder.domain.people import Permission, Role
from recorder.runtime import open_deps
from recorder.web.app import build_app
from recorder.web.routes import ROUTES
from recorder.web.server import serving
from tests.support.role_world import World, name, things_of
from tests.support.senders import content
from tests.support.streams import take
from tests.support.web_service import PATCH, TUS, WebService, open_web_service, until

UPLOADS = "/api/v1/uploads"
SEARCH = "/api/v1/recordings"
LIMITED = [row for row in ROUTES if row.limit is not None]
MOST = 6
CONNECTIONS = 3


@pytest.fixture
async def service(database_url: str, tmp_path: Path) -> AsyncIterator[WebService]:
    async with open_web_service(
        database_url, tmp_path,
        searches_per_minute=MOST, upload_openings_per_minute=MOST, streams_at_once=2,
    ) as running:  # fmt: skip
        yield running


async def open_upload(service: WebService, token: str, length: int) -> str | None:
    """The address of a new upload; None if the service wants the sender to wait."""
    answer = await service.ask(
        "POST", UPLOADS, token, headers={**TUS, "Upload-Length": str(length)}
    )
    if answer.status == 429:
        assert answer.json["code"] == "upload-opening-limited"
        assert answer.headers["Tus-Resumable"] == "1.0.0"
        return None
    assert answer.status == 201
    return answer.headers["Location"]


def test_what_continues_an_upload_has_no_limit() -> None:
    rows = [row for row in ROUTES if row.path.startswith(f"{UPLOADS}/")]
    assert {row.method for row in rows} >= {"HEAD", "PATCH", "DELETE", "POST"}
    assert all(row.limit is None and row.is_upload for row in rows)
    # Hooks say who asks in their address, so their service counts them itself.
    assert {row.limit for row in LIMITED} == set(Limit) - {Limit.HOOK}
    # Who asks must be known, or nobody could be counted.
    assert all(row.permission is not Permission.PUBLIC for row in LIMITED)


@pytest.mark.parametrize("row", LIMITED, ids=name)
async def test_every_limited_route_tells_when_to_come_back(
    service: WebService, row: object
) -> None:
    found = next(other for other in LIMITED if other is row)
    ours = {role: await service.token(role) for role in Role}
    world = World(service, ours, {}, await things_of(service, ours[Role.DEVICE]))
    token = await service.token(Role.SUPERVISOR)
    statuses = [await world.status(found, token) for _ in range(MOST + 1)]
    assert 429 not in statuses[:MOST]
    assert statuses[MOST] == 429
    headers = {**PATCH, "Upload-Length": "5"} if found.is_upload else {}
    answer = await service.ask(found.method, world.address(found), token, headers=headers)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "10")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["retry_after_s"] == 10
    service.bureau.clock.forward(seconds=10)
    assert await world.status(found, token) != 429


async def test_an_open_upload_goes_on_while_its_sender_may_open_no_other(
    service: WebService,
) -> None:
    device, sent = await service.token(Role.DEVICE), content(3000)
    place = await open_upload(service, device, len(sent))
    assert place is not None
    while await open_upload(service, device, 10):
        pass
    for offset in range(0, len(sent), 100):
        head = await service.ask("HEAD", place, device, headers=TUS)
        assert (head.status, head.headers["Upload-Offset"]) == (200, str(offset))
        answer = await service.ask(
            "PATCH", place, device, data=sent[offset : offset + 100],
            headers={**PATCH, "Upload-Offset": str(offset)},
        )  # fmt: skip
        assert answer.status == 204
    assert await open_upload(service, device, 10) is None
    original = f"/api/v1/recordings/{answer.headers['Recorder-Recording']}/original"
    supervisor = await service.token(Role.SUPERVISOR)
    assert (await service.ask("GET", original, supervisor)).content == sent


async def test_a_body_that_comes_with_an_opening_over_the_limit_is_not_taken(
    service: WebService,
) -> None:
    device = await service.token(Role.DEVICE)
    while await open_upload(service, device, 10):
        pass
    before = await service.bureau.value("SELECT count(*) FROM upload")
    answer = await service.ask(
        "POST", UPLOADS, device, data=b"12345", headers={**PATCH, "Upload-Length": "5"}
    )
    assert answer.status == 429
    assert await service.bureau.value("SELECT count(*) FROM upload") == before


async def test_our_client_waits_as_long_as_the_service_asks_and_sends_every_file(
    service: WebService, tmp_path: Path
) -> None:
    card, waited = tmp_path / "card", list[float]()
    card.mkdir()
    files = {f"{number}.mp4": content(1000 + number) for number in range(MOST + 4)}
    for file, sent in files.items():
        (card / file).write_bytes(sent)

    async def wait(seconds: float) -> None:
        # What the service asked for is waited by its own clock; other waits are those for a seal.
        if seconds >= 10:
            waited.append(seconds)
            service.bureau.clock.forward(seconds=seconds)
        await asyncio.sleep(0.01)

    uploader = Uploader(
        service.url, await service.token(Role.DEVICE), state_dir=tmp_path / "state", jobs=1,
        retry=RetryPolicy(base_seconds=0.01, cap_seconds=0.02, sleep=wait),
    )  # fmt: skip

    async def all_came() -> bool:
        found = await service.bureau.value("SELECT count(*) FROM recording")
        return bool(found == len(files))

    async with uploader:
        sending = asyncio.create_task(uploader.upload([card]))
        await until(all_came, within=60, what="the arrival of every file")
        # Nobody seals here.
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending
    assert len(waited) == 4
    lengths = await service.bureau.value(
        "SELECT array_agg(length_bytes ORDER BY length_bytes) FROM recording"
    )
    assert lengths == sorted(len(sent) for sent in files.values())


async def test_replicas_count_together(service: WebService) -> None:
    token = await service.token(Role.SUPERVISOR)
    async with open_deps(service.deps.config, clock=service.bureau.clock) as deps:
        listener = socket.create_server(("127.0.0.1", 0))
        other = build_app(deps)
        async with serving(other, listener):
            second = WebService(service.bureau, listener.getsockname()[1], service.session, other)
            answers = [
                (await replica.ask("GET", SEARCH, token)).status
                for _ in range(MOST)
                for replica in (service, second)
            ]
    assert answers == [200] * MOST + [429] * MOST


async def test_a_person_has_so_many_streams_and_a_closed_one_makes_room(
    service: WebService,
) -> None:
    supervisor = await service.token(Role.SUPERVISOR)
    headers = {"Authorization": f"Bearer {supervisor}"}
    address = f"{service.url}/api/v1/work/stream"
    async with AsyncExitStack() as stack:
        for _ in range(2):
            opened = await stack.enter_async_context(service.session.get(address, headers=headers))
            assert opened.status == 200
        async with service.session.get(address, headers=headers) as refused:
            assert (refused.status, refused.headers["Retry-After"]) == (429, "30")
            assert (await refused.json())["code"] == "streams-limited"

    async def all_closed() -> bool:
        # News, which finds nobody there.
        service.bureau.clock.forward(seconds=10)
        await open_upload(service, supervisor, 10)
        return await service.bureau.value("SELECT count(*) FROM open_stream") == 0

    await until(all_closed, within=40, what="the end of the streams nobody listens to")
    async with service.session.get(address, headers=headers) as opened:
        assert opened.status == 200


LIVESTREAMS = "/api/v1/livestreams"

# --- connections -----------------------------------------------------------------------------


@pytest.fixture
async def narrow(database_url: str, tmp_path: Path) -> AsyncIterator[WebService]:
    """A service that allows an address three connections at once."""
    async with open_web_service(
        database_url, tmp_path, connections_per_address=CONNECTIONS
    ) as running:
        yield running


class Line:
    """A connection, byte by byte."""

    def __init__(self, service: WebService) -> None:
        self._service = service
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def __aenter__(self) -> Line:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._service.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    async def ask(self, method: str, path: str, token: str, *more: str, body: bytes = b"") -> int:
        """The status of the answer, whose body stays unread."""
        lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", *more]
        self.writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        async with asyncio.timeout(60):
            return int((await self.reader.readuntil(b"\r\n\r\n")).split()[1])

    async def has_ended(self) -> bool:
        """Whether the service has ended it; waits for that."""
        async with asyncio.timeout(60):
            try:
                while await self.reader.read(4096):
                    pass
            except ConnectionError:
                return True
        return self.reader.at_eof()


async def test_connections_that_ask_nothing_or_half_a_thing_give_way(narrow: WebService) -> None:
    token = await narrow.token(Role.SUPERVISOR)
    async with AsyncExitStack() as stack:
        slow = []
        for number in range(CONNECTIONS):
            line = await stack.enter_async_context(Line(narrow))
            if number:
                line.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow")
            slow.append(line)
        for number in range(CONNECTIONS):
            line = await stack.enter_async_context(Line(narrow))
            assert await line.ask("GET", "/api/v1/me", token) == 200
            assert await slow[number].has_ended()


async def test_over_the_limit_an_upload_goes_on_and_the_rest_waits(narrow: WebService) -> None:
    token, device = await narrow.token(Role.SUPERVISOR), await narrow.token(Role.DEVICE)
    place = await open_upload(narrow, device, 5)
    assert place is not None
    async with AsyncExitStack() as stack:
        # The test's own connection is idle, and gives way.
        for _ in range(CONNECTIONS):
            line = await stack.enter_async_context(Line(narrow))
            assert await line.ask("GET", "/api/v1/work/stream", token) == 200
        crowded = await stack.enter_async_context(Line(narrow))
        assert await crowded.ask("GET", "/api/v1/me", token) == 429
        sender = await stack.enter_async_context(Line(narrow))
        head = [f"{key}: {value}" for key, value in PATCH.items()]
        status = await sender.ask(
            "PATCH", place, device, *head, "Upload-Offset: 0", "Content-Length: 5", body=b"12345"
        )
        assert status == 204
        # So do cameras behind one address that push livestreams, and slowly.
        camera = await stack.enter_async_context(Line(narrow))
        words = ["Content-Type: application/json", "Content-Length: 19"]
        begun = await camera.ask("POST", LIVESTREAMS, device, *words, body=b'{"title": "street"}')
        assert begun == 201
        row = await narrow.bureau.value("SELECT id FROM livestream")
        pushing = await stack.enter_async_context(Line(narrow))
        init = f"{LIVESTREAMS}/{row}/periods/1/init"
        body = take().init
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        words = [f"Content-Length: {len(body)}", f"Content-Digest: sha-256=:{digest}:"]
        assert await pushing.ask("PUT", init, device, *words, body=body) == 201
    assert await narrow.bureau.value("SELECT count(*) FROM recording") == 1
    async with Line(narrow) as line:
        assert await line.ask("GET", "/api/v1/me", token) == 200


async def test_a_trusted_proxy_has_as_many_connections_as_it_needs(
    database_url: str, tmp_path: Path
) -> None:
    async with (
        open_web_service(
            database_url, tmp_path, connections_per_address=1, trusted_proxies="127.0.0.1"
        ) as service,
        AsyncExitStack() as stack,
    ):
        token = await service.token(Role.SUPERVISOR)
        for _ in range(5):
            line = await stack.enter_async_context(Line(service))
            assert await line.ask("GET", "/api/v1/work/stream", token) == 200
