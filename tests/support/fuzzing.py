"""How long and from which seed input is generated: once in ``make test``, longer in ``make fuzz``.

``make fuzz`` sets the variables below; without them every run tries the same input.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

#: Seconds for each of the tests that fuzz; unset means one round.
SECONDS = "FOOTAGE_TEST_FUZZ_SECONDS"
#: The first round's seed; every further round has the next number.
SEED = "FOOTAGE_TEST_FUZZ_SEED"
#: Where what broke something is kept.
FINDINGS = "FOOTAGE_TEST_FUZZ_FINDINGS"
#: A file that is told how much was tried, for the closing lines of make fuzz.
COUNTS = "FOOTAGE_TEST_FUZZ_COUNTS"

_FIXED_SEED = 1
_tried: Counter[str] = Counter()


def tried(what: str, number: int = 1) -> None:
    """Count what has been tried to its end: requests, clips."""
    _tried[what] += number


def seconds() -> float:
    """What a test may take beyond one round."""
    return float(os.environ.get(SECONDS, "0"))


def is_fixed() -> bool:
    """Whether this is the run of make test, whose input is always the same."""
    return SEED not in os.environ


def limit_s(one_round: float) -> float:
    """A time limit for pytest: generous, since the last round begins before the time is over."""
    return seconds() + 2 * one_round


def rounds() -> Iterator[int]:
    """The seed of each round, at least one; a failing round's is printed by pytest."""
    ends = time.monotonic() + seconds()
    number = int(os.environ.get(SEED, str(_FIXED_SEED)))
    while True:
        sys.stdout.write(f"seed {number}\n")
        try:
            yield number
            tried("rounds")
        finally:
            # In the middle of a failing round, too: what was tried before it was tried.
            if file := os.environ.get(COUNTS):
                Path(file).write_text(json.dumps(_tried))
        number += 1
        if time.monotonic() >= ends:
            return


__all__ = [
    "COUNTS",
    "FINDINGS",
    "SECONDS",
    "SEED",
    "is_fixed",
    "limit_s",
    "rounds",
    "seconds",
    "tried",
]
