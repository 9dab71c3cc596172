"""The one disk of an office is full, that of its database too; killed there, and started again."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from recorder.client import Metadata, RetryPolicy, Uploader
from recorder.embedded import guardian
from tests.support import servers, small_disk
from tests.support.product import (
    ended,
    long_clip,
    ready,
    recorder_line,
    sha256_of,
    short_folder,
    start,
    started_before,
    stop,
)
from tests.support.relay import Relay
from tests.support.waiting import eventually

MIB = 1 << 20
_DISK_MIB = 512


@asynccontextmanager
async def office_on_a_small_disk() -> AsyncIterator[tuple[Path, int, dict[str, str]]]:
    """The data folder, a process that sees it on its disk, and the tokens of its office."""
    with short_folder() as place:
        data = place / "d"
        started_before(data)
        process = start(data)
        try:
            product = await ready(process, data, within=60)
            tokens = {"camera": await product.device("CAM-1"), "all": await product.supervisor()}
        finally:
            await asyncio.to_thread(stop, process)
        data.rename(place / "before")
        keeper = subprocess.Popen(
            [*small_disk.behind(data, _DISK_MIB), "sleep", "infinity"], stdin=subprocess.DEVNULL
        )
        try:
            there = small_disk.seen(keeper.pid, data)
            await eventually(lambda: os.path.ismount(there), within=20, what="the small disk")
            shutil.copytree(place / "before", there, symlinks=True, dirs_exist_ok=True)
            yield data, keeper.pid, tokens
        finally:
            keeper.kill()
            keeper.wait()


async def kill_with_children(server: subprocess.Popen[bytes]) -> None:
    """kill -9; its guardian puts the children down."""
    family = guardian.family({server.pid})
    os.kill(server.pid, signal.SIGKILL)
    await asyncio.to_thread(server.wait)
    await eventually(
        lambda: not family & {(one.pid, one.started) for one in guardian.everyone()},
        within=60,
        what="the end of all children",
    )


@pytest.mark.timeout(400)
async def test_a_disk_full_to_the_last_byte_and_kill_9_on_it_cost_no_byte(
    footage: Path, tmp_path: Path
) -> None:
    clip = long_clip(footage / "08_faststart.mp4", tmp_path / "long.mp4", 24 * MIB + 1)
    port = servers.free_port()

    async def wait_less(seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.5))

    async with office_on_a_small_disk() as (data, keeper, tokens):
        filler = small_disk.seen(keeper, data) / "filler"

        def begin() -> subprocess.Popen[bytes]:
            return start(data, "--listen", f"127.0.0.1:{port}", prefix=small_disk.beside(keeper))

        first = begin()
        await ready(first, data, within=60)
        async with (
            Relay(port, hold_after=10 * MIB) as line,
            Uploader(
                line.url,
                tokens["camera"],
                state_dir=tmp_path / "state",
                retry=RetryPolicy(sleep=wait_less),
            ) as uploader,
        ):
            sending = asyncio.create_task(uploader.upload([clip], metadata=Metadata()))
            await line.reached.wait()
            small_disk.fill(filler)
            await kill_with_children(first)
            line.release()
            # The dead may have left some bytes free.
            small_disk.fill(filler)
            # On a disk without a byte it does not start, and says so.
            again = begin()
            assert await ended(again, within=120) == 1
            said = (data.parent / "server.log").read_text(errors="replace")
            assert "Traceback" not in said
            assert "no room left" in said.splitlines()[-1], said
            filler.unlink()
            last = begin()
            try:
                product = await ready(last, data, within=60)
                (result,) = await sending
                assert (result.done, result.sha256) == (True, sha256_of(clip)), result
                stored = await product.original_sha256(str(result.recording), tokens["all"])
                assert stored == sha256_of(clip)
                audit = ["audit", "--data", str(data), "--level", "digest"]
                audited = await asyncio.create_subprocess_exec(
                    *small_disk.beside(keeper), *recorder_line(*audit), cwd=servers.REPOSITORY
                )
                assert await audited.wait() == 0
            finally:
                await asyncio.to_thread(stop, last)
        assert line.sent_up <= 1.1 * clip.stat().st_size
