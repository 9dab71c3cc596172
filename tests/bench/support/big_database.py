"""A PostgreSQL of the wheel in a folder of its own, filled with a city's footage once and kept."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import asyncpg

from recorder.domain.media import MediaFacts
from recorder.store import migrate
from tests.bench.support import city
from tests.support import postgres, servers

_DATABASE = "bench"
_AS_SHIPPED = {"shared_buffers": "128MB", "max_connections": "100", "timezone": "UTC"}
#: While loading nothing is durable; a crash means loading again.
_LOADING = {
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
    "wal_level": "minimal", "max_wal_senders": "0", "max_wal_size": "4GB",
    "checkpoint_timeout": "1h", "autovacuum": "off", "shared_buffers": "1GB",
    "maintenance_work_mem": "768MB", "work_mem": "192MB", "timezone": "UTC",
}  # fmt: skip
_OTHER_TABLES = ("recording", "case_link", "task_run", "upload", "alarm", "custody_event")
_CHUNK = 135_000
_WRITERS = 2
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


def _url(port: int, role: str) -> str:
    place = urlsplit(postgres.admin_url(port))
    return f"postgresql://{role}@{place.hostname}:{place.port}/{_DATABASE}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What is in the folder, and what making it took."""

    cases: int
    recordings: int
    load_s: float
    index_s: float
    size_bytes: int
    version: str


@dataclass(frozen=True, slots=True)
class BigDatabase:
    """The running server."""

    port: int
    loaded: Loaded

    def url(self, role: str) -> str:
        """The address of the database for this role; ``postgres`` may do everything."""
        return _url(self.port, role)


@contextlib.asynccontextmanager
async def opened(folder: Path, size: city.Size) -> AsyncIterator[BigDatabase]:
    """The database of that folder, with the newest schema; filled first if it was not there.

    Settings are those of the embedded server while it is used.
    """
    if not (folder / "loaded.json").exists():
        loaded = await _load(folder, size)
        (folder / "loaded.json").write_text(json.dumps(asdict(loaded)))
    with _server(folder, _AS_SHIPPED) as port:
        known = Loaded(**json.loads((folder / "loaded.json").read_text()))
        database = BigDatabase(port, known)
        patient = migrate.Limits(statement_s=3600)
        if done := await migrate.migrate(database.url(postgres.OWNER), limits=patient):
            _say(f"migrated: {', '.join(done)}")
            await _vacuum(database.url("postgres"))
        yield database


