"""Forward-only migrations: numbered files, one lock, one transaction each.

While an upgrade rolls, services of the version before run on the new schema. So migrations only
add; one that takes away what older services use says so in a line of its own,
``-- For services that know at least NNNN.``, and services that know less refuse the database.

Indexes of big tables are made beside those who write: see ``store/concurrent_indexes.py``.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass
from importlib import resources

import asyncpg

from recorder.errors import Conflict, Unavailable
from recorder.store import concurrent_indexes
from recorder.store.connection import translated

#: Arbitrary and fixed: whoever migrates holds this advisory lock.
_LOCK = 0x5245434F52444552
#: Another one that migrates is waited for so long.
_TURN_S = 600
_ASK_AGAIN_S = 0.2
_FOR_SERVICES = re.compile(r"^-- For services that know at least (\d{4})\.$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def label(self) -> str:
        return f"{self.number:04d}_{self.name}"

    @property
    def is_concurrent(self) -> bool:
        """Whether it makes or drops indexes beside those who write, outside of a transaction."""
        return concurrent_indexes.is_meant(self.sql)

    @property
    def known_at_least(self) -> int | None:
        """The newest migration that a service must know to run on what this one leaves."""
        found = _FOR_SERVICES.search(self.sql)
        return int(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a migration may be in the way of those who write."""

    #: A statement that waits for a lock makes all later writers of that table wait behind it.
    lock_s: float = 4.0
    #: What runs longer holds its locks longer.
    statement_s: float = 30.0


#: For an installation that is in use.
USUAL = Limits()


@dataclass(frozen=True, slots=True)
class _Applied:
    digest: str
    known_at_least: int | None


def known_migrations() -> list[Migration]:
    """The migrations that this version carries, in order."""
    found = [
        Migration(int(match[1]), match[2], entry.read_text("utf-8"))
        for entry in resources.files("recorder.store").joinpath("migrations").iterdir()
        if (match := re.fullmatch(r"(\d{4})_(\w+)\.sql", entry.name))
    ]
    return sorted(found, key=lambda m: m.number)


async def migrate(
    url: str, *, limits: Limits = USUAL, migrations: list[Migration] | None = None
) -> list[str]:
    """Bring the database of this address to the newest schema and name what was applied.

    Safe to run from several processes at once and again. A database that is ahead of this version
    is left as it is. Raises Conflict ``migration-edited``, ``migration-unknown`` or
    ``schema-newer`` as ``pending`` does, and Unavailable ``migration-blocked`` when a limit was
    reached: then that migration and those behind it are not applied, and it may be tried again.
    """
    migrations = known_migrations() if migrations is None else migrations
    with translated():
        connection = await asyncpg.connect(url, timeout=10)
        try:
            await _take_turn(connection)
            await connection.execute(
                "CREATE TABLE IF NOT EXISTS schema_migration ("
                " number integer PRIMARY KEY, name text NOT NULL, digest text NOT NULL,"
                " applied_at timestamptz NOT NULL DEFAULT now())"
            )
            applied = await _applied(connection)
            _refuse_surprises(migrations, applied)
            done = []
            for migration in migrations:
                if migration.number not in applied:
                    await _apply(connection, migration, limits)
                    done.append(migration.label)
            return done
        finally:
            await connection.close()


