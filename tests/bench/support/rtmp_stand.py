"""What livestreams are published to: an embedded server, with its folder or with an S3 server."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from recorder.config import read_config
from recorder.domain.people import OPERATOR
from recorder.embedded.stack import Addresses, service_environment
from recorder.runtime import open_deps
from recorder.services import registry
from tests.support import ingest_process, s3
from tests.support.product import Product
from tests.support.waiting import eventually

FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Stand:
    """``parents`` are the processes below which everything runs."""

    product: Product
    port: int
    parents: set[int]

    async def devices(self, count: int) -> list[str]:
        """Tokens of so many new devices; each has a livestream of its own."""
        settings = _settings(self.product, {})
        config = read_config({n: v for n, v in settings.items() if n.startswith("RECORDER_")})
        async with open_deps(config) as deps:
            added = [
                await registry.add_device(deps, OPERATOR, number=f"LIVE{n:04d}")
                for n in range(count)
            ]
        return [each.token for each in added]


def _settings(product: Product, base: Mapping[str, str]) -> dict[str, str]:
    addresses = json.loads((product.data / "run" / "addresses.json").read_text())
    return service_environment(product.data, Addresses(**addresses), base=base)


@asynccontextmanager
async def standing(product: Product, store: str) -> AsyncIterator[Stand]:
    """The product as it is, or an ingest process of its database that keeps footage in S3.

    Then the product's own ingest has nothing to do, and its worker only keeps rows.
    """
    if store == FOLDER:
        told = product.data / "run" / "live.json"
        await eventually(told.exists, within=60, what="the ingest")
        yield Stand(product, json.loads(told.read_text())["rtmp"], {product.pid})
        return
    server = s3.start(store)
    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        at = s3.at(s3.url(server.port))
        own = {
            "RECORDER_LIVE_SPOOL_FOLDER": str(product.data / "s3-spool"),
            "RECORDER_LOG_LEVEL": "warning",
        }
        settings = _settings(product, os.environ) | s3.settings(at, at.host) | own
        settings.pop("RECORDER_OBJECTS_FOLDER")
        ingest = await ingest_process.start(settings, product.data)
        try:
            yield Stand(product, ingest.port, {product.pid, ingest.child.pid, server.leash.pid})
        finally:
            await ingest.end()
