"""Which row of each key counts, and which keys withdrawals take back: whatever order they came in.

One register for each key: the highest revision wins, of equal ones the higher digest. On top of
the winners stand the withdrawals among them, each of which takes back the key it names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """What a register needs to know of a row that can be read."""

    key: str
    revision: int
    digest: bytes
    #: The key that it takes back, if it is a withdrawal.
    about: str | None = None

    @property
    def rank(self) -> tuple[int, bytes]:
        return (self.revision, self.digest)


def winners(claims: Iterable[Claim]) -> dict[str, Claim]:
    """The claim that counts for each key."""
    found: dict[str, Claim] = {}
    for claim in claims:
        offer(found, claim)
    return found


def offer(registers: dict[str, Claim], claim: Claim) -> bool:
    """Let the claim take part; whether it counts now."""
    held = registers.get(claim.key)
    if held is not None and held.rank >= claim.rank:
        return held == claim
    registers[claim.key] = claim
    return True


def withdrawn(registers: Mapping[str, Claim], keys: Iterable[str]) -> set[str]:
    """Which of the keys are taken back.

    A withdrawal that another one names is taken back itself, whatever becomes of that other one:
    one step, so that two that name each other have an answer. ``registers`` must hold the keys,
    every winning withdrawal that names one of them, and every one that names those.
    """
    named: dict[str, list[Claim]] = {}
    for claim in registers.values():
        if claim.about is not None:
            named.setdefault(claim.about, []).append(claim)
    return {key for key in keys if _is_withdrawn(key, registers, named)}


def _is_withdrawn(
    key: str, registers: Mapping[str, Claim], named: Mapping[str, list[Claim]]
) -> bool:
    held = registers.get(key)
    if held is not None and held.about == key:
        return True
    by = [each.key for each in named.get(key, ())]
    if held is not None and held.about is not None:
        return bool(by)
    return any(all(other.key == each for other in named.get(each, ())) for each in by)
