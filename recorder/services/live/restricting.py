"""Narrowing who may watch a livestream while it runs, and what it becomes (R12, R69).

Who may watch what is restricted says ``domain/people.py`` alone.
"""

from __future__ import annotations

from recorder.domain.ids import LivestreamId, RestrictionId, new_uuid
from recorder.domain.people import Actor
from recorder.domain.restriction import LivestreamRestriction, RestrictionGround
from recorder.errors import NotFound
from recorder.runtime import Deps
from recorder.services import names, sharing
from recorder.services.live.opening import find_livestream, watchable
from recorder.store import livestream_restrictions, livestreams, restrictions
from recorder.store.change import Change


async def restrict_livestream(
    deps: Deps, actor: Actor, livestream_id: LivestreamId, *, ground: RestrictionGround, basis: str
) -> LivestreamRestriction:
    """Only some may watch it and what it becomes from now on; tickets given before end.

    Raises NotFound ``livestream-not-found``, InvalidInput ``reason-missing`` without a basis.
    """
    found = await find_livestream(deps, actor, livestream_id)
    async with deps.change(actor) as change:
        await livestreams.locked(change, found.id)
        imposed = LivestreamRestriction(
            act=new_uuid(change.now),
            agency=found.agency,
            livestream=found.id,
            ground=ground,
            basis=names.needed_reason(basis),
            imposed_at=change.now,
            imposed_by=actor.name,
        )
        await sharing.impose_on_livestream(change, imposed)
    return imposed


async def lift_livestream_restriction(
    deps: Deps,
    actor: Actor,
    livestream_id: LivestreamId,
    restriction_id: RestrictionId,
    *,
    reason: str,
) -> LivestreamRestriction:
    """The restriction ends, on everything the livestream became; it stays with the reason.

    Raises InvalidInput ``reason-missing``, NotFound ``livestream-not-found`` or
    ``restriction-not-found``, Forbidden ``footage-restricted`` to whoever may not watch it.
    """
    why = names.needed_reason(reason)
    found = await watchable(deps, actor, livestream_id)
    async with deps.change(actor) as change:
        await livestreams.locked(change, found.id)
        own = await livestream_restrictions.of_livestreams(change.connection, [found.id])
        if restriction_id not in {each.id for each in own if each.lifted_at is None}:
            raise NotFound("restriction-not-found", "No such restriction stands on it.")
        await _lock_what_it_became(change, found.id)
        _, lifted = await sharing.lift(change, restriction_id, why)
    if lifted is None:
        raise NotFound("restriction-not-found", "No such restriction stands on it.")
    return lifted


async def _lock_what_it_became(change: Change, livestream: LivestreamId) -> None:
    copies = set()
    for each in await livestream_restrictions.recordings_of(change.connection, livestream):
        copies |= set(await restrictions.copies_of_event(change.connection, each))
    await restrictions.lock(change, list(copies))


async def livestream_restrictions_of(
    deps: Deps, actor: Actor, livestream_id: LivestreamId
) -> list[LivestreamRestriction]:
    """Its restrictions in the order of time, lifted ones among them. Raises NotFound."""
    found = await find_livestream(deps, actor, livestream_id)
    async with deps.database.acquire() as connection:
        return await livestream_restrictions.of_livestreams(connection, [found.id])
