"""A web service process of its own, and a client that measures how long its answers take."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import aiohttp

from recorder.config import read_config
from recorder.domain.people import OPERATOR, Role
from recorder.runtime import Deps, open_deps
from recorder.services import registry
from tests.support import footage
from tests.support.product import recorder_line
from tests.support.servers import REPOSITORY, free_port
from tests.support.waiting import eventually


@dataclass(frozen=True)
class Asked:
    """One request: where, and as whom."""

    path: str
    token: str


@dataclass(frozen=True)
class Service:
    """The running service. ``deps`` reach the same database without it."""

    url: str
    deps: Deps
    session: aiohttp.ClientSession
    pid: int = 0
    #: What it was started with; workers beside it are started with the same.
    settings: Mapping[str, str] = field(default_factory=dict)

    async def token(self, role: Role, agency: str, *, city: bool = False) -> str:
        """A bearer token of a program with that role."""
        name = f"bench {time.monotonic_ns()}"
        added = await registry.add_token(
            self.deps, OPERATOR, name=name, role=role, agency=agency, city=city
        )
        return added.secret

    async def ask(self, asked: Asked) -> tuple[float, bytes]:
        """Milliseconds until the last byte of the answer is there, and the answer."""
        began = time.perf_counter()
        headers = {"Authorization": f"Bearer {asked.token}"}
        async with self.session.get(self.url + asked.path, headers=headers) as response:
            content = await response.read()
            assert response.status == 200, (asked.path, response.status, content[:300])
        return (time.perf_counter() - began) * 1000, content

    async def times(self, questions: Sequence[Asked], *, at_once: int = 1) -> list[float]:
        """Milliseconds of each question, with so many on the way at any time."""
        waiting: Iterable[Asked] = iter(questions)
        taken: list[float] = []

        async def go() -> None:
            for asked in waiting:
                took, _ = await self.ask(asked)
                taken.append(took)

        await asyncio.gather(*(go() for _ in range(at_once)))
        return taken


@contextlib.asynccontextmanager
async def serving(database_url: str) -> AsyncIterator[Service]:
    """``recorder serve`` on that database, with an empty folder for footage."""
    with tempfile.TemporaryDirectory() as place:
        port = free_port()
        settings = {
            "RECORDER_DATABASE_URL": database_url,
            "RECORDER_OBJECTS_FOLDER": f"{place}/objects",
            "RECORDER_OBJECTS_FLOOR_BYTES": "0",
            "RECORDER_SIGNING_KEY_FILE": f"{place}/signing.key",
            "RECORDER_LISTEN": f"127.0.0.1:{port}",
            # One asker asks thousands of questions here.
            "RECORDER_SEARCHES_PER_MINUTE": "0",
        }
        (Path(place) / "objects").mkdir()
        with (Path(place) / "log").open("wb") as log:
            process = subprocess.Popen(
                recorder_line("serve"),
                cwd=REPOSITORY,
                env={**os.environ, **settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            async with (
                open_deps(read_config(settings)) as deps,
                aiohttp.ClientSession() as session,
            ):
                service = Service(f"http://127.0.0.1:{port}", deps, session, process.pid, settings)
                _: bool = await eventually(partial(_answers, service), within=240, what="/healthz")
                yield service
        finally:
            process.terminate()
            process.wait(30)


@contextlib.contextmanager
def working(service: Service, count: int) -> Iterator[list[int]]:
    """So many ``recorder work`` beside the service; their process ids."""
    settings = {**service.settings, "RECORDER_FFMPEG": footage.ffmpeg()}
    workers = [
        subprocess.Popen(
            recorder_line("work"),
            cwd=REPOSITORY,
            env={**os.environ, **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(count)
    ]
    try:
        yield [each.pid for each in workers]
        # One that could not start would be taken for one that is slow.
        assert [each.poll() for each in workers] == [None] * count
    finally:
        for each in workers:
            each.terminate()
        for each in workers:
            each.wait(60)


async def _answers(service: Service) -> bool | None:
    with contextlib.suppress(aiohttp.ClientError):
        async with service.session.get(f"{service.url}/healthz") as response:
            return response.status == 200 or None
    return None