@contextlib.contextmanager
def _server(folder: Path, settings: Mapping[str, str]) -> Iterator[int]:
    prefix, programs, data = postgres._as_anyone(), postgres.binaries(), folder / "data"
    if not data.exists():
        folder.mkdir(parents=True, exist_ok=True)
        initdb = [*prefix, str(programs / "initdb"), "-D", str(data), "-U", "postgres"]
        locale = ["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"]
        subprocess.run([*initdb, *locale], check=True, stdout=subprocess.DEVNULL)
    fixed = {"listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
    options = [f"--{name}={value}" for name, value in {**fixed, **settings}.items()]

    def command(port: int) -> list[str]:
        server = str(programs / "postgres")
        return [*prefix, server, "-D", str(data), "-p", str(port), *options]

    running = servers.start(
        "PostgreSQL", servers.new_folder("bench"), command, postgres.is_ready, stop_signal="INT"
    )
    try:
        yield running.port
    finally:
        running.stop()


# --- loading: each piece is marked as done with it, so that a load goes on where it ended -------


async def _load(folder: Path, size: city.Size) -> Loaded:
    began = time.monotonic()
    with _server(folder, _LOADING) as port:
        url = _url(port, "postgres")
        if not (folder / "begun").exists():
            await _create(port)
            (folder / "begun").touch()
        await _fill(url, size)
        filled = time.monotonic()
        await _index(url, ("case_file", "case_identifier", *_OTHER_TABLES))
        await _vacuum(url)
        indexed = time.monotonic()
        async with _loader(url) as connection:
            return Loaded(
                await connection.fetchval("SELECT count(*) FROM case_file"),
                await connection.fetchval("SELECT count(*) FROM recording"),
                filled - began,
                indexed - filled,
                await connection.fetchval("SELECT pg_database_size(current_database())"),
                await connection.fetchval("SHOW server_version"),
            )


async def _create(port: int) -> None:
    """The roles and a database of the newest schema, without most of its indexes."""
    admin = await asyncpg.connect(postgres.admin_url(port))
    await admin.execute(f"CREATE ROLE {postgres.OWNER} LOGIN CREATEROLE CREATEDB")
    await admin.execute(f"CREATE DATABASE {_DATABASE} OWNER {postgres.OWNER}")
    await migrate.migrate(_url(port, postgres.OWNER))
    await admin.execute(f"CREATE ROLE {postgres.SERVICE} LOGIN IN ROLE {postgres.GROUP}")
    await admin.close()
    async with _loader(_url(port, "postgres")) as connection, connection.transaction():
        await connection.execute(city.FUNCTIONS)
        await _drop_indexes(connection)
        await connection.execute(city.ORGANS_OF_THE_CITY, city.abbreviations())
        for sql in (city.DEVICES, city.PEOPLE, city.DEVICE_MAP):
            await connection.execute(sql)


@contextlib.asynccontextmanager
async def _loader(url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(url, command_timeout=7200)
    try:
        # References hold by construction; checking ten million of them takes an hour.
        await connection.execute("SET session_replication_role = replica; SET jit = off")
        yield connection
    finally:
        await connection.close()


async def _drop_indexes(connection: Connection) -> None:
    """Drop what would be kept in order row by row, and note how it is made again."""
    rows = await connection.fetch(
        "SELECT c.conname, i.indexrelid::regclass::text AS name, i.indrelid::regclass::text AS of,"
        " pg_get_indexdef(i.indexrelid) AS made, pg_get_constraintdef(c.oid) AS kept"
        " FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid"
        "  AND c.contype IN ('u', 'p') WHERE i.indrelid::regclass::text = ANY($1)"
        " AND NOT i.indisprimary",
        ["case_file", "case_identifier", *_OTHER_TABLES],
    )
    for row in rows:
        if row["conname"] is None:
            await connection.execute(f"DROP INDEX {row['name']}")
            again = row["made"]
        else:
            await connection.execute(f"ALTER TABLE {row['of']} DROP CONSTRAINT {row['conname']}")
            again = f"ALTER TABLE {row['of']} ADD CONSTRAINT {row['conname']} {row['kept']}"
        await connection.execute(
            "INSERT INTO bench.again (of, sql) VALUES ($1, $2)", row["of"], again
        )


async def _index(url: str, tables: Sequence[str]) -> None:
    async with _loader(url) as connection:
        for row in await connection.fetch(
            "SELECT id, sql FROM bench.again WHERE of = ANY($1) ORDER BY id", list(tables)
        ):
            began = time.monotonic()
            async with connection.transaction():
                await connection.execute(row["sql"])
                await connection.execute("DELETE FROM bench.again WHERE id = $1", row["id"])
            _say(f"{time.monotonic() - began:.0f} s: {' '.join(row['sql'].split())[:100]}")


async def _fill(url: str, size: city.Size) -> None:
    media = json.dumps(_media())
    linked = city.FOOTAGE + city.RECORDINGS.replace("LINKS_NOW", "1")
    pool = city.POOL + city.RECORDINGS.replace("LINKS_NOW", "0")
    await _once(url, "plan", city.PLAN.format(cases=size.cases))
    await _once(url, "plan index", "CREATE UNIQUE INDEX ON bench.plan (n); ANALYZE")
    await _in_chunks(url, "cases", size.cases, city.CASES)
    await _in_chunks(url, "numbers", size.cases, city.NUMBERS)
    async with asyncio.TaskGroup() as group:
        group.create_task(_index(url, ("case_file", "case_identifier")))
        group.create_task(_footage(url, size, linked, pool, media))


async def _footage(url: str, size: city.Size, linked: str, pool: str, media: str) -> None:
    await _in_chunks(url, "footage", size.cases, linked, media)
    await _in_chunks(url, "pool", size.unlinked, pool, media, float(size.unlinked))
    await _once(url, "index of births", "CREATE INDEX loading ON recording (created_at)")
    for what in ("WORK", "UPLOADS", "ALARMS", "EVENTS"):
        await _once(url, what.lower(), getattr(city, what))
    await _once(url, "end", "DROP INDEX loading; DROP TABLE bench.plan")


async def _once(url: str, what: str, sql: str) -> None:
    await _in_chunks(url, what, 1, sql, alone=True)


async def _in_chunks(
    url: str, what: str, number: int, sql: str, *more: object, alone: bool = False
) -> None:
    """Run the statement for pieces of the running numbers, two at a time, in their order."""
    began = time.monotonic()
    pieces = iter(range(0, number, _CHUNK))

    async def write() -> None:
        async with _loader(url) as connection:
            for start in pieces:
                async with connection.transaction():
                    marked = await connection.execute(
                        "INSERT INTO bench.done VALUES ($1, $2) ON CONFLICT DO NOTHING", what, start
                    )
                    if marked.endswith(" 0"):
                        continue
                    span = [] if alone else [start, min(start + _CHUNK, number)]
                    await connection.execute(sql, *span, *more)

    async with asyncio.TaskGroup() as group:
        for _ in range(1 if alone else _WRITERS):
            group.create_task(write())
    _say(f"{what}: {time.monotonic() - began:.0f} s")


async def _vacuum(url: str) -> None:
    connection = await asyncpg.connect(url, command_timeout=7200)
    await connection.execute("VACUUM (ANALYZE)")
    await connection.execute("CHECKPOINT")
    await connection.close()


def _media() -> dict[str, object]:
    """What lists and timelines read of an everyday clip's facts; the rest would only fill disks."""
    facts = MediaFacts(container="mov", length_ms=300_000, keyframes=300).to_json()
    return {name: value for name, value in facts.items() if value}


def _say(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)
