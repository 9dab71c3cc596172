"""Web services and workers of several versions on one database and one folder."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support import footage as clips
from tests.support import servers
from tests.support.versions import Version
from tests.support.web_service import PATCH, TUS

KILL = "KILL"


@dataclass(frozen=True)
class Running:
    """The web service of one version, and its commands."""

    version: Version
    environment: Mapping[str, str]
    port: int

    def command(self, *words: str) -> str:
        """What a command of this version prints."""
        done = subprocess.run(
            [sys.executable, "-m", "recorder", *words],
            cwd=self.version.root,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{self.version.name}: {done.stderr}"
        return done.stdout

    def ask(
        self,
        method: str,
        path: str,
        token: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One answer: status, headers, content."""
        told = {**(headers or {}), "Authorization": f"Bearer {token}"}
        asking = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(asking):
            asking.request(method, path, body, told)
            answer = asking.getresponse()
            return answer.status, answer.headers, answer.read()

    def get(self, path: str, token: str) -> tuple[int, bytes]:
        """One answer."""
        status, _, content = self.ask("GET", path, token)
        return status, content

    def device(self) -> str:
        """The token of a new camera."""
        added = self.command("admin", "device", "add", "TA00716", "--json")
        return str(json.loads(added)["token"])

    def supervisor(self, name: str = "looks") -> str:
        """The token of a program that may look at everything."""
        words = ("admin", "token", "add", name, "--role", "supervisor", "--json")
        return str(json.loads(self.command(*words))["token"])

    def create(self, token: str, length: int) -> str:
        """The path of a new upload."""
        told = {**TUS, "Upload-Length": str(length)}
        status, headers, content = self.ask("POST", "/api/v1/uploads", token, told)
        assert status == 201, content
        return str(headers["Location"])

    def offset(self, token: str, path: str) -> int:
        status, headers, content = self.ask("HEAD", path, token, TUS)
        assert status == 200, content
        return int(str(headers["Upload-Offset"]))

    def patch(self, token: str, path: str, offset: int, sent: bytes) -> str | None:
        """Send these bytes, which are taken; the recording, once the upload is full."""
        told = {**PATCH, "Upload-Offset": str(offset)}
        status, headers, content = self.ask("PATCH", path, token, told, sent)
        assert status == 204, content
        return headers["Recorder-Recording"]


def environment_of(
    version: Version, database_url: str, redis_url: str, folder: Path
) -> dict[str, str]:
    """What its processes are told."""
    return {
        "RECORDER_DATABASE_URL": database_url,
        "RECORDER_REDIS_URL": redis_url,
        "RECORDER_OBJECTS_FOLDER": str(folder / "objects"),
        "RECORDER_OBJECTS_FLOOR_BYTES": "0",
        "RECORDER_SIGNING_KEY_FILE": str(folder / "signing.key"),
        "RECORDER_WORK_FOLDER": str(folder),
        "RECORDER_TASK_LEASE_S": "3",
        "RECORDER_FFMPEG": clips.ffmpeg(),
        "PYTHONPATH": str(version.root),
    }


def _line(version: Version) -> list[str]:
    return ["env", "-C", str(version.root), sys.executable, "-m", "recorder"]


@contextlib.contextmanager
def serving(
    version: Version, environment: Mapping[str, str], *, end: str = "TERM"
) -> Iterator[Running]:
    """A web service of this version; it has ended by this signal afterwards."""
    web = servers.start(
        "web",
        servers.new_folder("web"),
        lambda port: [*_line(version), "serve", "--listen", f"127.0.0.1:{port}"],
        servers.accepts,
        environment=environment,
        stop_signal=end,
    )
    try:
        yield Running(version, environment, web.port)
    finally:
        web.stop()


@contextlib.contextmanager
def working(
    version: Version, environment: Mapping[str, str], *, end: str = "TERM"
) -> Iterator[None]:
    """A worker of this version; it has ended by this signal afterwards."""
    place = servers.new_folder("worker")
    worker = servers.start(
        "worker",
        place,
        lambda _port: [*_line(version), "work"],
        lambda _port: "worker ready" in (place / "log").read_text(),
        environment=environment,
        stop_signal=end,
    )
    try:
        yield
    finally:
        worker.stop()


@contextlib.contextmanager
def running(version: Version, database_url: str, redis_url: str, folder: Path) -> Iterator[Running]:
    """Web service and worker of this version; both have ended afterwards."""
    environment = environment_of(version, database_url, redis_url, folder)
    with serving(version, environment) as web, working(version, environment):
        yield web
