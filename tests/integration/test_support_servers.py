"""The servers that every other test stands on are there and behave as the fixtures promise."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from tests.support import postgres as databases
from tests.support import servers
from tests.support.waiting import eventually


async def test_each_test_gets_its_own_database(database_url: str, owner_database_url: str) -> None:
    service = await asyncpg.connect(database_url)
    owner = await asyncpg.connect(owner_database_url)
    try:
        assert await service.fetchval("SELECT current_user") == databases.SERVICE
        assert await owner.fetchval("SELECT current_user") == databases.OWNER
        assert await owner.fetchval("SHOW server_encoding") == "UTF8"
        await owner.execute("CREATE TABLE of_another_test (id int)")
    finally:
        await service.close()
        await owner.close()


async def test_a_fresh_database_knows_nothing_of_other_tests(owner_database_url: str) -> None:
    connection = await asyncpg.connect(owner_database_url)
    try:
        assert await connection.fetchval("SELECT to_regclass('of_another_test')") is None
    finally:
        await connection.close()


async def test_the_service_role_owns_nothing(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE not_allowed (id int)")
    finally:
        await connection.close()


async def test_redis_is_empty_at_the_start_of_a_test(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as connection:
        assert await connection.dbsize() == 0
        await connection.set("left", "behind")


async def test_servers_go_with_a_test_run_that_is_killed() -> None:
    script = (
        "from tests.support import redis; server = redis.start();"
        "print(server.port, server.folder, flush=True); input()"
    )
    run = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", script),
        cwd=servers.REPOSITORY,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert run.stdout is not None
    port, _, folder = (await run.stdout.readline()).decode().strip().partition(" ")
    assert servers.accepts(int(port))
    run.kill()
    await run.wait()
    await eventually(lambda: not servers.accepts(int(port)), within=5, what="the end of Redis")
    await eventually(lambda: not Path(folder).exists(), within=5, what="an empty disk")
