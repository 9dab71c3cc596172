"""The guard: a database that is empty or older than its store takes no footage, decides and
removes nothing; and a clock that is ahead of the database's ends nothing.

Once a day a *marker* goes into the store: number, and the newest custody event of this database.
A database that does not hold the event of the newest marker is new, restored or the wrong one.
It must not repair anything: that is ``services/rebuild.py``, which ends with ``accept``.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from recorder.adapters.objects import Bucket, StoredObject
from recorder.domain.alarm import AlarmCode
from recorder.domain.events import DatabaseAccepted
from recorder.domain.ids import AgencyId
from recorder.domain.instant import Instant, format_utc
from recorder.domain.original_key import MARKERS, NO_FOOTAGE, original_key
from recorder.domain.people import Actor
from recorder.errors import Conflict, RecorderError, Unavailable
from recorder.ledger import canonical
from recorder.runtime import Deps
from recorder.services import alarms
from recorder.store import rebuilding, server_facts

_NUMBERED = re.compile(rf"{MARKERS}[0-9]{{9}}")
SYSTEM = uuid.UUID(int=0)
_EVERY = timedelta(days=1)
#: How long a look at the store counts: one that found all well, and one that did not.
_FRESH = timedelta(minutes=10)
_FRESH_TROUBLE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Marker:
    """A sign in the store that a database had come this far."""

    number: int
    key: str
    at: datetime
    #: Newest custody event at that time; None: no database fulfils it (after a restore).
    position: int | None
    event: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class Look:
    """What comparing the store's marker with the database gave."""

    at: datetime
    #: What is wrong, in a sentence; empty when the database is whole.
    why: str
    #: The same for the alarm.
    facts: Mapping[str, object] = field(default_factory=dict)


_LOOKS: WeakKeyDictionary[Deps, Look] = WeakKeyDictionary()
_LOOKING: WeakKeyDictionary[Deps, asyncio.Lock] = WeakKeyDictionary()


async def look(deps: Deps) -> Look:
    """Look now: what says that the store is ahead of the database, or that it is not.

    Raises Unavailable when database or store do not answer.
    """
    marker = await newest_marker(deps)
    async with deps.database.acquire() as connection:
        empty = marker is None and not await rebuilding.has_recordings(connection)
        fulfilled = (
            marker is not None
            and marker.position is not None
            and marker.event is not None
            and await rebuilding.has_event(connection, marker.position, marker.event)
        )
    found = Look(deps.clock.now(), "")
    if marker is not None and not fulfilled:
        found = Look(
            found.at,
            f"The store holds the sign {marker.key} of {format_utc(marker.at)}, which this"
            " database does not know.",
            {"marker": marker.key, "marker_at": format_utc(marker.at)},
        )
    elif empty and (key := await _unclaimed(deps)):
        found = Look(
            found.at,
            f"This database has no recordings, but the store holds footage such as {key}.",
            {"key": key},
        )
    _LOOKS[deps] = found
    return found


async def _unclaimed(deps: Deps) -> str | None:
    """The key of one object that no upload claims; looked for in a database without recordings."""
    async for stored in deps.objects.versions_below(Bucket.ORIGINALS, ""):
        if stored.key.startswith(NO_FOOTAGE):
            continue
        async with deps.database.acquire() as connection:
            if not await rebuilding.claimed(connection, [original_key(stored.key)]):
                return stored.key
    return None


async def is_younger(deps: Deps) -> bool:
    """Whether the database is younger than the store, by a look that still counts.

    When nobody can look now the last look counts; without one Unavailable is raised.
    """
    if fresh := _fresh(deps):
        return bool(fresh.why)
    last = _LOOKS.get(deps)
    try:
        # One looks for all who ask at the same time.
        async with _LOOKING.setdefault(deps, asyncio.Lock()):
            return bool((_fresh(deps) or await look(deps)).why)
    except Unavailable:
        if last is None:
            raise
        return bool(last.why)


def _fresh(deps: Deps) -> Look | None:
    """The last look, while it counts."""
    last = _LOOKS.get(deps)
    if last is None:
        return None
    # One of the future was dated by a clock that has gone back since.
    age = abs(deps.clock.now() - last.at)
    return last if age < (_FRESH_TROUBLE if last.why else _FRESH) else None


async def both_clocks(deps: Deps) -> datetime:
    """Which moment has come by our clock and by the database's.

    What ends or goes by time is due by both of them: an end that came too late costs nothing, one
    that came too early cannot be taken back, and a clock may be days ahead.
    """
    async with deps.database.acquire() as connection:
        return await server_facts.earlier(connection, deps.clock.now())


