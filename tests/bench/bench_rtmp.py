"""RTMP livestreams at 4 Mbit/s into the folder store against bare ffmpeg listeners.

``--streams N`` (50), ``--seconds N`` (20), ``--held N`` (100), ``--no-bare``, ``--store versitygw``
or ``minio`` instead of the folder. Publishers are a process of their own and counted apart; both
sides get the same bytes at the pace of life.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recorder.embedded import guardian
from tests.bench.support import accounts
from tests.bench.support.conditions import conditions
from tests.bench.support.report import Bar, Figure, number, percentile, publish, scatter
from tests.bench.support.rtmp_stand import FOLDER, Stand, standing
from tests.support import cache, footage, live_clips, s3
from tests.support.product import Product, running_product
from tests.support.servers import REPOSITORY
from tests.support.small_office import command_line

_PARTS = {"ingest": "recorder live serve", "ffmpeg": "frag_duration", "PostgreSQL": "postgres",
          "service": "recorder serve --listen-fd", "worker": "-m workers",
          "versitygw": "/versitygw ", "minio": "/minio "}  # fmt: skip
#: After the start of all, before anything is counted.
_SETTLE_S = 4.0
#: After the last byte, until the last segment counts.
_DRAIN_S = 3.0
_MOVFLAGS = "+frag_keyframe+empty_moov+default_base_moof"


def clip(seconds: int) -> Path:
    """720p30 at 4 Mbit/s constant, a keyframe each second, AAC."""

    def make(place: Path) -> None:
        live_clips.run(
            [*("-f", "lavfi", "-i", f"testsrc2=size=1280x720:rate=30:duration={seconds}"),
             *("-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}"),
             *("-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "30"),
             *("-keyint_min", "30", "-sc_threshold", "0", "-pix_fmt", "yuv420p"),
             *("-b:v", "3900k", "-minrate", "3900k", "-maxrate", "3900k", "-bufsize", "3900k"),
             *("-x264-params", "nal-hrd=cbr", "-c:a", "aac", "-b:a", "96k"),
             *("-f", "flv", str(place / "clip.flv"))]
        )  # fmt: skip

    return cache.once(f"bench-live-1-{seconds}", make) / "clip.flv"


@dataclass(slots=True)
class Load:
    """The publishers' process."""

    child: asyncio.subprocess.Process
    told: dict[str, Any] = field(default_factory=dict)

    async def line(self) -> dict[str, Any]:
        assert self.child.stdout is not None
        told: dict[str, Any] = json.loads(await self.child.stdout.readline())
        return told


@contextlib.asynccontextmanager
async def load(addresses: list[tuple[int, str, str]], seconds: int) -> AsyncIterator[Load]:
    """Publishers that have been admitted; at the end of the block they have sent everything."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.support.rtmp_load", str(clip(seconds)), str(seconds)),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY,
    )  # fmt: skip
    assert child.stdin is not None
    child.stdin.write(json.dumps(addresses).encode() + b"\n")
    running = Load(child)
    try:
        await running.line()
        yield running
        running.told = await running.line()
        await child.wait()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def bare(streams: int, seconds: int) -> tuple[float, float]:
    """CPU seconds for a stream-minute, and MiB of memory, of ``ffmpeg -listen 1``."""
    with tempfile.TemporaryDirectory() as folder:
        ports = [_free_port() for _ in range(streams)]
        children = [
            await asyncio.create_subprocess_exec(
                *(footage.ffmpeg(), "-v", "error", "-nostdin", "-listen", "1"),
                *("-i", f"rtmp://127.0.0.1:{port}/live/x", "-c", "copy", "-movflags", _MOVFLAGS),
                *("-f", "mp4", f"{folder}/{port}.mp4"), stdin=subprocess.DEVNULL,
            )
            for port in ports
        ]  # fmt: skip
        async with load([(port, "live", "x") for port in ports], seconds):
            await asyncio.sleep(_SETTLE_S)
            before, began = sum(accounts.cpu_s(c.pid) for c in children), time.monotonic()
            await asyncio.sleep(seconds - _SETTLE_S - 3)
            used = sum(accounts.cpu_s(c.pid) for c in children) - before
            wall = time.monotonic() - began
            memory = sum(accounts.rss_mib(c.pid) for c in children) / streams
        await asyncio.gather(*(child.wait() for child in children))
    return used / wall / streams * 60, memory


@dataclass(slots=True)
class Ours:
    """What one run of the product gave."""

    parts: dict[str, float]
    idle: float
    memory: float
    unshared: float
    ingest_mib: float
    late_s: float
    short: list[float]
    delays_ms: list[float]


async def ours(stand: Stand, tokens: Sequence[str], seconds: int, *, watch: bool = False) -> Ours:
    """The same publishers with the product behind them; ``watch`` asks when segments count."""
    product = stand.product
    seen: dict[Any, dict[int, float]] = {}
    over = asyncio.Event()
    async with product.database() as connection:
        before_rows = {row["id"] for row in await connection.fetch("SELECT id FROM livestream")}
        async with load([(stand.port, "live", token) for token in tokens], seconds) as running:
            watching = asyncio.create_task(_watch(product, seen, over)) if watch else None
            await asyncio.sleep(_SETTLE_S)
            before, idle, began = accounts.by_part(stand.parents, _PARTS), _idle(), time.monotonic()
            await asyncio.sleep(seconds - _SETTLE_S - 3)
            after, wall = accounts.by_part(stand.parents, _PARTS), time.monotonic() - began
            spare = (_idle() - idle) / wall
            memory, unshared, ingest = _memory(stand)
        over.set()
        if watching is not None:
            await watching
        await asyncio.sleep(_DRAIN_S)
        lengths = await connection.fetch(
            "SELECT l.id, sum(s.duration_us) / 1e6 AS seconds FROM livestream l JOIN"
            " livestream_segment s ON s.livestream_id = l.id WHERE s.state = 'stored'"
            " AND s.number > 0 GROUP BY l.id ORDER BY l.id"
        )
    mine = [row for row in lengths if row["id"] not in before_rows]
    scale = 60 / wall / len(tokens)
    return Ours(
        {part: (after[part] - before[part]) * scale for part in _PARTS},
        spare, memory / len(tokens), unshared / len(tokens), ingest, running.told["late_s"],
        [seconds - float(row["seconds"]) for row in mine],
        _delays(seen, running.told["began"], [row["id"] for row in mine]),
    )  # fmt: skip


def _idle() -> float:
    """Idle seconds of all cores since the machine's start."""
    return float(Path("/proc/uptime").read_text().split()[1])


