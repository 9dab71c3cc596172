"""Rows that are fetched from a bucket: each object once, whoever dies; nothing changes there."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from minio import Minio

from recorder.domain.people import OPERATOR
from recorder.errors import Forbidden, InvalidInput, Unavailable
from recorder.services.feeding import pulling
from recorder.store.feed.pulls import Pull
from tests.support.feed_desk import Desk, case, event, open_desk
from tests.support.s3 import S3Server
from tests.support.servers import REPOSITORY
from tests.support.waiting import eventually

NETWORKS = "127.0.0.1/32,::1/128"


@dataclass
class Bucket:
    """A bucket of a case system on versitygw."""

    server: S3Server
    name: str

    @property
    def client(self) -> Minio:
        return Minio(
            self.server.host,
            self.server.access_key,
            self.server.secret_key,
            region=self.server.region,
            secure=False,
        )

    @property
    def address(self) -> str:
        return f"{self.server.endpoint}/{self.name}/rows/"

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(self.name, key, io.BytesIO(content), len(content))

    def listed(self) -> list[tuple[str, str]]:
        found = self.client.list_objects(self.name, recursive=True)
        return [(str(one.object_name), str(one.etag)) for one in found]


@pytest.fixture
def bucket(versitygw: S3Server) -> Bucket:
    made = Bucket(versitygw, f"{versitygw.bucket_prefix}cases")
    made.client.make_bucket(made.name)
    return made


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(database_url, tmp_path, feed_pull_networks=NETWORKS) as opened:
        yield opened


def lines(rows: Iterable[object]) -> bytes:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


def visits(count: int) -> bytes:
    said = [case("C1", 1, "深罚〔2026〕1号"), *(event(f"e{n}", 1, "C1") for n in range(count))]
    return lines(said)


async def add(desk: Desk, bucket: Bucket, **other: Any) -> Pull:
    words: dict[str, Any] = {
        "address": bucket.address,
        "access_key": bucket.server.access_key,
        "secret_key": bucket.server.secret_key,
        "region": bucket.server.region,
    }
    return await pulling.add_bucket(desk.bureau.deps, OPERATOR, "sj", **(words | other))


async def pull(desk: Desk) -> Pull:
    """Let the clock come to the next pull, and do it to the end."""
    desk.bureau.clock.forward(seconds=61)
    while await pulling.pull_due(desk.bureau.deps):
        pass
    return await kept(desk)


@asynccontextmanager
async def notes_wait(owner_database_url: str) -> AsyncIterator[None]:
    """Whoever has taken all rows of a file stands still before it is noted."""
    owner = await asyncpg.connect(owner_database_url)
    try:
        async with owner.transaction():
            await owner.execute("LOCK TABLE feed_file IN SHARE MODE")
            yield
    finally:
        await owner.close()


async def rows_are(desk: Desk, count: int) -> None:
    async def there() -> bool:
        return await desk.bureau.value("SELECT count(*) FROM feed_row") == count

    _: bool = await eventually(there, within=60, what=f"{count} rows")


async def kept(desk: Desk) -> Pull:
    (one,) = await pulling.pulls_of(desk.bureau.deps, OPERATOR, "sj")
    return one


async def test_each_object_below_the_prefix_is_taken_once_and_nothing_changes_there(
    desk: Desk, bucket: Bucket
) -> None:
    bucket.put("rows/2026/05/a.ndjson", visits(1500))
    bucket.put("rows/.half.ndjson", b'{"key"')
    bucket.put("rows/read.me", b"nothing of ours")
    bucket.put("elsewhere/b.ndjson", lines([event("x", 1, "深罚〔2026〕1号")]))
    table = (
        "kind,key,revision,occurred_at,event,number.case\n"
        "event,t1,1,2026-03-05 09:00:00,hearing,深罚〔2026〕1号\n"
    )
    bucket.put("rows/表 1+2.csv", table.encode("gb18030"))
    before = bucket.listed()
    added = await add(desk, bucket)
    assert bucket.server.secret_key.encode() not in added.place
    found = await pull(desk)
    assert (found.files, found.refused, found.trouble, found.watermark) == (2, 0, None, "")
    assert len(await desk.events()) == 1501
    again = await pull(desk)
    assert (again.files, await desk.bureau.value("SELECT sum(repeated) FROM feed_day")) == (2, 0)
    assert bucket.listed() == before


async def test_other_contents_under_an_old_key_are_another_object(
    desk: Desk, bucket: Bucket
) -> None:
    bucket.put("rows/day.ndjson", lines([event("v1", 1, "深罚〔2026〕1号")]))
    await add(desk, bucket)
    await pull(desk)
    bucket.put("rows/day.ndjson", lines([event("v1", 2, "深罚〔2026〕1号"), {"no": "row"}, ["x"]]))
    found = await pull(desk)
    assert await desk.bureau.value("SELECT revision FROM case_event WHERE key = 'v1'") == 2
    # A row without a key is kept in the pool; a list is no row at all, and somebody is told.
    assert await desk.bureau.value("SELECT count(*) FROM feed_row WHERE state = 'pooled'") == 1
    assert (found.refused, found.refused_in) == (1, "rows/day.ndjson")


async def test_a_look_takes_some_objects_and_the_next_look_goes_on(
    desk: Desk, bucket: Bucket
) -> None:
    for n in range(60):
        bucket.put(f"rows/{n:03}.ndjson", lines([event(f"v{n}", 1, "深罚〔2026〕1号")]))
    await add(desk, bucket)
    assert await pulling.pull_due(desk.bureau.deps)
    assert (await kept(desk)).files == 50
    assert await pulling.pull_due(desk.bureau.deps)
    assert (await kept(desk)).files == 60
    assert not await pulling.pull_due(desk.bureau.deps)
    assert len(await desk.events()) == 60


async def test_whoever_is_killed_with_all_rows_taken_and_nothing_noted_does_no_harm(
    desk: Desk, bucket: Bucket, owner_database_url: str
) -> None:
    deps = desk.bureau.deps
    bucket.put("rows/a.ndjson", visits(2500))
    await add(desk, bucket)
    settings = {
        "RECORDER_DATABASE_URL": deps.config.database_url.get_secret_value(),
        "RECORDER_OBJECTS_FOLDER": str(deps.config.objects_folder),
        "RECORDER_OBJECTS_FLOOR_BYTES": "0",
        "RECORDER_SIGNING_KEY_FILE": str(deps.config.signing_key_file),
        "RECORDER_FEED_PULL_NETWORKS": NETWORKS,
    }
    async with notes_wait(owner_database_url):
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.support.pulling_process",
            cwd=REPOSITORY,
            env={**os.environ, **settings},
        )
        try:
            await rows_are(desk, 2501)
        finally:
            worker.send_signal(signal.SIGKILL)
            await worker.wait()
    assert (await kept(desk)).files == 0
    # The dead one's clock was the real one.
    await outlive_the_lease(desk)
    found = await pull(desk)
    assert (found.files, found.trouble) == (1, None)
    assert await desk.bureau.value("SELECT sum(repeated) FROM feed_day") == 2501
    assert len(await desk.events()) == 2500


async def outlive_the_lease(desk: Desk) -> None:
    """Bring the desk's clock behind the lease of the one who died."""
    due = await desk.bureau.value("SELECT extract(epoch FROM max(due_at)) FROM feed_pull")
    now = desk.bureau.clock.now().timestamp()
    desk.bureau.clock.forward(seconds=max(0.0, float(str(due)) - now))


