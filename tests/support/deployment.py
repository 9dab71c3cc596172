"""The processes of a full deployment on the loopback, without containers.

PostgreSQL set up by deploy/postgres/roles.sql, two web replicas and a worker on one database and
one S3 store, nginx with deploy/nginx/recorder.conf before them. Every process is on a leash and
ends with the tests.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import asyncpg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support import footage, postgres, s3, servers, system

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
        return (first, second) if _children(first.server.leash.pid) == [pid] else (second, first)


@contextlib.contextmanager
def open_deployment(folder: Path, redis_url: str, store: s3.S3Server) -> Iterator[Deployment]:
    """Everything answers inside the block; nothing of it is left after it."""
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(_started(postgres.start()))
        environment = _settings(folder, database.port, redis_url, store)
        _make_roles(database.port, folder)
        owner = f"postgresql://recorder_owner@127.0.0.1:{database.port}/recorder"
        migrated = _run({**environment, "RECORDER_OWNER_DATABASE_URL": owner}, "migrate")
        assert migrated.returncode == 0, migrated.stderr
        stack.enter_context(_started(_work(environment)))
        replicas = (_replica(environment), _replica(environment))
        for replica in replicas:
            # Not the server of now: a test may have put another one in its place.
            stack.callback(replica.stop)
        certificate = make_certificate(folder)
        nginx = stack.enter_context(
            _started(start_nginx(certificate, tuple(replica.port for replica in replicas)))
        )
        plain, secure = nginx_ports(nginx)
        yield Deployment(
            url=f"https://127.0.0.1:{secure}",
            http_port=plain,
            port=secure,
            certificate=certificate,
            database_url=database_address(database.port),
            environment=environment,
            replicas=replicas,
            _nginx=nginx,
        )


def database_address(port: int) -> str:
    """The database as the service signs in."""
    return f"postgresql://recorder_web@127.0.0.1:{port}/recorder"


def _settings(
    folder: Path, database_port: int, redis_url: str, store: s3.S3Server
) -> dict[str, str]:
    secret = folder / "database_url"
    secret.write_text(f"{database_address(database_port)}\n")
    (folder / "work").mkdir()
    return {
        "RECORDER_DATABASE_URL_FILE": str(secret),
        "RECORDER_REDIS_URL": redis_url,
        "RECORDER_OBJECTS": "s3",
        "RECORDER_S3_ENDPOINT": store.host,
        "RECORDER_S3_SECURE": "false",
        "RECORDER_S3_ACCESS_KEY": store.access_key,
        "RECORDER_S3_SECRET_KEY": store.secret_key,
        "RECORDER_S3_REGION": store.region,
        "RECORDER_S3_MAKE_BUCKETS": "true",
        **{
            f"RECORDER_S3_BUCKET_{name}": f"{store.bucket_prefix}{name.lower()}"
            for name in ("ORIGINALS", "RENDITIONS", "STAGING")
        },
        "RECORDER_SIGNING_KEY_FILE": str(folder / "keys" / "signing.key"),
        "RECORDER_WORK_FOLDER": str(folder / "work"),
        "RECORDER_FFMPEG": footage.ffmpeg(),
        "RECORDER_PUBLIC_URL": "https://127.0.0.1",
        "RECORDER_TRUSTED_PROXIES": "127.0.0.1",
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


def _work(environment: Mapping[str, str]) -> servers.Server:
    place = servers.new_folder("worker")
    return servers.start(
        "worker",
        place,
        lambda _free: [*_RECORDER, "work"],
        lambda _free: "worker ready" in (place / "log").read_text(),
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


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text().split()]


# --- nginx ---------------------------------------------------------------------------------------


def start_nginx(
    certificate: Path, upstream: tuple[int, ...], requests_per_address: int = 1000
) -> servers.Server:
    """nginx with the product's own file; only places, ports and that number differ."""
    program = system.nginx()
    if program is None:
        raise servers.ServerFailed("nginx is not installed (Debian: nginx-light).")
    place = servers.new_folder("nginx")
    plain = servers.free_port()

    def command(port: int) -> list[str]:
        text = _rendered(place, certificate, upstream, plain, port)
        limit = "limit_conn addresses {};"
        assert text.count(limit.format(1000)) == 1
        text = text.replace(limit.format(1000), limit.format(requests_per_address))
        (place / "recorder.conf").write_text(text)
        (place / "ports").write_text(f"{plain} {port}")
        temporary = "".join(
            f"{kind}_temp_path {place}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        main = place / "nginx.conf"
        main.write_text(
            f"daemon off; worker_processes 1; pid {place}/pid; error_log {place}/log info;\n"
            f"events {{ worker_connections 512; }}\n"
            f"http {{\n{temporary}include {place}/recorder.conf;\n}}\n"
        )
        whole = [program, "-e", str(place / "log"), "-c", str(main)]
        tried = subprocess.run([*whole, "-t"], capture_output=True, text=True, check=False)
        if tried.returncode != 0:
            raise servers.ServerFailed(tried.stderr)
        return whole

    return servers.start("nginx", place, command, servers.accepts)


def _rendered(
    place: Path, certificate: Path, upstream: tuple[int, ...], plain: int, secure: int
) -> str:
    text = (DEPLOY / "nginx/recorder.conf").read_text()
    for old, new in (
        ("server web1:8080", f"server 127.0.0.1:{upstream[0]}"),
        ("server web2:8080", f"server 127.0.0.1:{upstream[1]}"),
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{secure} ssl;"),
        # Not every machine that runs tests speaks IPv6.
        ("listen [::]:80;", ""),
        ("listen [::]:443 ssl;", ""),
        ("/etc/nginx/tls/recorder.crt", str(certificate)),
        ("/etc/nginx/tls/recorder.key", str(certificate.with_suffix(".key"))),
        ("/var/log/nginx/recorder-error.log", f"{place}/error.log"),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text.replace("/var/log/nginx/recorder.log", f"{place}/access.log")


def nginx_ports(nginx: servers.Server) -> tuple[int, int]:
    plain, secure = (nginx.folder / "ports").read_text().split()
    return int(plain), int(secure)


def make_certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that is its own authority; the key lies beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "recorder.test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "recorder.crt"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    path.with_suffix(".key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path
