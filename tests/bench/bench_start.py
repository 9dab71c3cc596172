"""Embedded start to ready: the first, later ones after an orderly end, and after kill -9.

``--rounds N`` (5). Ready is when the ready file is there, that is when /readyz has answered. The
killed server had just taken footage in, so that PostgreSQL has something to recover.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.support import accounts, sending
from tests.bench.support.conditions import conditions
from tests.bench.support.report import Bar, Figure, publish, scatter
from tests.support import product
from tests.support.product import Product

_LONGEST_S = 120


def start(data: Path) -> tuple[subprocess.Popen[bytes], Product, float]:
    """A server of this folder, once it is ready, and the seconds until then."""
    began = time.perf_counter()
    process = product.start(data)
    running = asyncio.run(product.ready(process, data, within=_LONGEST_S))
    return process, running, time.perf_counter() - began


def take_footage(running: Product, place: Path, camera: str) -> None:
    """Some recordings, the last of them still at work when this returns."""
    token = asyncio.run(running.device(camera))
    file = place / "noise.bin"
    for _ in range(5):
        file.write_bytes(os.urandom(4 << 20))
        sending.send(running.url, token, file)


def main(argv: Sequence[str] = ()) -> None:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(prog="start")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(argv)
    at_start = conditions()
    again, killed, cpu = [], [], []
    with product.short_folder() as place:
        data = place / "d"
        process, running, first = start(data)
        try:
            for number in range(options.rounds):
                product.stop(process)
                process, running, seconds = start(data)
                again.append(seconds)
                cpu.append(sum(accounts.cpu_s(pid) for pid in {running.pid, *_below(running)}))
                take_footage(running, place, f"BENCH{number:02}")
                process.kill()
                process.wait()
                # Immediately: what the killed server left is still there.
                process, running, seconds = start(data)
                killed.append(seconds)
                print(f"round {number + 1}: {again[-1]:.2f} s, CPU {cpu[-1]:.2f} s;"
                      f" after kill -9 {seconds:.2f} s", flush=True)  # fmt: skip
        finally:
            # However a round ends, no server is left behind.
            product.stop(process)
    publish(
        "Embedded start",
        at_start,
        [
            Figure("second start", statistics.median(again), "s", Bar(5.0), scatter(again, "s")),
            Figure("start after kill -9", statistics.median(killed), "s", Bar(10.0),
                   scatter(killed, "s")),
            Figure("processor time of a second start", statistics.median(cpu), "s", None,
                   "all processes, until ready"),
            Figure("first start (makes the database)", first, "s", None, "once"),
        ],
    )  # fmt: skip


def _below(running: Product) -> set[int]:
    return {pid for pid, _ in running.family()}
