"""Restrictions hold for all copies of an event, also for those that come later.

A livestream is locked before the recordings of its event, here and where it is sealed.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from recorder.domain.events import (
    LivestreamRestricted,
    LivestreamRestrictionLifted,
    RecordingRestricted,
    RestrictionLifted,
)
from recorder.domain.ids import AgencyId, RecordingId, RestrictionId, new_uuid
from recorder.domain.restriction import LivestreamRestriction, Narrowing, Restriction
from recorder.store import livestream_restrictions, restrictions
from recorder.store.change import Change


async def impose(
    change: Change, acts: Iterable[Narrowing], copies: dict[RecordingId, AgencyId]
) -> list[Restriction]:
    """Write each act on recordings that are locked, where it is not; each with its event."""
    known = {
        (each.act, each.recording)
        for each in await restrictions.of_recordings(change.connection, list(copies))
    }
    imposed = [
        Restriction(
            id=RestrictionId(new_uuid(change.now)),
            act=act.act,
            agency=agency,
            recording=recording,
            ground=act.ground,
            basis=act.basis,
            imposed_at=change.now,
            imposed_by=act.imposed_by,
        )
        for act in acts
        for recording, agency in copies.items()
        if (act.act, recording) not in known
    ]
    await write(change, imposed)
    return imposed


async def write(change: Change, imposed: Sequence[Restriction]) -> None:
    """Write restrictions of recordings that are locked, each with its event."""
    await restrictions.insert(change, imposed)
    for each in imposed:
        change.record(
            RecordingRestricted(
                subject=each.recording,
                agency=each.agency,
                restriction=each.id,
                ground=each.ground.value,
                basis=each.basis,
            )
        )


async def impose_on_livestream(change: Change, imposed: LivestreamRestriction) -> None:
    """Write a restriction of a livestream that is locked, and of all that it has become."""
    await livestream_restrictions.insert(change, imposed)
    change.record(
        LivestreamRestricted(
            subject=imposed.livestream,
            agency=imposed.agency,
            restriction=imposed.id,
            ground=imposed.ground.value,
            basis=imposed.basis,
        )
    )
    became = await livestream_restrictions.recordings_of(change.connection, imposed.livestream)
    copies: dict[RecordingId, AgencyId] = {}
    for each in became:
        copies |= await restrictions.copies_of_event(change.connection, each)
    await restrictions.lock(change, list(copies))
    await impose(change, [imposed], copies)


async def lift(
    change: Change, act: uuid.UUID, why: str
) -> tuple[list[Restriction], LivestreamRestriction | None]:
    """Lift an act from everything of its event that is locked, each with its event."""
    lifted = await restrictions.lift(change, act, why)
    for each in lifted:
        change.record(
            RestrictionLifted(
                subject=each.recording,
                agency=each.agency,
                restriction=each.id,
                ground=each.ground.value,
                reason=why,
            )
        )
    livestream = await livestream_restrictions.lift(change, act, why)
    if livestream is not None:
        change.record(
            LivestreamRestrictionLifted(
                subject=livestream.livestream,
                agency=livestream.agency,
                restriction=livestream.id,
                ground=livestream.ground.value,
                reason=why,
            )
        )
    return lifted, livestream


async def inherit(change: Change, recording: RecordingId) -> None:
    """What restricts the recording's livestream or one copy of its event restricts all copies.

    Safe to repeat.
    """
    streams = await livestream_restrictions.lock_of_event(change, recording)
    copies = await restrictions.copies_of_event(change.connection, recording)
    if len(copies) < 2 and not streams:
        return
    await restrictions.lock(change, list(copies))
    found: Sequence[Narrowing] = [
        *await livestream_restrictions.of_livestreams(change.connection, streams),
        *await restrictions.of_recordings(change.connection, list(copies)),
    ]
    standing = {each.act: each for each in found if each.lifted_at is None}
    await impose(change, standing.values(), copies)
