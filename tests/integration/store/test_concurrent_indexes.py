"""Indexes of big tables are made beside those who write, and again where that died half-way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeAlias

import asyncpg
import pytest

from recorder.errors import Conflict
from recorder.store import migrate
from tests.support.waiting import eventually

MAKING = migrate.Migration(
    9000,
    "names_of_agencies",
    "-- Beside those who write.\n-- Why: to be found by name.\n"
    "CREATE INDEX CONCURRENTLY agency_later ON agency (name, code);\n"
    "CREATE UNIQUE INDEX CONCURRENTLY agency_much_later ON agency (lower(code));\n",
)
DROPPING = migrate.Migration(
    9001,
    "names_no_more",
    "-- Beside those who write.\nDROP INDEX CONCURRENTLY IF EXISTS agency_later;\n",
)
ADD = "INSERT INTO agency (id, code, name) VALUES (gen_random_uuid(), $1, $1)"
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@pytest.fixture
async def look(owner_database_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(owner_database_url)
    yield connection
    await connection.close()


async def apply(url: str, *more: migrate.Migration) -> list[str]:
    return await migrate.migrate(url, migrations=[*migrate.known_migrations(), *more])


async def valid(look: Connection) -> dict[str, bool]:
    rows = await look.fetch(
        "SELECT indexrelid::regclass::text AS name, indisvalid FROM pg_index"
        " WHERE indexrelid::regclass::text LIKE 'agency%later'"
    )
    return {row["name"]: row["indisvalid"] for row in rows}


async def test_an_index_is_made_while_others_write(
    owner_database_url: str, database_url: str, look: Connection
) -> None:
    writer, other = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    try:
        begun = writer.transaction()
        await begun.start()
        await writer.execute(ADD, "before")
        migrating = asyncio.create_task(apply(owner_database_url, MAKING))

        async def waits() -> bool | None:
            # It waits for the transaction that wrote before it came.
            found = (await valid(look)).get("agency_later")
            return True if found is False else None

        waiting: bool = await eventually(waits, within=60, what="an index that is being made")
        assert waiting
        await other.execute(ADD, "meanwhile", timeout=60)
        await writer.execute(ADD, "meanwhile too", timeout=60)
        await begun.commit()
        assert await migrating == ["9000_names_of_agencies"]
    finally:
        await writer.close()
        await other.close()
    assert await valid(look) == {"agency_later": True, "agency_much_later": True}
    assert await apply(owner_database_url, MAKING) == []
    assert await apply(owner_database_url, MAKING, DROPPING) == ["9001_names_no_more"]
    assert await valid(look) == {"agency_much_later": True}


async def test_what_died_half_way_is_made_anew(
    owner_database_url: str, database_url: str, look: Connection
) -> None:
    long = await asyncpg.connect(database_url)
    try:
        async with long.transaction():
            await long.execute(ADD, "long")
            migrating = asyncio.create_task(apply(owner_database_url, MAKING))

            async def process() -> int | None:
                found: int | None = await look.fetchval(
                    "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                    " AND query LIKE 'CREATE INDEX CONCURRENTLY agency_later%' AND pid <>"
                    " pg_backend_pid() AND wait_event_type = 'Lock'"
                )
                return found

            pid: int = await eventually(process, within=60, what="an index that is being made")
            # As by kill -9 of the command, or a restart of the server.
            await look.execute("SELECT pg_terminate_backend($1)", pid)
            with pytest.raises(Exception, match="database"):
                await migrating
            assert await valid(look) == {"agency_later": False}
            assert await migrate.pending(database_url) == []
        await look.execute("UPDATE agency SET name = name")
    finally:
        await long.close()
    assert await apply(owner_database_url, MAKING) == ["9000_names_of_agencies"]
    assert await valid(look) == {"agency_later": True, "agency_much_later": True}


async def test_an_index_that_cannot_be_is_a_failure_and_what_came_before_it_stays(
    owner_database_url: str, look: Connection
) -> None:
    for code in ("Twice", "twice"):
        await look.execute(ADD, code)
    with pytest.raises(Conflict):
        await apply(owner_database_url, MAKING)
    assert await valid(look) == {"agency_later": True, "agency_much_later": False}
    await look.execute("UPDATE agency SET code = 'other' WHERE code = 'Twice'")
    assert await apply(owner_database_url, MAKING) == ["9000_names_of_agencies"]
    assert await valid(look) == {"agency_later": True, "agency_much_later": True}
