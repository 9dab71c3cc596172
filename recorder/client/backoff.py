"""How long to wait before the next try, and when to stop trying.

Knows time and chance only; both are given from outside, so tests need no waiting.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from recorder.client.failures import TryLater
from recorder.errors import Unavailable

#: A service may ask for patience, not for a day: its wish counts up to ten minutes.
LONGEST_WISH_SECONDS = 600.0

_random = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with full jitter: a wait is drawn evenly from 0 to base × 2ⁿ, capped.

    Full jitter spreads a thousand devices that lost the same service over the whole interval.
    """

    base_seconds: float = 0.5
    cap_seconds: float = 30.0
    #: Files are given up when for so long nothing went forward; None means never.
    give_up_after_seconds: float | None = None
    draw: Callable[[float, float], float] = _random.uniform
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic


@dataclass(slots=True)
class LastProgress:
    """When anything went well for any file (monotonic).

    Shared, so that a thousand files do not each wait out a service that is away for good.
    """

    at: float


class Patience:
    """Counts the failures of one file since it last went forward."""

    def __init__(self, policy: RetryPolicy, last: LastProgress) -> None:
        self._policy = policy
        self._last = last
        self._failures = 0

    def progress(self) -> None:
        """Something went well: the next failure starts with a short wait again."""
        self._failures = 0
        self._last.at = self._policy.monotonic()

    def waiting_time(self, wish: float | None) -> float:
        """Seconds to wait now: the drawn back-off, but never less than the service's wish."""
        policy = self._policy
        ceiling = min(policy.cap_seconds, policy.base_seconds * 2 ** min(self._failures, 32))
        drawn = policy.draw(0.0, ceiling)
        if wish is None:
            return drawn
        return min(max(wish, 0.0), LONGEST_WISH_SECONDS) + drawn

    async def wait(self, cause: Exception) -> None:
        """Sleep before the next try; raises Unavailable when patience is at its end."""
        policy = self._policy
        wish = cause.retry_after if isinstance(cause, TryLater) else None
        pause = self.waiting_time(wish)
        limit = policy.give_up_after_seconds
        if limit is not None and policy.monotonic() - self._last.at + pause > limit:
            raise Unavailable(
                "gave-up", f"Given up after {limit:g} s without progress. Last: {cause}"
            ) from cause
        self._failures += 1
        await policy.sleep(pause)


def retry_after_seconds(value: str | None, *, answered_at: str | None = None) -> float | None:
    """Read a Retry-After header (RFC 9110, 10.2.3): seconds, or an HTTP date.

    A date is measured against the answer's own Date header if there is one, because the clock
    of a device may be wrong. Nonsense counts as no header.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    wanted = _http_date(text)
    if wanted is None:
        return None
    now = _http_date(answered_at) if answered_at is not None else None
    return max(0.0, (wanted - (now or datetime.now(UTC))).total_seconds())


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
