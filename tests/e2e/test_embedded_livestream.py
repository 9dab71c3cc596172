"""An embedded server takes a livestream by RTMP, and its ingest comes back when it is killed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import live_clips
from tests.support.product import INGEST, Product, command, running_product
from tests.support.waiting import eventually

LONG_S = 60.0


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running_product() as running:
        yield running


async def _port(product: Product, besides: int = 0) -> int:
    """The port of an ingest that is ready, and of another process than that one."""

    def told() -> int | None:
        try:
            said = json.loads((product.data / "run" / "live.json").read_text())
        except FileNotFoundError:
            return None
        return int(said["rtmp"]) if said["pid"] != besides else None

    return await eventually(told, within=LONG_S, what="the ingest")


async def _publish(port: int, token: str) -> None:
    address = f"rtmp://127.0.0.1:{port}/live/{token}"
    await asyncio.to_thread(
        live_clips.run, ["-i", str(live_clips.clip()), "-c", "copy", "-f", "flv", address]
    )


async def _stored(product: Product, count: int) -> None:
    async def there() -> int | None:
        async with product.database() as connection:
            counted: int = await connection.fetchval(
                "SELECT count(*) FROM livestream_segment WHERE state = 'stored' AND number > 0"
            )
        return counted if counted >= count else None

    found: int = await eventually(there, within=LONG_S, what=f"{count} segments")
    assert found >= count


async def test_a_livestream_goes_on_after_its_ingest_was_killed(product: Product) -> None:
    token = await product.device("LIVE0001")
    await _publish(await _port(product), token)
    await _stored(product, 6)
    ingest = product.child(INGEST)
    assert ingest is not None
    await product.kill(INGEST)
    await _publish(await _port(product, besides=ingest), token)
    await _stored(product, 12)
    async with product.database() as connection:
        causes = await connection.fetch("SELECT cause FROM livestream_period ORDER BY number")
        assert [row["cause"] for row in causes] == ["start", "reconnect"]
        assert await connection.fetchval("SELECT count(*) FROM livestream") == 1
    audit = await command("audit", "--data", str(product.data), "--json")
    assert audit.code == 0, audit.out
    assert Path(product.data / "log" / "live.log").exists()
