"""Repeatable chance: the same seed and name give the same throws on every machine.

Only ``random()`` of the standard generator is used, whose sequence Python promises to keep.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

Choice = TypeVar("Choice")


class Dice:
    """A stream of throws of its own for each name, so that parts do not disturb each other."""

    def __init__(self, seed: int, name: str) -> None:
        self._throw = random.Random(f"{seed}/{name}").random

    def chance(self, share: float) -> bool:
        return self._throw() < share

    def between(self, least: float, most: float) -> float:
        return least + (most - least) * self._throw()

    def whole(self, least: int, most: int) -> int:
        """A whole number, both ends included."""
        return least + int((most - least + 1) * self._throw())

    def pick(self, choices: Sequence[Choice]) -> Choice:
        return choices[int(len(choices) * self._throw())]

    def digits(self, bits: int) -> str:
        """Hexadecimal digits that stand for a digest."""
        return "".join(f"{int(self._throw() * (1 << 32)):08x}" for _ in range(bits // 32))
