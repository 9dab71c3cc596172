"""A migrated database on a PostgreSQL of its own, for benchmarks that measure one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from tests.support import postgres


@dataclass(frozen=True, slots=True)
class Addresses:
    """Of one database, by who comes: the service, the owner of the schema, the superuser."""

    service: str
    owner: str
    superuser: str


@contextlib.asynccontextmanager
async def own_database(*, durable: bool = True) -> AsyncIterator[Addresses]:
    """Start PostgreSQL of the wheel with a database as migrations leave it; both go at the end.

    ``durable``: it syncs to disk, as shipped.
    """
    server = await asyncio.to_thread(postgres.start, durable=durable)
    try:
        cluster = await postgres.prepare(postgres.admin_url(server.port))
        async with postgres.clone(cluster) as name:
            yield Addresses(
                *(
                    cluster.url(name, role)
                    for role in (postgres.SERVICE, postgres.OWNER, "postgres")
                )
            )
    finally:
        await asyncio.to_thread(server.stop)