def _memory(stand: Stand) -> tuple[float, float, float]:
    """MiB of all media tools: resident, unshared; and of the ingest process."""
    resident = unshared = ingest = 0.0
    for pid, _ in guardian.family(stand.parents):
        words = command_line(pid)
        if _PARTS["ffmpeg"] in words:
            resident += accounts.rss_mib(pid)
            rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            unshared += sum(int(r.split()[1]) for r in rows if r.startswith("Private")) / 1024
        elif _PARTS["ingest"] in words:
            # The one that has something to do.
            ingest = max(ingest, accounts.rss_mib(pid))
    return resident + ingest, unshared + ingest, ingest


async def _watch(product: Product, seen: dict[Any, dict[int, float]], over: asyncio.Event) -> None:
    """Note when each livestream's next segment counts, to a fiftieth of a second."""
    async with product.database() as connection:
        while not over.is_set():
            for row in await connection.fetch("SELECT id, highest_number FROM livestream"):
                seen.setdefault(row["id"], {}).setdefault(row["highest_number"], time.time())
            await asyncio.sleep(0.02)


def _delays(
    seen: dict[Any, dict[int, float]], began: list[float], livestreams: list[Any]
) -> list[float]:
    """From the keyframe that closes a segment to its row, in ms; streams are told in order."""
    delays = []
    for start, livestream in zip(began, livestreams, strict=False):
        for count, at in seen.get(livestream, {}).items():
            if count > 3:
                # The first picture comes 23 ms after the stream's beginning.
                delays.append((at - start - count - 0.023) * 1000)
    return delays


async def measure(stand: Stand, options: argparse.Namespace) -> list[Figure]:
    """Bare listeners, then the product with as many, with half, and with what it shall hold."""
    at_half = options.held // 2
    tokens = await stand.devices(options.streams + at_half + options.held)
    figures: list[Figure] = []
    #: What lies in S3 is measured beside it.
    is_judged = options.store == FOLDER
    full = await ours(stand, tokens[: options.streams], options.seconds)
    total = sum(full.parts[part] for part in ("ingest", "ffmpeg", "PostgreSQL"))
    shown = ", ".join(
        f"{part} {number(used)}"
        for part, used in full.parts.items() if part not in s3.SOURCES or part == options.store
    )  # fmt: skip
    if not options.no_bare:
        listening, listening_mib = await bare(options.streams, options.seconds)
        figures.append(
            Figure("CPU against bare listeners", total / listening, "×",
                   Bar(1.4) if is_judged else None,
                   f"{number(total)} against {number(listening)} CPU s for a stream-minute;"
                   f" their memory {number(listening_mib)} MiB each")
        )  # fmt: skip
    figures += [
        Figure("CPU for a stream-minute", total, "s", None, shown),
        Figure("memory of a stream", full.memory, "MiB", Bar(45),
               f"media tool and its share of the ingest process ({full.ingest_mib:.0f} MiB)"),
        Figure("unshared of it", full.unshared, "MiB", Bar(20)),
    ]  # fmt: skip
    tokens = tokens[options.streams :]
    half = await ours(stand, tokens[:at_half], options.seconds, watch=True)
    delays = half.delays_ms or [math.inf]
    figures.append(
        Figure("keyframe sent to segment stored and listed, p99", percentile(delays, 0.99),
               "ms", Bar(500) if is_judged else None, f"{at_half} streams; {scatter(delays, 'ms')}")
    )  # fmt: skip
    tokens = tokens[at_half:]
    held = await ours(stand, tokens, options.seconds)
    whole = sum(missing < 0.2 for missing in held.short)
    most = max(held.short, default=math.inf)
    figures.append(
        Figure("streams held without loss", whole, "",
               Bar(100, at_least=True) if is_judged else None,
               f"of {len(tokens)}; {held.idle / 2:.0%} of two cores idle, publishers included; most"
               f" missing {most:.2f} s; publishers late by at most {held.late_s:.2f} s")
    )  # fmt: skip
    return figures


async def _on(product: Product, options: argparse.Namespace) -> list[Figure]:
    async with standing(product, options.store) as stand:
        return await measure(stand, options)


def main(argv: Sequence[str] = ()) -> None:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(prog="rtmp")
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--held", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--no-bare", action="store_true")
    parser.add_argument("--store", choices=(FOLDER, *s3.SOURCES), default=FOLDER)
    options = parser.parse_args(argv)
    clip(options.seconds)
    at_start = conditions()
    with running_product() as product:
        figures = asyncio.run(_on(product, options))
    publish(
        f"RTMP livestreams at 4 Mbit/s, {options.streams} and {options.held} at once",
        at_start,
        figures,
        flags=f"embedded server, store: {options.store}, one ingest process, PostgreSQL syncs;"
        f" publishers (chunk size 4096) from a process of their own, {options.seconds} s.",
    )


if __name__ == "__main__":
    main(sys.argv[1:])
