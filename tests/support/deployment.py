"""The processes of a full deployment on the loopback, without containers.

PostgreSQL set up by deploy/postgres/roles.sql, two web replicas, a worker and the ingest of
livestreams on one database and one S3 store, nginx with deploy/nginx/recorder.conf before them.
Commands and settings are those of deploy/compose.yaml; only places differ. Every process is on a
leash and ends with the tests.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import asyncpg
import yaml

from tests.support import certificates, exposition, footage, postgres, reverse_proxy, s3, servers
from tests.support.children import children_of

DEPLOY = servers.REPOSITORY / "deploy"
_RECORDER = (sys.executable, "-m", "recorder")


@dataclass
class Replica:
    """One web service, always on the same port."""

    port: int
    environment: Mapping[str, str]
    server: servers.Server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        """Everything it has written."""
        return (self.server.folder / "log").read_text()

    def stop(self) -> None:
        """It has ended and left nothing behind."""
        self.server.stop()

    def start_again(self) -> None:
        """It answers again after this."""
        self.server.stop()
        self.server = _serve(self.port, self.environment)


@dataclass
class Deployment:
    """A running deployment."""

    url: str
    http_port: int
    port: int
    certificate: Path
    database_url: str
    environment: Mapping[str, str]
    replicas: tuple[Replica, Replica]
    #: Where each kind of process tells its figures: web, worker, live.
    figures: Mapping[str, str]
    _nginx: servers.Server = field(repr=False)

    def recorder(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one command of the product with the settings of the service."""
        return _run(self.environment, *words)

    def answer(self, *words: str) -> dict[str, str]:
        """The JSON object that one command prints."""
        done = self.recorder(*words, "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, str] = json.loads(done.stdout)
        return found

    def proxy_log(self) -> str:
        """The access log of nginx."""
        return (self._nginx.folder / "access.log").read_text()

    def figures_of(self, kind: str) -> set[str]:
        """The names of all figures that a process of this kind tells Prometheus."""
        with build_opener(ProxyHandler({})).open(self.figures[kind], timeout=30) as answer:
            return set(exposition.read(answer.read().decode()).families)

    async def holder(self, upload: str | None = None) -> tuple[int, datetime.datetime] | None:
        """The process that takes an upload (the newest one), and when it last said so."""
        connection = await asyncpg.connect(self.database_url)
        try:
            row = await connection.fetchrow(
                "SELECT holder, holder_seen_at FROM upload WHERE holder IS NOT NULL"
                " AND ($1::uuid IS NULL OR id = $1) ORDER BY created_at DESC LIMIT 1",
                upload,
            )
        finally:
            await connection.close()
        # host-pid-random, as runtime.instance_name makes it.
        return (int(row["holder"].split("-")[-2]), row["holder_seen_at"]) if row else None

    def replica_of(self, pid: int) -> tuple[Replica, Replica]:
        """The replica that is this process, and the other one."""
        first, second = self.replicas
        return (first, second) if children_of(first.server.leash.pid) == [pid] else (second, first)


@contextlib.contextmanager
def open_deployment(folder: Path, redis_url: str, store: s3.S3Server) -> Iterator[Deployment]:
    """Everything answers inside the block; nothing of it is left after it."""
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(_started(postgres.start()))
        places = _places(folder, database.port, redis_url, store)
        _make_roles(database.port, folder)
        secret = folder / "owner_database_url"
        secret.write_text(f"postgresql://recorder_owner@127.0.0.1:{database.port}/recorder")
        owner = {**places, "RECORDER_OWNER_DATABASE_URL_FILE": str(secret)}
        migrated = _run(settings_of("migrate", owner), *command_of("migrate"))
        assert migrated.returncode == 0, migrated.stderr
        environment = settings_of("web1", places)
        figures = {}
        for kind in ("worker", "live"):
            listen = f"127.0.0.1:{servers.free_port()}"
            figures[kind] = f"http://{listen}/metrics"
            there = settings_of(kind, {**places, "RECORDER_METRICS_LISTEN": listen})
            stack.enter_context(_started(_process(kind, there)))
        replicas = (_replica(environment), _replica(environment))
        for replica in replicas:
            # Not the server of now: a test may have put another one in its place.
            stack.callback(replica.stop)
        certificate = folder / "recorder.pem"
        nginx = stack.enter_context(
            _started(reverse_proxy.start(certificate, tuple(replica.port for replica in replicas)))
        )
        plain, secure = reverse_proxy.ports(nginx)
        yield Deployment(
            url=f"https://127.0.0.1:{secure}",
            http_port=plain,
            port=secure,
            certificate=certificate,
            database_url=database_address(database.port),
            environment=environment,
            replicas=replicas,
            figures={**figures, "web": f"{replicas[0].url}/metrics"},
            _nginx=nginx,
        )


def database_address(port: int) -> str:
    """The database as the service signs in."""
    return f"postgresql://recorder_web@127.0.0.1:{port}/recorder"


def _service(name: str) -> dict[str, Any]:
    """One service of deploy/compose.yaml."""
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"][name]
    return found


def command_of(service: str) -> list[str]:
    """The words behind ``recorder`` that the compose file starts a service with."""
    return [str(word) for word in _service(service)["command"]]


def settings_of(service: str, places: Mapping[str, str]) -> dict[str, str]:
    """What the compose file sets for a service, at these places instead of its own.

    A path or an address of the container's that no place is given for is an error.
    """
    settings = {name: str(value) for name, value in _service(service)["environment"].items()}
    settings = {
        name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value) for name, value in settings.items()
    }
    settings |= {name: place for name, place in places.items() if _concerns(name, settings)}
    left = {
        name: value
        for name, value in settings.items()
        if re.search(r"/run/|/var/lib|0\.0\.0\.0|\$\{|versitygw|valkey", value)
    }
    assert left == {}, service
    return settings