async def _take_turn(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    # Asked again and again: a statement that waits holds a snapshot, and an index that is being
    # made beside those who write waits for all older snapshots, this one too.
    deadline = asyncio.get_running_loop().time() + _TURN_S
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
        if asyncio.get_running_loop().time() > deadline:
            raise Unavailable(
                "migration-blocked",
                f"Another process has been migrating for {_TURN_S} s; look at it.",
            )
        await asyncio.sleep(_ASK_AGAIN_S)


async def _applied(connection: asyncpg.Connection[asyncpg.Record]) -> dict[int, _Applied]:
    # The column is younger than the table, and an older database is asked before it is migrated.
    rows = await connection.fetch(
        "SELECT number, digest, (to_jsonb(m) ->> 'known_at_least')::integer AS known_at_least"
        " FROM schema_migration m"
    )
    return {row["number"]: _Applied(row["digest"], row["known_at_least"]) for row in rows}


def _refuse_surprises(migrations: list[Migration], applied: dict[int, _Applied]) -> None:
    newest = max((m.number for m in migrations), default=0)
    for migration in migrations:
        there = applied.get(migration.number)
        if there is not None and there.digest != migration.digest:
            raise Conflict(
                "migration-edited",
                f"Migration {migration.label} is not the file that was applied to this database;"
                " restore the original file.",
            )
    unknown = set(applied) - {m.number for m in migrations}
    between = sorted(number for number in unknown if number < newest)
    if between:
        raise Conflict(
            "migration-unknown",
            f"This database has migration {between[0]:04d}, which this version does not carry"
            " although it carries later ones: it is not of the same product line.",
        )
    needed = max((there.known_at_least or 0 for there in applied.values()), default=0)
    if needed > newest:
        raise Conflict(
            "schema-newer",
            f"This database is for versions that know migration {needed:04d}; this one knows"
            f" {newest:04d} and no later one. Start a newer version.",
        )


async def _apply(
    connection: asyncpg.Connection[asyncpg.Record], migration: Migration, limits: Limits
) -> None:
    try:
        if migration.is_concurrent:
            await concurrent_indexes.apply(connection, migration.sql)
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '{limits.lock_s * 1000:.0f}ms'")
            await connection.execute(
                f"SET LOCAL statement_timeout = '{limits.statement_s * 1000:.0f}ms'"
            )
            if not migration.is_concurrent:
                await connection.execute(migration.sql)
            await _note(connection, migration)
    except asyncpg.LockNotAvailableError as error:
        raise Unavailable(
            "migration-blocked",
            f"Migration {migration.label} waited {limits.lock_s:g} s for a lock that another"
            " session holds, and gave up so that nobody waits behind it. Nothing of it was"
            " applied; run it again, or end the long transaction first.",
        ) from error
    except asyncpg.QueryCanceledError as error:
        raise Unavailable(
            "migration-blocked",
            f"A statement of migration {migration.label} took longer than"
            f" {limits.statement_s:g} s, and was ended because writers wait for it. Nothing of it"
            " was applied; run it at a quiet time with a larger --statement-limit.",
        ) from error


async def _note(connection: asyncpg.Connection[asyncpg.Record], migration: Migration) -> None:
    await connection.execute(
        "INSERT INTO schema_migration (number, name, digest) VALUES ($1, $2, $3)",
        migration.number,
        migration.name,
        migration.digest,
    )
    if migration.known_at_least is not None:
        await connection.execute(
            "UPDATE schema_migration SET known_at_least = $2 WHERE number = $1",
            migration.number,
            migration.known_at_least,
        )


async def pending(url: str) -> list[str]:
    """Names of migrations this version carries and the database lacks (empty: ready to serve).

    A database that is ahead is ready: later migrations only add. Raises Conflict
    ``migration-edited`` when an applied file is not what it was, ``migration-unknown`` when the
    database had one between ours that is not ours, and ``schema-newer`` when one says that
    services must know more than this version does.
    """
    missing, _ = await _compare(url)
    return missing


async def require_newest(url: str) -> None:
    """Raise Conflict unless the database has exactly the schema of this version.

    For what writes or reads whole tables, such as backups: ``schema-older`` when migrations are
    missing, ``schema-newer`` when there are later ones.
    """
    missing, ahead = await _compare(url)
    if missing:
        raise Conflict("schema-older", "The database is not ready: run `recorder migrate`.")
    if ahead:
        raise Conflict(
            "schema-newer",
            f"The database has had migration {ahead[-1]:04d}, which this version does not know;"
            " run this command with the newer version.",
        )


async def _compare(url: str) -> tuple[list[str], list[int]]:
    """What the database lacks, and what it has that is later than ours."""
    with translated():
        connection = await asyncpg.connect(url, timeout=10)
        try:
            exists = await connection.fetchval("SELECT to_regclass('public.schema_migration')")
            applied = await _applied(connection) if exists else {}
        finally:
            await connection.close()
    migrations = known_migrations()
    _refuse_surprises(migrations, applied)
    missing = [m.label for m in migrations if m.number not in applied]
    return missing, sorted(set(applied) - {m.number for m in migrations})
