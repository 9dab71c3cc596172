"""Fixtures: real servers found by their address in the environment, or started at first use.

``python -m tests`` starts each server once for the whole run; ``pytest tests/integration/x.py``
starts what that file asks for. A server that cannot be had fails the test, it never skips it.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from playwright.async_api import Browser, Page
from redis.asyncio import Redis

from recorder.loading import loading
from tests.support import browser as browsers
from tests.support import footage as footage_set
from tests.support import node, s3, servers
from tests.support import postgres as databases
from tests.support import redis as caches
from tests.support.strict_s3 import StrictS3

T = TypeVar("T")

# Settings of the person who runs the tests must not reach the service under test, and nothing on
# loopback goes through a proxy.
for _name in [name for name in os.environ if name.startswith("RECORDER_")]:
    del os.environ[_name]
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

# Two busy cores make single examples slow; what counts is the limit on the whole test.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported stays until the end: the collector never walks over it."""
    with loading():
        return (yield)


#: Half a minute and more, the longest first.
_LONG = (
    *("test_torture", "test_deployment", "test_rolling_work", "test_half_made_folder"),
    *("test_store_weather", "test_capture", "test_demo", "test_embedded_product"),
    *("test_disaster_drill", "test_office_faults", "test_replica_processes", "test_api_fuzz"),
    *("test_ingest_races", "test_worker_processes", "test_compact_step", "test_upload_lossy"),
    *("test_live_serve_command", "test_objects_contract", "test_live_watching"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first, so that every worker has work until the end; otherwise as they were."""
    places = {name: place for place, name in enumerate(_LONG)}
    items.sort(key=lambda item: places.get(item.path.stem, len(_LONG)))


def _apart(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine for a session fixture, away from the loops of the tests."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work())).result()


def _address(
    variable: str, start: Callable[[], servers.Server], url: Callable[[int], str]
) -> Iterator[str]:
    given = os.environ.get(variable)
    if given:
        yield given
        return
    server = start()
    try:
        yield url(server.port)
    finally:
        server.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[databases.Cluster]:
    """A PostgreSQL server with the product's roles and a migrated template database."""
    for url in _address(databases.VARIABLE, databases.start, databases.admin_url):
        yield _apart(functools.partial(databases.prepare, url))


@pytest.fixture
async def database_name(postgres: databases.Cluster) -> AsyncIterator[str]:
    """A fresh database of the current schema, dropped after the test."""
    async with databases.clone(postgres) as name:
        yield name


@pytest.fixture
def database_url(postgres: databases.Cluster, database_name: str) -> str:
    """The fresh database as the service sees it: with the restricted role."""
    return postgres.url(database_name, databases.SERVICE)


@pytest.fixture
def owner_database_url(postgres: databases.Cluster, database_name: str) -> str:
    """The same database as its owner, who may change the schema."""
    return postgres.url(database_name, databases.OWNER)


@pytest.fixture
async def far_clock(postgres: databases.Cluster, database_name: str) -> None:
    """The database's clock is a century ahead: what ends by time does so by the test's clock."""
    await databases.set_clock_far_ahead(postgres, database_name)


@pytest.fixture
async def empty_database_url(postgres: databases.Cluster) -> AsyncIterator[str]:
    """A database without any schema, as its owner: for tests of the migrations themselves."""
    async with databases.clone(postgres, empty=True) as name:
        yield postgres.url(name, databases.OWNER)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The address of a Redis server, without a database number."""
    yield from _address(caches.VARIABLE, caches.start, caches.url)


@pytest.fixture(scope="session")
def redis_databases() -> Iterator[int]:
    """Database numbers of this worker, in turn: stragglers of one test meet no other."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return itertools.cycle(range(worker % 4, caches.DATABASES, 4))


@pytest.fixture
async def redis_url(redis_server: str, redis_databases: Iterator[int]) -> str:
    """An empty Redis database that no other test uses at this moment."""
    url = f"{redis_server}/{next(redis_databases)}"
    async with Redis.from_url(url) as connection:
        await connection.flushdb()
    return url


@pytest.fixture(scope="session")
def versitygw_url() -> Iterator[str]:
    """The address of versitygw."""
    yield from _address(s3.VARIABLES["versitygw"], lambda: s3.start("versitygw"), s3.url)


@pytest.fixture(scope="session")
def minio_url() -> Iterator[str]:
    """The address of MinIO."""
    yield from _address(s3.VARIABLES["minio"], lambda: s3.start("minio"), s3.url)


@pytest.fixture
def versitygw(versitygw_url: str) -> s3.S3Server:
    """versitygw, with a prefix for bucket names that is new for each test."""
    return s3.at(versitygw_url)


@pytest.fixture
def minio_server(minio_url: str) -> s3.S3Server:
    """MinIO, with a prefix for bucket names that is new for each test."""
    return s3.at(minio_url)


@pytest.fixture
def strict_s3(versitygw_url: str) -> Iterator[StrictS3]:
    """versitygw behind a proxy that refuses what AWS refuses; ``.server`` is where to connect."""
    with StrictS3(versitygw_url) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def footage() -> Path:
    """The folder with the generated footage set; read-only by agreement."""
    return footage_set.folder()


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The folder with the locked npm packages; ``tests.support.node.executable()`` is Node.js."""
    return node.modules()


@pytest.fixture
def free_port() -> int:
    """A loopback port that nothing listens on."""
    return servers.free_port()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A headless Chromium of its own."""
    async with browsers.launch() as running:
        yield running


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page in a fresh Chinese profile; the test fails if a script of ours throws."""
    async with browsers.open_page(browser) as opened:
        yield opened
