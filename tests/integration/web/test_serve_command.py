"""``recorder serve``, ``migrate`` and ``doctor`` as processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from recorder.embedded import listener
from recorder.embedded.listener import Listener
from tests.support import footage
from tests.support.web_service import until

ROOT = Path(__file__).parents[3]


@pytest.fixture
def settings(database_url: str, owner_database_url: str, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "objects").mkdir()
    return {
        **os.environ,
        "RECORDER_DATABASE_URL": database_url,
        "RECORDER_OWNER_DATABASE_URL": owner_database_url,
        "RECORDER_OBJECTS_FOLDER": str(tmp_path / "objects"),
        "RECORDER_OBJECTS_FLOOR_BYTES": "0",
        "RECORDER_SIGNING_KEY_FILE": str(tmp_path / "signing.key"),
    }


async def recorder(
    *words: str, environment: dict[str, str], within: float = 30.0
) -> tuple[int, str, str]:
    """Run a command to its end: exit code, what it printed, what it complained of."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "recorder", *words, cwd=ROOT, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(within):
        said, complained = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode(), complained.decode()


@asynccontextmanager
async def serving(
    environment: dict[str, str],
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The service on an inherited socket, as the embedded server starts it."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "recorder", "serve", "--listen-fd", str(bound.fileno()),
            cwd=ROOT, env=environment, pass_fds=[bound.fileno()],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            shown = Listener(bound, url)
            await until(lambda: listener.answers(shown, "/readyz"), within=30, what="the service")
            yield process, url
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


async def test_the_service_answers_and_ends_in_order_when_asked_to(
    settings: dict[str, str],
) -> None:
    async with serving(settings) as (process, url), aiohttp.ClientSession() as session:
        async with session.get(f"{url}/healthz") as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            _, log = await process.communicate()
    assert process.returncode == 0
    lines = [json.loads(line) for line in log.decode().splitlines()]
    asked = [line for line in lines if line["logger"] == "recorder.access"]
    assert {"/healthz", "/readyz"} <= {line["route"] for line in asked}
    assert all("duration_ms" in line and "request" in line for line in asked)


async def test_a_database_without_the_newest_schema_is_refused_with_a_sentence(
    settings: dict[str, str], empty_database_url: str
) -> None:
    lacking = {
        **settings,
        "RECORDER_DATABASE_URL": empty_database_url,
        "RECORDER_OWNER_DATABASE_URL": empty_database_url,
    }
    code, _, complained = await recorder("serve", "--listen", "127.0.0.1:0", environment=lacking)
    assert code == 1
    assert "recorder migrate" in complained
    assert "Traceback" not in complained
    checked, said, _ = await recorder("migrate", "--check", environment=lacking)
    assert (checked, "pending: 0001_initial" in said) == (1, True)
    done, said, complained = await recorder("migrate", environment=lacking)
    assert (done, "applied: 0001_initial" in said) == (0, True), complained
    again, said, _ = await recorder("migrate", environment=lacking)
    assert (again, "up to date" in said) == (0, True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("serve", "--listen", "nonsense"), "HOST:PORT"),
        (("serve", "--tls-cert", "x"), "go together"),
        (("serve", "--data", "x"), "--embedded"),
        (("serve", "--embedded"), "--data DIR"),
    ],
)
async def test_wrong_usage_gets_a_sentence(
    settings: dict[str, str], words: tuple[str, ...], sentence: str
) -> None:
    code, _, complained = await recorder(*words, environment=settings)
    assert code in (1, 2)
    assert sentence in complained
    assert "Traceback" not in complained


async def test_a_taken_port_gets_a_sentence(settings: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        code, _, complained = await recorder("serve", "--listen", place, environment=settings)
    assert code == 1
    assert place in complained


async def test_an_unknown_setting_stops_the_start(settings: dict[str, str]) -> None:
    code, _, complained = await recorder(
        "serve", environment={**settings, "RECORDER_COLOUR": "red"}
    )
    assert (code, "RECORDER_COLOUR" in complained) == (1, True)


async def test_the_doctor_finds_a_sound_service_sound(settings: dict[str, str]) -> None:
    with_media = {**settings, "RECORDER_FFMPEG": footage.ffmpeg()}
    code, said, _ = await recorder("doctor", "--json", environment=with_media)
    found = {line["name"]: line["state"] for line in map(json.loads, said.splitlines())}
    assert code == 0, said
    assert found["database"] == found["store"] == found["settings"] == "ok"
    assert found["redis"] == found["signing key"] == "warning"


async def test_the_doctor_says_what_is_wrong(
    settings: dict[str, str], empty_database_url: str
) -> None:
    ill = {**settings, "RECORDER_DATABASE_URL": empty_database_url}
    code, said, _ = await recorder("doctor", environment=ill)
    assert code == 1
    assert "recorder migrate" in said


async def test_open_streams_do_not_hold_up_the_end(settings: dict[str, str]) -> None:
    added, said, complained = await recorder(
        "admin", "token", "add", "T", "--role", "supervisor", "--json", environment=settings
    )
    assert added == 0, complained
    head = {"Authorization": f"Bearer {json.loads(said)['token']}"}
    async with (
        serving(settings) as (process, url),
        aiohttp.ClientSession(headers=head) as session,
        session.get(f"{url}/api/v1/work/stream") as stream,
    ):
        await stream.content.readuntil(b"data: ")
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            # A stream that was cut off instead of ended would be half a message: an error here.
            await stream.content.read()
            await process.wait()
        assert process.returncode == 0


async def test_an_upload_under_way_is_durable_when_the_service_ends(
    settings: dict[str, str],
) -> None:
    added, said, complained = await recorder(
        "admin", "device", "add", "D-1", "--json", environment=settings
    )
    assert added == 0, complained
    head = {"Authorization": f"Bearer {json.loads(said)['token']}", "Tus-Resumable": "1.0.0"}
    async with aiohttp.ClientSession(headers=head) as session:
        async with serving(settings) as (process, url):
            created = await session.post(
                f"{url}/api/v1/uploads", headers={"Upload-Length": "1000000"}
            )
            place = created.headers["Location"]
            sent = asyncio.Event()

            async def blocks() -> AsyncIterator[bytes]:
                yield b"x" * 300_000
                sent.set()
                await asyncio.Event().wait()

            sending = asyncio.create_task(_patch(session, f"{url}{place}", blocks()))
            await sent.wait()
            await until(
                lambda: _offset_is(session, f"{url}{place}", 300_000), within=10, what="the bytes"
            )
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(60):
                await process.wait()
            assert process.returncode == 0
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        async with serving(settings) as (_, url):
            assert await _offset_is(session, f"{url}{place}", 300_000)


async def _patch(session: aiohttp.ClientSession, url: str, body: AsyncIterator[bytes]) -> int:
    headers = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    async with session.patch(url, data=body, headers=headers) as answer:
        return answer.status


async def _offset_is(session: aiohttp.ClientSession, url: str, expected: int) -> bool:
    async with session.head(url) as answer:
        return answer.headers.get("Upload-Offset") == str(expected)
