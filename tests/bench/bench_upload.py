"""1 GiB through the service against tusd, into versitygw, MinIO and a folder, pair by pair.

    python -m tests.bench upload [--pairs 9] [--mib 1024] [versitygw minio folder]

Both are processes of their own with default settings; PostgreSQL syncs to disk. The order of a
pair alternates, what was written is removed and synced in between, the first pair is dropped.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.support import tus_race
from tests.bench.support.conditions import conditions
from tests.bench.support.report import Bar, Figure, publish
from tests.bench.support.tus_race import Run
from tests.support import s3

MIB = 1 << 20
#: Wall time against tusd's; for the folder as rate, the other way round.
_WALL = {"versitygw": 0.9, "minio": 1.0, "folder": 1 / 0.8}
_CPU = 0.6


def _fresh(file: Path, number: int) -> None:
    """Other content each time: the same again would be recognised."""
    with file.open("r+b") as opened:
        opened.write(number.to_bytes(8, "big") + os.urandom(8))


def pairs(store: str, count: int, file: Path) -> list[tuple[Run, Run]]:
    """Ours and tusd in turn; the first pair warms and is dropped."""
    found = []
    with tus_race.both(store) as contestants:
        for number in range(count):
            runs = {}
            for each in contestants if number % 2 else reversed(contestants):
                _fresh(file, number)
                os.sync()
                runs[each.name] = tus_race.upload(each, file)
                each.forget()
            found.append((runs["recorder"], runs["tusd"]))
            ours, theirs = found[-1]
            print(
                f"  {store} {number}: {ours.wall_s:.2f} s / {theirs.wall_s:.2f} s,"
                f" CPU {ours.cpu_s:.2f} / {theirs.cpu_s:.2f} s", flush=True,
            )  # fmt: skip
    return found[1:]


def figures(store: str, found: Sequence[tuple[Run, Run]], gib: float) -> list[Figure]:
    """Medians of the ratios, pair by pair, beside their bars."""
    wall = statistics.median(a.wall_s / b.wall_s for a, b in found)
    cpu = statistics.median(a.cpu_s / b.cpu_s for a, b in found)
    ours = [run for run, _ in found]
    theirs = [run for _, run in found]
    seconds = [statistics.median(r.wall_s for r in runs) for runs in (ours, theirs)]
    spent = [statistics.median(r.cpu_s for r in runs) / gib for runs in (ours, theirs)]
    return [
        Figure(
            f"{store}: wall against tusd", wall, "×", Bar(_WALL[store]),
            f"{1024 * gib / seconds[0]:.0f} against {1024 * gib / seconds[1]:.0f} MiB/s,"
            f" {len(found)} pairs",
        ),
        Figure(
            f"{store}: service CPU against tusd", cpu, "×",
            None if store == "folder" else Bar(_CPU),
            f"{spent[0]:.2f} against {spent[1]:.2f} CPU s/GiB",
        ),
        Figure(f"{store}: peak memory", max(r.peak_mib for r in ours), "MiB", None,
               f"tusd {max(r.peak_mib for r in theirs):.0f} MiB"),
    ]  # fmt: skip


def main(argv: Sequence[str]) -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(prog="bench upload")
    asked.add_argument("--pairs", type=int, default=9)
    asked.add_argument("--mib", type=int, default=1024)
    asked.add_argument("stores", nargs="*", default=list(_WALL))
    args = asked.parse_args(argv)
    before = conditions()
    found: list[Figure] = []
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        file = Path(place) / "footage"
        with file.open("wb") as made:
            for _ in range(args.mib):
                made.write(os.urandom(MIB))
        for store in args.stores:
            found += figures(store, pairs(store, args.pairs, file), args.mib / 1024)
    publish(
        "Upload against tusd", before, found,
        versions={"tusd": tus_race.TUSD.version, **{n: s.version for n, s in s3.SOURCES.items()}},
        flags=f"{args.mib} MiB in one PATCH, {args.pairs} pairs of which the first is dropped",
    )  # fmt: skip
