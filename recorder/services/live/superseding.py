"""Superseded objects go: never in the step that superseded them, and only after their own lock.

Safe to repeat, in several processes at once, and to die at any line: an object goes first, then
its row, with the event that tells of it.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from recorder.adapters.objects import Bucket
from recorder.domain.events import SupersededReleased
from recorder.domain.ids import RecordingId
from recorder.domain.people import SERVICE
from recorder.errors import Forbidden, NotFound
from recorder.ledger import canonical
from recorder.runtime import Deps
from recorder.services import guard, turns
from recorder.store import recordings, volumes
from recorder.store.volumes import SupersededObject

logger = logging.getLogger(__name__)

#: In one pass, and so in one event at most.
_AT_ONCE = 500
#: Downloads that began with the small objects go on with them; longer than any of them takes.
_STILL_READ = timedelta(days=1)


async def release_superseded(deps: Deps) -> int:
    """Chore: let some objects go whose bytes lie in volumes; says how many went.

    Only while the store is not ahead of the database, only of sealed recordings of which no
    reading back ever failed, a day after the switch, and past their lock.
    """
    now = await guard.ending(deps)
    if now is None:
        return 0
    return await turns.while_ours(deps, "superseded", lambda: _release(deps, now)) or 0


async def _release(deps: Deps, now: datetime) -> int:
    async with deps.database.acquire() as connection:
        due = await volumes.releasable(connection, now, now - _STILL_READ, _AT_ONCE)
    due.sort(key=lambda each: (each.recording, each.key))
    released = 0
    for recording, objects in itertools.groupby(due, key=lambda each: each.recording):
        if not await _stands(deps, recording):
            continue
        gone = [each.key for each in objects if await _is_gone(deps, each)]
        if gone:
            released += await _told(deps, recording, gone)
    return released


async def _stands(deps: Deps, recording: RecordingId) -> bool:
    """Whether the store has every object of the original, in its length."""
    async with deps.database.acquire() as connection:
        originals = await recordings.objects_of(connection, recording)
    for each in originals:
        try:
            stored = await deps.objects.stat(Bucket.ORIGINALS, each.key, each.version)
        except NotFound:
            stored = None
        if stored is None or stored.length != each.length:
            logger.error("%s is not in the store: what it replaced is kept", each.key)
            return False
    return bool(originals)


async def _is_gone(deps: Deps, each: SupersededObject) -> bool:
    try:
        await deps.objects.delete(Bucket.ORIGINALS, each.key, each.version)
    except Forbidden:
        await _wait_for_lock(deps, each)
        return False
    return True


async def _wait_for_lock(deps: Deps, each: SupersededObject) -> None:
    """Somebody has locked it longer than its row says: it is due when that ends."""
    try:
        stored = await deps.objects.stat(Bucket.ORIGINALS, each.key, each.version)
    except NotFound:
        return
    until = max(stored.lock_until or deps.clock.now(), deps.clock.now() + timedelta(hours=1))
    async with deps.database.acquire() as connection:
        await volumes.later(connection, [each.key], until)


async def _told(deps: Deps, recording: RecordingId, keys: Sequence[str]) -> int:
    async with deps.change(SERVICE, told_later=True) as change:
        gone = await volumes.forget(change, recording, keys)
        if gone:
            change.record(
                SupersededReleased(
                    subject=recording,
                    agency=gone[0].agency,
                    objects=len(gone),
                    length=sum(each.length for each in gone),
                    first=gone[0].key,
                    last=gone[-1].key,
                    digest=hashlib.sha256(b"".join(map(_line, gone))).hexdigest(),
                )
            )
    return len(gone)


def _line(each: SupersededObject) -> bytes:
    """What the digest of a batch is made of (docs/reference/events.md)."""
    said = {"key": each.key, "version": each.version, "length": each.length}
    return canonical.encode(said) + b"\n"
