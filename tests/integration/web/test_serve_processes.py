"""``recorder serve --processes``: several web services behind one listener, killed in turn."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from recorder.embedded import guardian
from tests.support.exposition import Exposition, read
from tests.support.senders import content
from tests.support.servers import REPOSITORY, free_port
from tests.support.small_office import command_line
from tests.support.waiting import eventually
from tests.support.web_service import PATCH, TUS, until

COUNT = 3


@pytest.fixture
def settings(database_url: str, owner_database_url: str, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "objects").mkdir()
    return {
        **os.environ,
        "RECORDER_DATABASE_URL": database_url,
        "RECORDER_OWNER_DATABASE_URL": owner_database_url,
        "RECORDER_DATABASE_CONNECTIONS": "4",
        "RECORDER_OBJECTS_FOLDER": str(tmp_path / "objects"),
        "RECORDER_OBJECTS_FLOOR_BYTES": "0",
        "RECORDER_SIGNING_KEY_FILE": str(tmp_path / "signing.key"),
    }


@dataclass(frozen=True)
class Service:
    """A parent with its processes."""

    parent: asyncio.subprocess.Process
    url: str
    log: Path

    def processes(self) -> dict[int, int]:
        """Number of each web process that runs now, and its process number."""
        found = {}
        for seen in guardian.everyone():
            line = command_line(seen.pid)
            if seen.parent == self.parent.pid and '"number":' in line:
                found[int(line.partition('"number":')[2].partition(",")[0])] = seen.pid
        return found

    async def complete(self, but: int | None = None) -> dict[int, int]:
        """All processes once they run and tell their figures; ``but`` is not among them."""

        async def there() -> dict[int, int] | None:
            found = self.processes()
            told = processes_of(await self.figures())
            whole = len(found) == COUNT and told == {str(number) for number in found}
            return found if whole and but not in found.values() else None

        return await eventually(there, within=60, what="all processes")

    async def figures(self) -> Exposition:
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/metrics") as told:
            assert told.status == 200
            return read(await told.text())


def processes_of(told: Exposition) -> set[str]:
    """The processes whose figures were told."""
    samples = told.families["process_start_time_seconds"].samples
    return {dict(labels)["process"] for _, labels in samples}


@asynccontextmanager
async def serving(settings: dict[str, str], tmp_path: Path) -> AsyncIterator[Service]:
    port, log = free_port(), tmp_path / "service.log"
    with log.open("wb") as written:
        parent = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "recorder", "serve", "--processes", str(COUNT)),
            *("--listen", f"127.0.0.1:{port}"),
            cwd=REPOSITORY, env=settings, stdout=subprocess.DEVNULL, stderr=written,
        )  # fmt: skip
    service = Service(parent, f"http://127.0.0.1:{port}", log)
    try:
        await eventually(_said(service, "several processes answer"), within=60, what="the service")
        yield service
    finally:
        left = service.processes().values()
        if parent.returncode is None:
            parent.kill()
        await parent.wait()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _said(service: Service, words: str) -> Callable[[], bool]:
    def said() -> bool:
        text = service.log.read_text()
        assert service.parent.returncode is None, text
        return words in text

    return said


def alive(pid: int) -> bool:
    seen = guardian.look(pid)
    return seen is not None and "recorder" in command_line(pid)


async def device(settings: dict[str, str]) -> dict[str, str]:
    """The headers of a new camera."""
    added = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "recorder", "admin", "device", "add", "D-1", "--json"),
        cwd=REPOSITORY, env=settings, stdout=subprocess.PIPE,
    )  # fmt: skip
    out, _ = await added.communicate()
    assert added.returncode == 0
    return {"Authorization": f"Bearer {json.loads(out)['token']}"}


async def test_a_killed_process_comes_back_and_the_others_serve_meanwhile(
    settings: dict[str, str], tmp_path: Path
) -> None:
    async with serving(settings, tmp_path) as service, aiohttp.ClientSession() as session:
        before = await service.complete()
        os.kill(before[1], signal.SIGKILL)
        for _ in range(20):
            async with session.get(f"{service.url}/readyz") as answer:
                assert answer.status == 200
        after = await service.complete(but=before[1])
        assert {n: pid for n, pid in after.items() if n != 1} == {
            n: pid for n, pid in before.items() if n != 1
        }
        assert "a process ended and is started again" in service.log.read_text()


async def test_sigterm_ends_all_processes_in_order_and_bytes_that_arrived_are_kept(
    settings: dict[str, str], tmp_path: Path
) -> None:
    head = {**await device(settings), **TUS}
    sent = content(3_000_000)
    async with aiohttp.ClientSession(headers=head) as session:
        async with serving(settings, tmp_path) as service:
            family = await service.complete()
            created = await session.post(
                f"{service.url}/api/v1/uploads", headers={"Upload-Length": str(len(sent))}
            )
            place = created.headers["Location"]
            gate = asyncio.Event()

            async def body() -> AsyncIterator[bytes]:
                yield sent[:2_000_000]
                await gate.wait()

            sending = asyncio.create_task(
                session.patch(
                    f"{service.url}{place}", data=body(), headers={**PATCH, "Upload-Offset": "0"}
                )
            )
            await until(
                lambda: arrived(service, 2_000_000), within=20, what="the bytes of the body"
            )
            service.parent.send_signal(signal.SIGTERM)
            async with asyncio.timeout(60):
                assert await service.parent.wait() == 0
            assert not any(map(alive, family.values()))
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        async with serving(settings, tmp_path) as service:
            kept = await session.head(f"{service.url}{place}")
            assert kept.headers["Upload-Offset"] == "2000000"


async def arrived(service: Service, count: int) -> bool:
    told = await service.figures()
    received = told.families["recorder_received_bytes_total"].samples
    return sum(received.values()) >= count


async def test_a_killed_parent_leaves_no_process_behind(
    settings: dict[str, str], tmp_path: Path
) -> None:
    async with serving(settings, tmp_path) as service:
        family = await service.complete()
        service.parent.kill()
        await service.parent.wait()
        await eventually(
            lambda: not any(map(alive, family.values())), within=30, what="the end of the processes"
        )


async def test_whoever_is_asked_tells_the_figures_of_all_and_leaves_out_a_silent_one(
    settings: dict[str, str], tmp_path: Path
) -> None:
    async with serving(settings, tmp_path) as service:
        family = await service.complete()
        told = await service.figures()
        assert processes_of(told) == {"0", "1", "2"}
        # What is the same for all is told once and by nobody in particular.
        assert told.families["recorder_uploads_open"].samples == {
            ("recorder_uploads_open", frozenset()): 0
        }
        asked = sum(
            value
            for (_, labels), value in told.families["recorder_http_requests_total"].samples.items()
            if dict(labels)["route"] == "/metrics"
        )
        again = await service.figures()
        grown = sum(
            value
            for (_, labels), value in again.families["recorder_http_requests_total"].samples.items()
            if dict(labels)["route"] == "/metrics"
        )
        assert grown == asked + 1, "counted once, whichever process answered"
        os.kill(family[2], signal.SIGSTOP)
        try:

            async def without_it() -> bool:
                # A connection that the stopped one had accepted before would wait for ever.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(60):
                        return processes_of(await service.figures()) == {"0", "1"}
                return False

            found: bool = await eventually(without_it, within=30, what="figures of the others")
            assert found
        finally:
            os.kill(family[2], signal.SIGCONT)
        await service.complete()


async def test_what_keeps_one_process_from_starting_is_said_once_and_ends_all(
    settings: dict[str, str], empty_database_url: str
) -> None:
    lacking = {**settings, "RECORDER_DATABASE_URL": empty_database_url}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "recorder", "serve", "--processes", "4"),
        *("--listen", "127.0.0.1:0"),
        cwd=REPOSITORY, env=lacking, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        _, words = await process.communicate()
    assert process.returncode == 1
    assert words.decode().count("recorder migrate") == 1
    assert "Traceback" not in words.decode()


@pytest.mark.parametrize("count", ["0", "65", "many"])
async def test_a_number_of_processes_that_cannot_be_meant_is_wrong_usage(
    settings: dict[str, str], count: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "recorder", "serve", "--processes", count),
        cwd=REPOSITORY, env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    _, words = await process.communicate()
    assert process.returncode == 2
    assert "--processes" in words.decode()
