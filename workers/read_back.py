"""Fixity: sealed originals are read back one after the other, the longest unread first.

One process of the installation does this at a time, at the pace of ``fixity_bytes_per_day``; a
look is written down as soon as it ends, so a worker may be killed at any line.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

from recorder import metrics
from recorder.adapters.objects import Bucket
from recorder.domain import people
from recorder.errors import NotFound, RecorderError
from recorder.runtime import Deps
from recorder.services import fixity, guard, turns
from recorder.services.fixity import Found, SealedObject
from recorder.services.pace import Pace
from workers.steps.digests import DoubleDigest, absorb

logger = logging.getLogger(__name__)

#: Read at once and then paid for by waiting: no connection stays open for hours.
_SPAN_BYTES = 16 * 1024 * 1024
_DAY_S = 86_400


async def read_back(deps: Deps) -> None:
    """Chore: look at what is due while it is our turn."""
    if deps.config.fixity_bytes_per_day and not await guard.is_younger(deps):
        await turns.while_ours(deps, fixity.TURN, lambda: _look_at_what_is_due(deps))
    # Also what others have looked at who are gone.
    await fixity.tell_due(deps, people.worker(deps.instance))


async def _look_at_what_is_due(deps: Deps) -> None:
    actor = people.worker(deps.instance)
    pace = Pace(deps.config.fixity_bytes_per_day / _DAY_S)
    while (due := await fixity.next_due(deps)) is not None:
        try:
            found = await look(deps, due, pace)
        except RecorderError as error:
            # Raises when the store is away: then it is not this object's fault.
            await deps.objects.ping()
            logger.warning("%s could not be read back: %s", due.key, error)
            await fixity.postpone(deps, actor, due, error)
            continue
        if found is None:
            await fixity.agreed(deps, actor, due)
        else:
            await fixity.failed(deps, actor, due, found)
        await fixity.tell_due(deps, actor)


async def look(deps: Deps, sealed: SealedObject, pace: Pace) -> Found | None:
    """Read the object to its end: None when it is what was sealed, else what was found.

    Raises what the store raises when it cannot be read.
    """
    try:
        stored = await deps.objects.stat(Bucket.ORIGINALS, sealed.key, sealed.version)
        if stored.length != sealed.length:
            return Found("length", length=stored.length)
        digest = DoubleDigest()
        await absorb(_paced(deps, sealed, pace), [digest])
    except NotFound:
        return Found("missing")
    if (digest.sha256, digest.sm3) == (sealed.sha256, sealed.sm3):
        return None
    return Found("digest", digest.length, digest.sha256, digest.sm3)


async def _paced(deps: Deps, sealed: SealedObject, pace: Pace) -> AsyncIterator[bytes]:
    for offset in range(0, sealed.length, _SPAN_BYTES):
        length = min(_SPAN_BYTES, sealed.length - offset)
        async for block in deps.objects.read(
            Bucket.ORIGINALS, sealed.key, sealed.version, offset=offset, length=length
        ):
            metrics.FIXITY_READ_BYTES.inc(len(block))
            yield block
        await pace.spend(length)
