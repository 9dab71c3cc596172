"""Livestreams that go on with another: whose publisher came back, or whose numbers are taken.

All that was said of the first holds for them, and their recordings say that they continue its.
"""

from __future__ import annotations

from dataclasses import replace

from recorder.domain.ids import LivestreamId, new_uuid
from recorder.domain.livestream import RUNNING, Livestream, key_prefix
from recorder.domain.people import SERVICE
from recorder.domain.recording import Flag
from recorder.runtime import Deps
from recorder.services import guard, sharing
from recorder.services.live.opening import described_soon, find_livestream, opened_event
from recorder.store import livestream_restrictions, livestreams
from recorder.store.change import Change

#: What was odd about the first alone.
_OF_THE_FIRST = (
    Flag.CLOCK_OFFSET,
    Flag.SOUND_MISSING,
    Flag.TRACKS_LEFT_OUT,
    Flag.REBUILT,
)


async def going_on(deps: Deps, over: Livestream) -> Livestream:
    """The livestream that takes what is published to one that is closing or closed.

    The one that runs, or a new one with device, officer, agency, stage, cases, opener and
    restrictions of the first; whoever may deliver that may deliver this.
    """
    await guard.require_whole(deps, at_once=True)
    first = over.continues or over.id
    async with deps.change(replace(SERVICE, agency=over.agency), told_later=True) as change:
        # Of several who come back at once, one opens it.
        begun = await livestreams.locked(change, first) or over
        for each in await livestreams.continuing(change.connection, first):
            if each.state in RUNNING and not each.is_set_beside:
                return each
        fresh = await _begun(change, _fresh(change, begun, first))
    await described_soon(deps, fresh)
    return await find_livestream(deps, SERVICE, fresh.id)


async def set_beside(deps: Deps, old: Livestream) -> Livestream:
    """A livestream for what waited in a spool while the numbers of its own were given away.

    All that was said of that one holds for it, restrictions too; nobody publishes into it.
    """
    await guard.require_whole(deps, at_once=True)
    async with deps.change(replace(SERVICE, agency=old.agency)) as change:
        fresh = _fresh(change, old, old.continues or old.id)
        fresh = await _begun(change, replace(fresh, opened_by=SERVICE.sender))
    await described_soon(deps, fresh)
    return await find_livestream(deps, SERVICE, fresh.id)


async def _begun(change: Change, fresh: Livestream) -> Livestream:
    await livestreams.insert(change, fresh)
    change.record(opened_event(fresh))
    await _restrict(change, fresh)
    return fresh


def _fresh(change: Change, begun: Livestream, first: LivestreamId) -> Livestream:
    """Another one of which all that was said of this one holds, and nothing has come."""
    livestream = LivestreamId(new_uuid(change.now))
    return Livestream(
        id=livestream,
        agency=begun.agency,
        agency_code=begun.agency_code,
        device=begun.device,
        device_number=begun.device_number,
        dock=begun.dock,
        officer=begun.officer,
        title=begun.title,
        stage=begun.stage,
        case_numbers=begun.case_numbers,
        opened_by=begun.opened_by,
        source=begun.source,
        quarantine_reasons=begun.quarantine_reasons,
        flags=tuple(each for each in begun.flags if each not in _OF_THE_FIRST),
        form=begun.form,
        key_prefix=key_prefix(livestream, change.now),
        device_clock_at=None,
        clock_offset_ms=None,
        created_at=change.now,
        media_type=begun.media_type,
        latitude=begun.latitude,
        longitude=begun.longitude,
        accuracy_m=begun.accuracy_m,
        continues=first,
    )


async def _restrict(change: Change, fresh: Livestream) -> None:
    """Whoever may not watch the first may not watch this, until somebody lifts it here too."""
    if fresh.continues is None:
        return
    await livestreams.locked(change, fresh.continues)
    for each in await livestream_restrictions.of_livestreams(change.connection, [fresh.continues]):
        if each.lifted_at is None:
            act = new_uuid(change.now)
            own = replace(each, act=act, livestream=fresh.id, imposed_at=change.now)
            await sharing.impose_on_livestream(change, own)
