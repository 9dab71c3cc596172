"""``recorder simulate``: write a city to try things on, with everything wrong in it labelled."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from recorder.simulation.calendar import YEARS
from recorder.simulation.city import simulate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``recorder simulate``."""
    parser.description = (
        "Write an invented city: registries as CSV, messages of case systems and footage as NDJSON."
    )
    parser.add_argument("--scale", type=float, default=0.001, help="1 is a city of 407 agencies")
    parser.add_argument("--seed", type=int, default=1, help="another number, another city")
    parser.add_argument("--year", type=int, choices=YEARS, default=YEARS[0])
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="an empty folder")


def run(args: argparse.Namespace) -> int:
    """Exit 0 when the city was written, 2 for wrong usage."""
    if not 0 < args.scale <= 1:
        print("recorder simulate: --scale is above 0 and at most 1", file=sys.stderr)
        return 2
    if args.out.exists() and any(args.out.iterdir()):
        print(f"recorder simulate: {args.out} is not empty", file=sys.stderr)
        return 2
    made = simulate(args.scale, args.seed, args.year, args.out)
    print(
        f"{args.out}: {made.agencies} agencies, {made.officers} officers, {made.cases} cases, "
        f"{made.scenes} scenes, {made.recordings} recordings, {made.violations} planted violations"
    )
    return 0
