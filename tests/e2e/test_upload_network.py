"""``recorder upload`` over lines that break, crawl and lie far away: whole, and hardly twice."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.children import rss_mib
from tests.support.product import (
    WEB,
    Product,
    command,
    long_clip,
    running_product,
    sha256_of,
)
from tests.support.relay import BadLine
from tests.support.web_service import PATCH, TUS

MIB = 1024 * 1024
#: Bytes that go up for one byte of footage, requests and repetitions included.
MOST_SENT = 1.1


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with running_product() as running:
        yield running


async def _send(product: Product, line: BadLine, folder: Path, clips: list[Path]) -> None:
    """All of them are sealed with their own digests, within the bytes that they may cost."""
    (folder / "token").write_text(await product.device(f"CAM-{os.urandom(4).hex()}"))
    done = await command(
        *("upload", "--server", line.url, "--token-file", str(folder / "token"), "--json"),
        *("--state", str(folder / "state"), *map(str, clips)),
        within=150,
    )
    assert done.code == 0, done.err
    told = {row["path"]: (row["state"], row["sha256"]) for row in done.json_lines}
    assert told == {str(clip): ("sealed", sha256_of(clip)) for clip in clips}
    size = sum(clip.stat().st_size for clip in clips)
    assert line.sent_up <= MOST_SENT * size


async def test_a_line_that_breaks_every_few_megabytes_costs_little(
    product: Product, footage: Path, tmp_path: Path
) -> None:
    clip = long_clip(footage / "08_faststart.mp4", tmp_path / "long.mp4", 16 * MIB + 1)
    async with BadLine(product.port, cut_every=2 * MIB) as line:
        await _send(product, line, tmp_path, [clip])
        assert line.cuts >= 5


async def test_a_slow_line_far_away_that_breaks_costs_little(
    product: Product, footage: Path, tmp_path: Path
) -> None:
    clip = long_clip(footage / "08_faststart.mp4", tmp_path / "long.mp4", 5 * MIB)
    line = BadLine(product.port, cut_every=3 * MIB // 2, bytes_per_s=2 * MIB, delay_s=0.04)
    async with line:
        await _send(product, line, tmp_path, [clip])
        assert line.cuts >= 2


async def test_several_files_at_once_over_a_line_that_breaks_cost_little(
    product: Product, footage: Path, tmp_path: Path
) -> None:
    clips = [
        long_clip(footage / "08_faststart.mp4", tmp_path / f"{n}.mp4", 6 * MIB + n)
        for n in range(4)
    ]
    async with BadLine(product.port, cut_every=4 * MIB, seed=3) as line:
        await _send(product, line, tmp_path, clips)
        assert line.cuts >= 4


async def test_the_memory_of_the_service_does_not_grow_with_what_passes_through_it(
    product: Product,
) -> None:
    token = await product.device("SOAK")
    web = product.child(WEB)
    assert web is not None
    body = os.urandom(8 * MIB)

    async def sent(number: int) -> None:
        headers = {**TUS, "Upload-Length": str(len(body))}
        made = await product.ask("POST", "/api/v1/uploads", token, headers=headers)
        taken = await product.ask(
            "PATCH",
            urlsplit(made.headers["Location"]).path,
            token,
            headers={**PATCH, "Upload-Offset": "0"},
            data=number.to_bytes(4, "big") + body[4:],
        )
        assert taken.status == 204, taken.content

    async def peak_after(numbers: range) -> float:
        for first in numbers[::4]:
            await asyncio.gather(*(sent(first + n) for n in range(4)))
        return rss_mib(web, "VmHWM")

    warm = await peak_after(range(16))
    # Four times as much passes, and what it held at most stays what it was.
    assert await peak_after(range(16, 80)) <= warm + 24
