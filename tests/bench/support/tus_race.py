"""Our service and tusd, each as a process of its own, given the same bytes by the same client.

Both write to the same S3 server, or each into a folder of its own on the same disk. What was
written is removed and synced before the next one begins, or it would pay for its predecessor.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support import go, postgres, s3, servers

TUSD = go.Source("github.com/tus/tusd/v2/cmd/tusd", "v2.9.1")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Contestant:
    """A tus server and how to begin again from nothing."""

    name: str
    port: int
    #: Path of POST.
    path: str
    token: str
    pid: int
    forget: Callable[[], None]


@dataclass(frozen=True)
class Run:
    """One upload, from the connection to the answer of the last byte."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and of its ended children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(fields[n]) for n in (11, 12, 13, 14)) / _TICKS


def peak_mib(pid: int) -> float:
    """Largest resident set so far, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def upload(to: Contestant, file: Path) -> Run:
    """Create an upload and send the file in one PATCH; raises unless every byte is acknowledged."""
    length = file.stat().st_size
    used, began = cpu_seconds(to.pid), time.perf_counter()
    with socket.create_connection(("127.0.0.1", to.port)) as line, file.open("rb") as source:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        status, headers = _ask(line, to, "POST", to.path, [f"Upload-Length: {length}"], 0)
        place = headers["location"]
        if place.startswith("http"):
            place = "/" + place.split("/", 3)[3]
        _require(status == 201, f"{to.name}: {status}")
        more = ["Upload-Offset: 0", "Content-Type: application/offset+octet-stream"]
        line.sendall(_head(to, "PATCH", place, more, length))
        line.sendfile(source)
        status, headers = _answer(line)
        _require(
            status == 204 and int(headers["upload-offset"]) == length,
            f"{to.name}: {status} {headers}",
        )
    wall = time.perf_counter() - began
    return Run(wall, cpu_seconds(to.pid) - used, peak_mib(to.pid))


def _head(to: Contestant, method: str, path: str, more: list[str], length: int) -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{to.port}", "Tus-Resumable: 1.0.0",
        f"Authorization: Bearer {to.token}", f"Content-Length: {length}", *more,
    ]  # fmt: skip
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _ask(
    line: socket.socket, to: Contestant, method: str, path: str, more: list[str], length: int
) -> tuple[int, dict[str, str]]:
    line.sendall(_head(to, method, path, more, length))
    return _answer(line)


def _answer(line: socket.socket) -> tuple[int, dict[str, str]]:
    text = b""
    while b"\r\n\r\n" not in text:
        _require(bool(chunk := line.recv(65536)), "the connection ended without an answer")
        text += chunk
    first, *rest = text.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    named = (row.partition(":") for row in rest)
    return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in named}


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise servers.ServerFailed(otherwise)


# --- the contestants -------------------------------------------------------------------------


@contextlib.contextmanager
def tusd(store: str, endpoint: str | None, place: Path) -> Iterator[Contestant]:
    """tusd with default flags, on the S3 server or with its file store below ``place``."""
    program = str(go.binary("tusd", TUSD))
    port = servers.free_port()
    words = [program, "-host", "127.0.0.1", "-port", str(port)]
    environment = dict(os.environ)
    if endpoint is not None:
        at = s3.at(endpoint)
        bucket = f"{at.bucket_prefix}tusd"
        _make_bucket(endpoint, bucket)
        words += ["-s3-bucket", bucket, "-s3-endpoint", endpoint]
        environment |= {
            "AWS_ACCESS_KEY_ID": at.access_key,
            "AWS_SECRET_ACCESS_KEY": at.secret_key,
            "AWS_REGION": at.region,
        }
        forget = _emptier(place, bucket)
    else:
        folder = place / "tusd"
        folder.mkdir()
        words += ["-upload-dir", str(folder)]
        forget = _emptier(place, "tusd")
    with _process(words, environment, port) as pid:
        yield Contestant("tusd", port, "/files/", "", pid, forget)


@contextlib.contextmanager
def ours(store: str, endpoint: str | None, place: Path, database: int) -> Iterator[Contestant]:
    """The web service as it is deployed: one process, without workers."""
    home = Path(tempfile.mkdtemp(prefix="bench-service-"))
    environment = {
        **os.environ,
        "RECORDER_DATABASE_URL": f"postgresql://postgres@127.0.0.1:{database}/postgres",
        "RECORDER_OWNER_DATABASE_URL": f"postgresql://postgres@127.0.0.1:{database}/postgres",
        "RECORDER_SIGNING_KEY_FILE": str(home / "signing.key"),
        "RECORDER_LOG_LEVEL": "warning",
    }
    if endpoint is not None:
        at = s3.at(endpoint)
        environment |= {
            "RECORDER_OBJECTS": "s3",
            "RECORDER_S3_ENDPOINT": at.host,
            "RECORDER_S3_SECURE": "false",
            "RECORDER_S3_ACCESS_KEY": at.access_key,
            "RECORDER_S3_SECRET_KEY": at.secret_key,
            "RECORDER_S3_REGION": at.region,
            "RECORDER_S3_MAKE_BUCKETS": "true",
        }
        names = {kind: f"{at.bucket_prefix}{kind}" for kind in _BUCKETS}
        environment |= {f"RECORDER_S3_BUCKET_{k.upper()}": name for k, name in names.items()}
        forget = _emptier(place, names["originals"])
    else:
        environment |= {"RECORDER_OBJECTS_FOLDER": str(place / "ours")}
        forget = _emptier(place, "ours/originals")
    port = servers.free_port()
    try:
        _recorder(environment, "migrate")
        added = json.loads(_recorder(environment, "admin", "device", "add", "BENCH01", "--json"))
        words = [sys.executable, "-m", "recorder", "serve", "--listen", f"127.0.0.1:{port}"]
        with _process(words, environment, port) as pid:
            yield Contestant("recorder", port, "/api/v1/uploads", added["token"], pid, forget)
    finally:
        shutil.rmtree(home)


_BUCKETS = ("originals", "renditions", "staging")


def _recorder(environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "recorder", *words],
        env=environment, cwd=servers.REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    _require(done.returncode == 0, done.stderr)
    return done.stdout


def _make_bucket(endpoint: str, bucket: str) -> None:
    from minio import Minio

    at = s3.at(endpoint)
    Minio(
        at.host, access_key=at.access_key, secret_key=at.secret_key, secure=False, region=at.region
    ).make_bucket(bucket)


def _emptier(place: Path, name: str) -> Callable[[], None]:
    """Removes the files under a bucket or folder behind the server's back, locks and all."""

    def forget() -> None:
        for entry in sorted((place / name).glob("*")):
            if entry.name.startswith((".", "canary")):
                continue
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        os.sync()

    return forget


