"""The database is gone, and the store is not."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

from recorder.runtime import open_deps
from recorder.services import ingest
from tests.support import postgres as databases
from tests.support.bureau import Bureau


@contextlib.asynccontextmanager
async def new_database(bureau: Bureau, postgres: databases.Cluster) -> AsyncIterator[Bureau]:
    """The same store and clock with a freshly migrated database, as after the loss of the old."""
    async with databases.clone(postgres) as name:
        secret = type(bureau.deps.config.database_url)
        url = secret(postgres.url(name, databases.SERVICE))
        config = bureau.deps.config.model_copy(update={"database_url": url})
        async with open_deps(config, clock=bureau.clock) as deps:
            ingest.begin(deps)
            yield replace(bureau, deps=deps)
            await ingest.shutdown(deps)
