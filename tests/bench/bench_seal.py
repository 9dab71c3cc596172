"""Last byte to sealed: 1 GiB into an embedded server, against reading it once with both digests.

The product and the reference take turns on the same file, which both find in the page cache.
``--rounds N`` (3), ``--mib N`` (1024).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.support import accounts, sending
from tests.bench.support.conditions import conditions
from tests.bench.support.report import Bar, Figure, publish
from tests.support.product import WEB, WORKER, Product, running_product, short_folder
from tests.support.servers import REPOSITORY

PARTS = {"service": WEB, "worker": WORKER, "PostgreSQL": "postgres"}


def reference_s(file: Path) -> float:
    """Seconds of the reference script."""
    words = [sys.executable, "-m", "tests.bench.support.read_once", str(file)]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return float(done.stdout)


def sealed_s(product: Product, token: str, file: Path) -> float:
    """Seconds from the last mebibyte of an upload to the seal."""
    sent = sending.send(product.url, token, file, name="noise.bin")
    at, _ = sending.when(
        product.url, token, sent.recording, lambda shown: shown["integrity"] == "sealed"
    )
    return at - sent.ending_at


def fresh(file: Path, mib: int) -> None:
    """Another content each time: an equal one would be the same recording."""
    with file.open("wb") as target:
        for _ in range(mib):
            target.write(os.urandom(1 << 20))
        target.flush()
        os.fsync(target.fileno())


def main(argv: Sequence[str] = ()) -> None:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(prog="seal")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mib", type=int, default=1024)
    options = parser.parse_args(argv)
    at_start = conditions()
    ours, theirs, shares = [], [], []
    with short_folder() as place, running_product() as product:
        token = asyncio.run(product.device("BENCH01"))
        file = place / "noise.bin"
        for number in range(options.rounds):
            fresh(file, options.mib)
            if number % 2:
                theirs.append(reference_s(file))
            before = accounts.by_part(product.pid, PARTS)
            began = time.perf_counter()
            ours.append(sealed_s(product, token, file))
            whole = time.perf_counter() - began
            shares.append(accounts.differences(before, accounts.by_part(product.pid, PARTS)))
            if not number % 2:
                theirs.append(reference_s(file))
            print(
                f"round {number + 1}: {whole:.2f} s upload and seal, of it {ours[-1]:.2f} s from"
                f" the last byte; reference {theirs[-1]:.2f} s; CPU {shares[-1]}",
                flush=True,
            )
    seal, read = statistics.median(ours), statistics.median(theirs)
    rounds = f"median of {options.rounds}"
    publish(
        f"Last byte to sealed, {options.mib} MiB",
        at_start,
        [
            Figure("last byte to sealed", seal, "s", Bar(round(1.2 * read + 1, 2)), rounds),
            Figure("reference: one reading, both digests", read, "s", None, rounds),
            Figure("ratio", seal / read, "", None, f"last round: {shares[-1]}, upload included"),
        ],
        flags="embedded server, folder store; the last mebibyte in a PATCH of its own.",
    )
