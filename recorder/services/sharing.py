"""Restrictions hold for all copies of an event, also for those that come later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from recorder.domain.events import RecordingRestricted
from recorder.domain.ids import RecordingId, RestrictionId, new_uuid
from recorder.domain.restriction import Restriction
from recorder.store import restrictions
from recorder.store.change import Change


async def impose(change: Change, imposed: Sequence[Restriction]) -> None:
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


async def inherit(change: Change, recording: RecordingId) -> None:
    """What restricts one copy of the recording's event restricts them all. Safe to repeat."""
    copies = await restrictions.copies_of_event(change.connection, recording)
    if len(copies) < 2:
        return
    await restrictions.lock(change, list(copies))
    found = await restrictions.of_recordings(change.connection, list(copies))
    known = {(each.act, each.recording) for each in found}
    standing = {each.act: each for each in found if each.lifted_at is None}
    await impose(
        change,
        [
            replace(
                one,
                id=RestrictionId(new_uuid(change.now)),
                agency=agency,
                recording=copy,
                imposed_at=change.now,
            )
            for one in standing.values()
            for copy, agency in copies.items()
            if (one.act, copy) not in known
        ],
    )
