"""Mutated clips through a real worker, whose media tools read from a real S3 server."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recorder.adapters.objects import Bucket
from recorder.domain.people import EVERYTHING
from recorder.embedded import guardian
from recorder.store import recordings
from tests.support import s3
from tests.support.mutations import mutated
from tests.support.outside import Outside, open_outside
from tests.support.waiting import eventually
from tests.support.workshop import camera, deliver, runs
from tests.support.yard import Yard, open_yard

#: Numbers of clips that no other test has.
CLIPS = range(7_000, 7_008)


@pytest.fixture
async def yard(
    database_url: str, tmp_path: Path, redis_url: str, versitygw: s3.S3Server
) -> AsyncIterator[Yard]:
    store = {
        "objects": "s3",
        "s3_endpoint": versitygw.host,
        "s3_secure": "false",
        "s3_access_key": versitygw.access_key,
        "s3_secret_key": versitygw.secret_key,
        "s3_make_buckets": "true",
        **{f"s3_bucket_{b.value}": f"{versitygw.bucket_prefix}{b.value}" for b in Bucket},
    }
    async with open_yard(database_url, tmp_path, redis_url, **store) as opened:
        # Locks are kept by the server, whose clock is the real one.
        opened.bureau.clock.at = datetime.now(UTC)
        yield opened


@pytest.fixture
async def outside(tmp_path: Path, footage: Path) -> AsyncIterator[Outside]:
    async with open_outside(tmp_path, footage) as found:
        yield found


def is_alone(worker: int) -> bool:
    """Whether nobody descends from the worker but the one process that its looks are forked from.

    A look that was left over would be a third.
    """
    others = {pid for pid, _ in guardian.family({worker})} - {worker}
    try:
        known = [b"media_forks" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in others]
    except FileNotFoundError:
        # One ends just now.
        return False
    return len(known) < 2 and all(known)


@pytest.mark.timeout(400)
async def test_no_mutated_clip_ends_the_worker_leaves_a_process_or_reaches_anything_else(
    yard: Yard, outside: Outside, footage: Path
) -> None:
    sources = [file.read_bytes() for file in sorted(footage.iterdir())]
    actor = await camera(yard.bureau)
    sent = {}
    for number in CLIPS:
        _, clip = mutated(number, sources, outside.lures())
        sent[await deliver(yard.bureau, actor, clip, f"{number}.mp4")] = clip
    worker = await yard.worker()

    async def settled() -> bool:
        assert worker.returncode is None, yard.logs[worker.pid].read_text()
        all_runs = [
            run for recording in sent for run in (await runs(yard.bureau, recording)).values()
        ]
        return all(run.state in ("done", "failed") for run in all_runs)

    done: bool = await eventually(settled, within=300, what="the end of all tasks")
    assert done
    for recording, clip in sent.items():
        async with yard.bureau.deps.database.acquire() as connection:
            row = await recordings.find(connection, recording, EVERYTHING)
        assert row is not None
        # However broken: sealed as it came, and its own tasks are the only ones that failed.
        assert (row.integrity, row.sha256) == ("sealed", hashlib.sha256(clip).digest())
        failed = {
            n for n, run in (await runs(yard.bureau, recording)).items() if run.state == "failed"
        }
        assert failed <= {"probe", "examine", "codes", "poster", "proxy"}
    await eventually(lambda: is_alone(worker.pid), within=30, what="a worker whose looks are gone")
    assert not outside.touched()
    assert list((yard.folder / "work").iterdir()) == []
