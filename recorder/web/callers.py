"""Which connections each address has with this process, and what happens when they are too many.

A connection that carries no request right now is ended in favour of a new one: its client makes
another and loses nothing. When all are at work, the new one may only bring footage: many slow
cameras may stand behind one address.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Caller(Protocol):
    """A connection, as far as it is counted."""

    def is_idle(self) -> bool:
        """Whether no request is under way; half a head is none."""

    def drop(self) -> None:
        """End it at once."""


class Callers:
    """The connections of each address, oldest first. Proxies that are trusted speak for many."""

    def __init__(self, most: int, exempt: Iterable[str] = ()) -> None:
        self._most = most
        self._exempt = frozenset(exempt)
        self._by_address: dict[str, dict[Caller, None]] = {}

    def came(self, address: str, caller: Caller) -> bool:
        """Count it; False when the address has too many and none of the others was idle."""
        if not self._most or not address or address in self._exempt:
            return True
        there = self._by_address.setdefault(address, {})
        idle = None
        if len(there) >= self._most:
            idle = next((other for other in there if other.is_idle()), None)
        there[caller] = None
        if idle is not None:
            del there[idle]
            idle.drop()
        return len(there) <= self._most

    def went(self, address: str, caller: Caller) -> None:
        """It has ended; ending it twice is harmless."""
        there = self._by_address.get(address)
        if there is not None:
            there.pop(caller, None)
            if not there:
                del self._by_address[address]

    def count(self, address: str) -> int:
        """How many connections are counted for an address."""
        return len(self._by_address.get(address, ()))