async def test_a_pull_that_is_stopped_while_it_is_worked_on_ends(
    desk: Desk, bucket: Bucket, owner_database_url: str
) -> None:
    for n in range(3):
        bucket.put(f"rows/{n}.ndjson", lines([event(f"v{n}", 1, "深罚〔2026〕1号")]))
    await add(desk, bucket)
    async with notes_wait(owner_database_url):
        working = asyncio.create_task(pulling.pull_due(desk.bureau.deps))
        await rows_are(desk, 1)
        await pulling.stop(desk.bureau.deps, OPERATOR, "sj", reason="换系统")
    await working
    found = await pull(desk)
    assert (found.files, await desk.bureau.value("SELECT count(*) FROM feed_row")) == (1, 1)


async def test_a_bucket_that_may_not_be_reached_or_does_not_let_us_in_is_told_of(
    desk: Desk, bucket: Bucket
) -> None:
    with pytest.raises(Unavailable) as refused:
        await add(desk, bucket, secret_key="geheim-und-falsch")
    assert refused.value.code == "pull-unreachable"
    assert "SignatureDoesNotMatch" in refused.value.detail
    assert "geheim" not in refused.value.detail
    for address in ("s3://x/y", bucket.server.endpoint, f"http://u:p@{bucket.server.host}/cases"):
        with pytest.raises(InvalidInput) as invalid:
            await add(desk, bucket, address=address)
        assert invalid.value.code == "pull-address-invalid", address
    by_name = bucket.address.replace("127.0.0.1", "localhost")
    deps = desk.bureau.deps
    config = deps.config.model_copy(update={"feed_pull_networks": ""})
    strict = Desk(replace(desk.bureau, deps=replace(deps, config=config)), desk.source)
    for address in (bucket.address, by_name):
        with pytest.raises(Forbidden) as forbidden:
            await add(strict, bucket, address=address)
        assert forbidden.value.code == "pull-address-forbidden", address
    await add(desk, bucket, address=by_name)


async def test_trouble_stands_with_the_pull_until_it_goes_well_again(
    desk: Desk, bucket: Bucket
) -> None:
    bucket.put("rows/a.ndjson", lines([event("v1", 1, "深罚〔2026〕1号")]))
    await add(desk, bucket)
    bucket.client.remove_object(bucket.name, "rows/a.ndjson")
    bucket.client.remove_bucket(bucket.name)
    assert "NoSuchBucket" in ((await pull(desk)).trouble or "")
    bucket.client.make_bucket(bucket.name)
    bucket.put("rows/a.ndjson", lines([event("v1", 1, "深罚〔2026〕1号")]))
    found = await pull(desk)
    assert (found.trouble, found.files) == (None, 1)


async def test_a_bucket_of_old_years_is_evaluated_behind_what_happens_today(
    desk: Desk, bucket: Bucket
) -> None:
    bucket.put("rows/2019.ndjson", lines([event("v1", 1, "深旧〔2019〕1号")]))
    await add(desk, bucket, backfill=True)
    await pull(desk)
    assert await desk.bureau.value("SELECT bulk FROM coverage_due") is True
