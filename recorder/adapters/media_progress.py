"""What ffmpeg's ``-progress`` says, as something a person can watch.

ffmpeg writes ``key=value`` lines; a block ends with ``progress=continue`` or ``progress=end``.
``out_time_us`` is microseconds (so is ``out_time_ms``, media.md 4).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rendition is. Percent never falls, and is 100 only when the result was checked."""

    percent: int
    done_ms: int
    total_ms: int
    #: Times real time, in hundredths: 250 is two and a half times as fast; 0 is unknown.
    speed_percent: int = 0
    #: Seconds left at this speed; None while unknown.
    eta_s: int | None = None


class ProgressReader:
    """Turns the lines of one run into Progress for one listener."""

    def __init__(self, total_ms: int, listener: Callable[[Progress], Awaitable[None]]) -> None:
        self._total_ms = total_ms
        self._listener = listener
        self._done_ms = 0
        self._speed_percent = 0
        self._percent = 0
        self._seen: tuple[int, int] = (-1, -1)
        self._block: dict[str, str] = {}
        #: Whether the tool said that it came to the end.
        self.ended = False

    async def read(self, line: str) -> bool:
        """Take one line; True when it shows that work has been done since the last block."""
        name, _, value = line.strip().partition("=")
        if name != "progress":
            self._block[name[:32]] = value.strip()[:64]
            return False
        block, self._block = self._block, {}
        self.ended = value == "end"
        self._done_ms = max(self._done_ms, _number(block.get("out_time_us", "")) // 1000)
        self._speed_percent = _hundredths(block.get("speed", ""))
        # Written bytes count too: the second pass of faststart moves no time.
        seen = (self._done_ms, _number(block.get("total_size", "")))
        moved = seen != self._seen
        self._seen = seen
        if self._total_ms:
            share = min(99, 100 * self._done_ms // self._total_ms)
            self._percent = max(self._percent, share)
        await self._listener(self._state())
        return moved or self.ended

    async def complete(self) -> None:
        """The result was checked: tell 100 percent."""
        self._percent = 100
        await self._listener(self._state())

    def _state(self) -> Progress:
        eta_s = None
        if self._percent == 100:
            eta_s = 0
        elif self._speed_percent and self._total_ms:
            eta_s = max(0, self._total_ms - self._done_ms) // (10 * self._speed_percent)
        return Progress(self._percent, self._done_ms, self._total_ms, self._speed_percent, eta_s)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _hundredths(text: str) -> int:
    """``1.25x`` as 125; ``N/A`` and nonsense as 0."""
    try:
        return min(1_000_000, max(0, round(float(text.removesuffix("x")) * 100)))
    except (ValueError, OverflowError):
        return 0
