"""Fixity on real S3 servers with a real worker that is killed in the middle of an object."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from recorder.adapters.media import FfmpegTool
from recorder.adapters.objects import Bucket
from recorder.config import PREFIX
from recorder.domain.pipeline import WorkQueue
from recorder.domain.upload import MIB
from tests.support import s3, servers
from tests.support.exposition import read
from tests.support.senders import content
from tests.support.waiting import eventually
from tests.support.workshop import camera, deliver, open_alarms, work_off
from tests.support.yard import Yard, open_yard

SMALL = 4
#: Longer than what is read at once before the pace is kept.
LONG = 17 * MIB
DAY_S = 86_400


@pytest.fixture(params=["versitygw", "minio_server"])
async def yard(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path, redis_url: str
) -> AsyncIterator[Yard]:
    server: s3.S3Server = request.getfixturevalue(request.param)
    store = {
        "objects": "s3",
        "s3_endpoint": server.host,
        "s3_secure": "false",
        "s3_access_key": server.access_key,
        "s3_secret_key": server.secret_key,
        "s3_make_buckets": "true",
        **{f"s3_bucket_{b.value}": f"{server.bucket_prefix}{b.value}" for b in Bucket},
    }
    async with open_yard(database_url, tmp_path, redis_url, **store) as opened:
        # Locks are kept by the server, whose clock is the real one.
        opened.bureau.clock.at = datetime.now(UTC)
        yield opened


async def seal_long_ago(yard: Yard, tool: FfmpegTool, owner_url: str) -> None:
    """Some short originals and a long one, in the order of their last looks."""
    actor = await camera(yard.bureau)
    for seed in range(SMALL):
        await deliver(yard.bureau, actor, content(3000, seed=seed), f"{seed}.mp4")
    last = await deliver(yard.bureau, actor, content(LONG), "long.mp4")
    await work_off(yard.bureau.deps, tool, WorkQueue.IO)
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute("UPDATE task_run SET state = 'done', finished_at = now()")
        await connection.execute(
            "UPDATE fixity f SET agreed_at = t.at, looked_at = t.at FROM"
            " (SELECT recording_id, now() - interval '100 days'"
            "   + interval '1 day' * (recording_id = $1)::integer AS at FROM fixity) t"
            " WHERE t.recording_id = f.recording_id",
            last,
        )
    finally:
        await connection.close()


async def looks(yard: Yard) -> list[tuple[datetime, datetime, object]]:
    async with yard.bureau.deps.database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT f.looked_at, f.agreed_at, f.failure FROM fixity f"
            " JOIN original_object o USING (recording_id, n) ORDER BY o.length_bytes"
        )
    return [tuple(row) for row in rows]


def figures_of(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


async def recent(yard: Yard) -> list[bool]:
    now = datetime.now(UTC)
    return [now - looked < timedelta(days=1) for looked, _, _ in await looks(yard)]


async def test_a_worker_killed_in_mid_object_is_followed_and_nothing_is_skipped(
    yard: Yard, tool: FfmpegTool, owner_database_url: str
) -> None:
    await seal_long_ago(yard, tool, owner_database_url)
    # The pace lets the short ones through, and makes the long one wait in its middle for days.
    yard.environment[f"{PREFIX}FIXITY_BYTES_PER_DAY"] = str(DAY_S * 100_000)
    port = servers.free_port()
    yard.environment[f"{PREFIX}METRICS_LISTEN"] = f"127.0.0.1:{port}"
    first = await yard.worker()

    async def in_the_middle() -> bool | None:
        told = read(await asyncio.to_thread(figures_of, port))
        got = told.families["recorder_fixity_read_bytes_total"].samples
        whole = sum(got.values()) >= SMALL * 3000 + 16 * MIB
        return (whole and sum(await recent(yard)) == SMALL) or None

    in_the_middle_at_last: object = await eventually(
        in_the_middle, within=120, what="a worker in mid-object"
    )
    assert in_the_middle_at_last
    first.kill()
    await first.wait()
    assert await recent(yard) == [True] * SMALL + [False]
    yard.environment[f"{PREFIX}FIXITY_BYTES_PER_DAY"] = str(DAY_S * 10_000_000_000)

    async def forgotten() -> object:
        # Then the next worker need not come back for its turn.
        return await yard.bureau.value("SELECT held_until < now() FROM turn WHERE name = 'fixity'")

    forgotten_at_last: object = await eventually(
        forgotten, within=60, what="the end of the dead worker's turn"
    )
    assert forgotten_at_last
    await yard.worker()

    async def all_done() -> bool | None:
        return all(await recent(yard)) or None

    all_done_at_last: object = await eventually(
        all_done, within=120, what="every original read back"
    )
    assert all_done_at_last
    assert all(agreed == looked and not failure for looked, agreed, failure in await looks(yard))
    assert await open_alarms(yard.bureau) == []
    assert "FixityFailed" not in await yard.bureau.event_names()
