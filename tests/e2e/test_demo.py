"""The demo tells its whole story: cut, killed, resumed, sealed, found, compared; then it ends."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path

from tests.support.product import short_folder


async def demo(*words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "recorder", "demo", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={k: v for k, v in os.environ.items() if not k.startswith("RECORDER_")},
    )  # fmt: skip


async def test_the_main_job_is_shown_from_the_first_byte_to_the_comparison() -> None:
    with short_folder() as folder:
        process = await demo("--once", "--data", str(folder / "d"))
        out, complaints = await process.communicate()
        told = out.decode()
        assert process.returncode == 0, told + complaints.decode()
        assert "killed the client (kill -9)" in told
        assert "It sent the missing" in told
        assert "4 recordings: sealed/ready, sealed/ready, sealed/ready, sealed/ready" in told
        assert "each is byte for byte the local file" in told
        assert "Killed the publisher (kill -9)" in told
        assert "shows as interrupted after" in told
        assert "Closed and sealed as one recording" in told
        report = told.partition("Livestream of camera")[2]
        case = told.partition("Made case ")[2].partition(",")[0]
        # Its gap with the cause, its seal and its case stand in one line.
        assert [
            line
            for line in report.splitlines()
            if "s, reconnect" in line and "sealed" in line and case in line
        ]
        findings = told.partition(f"Findings of {case}")[2]
        assert "gap_unexplained" in findings
        assert "upload_late" in findings
        # Everything that was planted in the city and is old enough is found.
        told_of_city = told.partition("An invented city:")[2]
        rows = [line.split("│")[1:-1] for line in told_of_city.splitlines() if "│" in line]
        planted = {row[0].strip(): (int(row[1]), int(row[2])) for row in rows}
        assert planted.pop("all")[0] == sum(how_often for how_often, _ in planted.values()) > 20
        assert {kind: found for kind, found in planted.items() if found[0] != found[1]} == {}
        assert [place.name for place in folder.iterdir()] == ["d"]


async def test_own_files_are_taken_and_the_address_stays_until_it_is_ended(
    footage: Path,
) -> None:
    with short_folder() as folder:
        own = folder / "own"
        own.mkdir()
        for name in ("08_faststart.mp4", "55_text.mp4"):
            shutil.copy(footage / name, own)
        process = await demo("--data", str(folder / "d"), "--footage", str(own))
        assert process.stdout is not None
        told = ""
        while "stays up until Ctrl-C" not in told:
            line = await process.stdout.readline()
            assert line, f"it ended early: {told}"
            told += line.decode()
        assert "2 recordings: sealed/ready, sealed/ready" in told
        assert "/login/" in told
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
