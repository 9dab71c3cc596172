"""How many bytes one PATCH carries.

A body with a checksum counts only as a whole, so a cut costs everything since its beginning. On
a good line bodies should be long (fewer answers to wait for), on a bad one short. All files of a
client share one pace, since they share the line.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

KIB = 1024
MIB = 1024 * KIB

#: The longest body the client ever sends; the service holds back at most 64 MiB.
LARGEST_CHUNK_BYTES = 16 * MIB
#: The least that a caller may set as the longest body; no file is cut up finer without need.
SMALLEST_CHUNK_BYTES = 256 * KIB
#: On a line that breaks all the time bodies get as short as this.
LEAST_CHUNK_BYTES = 64 * KIB
_FIRST_CHUNK_BYTES = MIB
#: A body should not take longer than this: it is the most that a cut can cost.
_SLOW_SECONDS = 8.0
_QUICK_SECONDS = 2.0
#: What a first cut may cost: this part of the file, or of all that this client has sent.
_SHARE = 20
#: After a cut the size doubles only after so many whole bodies of each file under way; what is
#: sent in vain then stays near three per cent, however often the line is cut.
_CAREFUL_STREAK = 16


class Pace:
    """The present size of a body: a power of two times 64 KiB, up to ``largest`` bytes.

    Cut at random, a client sends at most 1.1 times what it has (docs/design/client.md).
    """

    def __init__(self, largest: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._largest = max(largest, SMALLEST_CHUNK_BYTES)
        self._size = min(_FIRST_CHUNK_BYTES, self._largest)
        self._streak = 0
        self._is_careful = False
        self._last_cut = float("-inf")
        self._under_way = 0
        self._arrived = 0

    @property
    def size(self) -> int:
        """Bytes of a body now, of a file long enough."""
        return self._size

    @contextmanager
    def under_way(self) -> Iterator[float]:
        """A body is being sent in the block; gives the moment at which it began (monotonic)."""
        self._under_way += 1
        try:
            yield self._monotonic()
        finally:
            self._under_way -= 1

    def end_of_chunk(self, offset: int, length: int) -> int:
        """Where a body that starts at ``offset`` ends.

        Ends lie on multiples of the size, so that full-sized bodies meet the parts of the store.
        """
        worth = max(length, self._arrived // max(1, self._under_way))
        size = self._size
        while size > SMALLEST_CHUNK_BYTES and size * _SHARE > worth:
            size //= 2
        return min(length, (offset // size + 1) * size)

    def arrived(self, sent: int, seconds: float) -> None:
        """A body arrived whole: longer ones may be tried, or shorter ones if it was slow."""
        self._arrived += sent
        if seconds > _SLOW_SECONDS:
            self._size = max(LEAST_CHUNK_BYTES, self._size // 2)
            self._streak = 0
            return
        if seconds > _QUICK_SECONDS or sent * 2 < self._size:
            return
        self._streak += 1
        # The one that arrived is no longer under way, and one of its file will follow.
        needed = _CAREFUL_STREAK * (self._under_way + 1) if self._is_careful else 1
        if self._streak >= needed:
            self._size = min(self._largest, self._size * 2)
            self._streak = 0

    def cut(self, started_at: float, length: int) -> None:
        """A body of this length that started at ``started_at`` (monotonic) was lost.

        Bodies under way together die together: only the first of them counts.
        """
        if started_at < self._last_cut:
            return
        self._last_cut = self._monotonic()
        while self._size > LEAST_CHUNK_BYTES and self._size * 4 > length:
            self._size //= 2
        self._streak = 0
        self._is_careful = True
