"""Verification and what follows it outlive kill -9 of the worker and an emptied Redis."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.support.product import REDIS, WORKER, Product, running_product, sha256_of
from tests.support.waiting import eventually
from tests.support.web_service import PATCH

LEASE_S = 2
#: Tasks that end with a row in ``rendition``.
RENDERING = {"poster", "proxy"}


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running_product(task_lease_s=str(LEASE_S)) as running:
        yield running


async def _upload(product: Product, clip: Path, *, behind: bytes = b"") -> str:
    """Send a clip in one request; the name of its recording."""
    content = clip.read_bytes() + behind
    answer = await product.ask(
        "POST", "/api/v1/uploads", await product.device(f"W-{os.urandom(4).hex()}"),
        headers={**PATCH, "Upload-Length": str(len(content))}, data=content,
    )  # fmt: skip
    assert answer.status == 201, answer.content
    return answer.headers["Recorder-Recording"]


@contextlib.asynccontextmanager
async def _stopped(pid: int) -> AsyncIterator[None]:
    """The process does nothing inside the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


async def _runs(product: Product, recording: str) -> dict[str, Any]:
    async with product.database() as database:
        rows = await database.fetch(
            "SELECT task, state, attempt, worker FROM task_run WHERE subject_id = $1", recording
        )
    return {row["task"]: dict(row) for row in rows}


async def test_a_worker_killed_in_mid_verify_is_replaced_and_the_recording_sealed_once(
    product: Product, footage: Path
) -> None:
    clip = footage / "08_faststart.mp4"
    supervisor = await product.supervisor()
    worker = product.child(WORKER)
    assert worker is not None
    async with product.database() as holder:
        async with _stopped(worker):
            recording = await _upload(product, clip)
            # While this row is held, verify reads everything and cannot write its verdict.
            transaction = holder.transaction()
            await transaction.start()
            await holder.execute("SELECT 1 FROM recording WHERE id = $1 FOR UPDATE", recording)

        async def claimed() -> bool | None:
            verify = (await _runs(product, recording)).get("verify")
            return (verify is not None and verify["state"] == "claimed") or None

        is_claimed: bool = await eventually(claimed, within=20, what="a claimed verify")
        assert is_claimed
        first = (await _runs(product, recording))["verify"]
        await product.kill(WORKER)
        await transaction.rollback()
    shown = await product.until_sealed(recording, supervisor)
    assert shown["digests"]["sha256"] == sha256_of(clip)
    assert {task["state"] for task in shown["tasks"]} == {"done"}
    again = (await _runs(product, recording))["verify"]
    assert again["attempt"] > first["attempt"]
    async with product.database() as database:
        sealed = await database.fetchval(
            "SELECT count(*) FROM custody_event WHERE subject_id = $1 AND name = 'RecordingSealed'",
            recording,
        )
    assert sealed == 1


async def test_work_goes_on_while_redis_is_emptied_and_killed(
    product: Product, footage: Path
) -> None:
    addresses = json.loads((product.data / "run" / "addresses.json").read_text())
    supervisor = await product.supervisor()
    worker, redis = product.child(WORKER), product.child(REDIS)
    assert worker is not None
    assert redis is not None
    # All that arq knows of this work is thrown away before a worker has seen it.
    async with _stopped(worker):
        recording = await _upload(product, footage / "02_h265_hvc1.mp4")
        async with Redis.from_url(addresses["redis_url"]) as connection:
            await connection.flushall()
        os.kill(redis, signal.SIGKILL)
    shown = await product.until_sealed(recording, supervisor)
    assert shown["digests"]["sha256"] == sha256_of(footage / "02_h265_hvc1.mp4")
    tasks = {task["task"]: task["state"] for task in shown["tasks"]}
    assert tasks["proxy"] == "done"
    playable = await product.ask("GET", f"/api/v1/recordings/{recording}/playback", supervisor)
    assert playable.status == 200
    address = playable.json["url"]
    assert isinstance(address, str)
    played = await product.ask("GET", address, supervisor, headers={"Range": "bytes=4-7"})
    assert (played.status, played.content) == (206, b"ftyp")


async def test_a_worker_killed_before_it_wrote_a_rendition_down_makes_it_once(
    product: Product, footage: Path
) -> None:
    supervisor = await product.supervisor()
    async with product.database() as holder:
        transaction = holder.transaction()
        await transaction.start()
        # ffmpeg may do its work, and the row that says so cannot be written.
        await holder.execute("LOCK TABLE rendition IN SHARE MODE")
        # The bytes behind the picture make it another recording than those of other tests.
        recording = await _upload(product, footage / "04_mjpeg_pcm.avi", behind=os.urandom(8))

        async def working() -> bool | None:
            runs = await _runs(product, recording)
            return any(runs[t]["state"] == "claimed" for t in RENDERING & set(runs)) or None

        is_working: bool = await eventually(working, within=40, what="a claimed rendition")
        assert is_working
        await product.kill(WORKER)
        await transaction.rollback()
    shown = await product.until_sealed(recording, supervisor, within=60)
    assert {task["state"] for task in shown["tasks"]} == {"done"}
    runs = await _runs(product, recording)
    assert max(runs[task]["attempt"] for task in RENDERING) >= 2
    async with product.database() as database:
        made = await database.fetch(
            "SELECT profile FROM rendition WHERE recording_id = $1", recording
        )
    assert len(made) == len(RENDERING)
