"""A 1080p30 HEVC clip, all outputs, against the bare ffmpeg commands for the same outputs.

The product is an embedded server; from the last byte until poster and proxy are there. The bare
commands are those that the recordings' lineage names, run one after the other. ``--seconds N``
(60; 600 is the bar's own clip), ``--rounds N`` (2).
"""

from __future__ import annotations

import argparse
import asyncio
import shlex
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.support import clips, sending
from tests.bench.support.conditions import conditions
from tests.bench.support.report import Bar, Figure, publish
from tests.support.product import Product, running_product, short_folder

_OUTPUTS = {"poster", "proxy"}


def product_s(running: Product, token: str, clip: Path) -> tuple[float, str]:
    """Seconds from the last byte to both outputs, and the recording."""
    sent = sending.send(running.url, token, clip)
    at, _ = sending.when(
        running.url,
        token,
        sent.recording,
        lambda shown: {t["task"] for t in shown["tasks"] if t["state"] == "done"} >= _OUTPUTS,
    )
    sending.when(
        running.url,
        token,
        sent.recording,
        lambda shown: all(task["state"] == "done" for task in shown["tasks"]),
    )
    return at - sent.ending_at, sent.recording


async def commands(running: Product, recording: str) -> dict[str, list[str]]:
    """The arguments that made each rendition, as the database keeps them."""
    async with running.database() as connection:
        rows = await connection.fetch(
            "SELECT profile, arguments FROM rendition WHERE recording_id = $1", recording
        )
    return {row["profile"]: list(row["arguments"]) for row in rows}


def bare_s(lines: dict[str, list[str]], ffmpeg: str, clip: Path, place: Path) -> float:
    """Seconds of the same commands without the product."""
    began = time.perf_counter()
    for profile, line in sorted(lines.items()):
        out = place / f"{profile}.bare{'.jpg' if profile == 'poster' else '.mp4'}"
        places = {"{tool}": ffmpeg, "{input}": f"file:{clip}", "{output}": str(out)}
        # As nice as the children of an embedded worker, or a busy machine would decide.
        words = ["nice", "-n", "15", *(places.get(word, word) for word in line)]
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        out.unlink()
    return time.perf_counter() - began


def main(argv: Sequence[str] = ()) -> None:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(prog="hevc")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args(argv)
    at_start = conditions()
    ours, bare = [], []
    with short_folder() as place, running_product() as running:
        token = asyncio.run(running.device("BENCH01"))
        clip, ffmpeg = place / "clip.mp4", _embedded_ffmpeg()
        clips.hevc(clip, options.seconds)
        clips.append_box(clip)
        lines: dict[str, list[str]] = {}
        for number in range(options.rounds):
            clips.make_different(clip, number)
            if lines and number % 2:
                bare.append(bare_s(lines, ffmpeg, clip, place))
            seconds, recording = product_s(running, token, clip)
            ours.append(seconds)
            lines = asyncio.run(commands(running, recording))
            if len(bare) < len(ours):
                bare.append(bare_s(lines, ffmpeg, clip, place))
            print(f"round {number + 1}: ours {ours[-1]:.1f} s, bare {bare[-1]:.1f} s", flush=True)
        length = clip.stat().st_size
    ratio = statistics.median(a / b for a, b in zip(ours, bare, strict=True))
    publish(
        f"HEVC, all outputs: {options.seconds} s of 1080p30, {length / 1e6:.0f} MB",
        at_start,
        [
            Figure("ours by bare, median of pairs", ratio, "", Bar(1.1),
                   f"{options.rounds} pairs, alternating"),
            Figure("last byte to poster and proxy", statistics.median(ours), "s"),
            Figure("bare commands", statistics.median(bare), "s"),
        ],
        flags=" ; ".join(shlex.join(line) for _, line in sorted(lines.items())),
    )  # fmt: skip


def _embedded_ffmpeg() -> str:
    import imageio_ffmpeg

    found: str = imageio_ffmpeg.get_ffmpeg_exe()
    return found
