"""Narrowing who may watch a recording, with the ground and its basis, and ending that (R12, R69).

Who may watch what is restricted says ``domain/people.py`` alone.
"""

from __future__ import annotations

import uuid

from recorder.domain.ids import RecordingId, RestrictionId, new_uuid
from recorder.domain.people import Actor
from recorder.domain.restriction import Narrowing, Restriction, RestrictionGround
from recorder.errors import NotFound
from recorder.runtime import Deps
from recorder.services import names, sharing
from recorder.services.review.viewing import find_own
from recorder.store import livestream_restrictions, restrictions
from recorder.store.change import Change


async def restrict(
    deps: Deps, actor: Actor, recording_id: RecordingId, *, ground: RestrictionGround, basis: str
) -> Restriction:
    """Only some may watch it and every other copy of its event from now on.

    Raises NotFound ``recording-not-found``, InvalidInput ``reason-missing`` without a basis.
    """
    async with deps.change(actor) as change:
        found = await find_own(change.connection, actor, recording_id)
        act = Narrowing(
            act=new_uuid(change.now),
            agency=found.agency,
            ground=ground,
            basis=names.needed_reason(basis),
            imposed_at=change.now,
            imposed_by=actor.name,
        )
        copies = await restrictions.copies_of_event(change.connection, found.id)
        await restrictions.lock(change, list(copies))
        imposed = await sharing.impose(change, [act], copies)
    (own,) = (each for each in imposed if each.recording == found.id)
    return own


async def lift_restriction(
    deps: Deps,
    actor: Actor,
    recording_id: RecordingId,
    restriction_id: RestrictionId,
    *,
    reason: str,
) -> Restriction:
    """The restriction ends, on all copies of the event; it stays with the reason.

    Raises InvalidInput ``reason-missing``, NotFound ``recording-not-found`` or
    ``restriction-not-found``, Forbidden ``footage-restricted`` to whoever may not watch it.
    """
    why = names.needed_reason(reason)
    async with deps.change(actor) as change:
        found = await find_own(change.connection, actor, recording_id)
        actor.need_pictures_of(found.agency, found.officer, restricted=bool(found.restrictions))
        standing = {
            each.id: each.act
            for each in await restrictions.of_recordings(change.connection, [found.id])
            if each.lifted_at is None
        }
        act = standing.get(restriction_id)
        lifted = await _lift(change, found.id, act, why) if act else []
        own = [each for each in lifted if each.id == restriction_id]
        if not own:
            raise NotFound("restriction-not-found", "No such restriction stands on this recording.")
    return own[0]


async def _lift(
    change: Change, recording: RecordingId, act: uuid.UUID, why: str
) -> list[Restriction]:
    await livestream_restrictions.lock_of_event(change, recording)
    await restrictions.lock(
        change, list(await restrictions.copies_of_event(change.connection, recording))
    )
    lifted, _ = await sharing.lift(change, act, why)
    return lifted


async def recording_restrictions(
    deps: Deps, actor: Actor, recording_id: RecordingId
) -> list[Restriction]:
    """Its restrictions in the order of time, lifted ones among them. Raises NotFound."""
    async with deps.database.acquire() as connection:
        found = await find_own(connection, actor, recording_id)
        return await restrictions.of_recordings(connection, [found.id])
