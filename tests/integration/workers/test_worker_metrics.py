"""What workers tell of themselves: attempts by outcome, and the small port that tells it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from recorder.adapters.media import FfmpegTool
from recorder.adapters.metrics_port import telling
from recorder.adapters.objects import Bucket
from recorder.config import PREFIX
from recorder.services import figures
from tests.support import footage as footage_set
from tests.support import servers
from tests.support.bureau import Bureau, open_bureau
from tests.support.exposition import Exposition, read
from tests.support.senders import content
from tests.support.workshop import camera, deliver, look_up, stored_file, work_off


async def ask(port: int, request: bytes) -> tuple[bytes, bytes]:
    """Status line and body of the answer to these bytes; both empty without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(60):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    if body:
        assert f"Content-Length: {len(body)}".encode() in lines
    return lines[0], body


def is_open(file: Path) -> bool:
    """Whether this process has the file open."""
    descriptors = Path("/proc/self/fd").iterdir()
    return any(d.resolve() == file.resolve() for d in descriptors)


def telling_of(bureau: Bureau) -> AbstractAsyncContextManager[int | None]:
    """The small port as a worker opens it."""
    return telling(bureau.deps.config.metrics_listen, lambda: figures.text(bureau.deps))


async def scrape(port: int) -> Exposition:
    status, body = await ask(port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status == b"HTTP/1.1 200 OK"
    return read(body.decode())


async def test_attempts_are_counted_by_task_and_outcome(
    database_url: str, tmp_path: Path, tool: FfmpegTool
) -> None:
    (tmp_path / "work").mkdir()
    async with open_bureau(
        database_url, tmp_path, work_folder=tmp_path / "work", metrics_listen="127.0.0.1:0"
    ) as bureau:
        actor = await camera(bureau)
        await deliver(bureau, actor, content(5000))
        lost = await deliver(bureau, actor, content(6000), name="other.mp4")
        _, original = await look_up(bureau, lost)
        stored_file(bureau, original).unlink()
        async with telling_of(bureau) as port:
            assert port is not None
            before = await scrape(port)
            assert before.value("recorder_task_runs", queue="io", state="pending") == 2
            await work_off(bureau.deps, tool)
            after = await scrape(port)

    def grown(name: str, **labels: str) -> float:
        return after.value(name, **labels) - before.value(name, **labels)

    assert grown("recorder_task_attempts_total", task="verify", outcome="done") == 1
    assert grown("recorder_task_attempts_total", task="verify", outcome="failed") == 1
    assert grown("recorder_task_duration_seconds_count", task="verify") == 2
    assert grown("recorder_store_call_errors_total", call="read", kind="not-found") >= 1
    assert after.value("recorder_task_runs_failed", task="verify") == 1
    assert after.value("recorder_alarms_open", code="task_failed", severity="warning") >= 1


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /metrics?x=1 HTTP/1.0\r\n\r\n", b"HTTP/1.1 200 OK"),
        (b"HEAD /metrics HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK"),
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 404 Not Found"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"HTTP/1.1 405 Method Not Allowed"),
        (b"\x16\x03\x01 hello\r\n\r\n", b"HTTP/1.1 400 Bad Request"),
    ],
    ids=["query", "head", "elsewhere", "post", "no HTTP"],
)
async def test_the_port_answers_one_question_and_nothing_else(
    database_url: str, tmp_path: Path, request_bytes: bytes, status: bytes
) -> None:
    async with (
        open_bureau(database_url, tmp_path, metrics_listen="127.0.0.1:0") as bureau,
        telling_of(bureau) as port,
    ):
        assert port is not None
        found, body = await ask(port, request_bytes)
        assert found == status
        assert (body == b"") == request_bytes.startswith(b"HEAD")


async def test_an_endless_head_is_not_read_to_its_end(database_url: str, tmp_path: Path) -> None:
    async with (
        open_bureau(database_url, tmp_path, metrics_listen="127.0.0.1:0") as bureau,
        telling_of(bureau) as port,
    ):
        assert port is not None
        answer = (b"", b"")
        # With a reset or without: there is no answer to it.
        with contextlib.suppress(ConnectionError):
            answer = await ask(port, b"GET /metrics HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n")
        assert answer == (b"", b"")
        # Whatever came before, the next one is answered.
        assert (await scrape(port)).value("recorder_database_up") == 1


async def test_a_worker_process_tells_its_figures_where_the_setting_says(
    database_url: str, tmp_path: Path
) -> None:
    settings = {
        "database_url": database_url,
        "objects_folder": str(tmp_path / "objects"),
        "signing_key_file": str(tmp_path / "signing.key"),
        "ffmpeg": footage_set.ffmpeg(),
        "metrics_listen": "127.0.0.1:0",
    }
    (tmp_path / "objects").mkdir()
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers"),
        env={**os.environ, **{f"{PREFIX}{n.upper()}": value for n, value in settings.items()}},
        cwd=servers.REPOSITORY,
        stderr=asyncio.subprocess.PIPE,
    )
    assert worker.stderr is not None
    try:
        async with asyncio.timeout(60):
            lines = [json.loads(await worker.stderr.readline())]
            while lines[-1]["message"] != "worker ready":
                lines.append(json.loads(await worker.stderr.readline()))
        (port,) = [line["port"] for line in lines if line["message"] == "figures"]
        told = await scrape(port)
        assert told.value("recorder_database_up") == 1
        assert told.value("process_resident_memory_bytes") > 0
        worker.send_signal(signal.SIGTERM)
        await worker.communicate()
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()
    assert worker.returncode == 0


async def test_a_taken_port_keeps_no_worker_from_working(database_url: str, tmp_path: Path) -> None:
    taken = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    async with (
        taken,
        open_bureau(database_url, tmp_path, metrics_listen=f"127.0.0.1:{port}") as bureau,
        telling_of(bureau) as bound,
    ):
        assert bound is None


async def test_without_the_setting_nothing_listens(bureau: Bureau) -> None:
    async with telling_of(bureau) as port:
        assert port is None


async def test_a_reader_that_is_given_up_lets_go_of_the_store_at_once(bureau: Bureau) -> None:
    actor = await camera(bureau)
    recording = await deliver(bureau, actor, content(3 * 1024 * 1024))
    _, original = await look_up(bureau, recording)
    stored = stored_file(bureau, original)
    blocks = bureau.deps.objects.read(Bucket.ORIGINALS, original.key, original.version)
    first = await anext(blocks)
    assert 0 < len(first) <= 1024 * 1024
    assert is_open(stored)
    await blocks.aclose()  # type: ignore[attr-defined]
    assert not is_open(stored)
