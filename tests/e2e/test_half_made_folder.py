"""A first start that was killed at any of its steps: the next one makes a whole server of it."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

from tests.support.dying_start import STEPS
from tests.support.product import (
    command,
    ready,
    recorder_line,
    sha256_of,
    short_folder,
    start,
    stop,
)
from tests.support.servers import REPOSITORY


@pytest.mark.parametrize("step", STEPS)
async def test_a_first_start_that_was_killed_is_gone_on_with_by_the_next(
    step: str, footage: Path, tmp_path: Path
) -> None:
    clip = footage / "08_faststart.mp4"
    with short_folder() as place:
        data = place / "d"
        dying = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.support.dying_start", str(data), step),
            cwd=REPOSITORY,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, words = await dying.communicate()
        assert dying.returncode == -signal.SIGKILL, words.decode()
        process = start(data)
        try:
            product = await ready(process, data, within=60)
            (tmp_path / "token").write_text(await product.device("CAM-1"))
            sent = await asyncio.create_subprocess_exec(
                *recorder_line("upload", "--server", product.url, "--json", str(clip)),
                *("--token-file", str(tmp_path / "token"), "--state", str(tmp_path / "state")),
                cwd=REPOSITORY,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            out, words = await sent.communicate()
            assert sent.returncode == 0, words.decode()
            told = json.loads(out)
            assert (told["state"], told["sha256"]) == ("sealed", sha256_of(clip))
            audit = await command("audit", "--level", "digest", "--data", str(data), "--json")
            assert json.loads(audit.out)["clean"], audit.out
            async with product.database() as database:
                assert await database.fetchval("SELECT count(*) FROM agency") == 1
        finally:
            stop(process)
