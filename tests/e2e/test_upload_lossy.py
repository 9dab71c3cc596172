"""``recorder upload`` over a network that really loses packets: three of ten, both ways."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.support.lossy_line import on_a_unix_socket
from tests.support.product import (
    long_clip,
    recorder_line,
    running_product,
    sha256_of,
    short_folder,
)
from tests.support.servers import REPOSITORY

MIB = 1024 * 1024
_LOSS = "0.3"


# What TCP makes of such a line takes its time, the more so on a busy machine.
@pytest.mark.timeout(500)
async def test_three_of_ten_packets_lost_cost_the_sender_a_tenth_at_most(
    footage: Path, tmp_path: Path
) -> None:
    clip = long_clip(footage / "08_faststart.mp4", tmp_path / "long.mp4", MIB + 1)
    # Away from this loop: it starts a server and waits for it.
    with short_folder() as place, running_product() as product:
        (tmp_path / "token").write_text(await product.device("CAM-1"))
        async with on_a_unix_socket(place / "s", product.port):
            sender = await asyncio.create_subprocess_exec(
                *("unshare", "--user", "--map-root-user", "--net"),
                *(sys.executable, "-m", "tests.support.lossy_line"),
                *(f"8080={place / 's'}", str(place / "report"), _LOSS, "--"),
                *recorder_line("upload", "--server", "http://10.9.0.2:8080"),
                *("--token-file", str(tmp_path / "token"), "--state", str(tmp_path / "state")),
                *("--json", str(clip)),
                cwd=REPOSITORY,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            async with asyncio.timeout(400):
                out, words = await sender.communicate()
        assert sender.returncode == 0, words.decode()
        told = json.loads(out)
        assert (told["state"], told["sha256"]) == ("sealed", sha256_of(clip))
        line = json.loads((place / "report").read_text())
    assert 0.25 < line["lost"] / line["packets"] < 0.35
    assert clip.stat().st_size < line["arrived_bytes"] <= 1.1 * clip.stat().st_size
