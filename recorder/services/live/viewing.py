"""What is told of a livestream: its state, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from recorder.domain.events import LivestreamViewed, SubjectKind
from recorder.domain.ids import LivestreamId, RecordingId
from recorder.domain.livestream import Gap, Livestream, LivestreamState
from recorder.domain.people import Actor
from recorder.runtime import Deps
from recorder.services.live.opening import find_livestream
from recorder.services.live.sealing import gaps_now
from recorder.services.live.sources import PulledFrom, told_source
from recorder.store import (
    agencies,
    custody_events,
    gateway_files,
    livestream_segments,
    livestreams,
)
from recorder.store.custody_events import RecordedEvent


@dataclass(frozen=True, slots=True)
class LivestreamView:
    """A livestream with its gaps: those known now, or, once closed, those of its closing."""

    livestream: Livestream
    gaps: tuple[Gap, ...]
    #: Where it is fetched from, if it is.
    pulled_from: PulledFrom | None = None
    #: Recordings that a gateway wrote of it.
    copies: tuple[RecordingId, ...] = ()
    #: Whose it is, as people call it.
    agency_name: str = ""
    #: Livestreams in which its publisher went on when it was over, the first of them first; and
    #: those of what waited in a spool while its numbers were given away.
    continued_by: tuple[LivestreamId, ...] = ()
    set_beside: tuple[LivestreamId, ...] = ()


async def view_livestream(deps: Deps, actor: Actor, livestream_id: LivestreamId) -> LivestreamView:
    """The livestream as it stands now.

    An interruption shows as soon as it lasts, also before the clock has written it down.
    """
    found = as_of_now(deps, await find_livestream(deps, actor, livestream_id))
    async with deps.database.acquire() as connection:
        if found.recording is not None:
            gaps = await livestream_segments.gaps_of(connection, found.recording)
        else:
            gaps = await gaps_now(connection, found)
        copies = await gateway_files.copies_of(connection, found.id)
        agency = await agencies.find(connection, found.agency)
        further = await livestreams.continuing(connection, found.id)
    pulled_from = await told_source(deps, found.id) if found.is_pulled else None
    name = agency.name if agency else found.agency_code
    beside = tuple(each.id for each in further if each.is_set_beside)
    came_back = tuple(each.id for each in further if not each.is_set_beside)
    return LivestreamView(found, tuple(gaps), pulled_from, tuple(copies), name, came_back, beside)


async def look_at(deps: Deps, actor: Actor, livestream_id: LivestreamId) -> LivestreamView:
    """As ``view_livestream``, for a person's page: the look is a custody event, told now."""
    view = await view_livestream(deps, actor, livestream_id)
    async with deps.change(actor) as change:
        found = view.livestream
        change.record(LivestreamViewed(subject=found.id, agency=found.agency))
    return view


async def livestream_events(
    deps: Deps, actor: Actor, livestream_id: LivestreamId, limit: int
) -> list[RecordedEvent]:
    """Its newest custody events, in their order."""
    found = await find_livestream(deps, actor, livestream_id)
    async with deps.database.acquire() as connection:
        return await custody_events.last_of_subject(
            connection, SubjectKind.LIVESTREAM, found.id, without="", limit=limit
        )


def as_of_now(deps: Deps, livestream: Livestream) -> Livestream:
    """The livestream, interrupted if nothing has come for long enough.

    What a receiver has and the store does not take yet has come, whatever was written down.
    """
    now, last = deps.clock.now(), livestream.last_arrival_at
    if livestream.waits_for_store(now):
        if livestream.state is not LivestreamState.INTERRUPTED:
            return livestream
        return replace(livestream, state=LivestreamState.LIVE, interrupted_at=None)
    silent_since = now - timedelta(seconds=deps.config.live_interrupted_s)
    if livestream.state is not LivestreamState.LIVE or last is None or last >= silent_since:
        return livestream
    return replace(livestream, state=LivestreamState.INTERRUPTED, interrupted_at=last)
