"""Which case footage belongs to: links by rule, over the footage of a simulated city.

    python -m tests.bench attribution [--scale S] [--seeds 1,2]

All files without a number, with clocks wrong by minutes and wrong users of cameras planted. The
rule is asked for each, with the scenes of its agency around it, without a database.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from recorder.simulation.city import simulate
from tests.bench.support.conditions import conditions
from tests.bench.support.report import Bar, Figure, publish
from tests.support.city import LinkingTrial


def _measure(scale: float, seed: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        simulate(scale, seed, 2025, Path(folder) / "city")
        trial = LinkingTrial(Path(folder) / "city")
        began = time.perf_counter()
        found = trial.run()
        taken = time.perf_counter() - began
    about = f"scale {scale:g}, seed {seed}"
    return [
        Figure(
            f"{about}: false links", 100 * found.false / max(1, found.linked), "%", Bar(0.1),
            f"{found.false} of {found.linked}",
        ),
        Figure(
            f"{about}: linked", 100 * (found.linked - found.false) / found.linkable, "%",
            Bar(90, at_least=True), f"{found.footage} files, {found.linkable} of a scene",
        ),
        Figure(
            f"{about}: shown to a person", found.proposed, "",
            None, f"{found.proposed_rightly} with the right case among them",
        ),
        Figure(f"{about}: decisions", found.footage / taken, "files/s"),
    ]  # fmt: skip


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="attribution", description=__doc__)
    parser.add_argument("--scale", type=float, default=0.01)
    parser.add_argument("--seeds", default="1")
    options = parser.parse_args(argv)
    at, figures = conditions(), list[Figure]()
    for seed in options.seeds.split(","):
        figures += _measure(options.scale, int(seed))
    publish("Attribution", at, figures)


if __name__ == "__main__":
    main(sys.argv[1:])
