"""Connections that the database has ended while nobody used them cost nobody an answer."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import asyncpg

from recorder.store.connection import open_database
from tests.support.waiting import eventually


async def _ended(url: str) -> int:
    """End all other sessions of this database and wait until they are gone; says how many."""
    connection = await asyncpg.connect(url)
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    try:
        ended: int = await connection.fetchval(f"SELECT count(pg_terminate_backend(pid)) {others}")

        async def gone() -> bool:
            return bool(await connection.fetchval(f"SELECT count(*) = 0 {others}"))

        all_gone: bool = await eventually(gone, within=60, what="the end of all sessions")
        assert all_gone
    finally:
        await connection.close()
    return ended


async def test_the_next_one_gets_a_living_connection_though_nobody_has_heard_of_the_end(
    database_url: str,
) -> None:
    database = await open_database(database_url, largest=3)
    try:
        async with database.acquire() as one, database.acquire() as two, database.acquire() as last:
            for connection in (one, two, last):
                assert await connection.fetchval("SELECT 1") == 1
        # This thread stands still meanwhile, so that its event loop hears of nothing.
        with ThreadPoolExecutor(1) as thread:
            ended = thread.submit(lambda: asyncio.run(_ended(database_url))).result()
        assert ended == 3
        async with database.acquire() as one, database.acquire() as two, database.acquire() as last:
            for connection in (one, two, last):
                assert await connection.fetchval("SELECT 1") == 1
    finally:
        await database.close()


async def test_a_connection_that_dies_after_its_work_is_no_failure(
    database_url: str,
) -> None:
    database = await open_database(database_url, largest=3)
    try:
        async with database.acquire() as connection:
            assert await connection.fetchval("SELECT 1") == 1
            with ThreadPoolExecutor(1) as thread:
                thread.submit(lambda: asyncio.run(_ended(database_url))).result()
        async with database.acquire() as connection:
            assert await connection.fetchval("SELECT 1") == 1
    finally:
        await database.close()
