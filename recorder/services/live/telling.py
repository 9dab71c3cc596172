"""Custody events of segments, in batches: many segments, one event with their digest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from recorder.domain.events import LivestreamSegmentsReceived
from recorder.domain.ids import LivestreamId
from recorder.domain.instant import format_utc
from recorder.domain.livestream import BATCH_SEGMENTS, Livestream, Segment
from recorder.domain.people import EVERYTHING, SERVICE
from recorder.ledger import canonical
from recorder.runtime import Deps
from recorder.store import livestream_segments, livestreams
from recorder.store.change import Change

#: A segment waits this long at most for company in its event.
_PATIENCE = timedelta(seconds=30)
_AT_ONCE = 100


async def tell_segments(deps: Deps) -> int:
    """Chore: write the segments of which no event tells yet into one for each livestream.

    Any process may do it at any time, and die at any line.
    """
    async with deps.database.acquire() as connection:
        due = await livestream_segments.with_untold(
            connection, deps.clock.now() - _PATIENCE, _AT_ONCE
        )
    told = 0
    for livestream_id in due:
        async with deps.database.acquire() as connection:
            livestream = await livestreams.find(connection, livestream_id, EVERYTHING)
        if livestream is not None:
            async with deps.change(SERVICE, told_later=True) as change:
                told += await tell(change, livestream)
    return told


async def tell(change: Change, livestream: Livestream) -> int:
    """Record one event for at most BATCH_SEGMENTS of a livestream; gives their number."""
    batch = await livestream_segments.untold(change, livestream.id, BATCH_SEGMENTS)
    if not batch:
        return 0
    await livestream_segments.mark_told(change, livestream.id, [each.number for each in batch])
    change.record(_received(livestream.id, livestream, batch))
    return len(batch)


def _received(
    subject: LivestreamId, livestream: Livestream, batch: Sequence[Segment]
) -> LivestreamSegmentsReceived:
    return LivestreamSegmentsReceived(
        subject=subject,
        agency=livestream.agency,
        segments=len(batch),
        length=sum(each.length for each in batch),
        first=batch[0].number,
        last=batch[-1].number,
        first_arrival_at=min(each.arrived_at for each in batch),
        last_arrival_at=max(each.arrived_at for each in batch),
        digest=hashlib.sha256(b"".join(map(line, batch))).hexdigest(),
    )


def line(segment: Segment) -> bytes:
    """What the digest of a batch is made of (docs/design/live.md)."""
    device = segment.device_at
    said = {
        "number": segment.number,
        "period": segment.period,
        "key": segment.key,
        "version": segment.version,
        "length": segment.length,
        "sha256": segment.sha256.hex(),
        "sm3": segment.sm3.hex(),
        "media_time_us": segment.media_time_us,
        "duration_us": segment.duration_us,
        "device_at": format_utc(device) if device else None,
        "arrived_at": format_utc(segment.arrived_at),
    }
    return canonical.encode(said) + b"\n"
