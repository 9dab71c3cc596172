"""A migration never keeps those who write waiting for long: it gives up and says so."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from recorder.errors import Unavailable
from recorder.store import migrate
from tests.support.waiting import eventually

#: So short that nobody need wait for it; whatever comes later is still right.
SHORT_LOCK = migrate.Limits(lock_s=0.2, statement_s=300)
SHORT_STATEMENT = migrate.Limits(lock_s=300, statement_s=0.2)
ADDING = migrate.Migration(9000, "adding", "ALTER TABLE agency ADD COLUMN later text;")
SLOW = migrate.Migration(
    9001, "slow", "ALTER TABLE agency ADD COLUMN later text; SELECT pg_sleep(1000);"
)
RENAME = "UPDATE agency SET name = name"


async def columns(connection: asyncpg.Connection) -> int:
    found: int = await connection.fetchval(
        "SELECT count(*) FROM information_schema.columns"
        " WHERE table_name = 'agency' AND column_name = 'later'"
    )
    return found


async def test_a_migration_behind_a_long_transaction_gives_up_and_lets_writers_go_on(
    owner_database_url: str, database_url: str
) -> None:
    known = migrate.known_migrations()
    long, writer = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    try:
        async with long.transaction():
            await long.fetch("SELECT * FROM agency")
            with pytest.raises(Unavailable) as refused:
                await migrate.migrate(
                    owner_database_url, limits=SHORT_LOCK, migrations=[*known, ADDING]
                )
            assert refused.value.code == "migration-blocked"
            assert "9000_adding waited 0.2 s for a lock" in refused.value.detail
            # The long transaction is still there, and nobody waits for anybody.
            await writer.execute(RENAME, timeout=60)
        assert await columns(writer) == 0
        done = await migrate.migrate(owner_database_url, migrations=[*known, ADDING])
        assert (done, await columns(writer)) == (["9000_adding"], 1)
    finally:
        await long.close()
        await writer.close()


async def test_writers_that_wait_behind_a_blocked_migration_go_on_when_it_gives_up(
    owner_database_url: str, database_url: str
) -> None:
    known = migrate.known_migrations()
    long, writer = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    limits = migrate.Limits(lock_s=3, statement_s=300)
    try:
        async with long.transaction():
            await long.fetch("SELECT * FROM agency")
            migrating = asyncio.create_task(
                migrate.migrate(owner_database_url, limits=limits, migrations=[*known, ADDING])
            )

            async def waits() -> bool | None:
                found: bool = await writer.fetchval(
                    "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted"
                    " AND relation = 'agency'::regclass)"
                )
                return found or None

            waiting: bool = await eventually(waits, within=60, what="a migration that waits")
            assert waiting
            # It queues behind the migration, whose limit is all that frees it.
            await writer.execute(RENAME, timeout=60)
            with pytest.raises(Unavailable):
                await migrating
    finally:
        await long.close()
        await writer.close()


async def test_a_slow_statement_is_ended_and_nothing_of_its_migration_stays(
    owner_database_url: str, database_url: str
) -> None:
    known = migrate.known_migrations()
    with pytest.raises(Unavailable) as refused:
        await migrate.migrate(owner_database_url, limits=SHORT_STATEMENT, migrations=[*known, SLOW])
    assert refused.value.code == "migration-blocked"
    assert "9001_slow took longer than 0.2 s" in refused.value.detail
    assert "--statement-limit" in refused.value.detail
    look = await asyncpg.connect(database_url)
    try:
        assert await columns(look) == 0
    finally:
        await look.close()
    assert await migrate.pending(database_url) == []


def test_the_usual_limits_are_shorter_than_what_the_service_bears() -> None:
    # Its queries are given up after 60 s (store/connection.py).
    assert migrate.USUAL.lock_s + migrate.USUAL.statement_s < 60
