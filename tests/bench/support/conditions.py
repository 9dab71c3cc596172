"""Under which conditions something was measured; taken before the measuring begins."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.support.servers import REPOSITORY


@dataclass(frozen=True, slots=True)
class Conditions:
    """The machine and its load at the start."""

    at: datetime
    #: Those this process may use, not those there are.
    cores: int
    processor: str
    memory_gib: float
    kernel: str
    python: str
    load: tuple[float, float, float]
    commit: str

    def sentence(self) -> str:
        load = ", ".join(f"{value:.2f}" for value in self.load)
        return (
            f"{self.at:%Y-%m-%d %H:%M} UTC, commit {self.commit}; {self.cores} cores"
            f" ({self.processor}), {self.memory_gib:.0f} GiB, Linux {self.kernel},"
            f" Python {self.python}; load average at the start {load}."
        )


def conditions() -> Conditions:
    """The conditions of this moment."""
    return Conditions(
        at=datetime.now(UTC),
        cores=len(os.sched_getaffinity(0)),
        processor=_processor(),
        memory_gib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30),
        kernel=platform.release(),
        python=platform.python_version(),
        load=os.getloadavg(),
        commit=_commit(),
    )


def _processor() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def _commit() -> str:
    """The commit, with a plus when something in the tree differs from it."""

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("+" if changed else "")
