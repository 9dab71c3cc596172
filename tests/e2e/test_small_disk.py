"""An office's disk is full in the middle of an upload; a real one of 64 MiB, full indeed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.client import Metadata, RetryPolicy, Uploader
from tests.support import small_disk
from tests.support.product import (
    Product,
    long_clip,
    ready,
    sha256_of,
    short_folder,
    start,
    stop,
)
from tests.support.relay import Relay
from tests.support.waiting import eventually
from tests.support.web_service import TUS

MIB = 1024 * 1024


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    with short_folder() as place:
        data = place / "d"
        process = start(data, prefix=small_disk.behind(data / "objects", 64))
        try:
            yield await ready(process, data, within=90)
        finally:
            await asyncio.to_thread(stop, process)


def _refused(product: Product) -> int:
    """How many requests were answered with 507."""
    log = (product.data / "log" / "web.log").read_text(errors="replace")
    return log.count('"status": 507')


@pytest.mark.timeout(400)
async def test_a_full_disk_in_mid_upload_is_told_and_waited_for_and_costs_no_byte(
    product: Product, footage: Path, tmp_path: Path
) -> None:
    clip = long_clip(footage / "08_faststart.mp4", tmp_path / "long.mp4", 16 * MIB + 1)
    token = await product.device("CAM-1")
    filler = small_disk.seen(product.pid, product.data / "objects") / "filler"
    waits: list[float] = []

    async def wait_less(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(min(seconds, 0.5))

    async with (
        Relay(product.port, hold_after=4 * MIB) as line,
        Uploader(
            line.url, token, state_dir=tmp_path / "state", retry=RetryPolicy(sleep=wait_less)
        ) as uploader,
    ):
        sending = asyncio.create_task(uploader.upload([clip], metadata=Metadata()))
        await line.reached.wait()
        small_disk.fill(filler)
        answered = max(line.offsets)
        line.release()
        await eventually(lambda: _refused(product) >= 3, within=200, what="the third refusal")
        assert not sending.done()
        asked = await product.ask("HEAD", line.uploads[0], token, headers=TUS)
        assert int(asked.headers["Upload-Offset"]) >= answered > 0
        told = await product.ask(
            "POST", "/api/v1/uploads", token, headers={**TUS, "Upload-Length": str(MIB)}
        )
        assert (told.status, told.json["code"]) == (507, "storage-full")
        assert int(told.headers["Retry-After"]) == 60
        # A sender does as it is told.
        assert max(waits) >= 60
        filler.unlink()
        (result,) = await sending
    assert (result.done, result.sha256) == (True, sha256_of(clip)), result
    stored = await product.original_sha256(str(result.recording), await product.supervisor())
    assert stored == sha256_of(clip)
    assert line.sent_up <= 1.1 * clip.stat().st_size