def _concerns(place: str, settings: Mapping[str, str]) -> bool:
    """The settings of livestreams and figures are given to the services that set them, only."""
    own = ("RECORDER_LIVE_", "RECORDER_TLS_", "RECORDER_METRICS_", "RECORDER_OWNER_")
    return place in settings or not place.startswith(own)


def _places(folder: Path, database_port: int, redis_url: str, store: s3.S3Server) -> dict[str, str]:
    """What a test has in place of the containers' paths, addresses and secrets."""
    for name, word in (
        ("database_url", f"{database_address(database_port)}\n"),
        ("s3_secret_key", store.secret_key),
    ):
        (folder / name).write_text(word)
    for name in ("work", "spool"):
        (folder / name).mkdir()
    certificate = certificates.make(folder / "recorder.pem").path
    return {
        "RECORDER_DATABASE_URL_FILE": str(folder / "database_url"),
        "RECORDER_REDIS_URL": redis_url,
        "RECORDER_S3_ENDPOINT": store.host,
        "RECORDER_S3_ACCESS_KEY": store.access_key,
        "RECORDER_S3_SECRET_KEY_FILE": str(folder / "s3_secret_key"),
        "RECORDER_S3_REGION": store.region,
        **{
            f"RECORDER_S3_BUCKET_{name}": f"{store.bucket_prefix}{name.lower()}"
            for name in ("ORIGINALS", "RENDITIONS", "STAGING")
        },
        "RECORDER_SIGNING_KEY_FILE": str(folder / "keys" / "signing.key"),
        "RECORDER_WORK_FOLDER": str(folder / "work"),
        "RECORDER_FFMPEG": footage.ffmpeg(),
        "RECORDER_PUBLIC_URL": "https://127.0.0.1",
        "RECORDER_TRUSTED_PROXIES": "127.0.0.1",
        "RECORDER_LIVE_RTMP_LISTEN": f"127.0.0.1:{servers.free_port()}",
        "RECORDER_LIVE_RTMPS_LISTEN": f"127.0.0.1:{servers.free_port()}",
        "RECORDER_LIVE_SPOOL_FOLDER": str(folder / "spool"),
        "RECORDER_TLS_CERT": str(certificate),
        "RECORDER_TLS_KEY": str(certificate),
    }


def _run(environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*_RECORDER, *words],
        cwd=servers.REPOSITORY,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def _make_roles(port: int, folder: Path) -> None:
    """Run roles.sql as the compose file does, and once more by hand."""
    (folder / "word").write_text("o'wner\n")
    command = [
        str(postgres.binaries() / "psql"),
        *("-X", "-v", "ON_ERROR_STOP=1", "-f", str(DEPLOY / "postgres/roles.sql")),
        postgres.admin_url(port),
    ]
    files = {
        "OWNER_PASSWORD_FILE": str(folder / "word"),
        "LOGIN_PASSWORD_FILE": str(folder / "word"),
    }
    by_hand = [*command[:-1], "-v", "owner_password=a", "-v", "login_password=b", command[-1]]
    for words, environment in ((command, {**os.environ, **files}), (by_hand, dict(os.environ))):
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr


def _replica(environment: Mapping[str, str]) -> Replica:
    port = servers.free_port()
    return Replica(port, environment, _serve(port, environment))


def _serve(port: int, environment: Mapping[str, str]) -> servers.Server:
    command = [*_RECORDER, "serve", "--listen", f"127.0.0.1:{port}"]
    return servers.start(
        "web",
        servers.new_folder("web"),
        lambda _free: command,
        lambda _free: _answers(f"http://127.0.0.1:{port}/readyz"),
        environment=environment,
    )


def _process(kind: str, environment: Mapping[str, str]) -> servers.Server:
    """A worker or an ingest; it tells its figures when it is ready."""
    listen = environment["RECORDER_METRICS_LISTEN"]
    return servers.start(
        kind,
        servers.new_folder(kind),
        lambda _free: [*_RECORDER, *command_of(kind)],
        lambda _free: _answers(f"http://{listen}/metrics"),
        environment=environment,
    )


def _answers(url: str) -> bool:
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextlib.contextmanager
def _started(server: servers.Server) -> Iterator[servers.Server]:
    try:
        yield server
    finally:
        server.stop()
