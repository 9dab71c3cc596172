"""schema.sql says what the migrations build, and migrations refuse every surprise."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources

import asyncpg
import pytest

from recorder.errors import Conflict
from recorder.store import migrate
from tests.support import postgres as databases

#: Everything that makes two databases differ, as rows of text. Names and definitions come from
#: PostgreSQL itself, so white space, comments and the order of statements do not matter.
CATALOGS = {
    "columns": """
        SELECT format('%s.%s %s %s default %s identity %s collate %s', table_name, column_name,
            data_type || '/' || udt_name, is_nullable, column_default, identity_generation,
            collation_name)
        FROM information_schema.columns WHERE table_schema = 'public'""",
    "constraints": """
        SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace""",
    "indexes": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "functions": """
        SELECT pg_get_functiondef(oid) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace""",
    "triggers": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "privileges": """
        SELECT format('%s %s %s', table_name, grantee, privilege_type)
        FROM information_schema.role_table_grants WHERE table_schema = 'public'""",
    "sequences": """
        SELECT format('%s %s', relname, relacl) FROM pg_class
        WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace""",
}


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def catalog(url: str) -> dict[str, list[str]]:
    async with connected(url) as connection:
        return {
            name: sorted(row[0] for row in await connection.fetch(query))
            for name, query in CATALOGS.items()
        }


async def test_the_schema_document_builds_the_same_database_as_the_migrations(
    owner_database_url: str, empty_database_url: str
) -> None:
    document = resources.files("recorder.store").joinpath("schema.sql").read_text("utf-8")
    async with connected(empty_database_url) as connection:
        await connection.execute(document)
    migrated = await catalog(owner_database_url)
    assert len(migrated["columns"]) > 100
    assert [name for name, rows in migrated.items() if not rows] == []
    assert await catalog(empty_database_url) == migrated


async def test_a_second_migration_finds_nothing_to_do(empty_database_url: str) -> None:
    names = [f"{m.number:04d}_{m.name}" for m in migrate.known_migrations()]
    assert await migrate.pending(empty_database_url) == names
    assert await migrate.migrate(empty_database_url) == names
    assert await migrate.migrate(empty_database_url) == []
    assert await migrate.pending(empty_database_url) == []


async def test_several_processes_may_migrate_at_once(empty_database_url: str) -> None:
    applied = await asyncio.gather(*(migrate.migrate(empty_database_url) for _ in range(5)))
    assert sorted(len(names) for names in applied) == [0, 0, 0, 0, len(migrate.known_migrations())]


async def test_an_edited_migration_is_refused(owner_database_url: str) -> None:
    async with connected(owner_database_url) as connection:
        await connection.execute("UPDATE schema_migration SET digest = 'another' WHERE number = 1")
    for ask in (migrate.migrate, migrate.pending):
        with pytest.raises(Conflict) as refused:
            await ask(owner_database_url)
        assert refused.value.code == "migration-edited"
        assert "0001_initial" in refused.value.detail


async def test_a_database_that_is_ahead_is_served_and_left_as_it_is(
    owner_database_url: str,
) -> None:
    async with connected(owner_database_url) as connection:
        await connection.execute("INSERT INTO schema_migration VALUES (9000, 'future', 'x')")
    assert await migrate.pending(owner_database_url) == []
    assert await migrate.migrate(owner_database_url) == []
    # What copies whole tables would leave out what it does not know.
    with pytest.raises(Conflict) as refused:
        await migrate.require_newest(owner_database_url)
    assert (refused.value.code, "9000" in refused.value.detail) == ("schema-newer", True)


async def test_a_database_that_lacks_a_migration_is_refused(owner_database_url: str) -> None:
    newest = migrate.known_migrations()[-1]
    async with connected(owner_database_url) as connection:
        await connection.execute("DELETE FROM schema_migration WHERE number = $1", newest.number)
        await connection.execute("INSERT INTO schema_migration VALUES (9000, 'future', 'x')")
    assert await migrate.pending(owner_database_url) == [newest.label]
    with pytest.raises(Conflict) as refused:
        await migrate.require_newest(owner_database_url)
    assert refused.value.code == "schema-older"


async def test_a_migration_that_takes_away_says_which_services_may_stay(
    owner_database_url: str,
) -> None:
    known = migrate.known_migrations()
    newest = known[-1].number
    for number, least in ((8000, newest), (9000, 8000)):
        sql = f"-- For services that know at least {least:04d}.\nSELECT 1;"
        known.append(migrate.Migration(number, "removal", sql))
    assert await migrate.migrate(owner_database_url, migrations=known[:-1]) == ["8000_removal"]
    assert await migrate.pending(owner_database_url) == []
    assert await migrate.migrate(owner_database_url, migrations=known) == ["9000_removal"]
    for ask in (migrate.migrate, migrate.pending, migrate.require_newest):
        with pytest.raises(Conflict) as refused:
            await ask(owner_database_url)
        assert refused.value.code == "schema-newer"
        assert f"{newest:04d}" in refused.value.detail


async def test_a_database_of_another_product_line_is_refused(owner_database_url: str) -> None:
    async with connected(owner_database_url) as connection:
        await connection.execute("INSERT INTO schema_migration VALUES (0, 'foreign', 'x')")
    for ask in (migrate.migrate, migrate.pending, migrate.require_newest):
        with pytest.raises(Conflict) as refused:
            await ask(owner_database_url)
        assert refused.value.code == "migration-unknown"


async def test_numbers_of_migrations_follow_each_other() -> None:
    numbers = [m.number for m in migrate.known_migrations()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers != []


async def test_the_service_may_neither_change_the_schema_nor_forget_evidence(
    database_url: str,
) -> None:
    async with connected(database_url) as connection:
        rows = await connection.fetch(
            "SELECT table_name FROM information_schema.role_table_grants"
            " WHERE grantee = $1 AND privilege_type = 'DELETE'",
            databases.GROUP,
        )
        assert {row["table_name"] for row in rows} == {
            "session",
            "login_link",
            "sign_in_failure",
            "playback_grant",
            "case_embed",
            "livestream_ticket",
            "livestream_push_key",
            "livestream_stretch",
            "allowance",
            "open_stream",
            "store_intent",
            "second_factor",
            "recovery_code",
            "coverage_due",
            "coverage_partner",
            "duty_rule",
            "coverage_scene",
            "coverage_presence",
            "agency_reach",
            # Claims, and what an event tells to be gone from the store.
            "volume_intent",
            "superseded_object",
            "link_proposal",
            # Differences that were added up, and sums that are made anew.
            "footage_delta",
            "marked_delta",
            # What the rows of a source say is replaced by what they say next.
            "case_mention",
            "scene_week",
            "finding_week",
            "late_week",
            "figure_stale",
            "footage_week",
            "footage_stale",
        }
        for statement in (
            "CREATE TABLE mine (n integer)",
            "ALTER TABLE recording ADD COLUMN mine integer",
            "DROP TABLE recording",
            "TRUNCATE recording CASCADE",
            "DELETE FROM recording",
            "DELETE FROM original_object",
            "UPDATE schema_migration SET digest = ''",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)


async def test_every_long_number_says_its_unit(database_url: str) -> None:
    async with connected(database_url) as connection:
        rows = await connection.fetch(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public'"
            " AND data_type = 'bigint'"
        )
    names = {row["column_name"] for row in rows}
    # Counters and positions have no unit.
    assert {n for n in names if not re.search(r"_(bytes|ms|us|s)$", n)} == {
        *("id", "fence", "position", "last_step", "revision"),
        *(
            "number",
            "highest_number",
            "last_number",
            "promised_number",
            "first_missing",
            "last_missing",
            "segments",
            "init_number",
            "after_number",
            "reached_number",
            "refused",
        ),
    }
