"""Which process receives a livestream: one at a time, while it lives.

A holder keeps its lease only while its publisher delivers, so the newest publisher of a key takes
over from a silent one and is refused beside a live one. Words under an old fence are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from weakref import WeakKeyDictionary

from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import LivestreamState
from recorder.domain.people import EVERYTHING
from recorder.errors import Locked
from recorder.runtime import Deps
from recorder.services.live.gathering import Gathering
from recorder.store import livestream_leases, livestream_segments, livestreams

#: A holder that is silent for this long has lost it.
LEASE = timedelta(seconds=8)
_MOST_ROWS = 1000
_PACE_S = 0.5
#: Nobody may hold it for longer at once.
_LONGEST = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class _Lease:
    deps: Deps
    livestream: LivestreamId
    fence: int
    has_waiting: bool


_LINES: WeakKeyDictionary[Deps, Gathering[_Lease, LivestreamState | None]] = WeakKeyDictionary()


async def take(deps: Deps, livestream: LivestreamId) -> int:
    """Become the receiver of a livestream; the fence goes with every ``put``.

    Raises Locked ``livestream-held`` while another one lives, or when it is closed.
    """
    now = deps.clock.now()
    async with deps.database.acquire() as connection:
        fence = await livestream_leases.take(
            connection, livestream, deps.instance, now, now + LEASE, now + _LONGEST
        )
    if fence is None:
        raise Locked("livestream-held", "This livestream is being received already.")
    return fence


@dataclass(frozen=True, slots=True)
class Position:
    """The highest numbers there are, or are promised; a receiver goes on behind them, with a new
    period."""

    period: int
    segment: int


async def position(
    deps: Deps, livestream: LivestreamId, *, behind_claims: bool = False
) -> Position:
    """Where the receiver that has just taken the livestream goes on.

    ``behind_claims``: also behind numbers whose objects may be in the store and do not count yet.
    """
    async with deps.database.acquire() as connection:
        period = await livestream_segments.highest_period(connection, livestream)
        claimed = 0
        if behind_claims:
            claimed = await livestream_segments.highest_claimed(connection, livestream)
        found = await livestreams.find(connection, livestream, EVERYTHING)
    if found is None:
        return Position(period, 0)
    return Position(
        max(period, found.promised_period or 0),
        max(found.highest_number, claimed, found.promised_number or 0),
    )


async def promise(deps: Deps, livestream: LivestreamId, fence: int, upto: Position) -> None:
    """Say that everything up to here reached us and goes up later, out of a spool.

    From then on nobody else gives these numbers away, and its sealing waits for them. Under an old
    fence nothing is said: whoever has taken the livestream since may have given them away.
    """
    async with deps.database.acquire() as connection:
        await livestream_leases.promise(connection, livestream, fence, upto.period, upto.segment)


async def digest_of(deps: Deps, livestream: LivestreamId, number: int) -> bytes | None:
    """SHA-256 of the segment that counts under this number (−p: the init segment of period p)."""
    async with deps.database.acquire() as connection:
        found = await livestream_segments.stored(connection, livestream, number)
    return found.sha256 if found else None


async def keep(
    deps: Deps, livestream: LivestreamId, fence: int, *, has_waiting: bool = False
) -> LivestreamState | None:
    """Extend the lease, and say how the livestream stands; None when another process has it.

    Asked at least every 3 s. Whoever closes it wants nothing more of its publisher. ``has_waiting``
    says that media reached its holder and cannot go up: that is no silence.

    Those of one process that ask within half a second go together.
    """
    line = _LINES.get(deps)
    if line is None:
        line = _LINES[deps] = Gathering(_keep_together, most=_MOST_ROWS, pace_s=_PACE_S)
    return await line.join((livestream, fence), _Lease(deps, livestream, fence, has_waiting))


async def _keep_together(leases: Sequence[_Lease]) -> list[LivestreamState | None]:
    deps = leases[0].deps
    now = deps.clock.now()
    async with deps.database.acquire() as connection:
        kept = await livestream_leases.keep_each(
            connection,
            [(lease.livestream, lease.fence, lease.has_waiting) for lease in leases],
            now,
            now + LEASE,
        )
    return [kept.get(lease.livestream) for lease in leases]


async def let_go(deps: Deps, livestream: LivestreamId, fence: int) -> None:
    """Let the next publisher in at once: the end of a connection that ended in order."""
    async with deps.database.acquire() as connection:
        await livestream_leases.let_go(connection, livestream, fence)
