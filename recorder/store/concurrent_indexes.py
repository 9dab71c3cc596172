"""Migrations that make or drop indexes of big tables beside those who write.

``CREATE INDEX`` keeps writers of its table out until it is done: minutes on ten million rows. Such
a migration is a file of its own whose first line is

    -- Beside those who write.

and which holds nothing but statements of these two forms, each ended by a semicolon:

    CREATE [UNIQUE] INDEX CONCURRENTLY name ON table …;
    DROP INDEX CONCURRENTLY IF EXISTS name;

PostgreSQL lets neither run in a transaction, so each takes effect by itself, and one that dies
half-way leaves an index that is invalid: it costs every writer and helps no reader. So every step
looks first: an index that is there and valid stays, an invalid one is dropped and made anew. Such
a migration may be run again wherever it died, and its row is written behind its last statement.
"""

from __future__ import annotations

import re

import asyncpg

_MARK = "-- Beside those who write.\n"
_STATEMENT = re.compile(
    r"CREATE (?:UNIQUE )?INDEX CONCURRENTLY (?P<made>[a-z_][a-z0-9_]*) ON [^;]+"
    r"|DROP INDEX CONCURRENTLY IF EXISTS (?P<gone>[a-z_][a-z0-9_]*)"
)


def is_meant(sql: str) -> bool:
    """Whether the file says that it runs beside those who write."""
    return sql.startswith(_MARK)


def statements(sql: str) -> list[tuple[str, str | None]]:
    """Each statement with the index that it makes; None for one that drops.

    Raises ValueError for anything that must not run outside of a transaction.
    """
    plain = re.sub(r"--[^\n]*", "", sql)
    found = []
    for text in (part.strip() for part in plain.split(";")):
        if not text:
            continue
        match = _STATEMENT.fullmatch(text)
        if match is None:
            raise ValueError(f"not for a migration beside those who write: {text[:80]}")
        found.append((text, match["made"]))
    return found


async def apply(connection: asyncpg.Connection[asyncpg.Record], sql: str) -> None:
    """Run the statements, whatever an earlier try has left; afterwards every index is valid.

    No limit of a statement: none of them keeps anybody waiting. They wait themselves for every
    transaction that is older, so one that never ends holds them up, and nobody else.
    """
    await connection.execute("SET lock_timeout = 0; SET statement_timeout = 0")
    for statement, made in statements(sql):
        if made is not None:
            valid = await _is_valid(connection, made)
            if valid:
                continue
            if valid is not None:
                await connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {made}")
        await connection.execute(statement)


async def _is_valid(connection: asyncpg.Connection[asyncpg.Record], name: str) -> bool | None:
    """Whether the index helps readers; None where there is none of this name."""
    found: bool | None = await connection.fetchval(
        "SELECT i.indisvalid FROM pg_index i WHERE i.indexrelid = to_regclass($1)", name
    )
    return found