async def ending(deps: Deps) -> datetime | None:
    """By when something must have been due in order to end, or to leave the store, now.

    None: nothing may, for the store is ahead of the database.
    """
    return None if await is_younger(deps) else await both_clocks(deps)


async def require_whole(deps: Deps, *, at_once: bool = False) -> None:
    """Raise Unavailable ``database-younger-than-store`` where nothing may be taken or decided.

    ``at_once``, for what needs no store: a database that was whole once is so still, and nobody
    waits for a store that is away.
    """
    last = _LOOKS.get(deps)
    if at_once and last is not None and not last.why:
        return
    try:
        younger = await is_younger(deps)
    except Unavailable:
        if not at_once:
            raise
        return
    if younger:
        raise Unavailable(
            "database-younger-than-store",
            "The store holds footage that the database does not know. Nothing is taken and nothing"
            " decided until an operator has run `recorder rebuild`.",
        )


async def check_and_mark(deps: Deps) -> None:
    """Chore: raise or clear the alarm; leave a marker when the newest is a day old."""
    found = await look(deps)
    if found.why:
        await alarms.report(
            deps,
            AlarmCode.DATABASE_YOUNGER,
            about_kind="system",
            about="database",
            detail=f"{found.why} Uploads are refused and nothing is removed; run"
            " `recorder rebuild`.",
            facts=found.facts,
        )
        return
    await alarms.clear_if_open(
        deps,
        AlarmCode.DATABASE_YOUNGER,
        about_kind="system",
        about="database",
        note="The database knows what the store knows.",
    )
    newest = await newest_marker(deps)
    if newest is None or deps.clock.now() - newest.at >= _EVERY:
        await mark(deps)


async def accept(deps: Deps, actor: Actor, *, rebuilt: int, agency: AgencyId | None) -> None:
    """Let this database count from now on, with a custody event and a new marker."""
    marker = await newest_marker(deps)
    async with deps.change(actor) as change:
        change.record(
            DatabaseAccepted(
                subject=SYSTEM,
                agency=agency,
                marker=marker.key if marker else None,
                rebuilt=rebuilt,
            )
        )
    await mark(deps)
    _LOOKS.pop(deps, None)


async def mark(deps: Deps, *, closed: bool = False) -> None:
    """Write the next marker; a ``closed`` one is fulfilled by no database.

    Of several processes at once, one writes it and that counts for all.
    """
    async with deps.database.acquire() as connection:
        newest = None if closed else await rebuilding.newest_event(connection)
    if newest is None and not closed:
        # A database without a single event proves nothing.
        return
    before = await newest_marker(deps)
    number = before.number + 1 if before else 1
    now = deps.clock.now()
    content = canonical.encode(
        {
            "v": 1,
            "number": number,
            "at": format_utc(now),
            "position": newest[0] if newest else None,
            "event": str(newest[1]) if newest else None,
        }
    )
    try:
        await deps.objects.put(
            Bucket.ORIGINALS,
            f"{MARKERS}{number:09d}",
            [content],
            lock_until=now + timedelta(seconds=deps.config.lock_ahead_s),
            media_type="application/json",
        )
    except Conflict:
        if closed:
            # It must be the newest: somebody else's proves another database.
            await mark(deps, closed=True)


async def newest_marker(deps: Deps) -> Marker | None:
    """The marker with the highest number; one that cannot be read is fulfilled by no database."""
    newest: StoredObject | None = None
    async for stored in deps.objects.versions_below(Bucket.ORIGINALS, MARKERS):
        if _NUMBERED.fullmatch(stored.key) and (newest is None or stored.key > newest.key):
            newest = stored
    if newest is None:
        return None
    # The oldest version of the key is the one that was written; others were added behind it.
    first = (await deps.objects.versions(Bucket.ORIGINALS, newest.key))[-1]
    blocks = deps.objects.read(Bucket.ORIGINALS, first.key, first.version)
    content = b"".join([block async for block in blocks])
    number = int(newest.key.removeprefix(MARKERS))
    try:
        said: Any = canonical.decode(content)
        position, event = said["position"], said["event"]
        return Marker(
            number,
            newest.key,
            Instant.parse(said["at"]).at,
            int(position) if position is not None else None,
            uuid.UUID(event) if event is not None else None,
        )
    except (RecorderError, KeyError, TypeError, ValueError):
        return Marker(number, newest.key, deps.clock.now(), None, None)