@contextlib.contextmanager
def _process(words: list[str], environment: dict[str, str], port: int) -> Iterator[int]:
    with tempfile.TemporaryFile() as log:
        running = subprocess.Popen(
            words, env=environment, cwd=servers.REPOSITORY, stdout=log, stderr=log
        )
        try:
            limit = time.monotonic() + servers.START_LIMIT_S
            while not servers.accepts(port):
                if running.poll() is not None or time.monotonic() > limit:
                    log.seek(0)
                    raise servers.ServerFailed(log.read().decode(errors="replace")[-3000:])
                with contextlib.suppress(subprocess.TimeoutExpired):
                    running.wait(0.05)
            yield running.pid
        finally:
            running.terminate()
            running.wait()


@contextlib.contextmanager
def both(store: str) -> Iterator[tuple[Contestant, Contestant]]:
    """Ours and tusd on fresh servers; ``store`` is versitygw, minio or folder."""
    with contextlib.ExitStack() as stack:
        database = postgres.start(durable=True)
        stack.callback(database.stop)
        if store == "folder":
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp")))
            endpoint = None
        else:
            running = s3.start(store)
            stack.callback(running.stop)
            place, endpoint = running.folder / "data", s3.url(running.port)
        yield (
            stack.enter_context(ours(store, endpoint, place, database.port)),
            stack.enter_context(tusd(store, endpoint, place)),
        )
