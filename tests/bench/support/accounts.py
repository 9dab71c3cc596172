"""Processor time and memory of processes, read from /proc."""

from __future__ import annotations

import os
from pathlib import Path

from recorder.embedded import guardian
from tests.support.children import rss_mib as rss_mib
from tests.support.small_office import command_line

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Seconds of processor a process and its ended children have used; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(fields[n]) for n in (11, 12, 13, 14)) / _TICKS


def family_cpu_s(*pids: int) -> float:
    """Seconds of processor of these and of all that descend from them."""
    return sum(cpu_s(pid) for pid, _ in guardian.family(pids))


def by_part(parents: int | set[int], parts: dict[str, str]) -> dict[str, float]:
    """Seconds of processor of each part below ``parents``; a part is known by words it runs.

    A process with words of no part counts to that of whoever started it.
    """
    used = dict.fromkeys(parts, 0.0)
    for pid, _ in guardian.family({parents} if isinstance(parents, int) else parents):
        part = _part_of(pid, parts)
        if part is not None:
            used[part] += cpu_s(pid)
    return used


def _part_of(pid: int, parts: dict[str, str]) -> str | None:
    while pid > 1:
        words = command_line(pid)
        found = [part for part, mark in parts.items() if mark in words]
        if found:
            return found[0]
        seen = guardian.look(pid)
        pid = 0 if seen is None else seen.parent
    return None


def differences(before: dict[str, float], after: dict[str, float]) -> str:
    """What each part used between two accounts, in words."""
    return ", ".join(f"{name} {after[name] - before[name]:.1f} s" for name in before)
