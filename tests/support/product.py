"""The whole product as it is run: one embedded server, its commands, and processes to be killed."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
import asyncpg

from recorder.embedded import guardian
from tests.support.servers import REPOSITORY
from tests.support.small_office import command_line, copied
from tests.support.waiting import eventually
from tests.support.web_service import Answer

T = TypeVar("T")

#: Words in the command line of each child.
WEB, WORKER, POSTGRES, REDIS = "recorder serve --listen-fd", "-m workers", "/postgres ", "redis"
INGEST = "recorder live serve"
#: On a busy machine the first start makes a database cluster.
_START_S = 60.0


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Product:
    """A running embedded server of its own process, and how to use it."""

    pid: int
    data: Path
    url: str
    #: Those given out so far, by the number of their device; the supervisor's has none.
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    # --- commands ----------------------------------------------------------------------------

    async def admin(self, *words: str, given: str = "") -> dict[str, Any]:
        """The answer of ``recorder admin … --json`` beside the running server."""
        ended = await command("admin", *words, "--data", str(self.data), "--json", given=given)
        assert ended.code == 0, ended.err
        answer: dict[str, Any] = json.loads(ended.out)
        return answer

    async def device(self, number: str) -> str:
        """The token of this device, which is added at first."""
        if number not in self.tokens:
            self.tokens[number] = str((await self.admin("device", "add", number))["token"])
        return self.tokens[number]

    async def supervisor(self) -> str:
        """The token of a program that may see everything of its agency."""
        if "" not in self.tokens:
            added = await self.admin("token", "add", "program", "--role", "supervisor")
            self.tokens[""] = str(added["token"])
        return self.tokens[""]

    # --- asking ------------------------------------------------------------------------------

    async def ask(
        self,
        method: str,
        path: str,
        token: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        data: object = None,
    ) -> Answer:
        """One request and its whole answer."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if isinstance(data, bytes):
            data = io.BytesIO(data)
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                method, f"{self.url}{path}", headers=sent, data=data, allow_redirects=False
            ) as response,
        ):
            return Answer(response.status, response.headers, await response.read(), response.reason)

    async def recording(self, name: str, token: str) -> dict[str, Any]:
        """``GET /recordings/{name}``."""
        answer = await self.ask("GET", f"/api/v1/recordings/{name}", token)
        assert answer.status == 200, answer.content
        return answer.json

    async def until_sealed(self, name: str, token: str, *, within: float = 40) -> dict[str, Any]:
        """The recording once it is verified, with every task at its end."""

        async def sealed() -> dict[str, Any] | None:
            shown = await self.recording(name, token)
            assert shown["integrity"] != "mismatched"
            busy = [t for t in shown["tasks"] if t["state"] in ("pending", "claimed")]
            return None if shown["integrity"] != "sealed" or busy else shown

        return await eventually(sealed, within=within, what=f"recording {name} sealed and prepared")

    async def original_sha256(self, name: str, token: str) -> str:
        """Digest of the original as it is given out."""
        answer = await self.ask("GET", f"/api/v1/recordings/{name}/original", token)
        assert answer.status == 200, answer.content
        return hashlib.sha256(answer.content).hexdigest()

    # --- processes ---------------------------------------------------------------------------

    def child(self, words: str) -> int | None:
        """Process number of the child with these words in its command line."""
        found = [
            seen.pid
            for seen in guardian.everyone()
            if seen.parent == self.pid and words in command_line(seen.pid)
        ]
        return found[0] if len(found) == 1 else None

    def family(self) -> set[tuple[int, int]]:
        """All processes below the server: number and start time."""
        return {one for one in guardian.family({self.pid}) if one[0] != self.pid}

    async def kill(self, words: str) -> None:
        """kill -9 of a child; it is gone afterwards, a new one comes by itself."""
        pid = self.child(words)
        assert pid is not None, words
        os.kill(pid, signal.SIGKILL)
        await eventually(lambda: self.child(words) not in (None, pid), within=20, what=words)

    async def until_ready(self) -> None:
        """The web service answers and reaches its database."""

        async def ready() -> Answer | None:
            with contextlib.suppress(aiohttp.ClientError):
                answer = await self.ask("GET", "/readyz")
                return answer if answer.status == 200 else None
            return None

        answer: Answer = await eventually(ready, within=30, what="/readyz")
        assert answer.json["status"]

    @contextlib.asynccontextmanager
    async def database(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """The product's own database, as the owner of its schema."""
        addresses = json.loads((self.data / "run" / "addresses.json").read_text())
        connection = await asyncpg.connect(addresses["owner_url"], timeout=10)
        try:
            yield connection
        finally:
            await connection.close()


# --- starting -----------------------------------------------------------------------------------


def recorder_line(*words: str) -> list[str]:
    """The command line of ``recorder …`` in this environment."""
    return [sys.executable, "-m", "recorder", *words]


async def command(*words: str, given: str = "", within: float = 60) -> Ended:
    """Run ``recorder …`` to its end."""
    process = await asyncio.create_subprocess_exec(
        *recorder_line(*words),
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(within):
            out, err = await process.communicate(given.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


def _apart(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine away from the loops of the tests."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work())).result()


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a path so short that sockets lie below it; removed afterwards."""
    place = Path(tempfile.mkdtemp(prefix="p-"))
    try:
        yield place
    finally:
        shutil.rmtree(place)


def start(
    data: Path, *words: str, prefix: Sequence[str] = (), **settings: str
) -> subprocess.Popen[bytes]:
    """Start ``recorder serve --embedded …``; ``ready`` tells when it answers.

    ``prefix``: words of a program that becomes it in the end.
    """
    told = {f"RECORDER_{name.upper()}": value for name, value in settings.items()}
    ready_file(data).unlink(missing_ok=True)
    with (data.parent / "server.log").open("ab") as log:
        return subprocess.Popen(
            [
                *prefix,
                *recorder_line("serve", "--embedded", "--data", str(data)),
                *("--listen", "127.0.0.1:0", "--ready-file", str(ready_file(data)), *words),
            ],
            cwd=REPOSITORY,
            # Nothing here needs the reserve that protects a real office's disk.
            env={**os.environ, "RECORDER_OBJECTS_FLOOR_BYTES": "0", **told},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def ready_file(data: Path) -> Path:
    """Where a server of this folder says that it is ready."""
    return data.parent / "ready.json"


async def ready(process: subprocess.Popen[bytes], data: Path, *, within: float) -> Product:
    """The product once it is ready; fails with its last words if it ends."""

    def told() -> dict[str, Any] | None:
        words = (data.parent / "server.log").read_text(errors="replace")[-3000:]
        assert process.poll() is None, words
        with contextlib.suppress(FileNotFoundError):
            said: dict[str, Any] = json.loads(ready_file(data).read_text())
            return said if said["pid"] == process.pid else None
        return None

    said = await eventually(told, within=within, what="the ready file")
    return Product(process.pid, data, str(said["url"]))


async def ended(process: subprocess.Popen[bytes], *, within: float = 40) -> int:
    """Exit code once the process is gone."""
    await eventually(lambda: process.poll() is not None, within=within, what="the server's end")
    return int(process.returncode)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server in order; kill it if it does not end."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    finally:
        process.kill()
        process.wait()


@functools.cache
def _first_start() -> Path:
    """The data folder of a server that was started once and stopped; goes with this process."""
    place = Path(tempfile.mkdtemp(prefix="p-"))
    atexit.register(shutil.rmtree, place)
    process = start(place / "d")
    try:
        _apart(lambda: ready(process, place / "d", within=_START_S))
    finally:
        stop(process)
    return place / "d"


def started_before(data: Path) -> None:
    """Make a data folder whose server has been started once, for tests of other things than that.

    Database, roles and schema are there, and nothing in them; its start takes half the time.
    """
    copied(_first_start(), data)


@contextlib.contextmanager
def running_product(**settings: str) -> Iterator[Product]:
    """One product server for the length of the block, for fixtures of a whole module."""
    with short_folder() as place:
        data = place / "d"
        started_before(data)
        process = start(data, **settings)
        try:
            yield _apart(lambda: ready(process, data, within=_START_S))
        finally:
            stop(process)


# --- footage ------------------------------------------------------------------------------------


def long_clip(source: Path, target: Path, length: int) -> Path:
    """A real MP4 of exactly this length: the clip, and behind it a box that players skip.

    ISO/IEC 14496-12, 8.1.2: a ``free`` box may hold anything.
    """
    clip = source.read_bytes()
    padding = length - len(clip)
    assert padding >= 8
    filler = os.urandom(padding - 8)
    target.write_bytes(clip + padding.to_bytes(4, "big") + b"free" + filler)
    return target


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


__all__ = [
    "POSTGRES", "REDIS", "WEB", "WORKER", "Answer", "Ended", "Product", "command",
    "ended", "long_clip", "ready", "recorder_line", "running_product", "sha256_of",
    "short_folder", "start", "started_before", "stop",
]  # fmt: skip
