"""Many that do something now and then do it at the same moments: the process wakes once for all."""

from __future__ import annotations


def next_moment(now: float, every_s: float) -> float:
    """The next such moment by the loop's clock; never one that has just been."""
    return ((now + every_s / 2) // every_s + 1) * every_s
