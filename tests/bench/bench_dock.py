"""25 devices with 40 files each through one client, against one file as big as all of them.

``--devices N`` (25), ``--files N`` each (1; 40 is the bar's own number), ``--mib N`` (64),
``--rounds N`` (2). One ``recorder upload`` for each, with its default of four files at once. What
was sent stays in the store: the bar's own number needs 320 GiB of disk with two rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.support import accounts
from tests.bench.support.conditions import conditions
from tests.bench.support.report import Bar, Figure, publish
from tests.support.product import (
    WEB,
    WORKER,
    Product,
    recorder_line,
    running_product,
    short_folder,
)
from tests.support.servers import REPOSITORY

_PARTS = {"service": WEB, "worker": WORKER, "PostgreSQL": "postgres"}
_BLOCK = 1 << 20
#: Left to everybody else on the machine.
_SPARE = 10 << 30


@dataclass(frozen=True, slots=True)
class Run:
    """One client's work."""

    #: Until the service had every byte.
    received_s: float
    #: Until every receipt was checked and saved.
    wall_s: float
    client_cpu_s: float
    client_rss_mib: float
    server_cpu: str


def write(file: Path, mib: int) -> None:
    """A file of random bytes, on disk."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as target:
        for _ in range(mib):
            target.write(os.urandom(_BLOCK))
        target.flush()
        os.fsync(target.fileno())


def upload(product: Product, token_file: Path, folder: Path, state: Path) -> Run:
    """Send a folder with the command; raises when a file is not sealed."""
    before = accounts.by_part(product.pid, _PARTS)
    words = recorder_line(
        *("upload", str(folder), "--server", product.url, "--token-file", str(token_file)),
        *("--state", str(state), "--json"),
    )
    began, clock = time.perf_counter(), time.time()
    client = subprocess.Popen(
        words, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(client.pid, 0)
    client.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    if client.returncode != 0:
        raise RuntimeError(f"the client ended with {client.returncode}")
    return Run(
        received_s=asyncio.run(_last_received(product)) - clock,
        wall_s=wall,
        client_cpu_s=used.ru_utime + used.ru_stime,
        client_rss_mib=used.ru_maxrss / 1024,
        server_cpu=accounts.differences(before, accounts.by_part(product.pid, _PARTS)),
    )


async def _last_received(product: Product) -> float:
    async with product.database() as connection:
        found: float = await connection.fetchval(
            "SELECT extract(epoch FROM max(received_at))::float8 FROM recording"
        )
    return found


def main(argv: Sequence[str] = ()) -> None:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(prog="dock")
    parser.add_argument("--devices", type=int, default=25)
    parser.add_argument("--files", type=int, default=1)
    parser.add_argument("--mib", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args(argv)
    at_start = conditions()
    count = options.devices * options.files
    many: list[Run] = []
    big: list[Run] = []
    with short_folder() as place, running_product() as product:
        need = (2 * options.rounds + 1) * count * options.mib << 20
        if need > shutil.disk_usage(place).free - _SPARE:
            parser.error(f"this needs {need >> 30} GiB of disk below {place}")
        token_file = place / "token"
        token_file.write_text(asyncio.run(product.device("BENCH01")))
        for number in range(options.rounds):
            for kind in ("many", "big") if number % 2 == 0 else ("big", "many"):
                folder = place / kind
                if kind == "big":
                    write(folder / "one.bin", count * options.mib)
                for device in range(options.devices if kind == "many" else 0):
                    for n in range(options.files):
                        write(folder / f"{device:02}" / f"{number}-{n:02}.bin", options.mib)
                run = upload(product, token_file, folder, place / f"state-{kind}-{number}")
                (many if kind == "many" else big).append(run)
                print(f"{kind}: received after {run.received_s:.1f} s, receipts {run.wall_s:.1f} s;"
                      f" client CPU {run.client_cpu_s:.1f} s, {run.client_rss_mib:.0f} MiB;"
                      f" CPU {run.server_cpu}", flush=True)  # fmt: skip
                for file in folder.rglob("*.bin"):
                    file.unlink()
    publish(
        f"{options.devices} devices with {options.files} files of {options.mib} MiB",
        at_start,
        _figures(many, big, count * options.mib),
        flags="embedded server, folder store; recorder upload with four files at once.",
    )


def _figures(many: Sequence[Run], big: Sequence[Run], mib: int) -> list[Figure]:
    def median(runs: Sequence[Run], name: str) -> float:
        return float(statistics.median(getattr(run, name) for run in runs))

    sealed = median(big, "wall_s") / median(many, "wall_s")
    received = median(big, "received_s") / median(many, "received_s")
    return [
        Figure("rate by that of one big file, to the receipts", sealed, "",
               Bar(0.9, at_least=True), f"{mib / median(many, 'wall_s'):.0f} against"
               f" {mib / median(big, 'wall_s'):.0f} MiB/s"),
        Figure("the same, to the last byte received", received, "", Bar(0.9, at_least=True),
               f"{mib / median(many, 'received_s'):.0f} against"
               f" {mib / median(big, 'received_s'):.0f} MiB/s; the files are verified meanwhile,"
               " the big one afterwards"),
        Figure("memory of the client at most", max(r.client_rss_mib for r in many), "MiB",
               Bar(200), f"one big file {max(r.client_rss_mib for r in big):.0f} MiB"),
        Figure("processor of the client", median(many, "client_cpu_s") * 1024 / mib, "s/GiB",
               None, f"one big file {median(big, 'client_cpu_s') * 1024 / mib:.1f} s/GiB"),
    ]  # fmt: skip
