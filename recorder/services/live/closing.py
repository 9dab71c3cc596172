"""The end of a livestream: asked for, or by silence."""

from __future__ import annotations

from recorder.domain.events import LivestreamClosing
from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import Livestream, LivestreamState
from recorder.domain.people import EVERYTHING, Actor, Permission
from recorder.errors import InternalError, NotFound, Unprocessable
from recorder.runtime import Deps
from recorder.services.live.opening import deliverable, find_livestream
from recorder.services.live.upkeep import seal_if_due
from recorder.store import livestreams


async def may_close(deps: Deps, actor: Actor, livestream_id: LivestreamId) -> bool:
    """Whoever delivers it, and whoever decides about footage in its agency."""
    try:
        await deliverable(deps, actor, livestream_id)
    except NotFound:
        if not actor.may(Permission.ADMIT):
            return False
        await find_livestream(deps, actor, livestream_id)
    return True


async def request_close(
    deps: Deps, actor: Actor, livestream_id: LivestreamId, *, last: int | None
) -> Livestream:
    """Say that a livestream is over, and what its last number is.

    Safe to repeat; a later call may correct the last number while it is closing. What is missing
    may still be delivered; when nothing is, its recording stands on return. Raises Unprocessable
    ``segment-number-invalid`` when segments beyond ``last`` are there.
    """
    if not await may_close(deps, actor, livestream_id):
        raise NotFound("livestream-not-found", "There is no such livestream.")
    async with deps.change(actor, told_later=True) as change:
        found = await livestreams.locked(change, livestream_id)
        if found is None:
            raise InternalError("livestream-vanished", "A livestream has no row any more.")
        if last is not None and last < found.highest_number:
            raise Unprocessable(
                "segment-number-invalid",
                f"Segment {found.highest_number} is there; the last one cannot be {last}.",
                highest=found.highest_number,
            )
        known = found.state is LivestreamState.CLOSING and last in (None, found.last_number)
        if found.state is not LivestreamState.CLOSED and not known:
            await livestreams.begin_closing(change, livestream_id, last)
            change.record(
                LivestreamClosing(
                    subject=found.id,
                    agency=found.agency,
                    cause="requested",
                    last=last,
                    highest=found.highest_number,
                )
            )
    async with deps.database.acquire() as connection:
        after = await livestreams.find(connection, livestream_id, EVERYTHING) or found
    if after.state is LivestreamState.CLOSING:
        await seal_if_due(deps, actor, after, deps.clock.now())
        async with deps.database.acquire() as connection:
            after = await livestreams.find(connection, livestream_id, EVERYTHING) or after
    return after
