"""Agencies: the configured one, others, and which one somebody means."""

from __future__ import annotations

from recorder.domain.events import AgencyAdded
from recorder.domain.ids import AgencyId, new_uuid
from recorder.domain.instant import CHINA
from recorder.domain.people import EVERYTHING, SERVICE, Actor
from recorder.errors import Conflict, Forbidden, NotFound
from recorder.runtime import Deps
from recorder.services import names
from recorder.store import agencies
from recorder.store.agencies import Agency
from recorder.store.change import Change
from recorder.store.registry import organisations


async def ensure_own_agency(deps: Deps) -> AgencyId:
    """The agency of the configuration; made if it is not there yet."""
    config = deps.config
    async with deps.database.acquire() as connection:
        own = await agencies.by_code(connection, config.agency_code, EVERYTHING)
    if own is not None:
        return own.id
    try:
        made = await add_agency(deps, SERVICE, code=config.agency_code, name=config.agency_name)
    except Conflict:
        # Another process was first.
        return await ensure_own_agency(deps)
    return made.id


async def add_agency(deps: Deps, actor: Actor, *, code: str, name: str) -> Agency:
    """A new agency. Raises Conflict ``agency-exists``, Forbidden outside the city scope."""
    if actor.scope.agency is not None:
        raise Forbidden("agency-scope", "Only somebody who sees every agency adds one.")
    async with deps.change(actor) as change:
        agency = Agency(
            AgencyId(new_uuid(change.now)), names.checked(code, "code"), names.checked(name, "name")
        )
        if not await agencies.insert(change, agency):
            raise Conflict("agency-exists", f"There is an agency {agency.code} already.")
        change.record(
            AgencyAdded(subject=agency.id, agency=agency.id, code=agency.code, title=agency.name)
        )
    return agency


async def named(deps: Deps, change: Change, code: str | None) -> Agency:
    """The agency of this code in the actor's scope; without a code the actor's own, or ours.

    Raises NotFound ``agency-not-found``.
    """
    if code is None and change.actor.agency is not None:
        found = await agencies.find(change.connection, change.actor.agency)
    else:
        wanted = names.visible(code) if code else deps.config.agency_code
        found = await agencies.by_code(change.connection, wanted, change.actor.scope)
    if found is None:
        raise NotFound("agency-not-found", f"There is no agency {code or deps.config.agency_code}.")
    return found


async def renew_reach(deps: Deps) -> None:
    """People see what the tree of today puts below their agencies. For the clock."""
    today = deps.clock.now().astimezone(CHINA).date()
    async with deps.database.transaction() as connection:
        await organisations.renew_reach(connection, today)


async def ensure(deps: Deps, actor: Actor, code: str) -> bool:
    """There is an agency of this code in the end; True if it had to be made, named by its code.

    Raises Forbidden ``agency-scope`` where the actor may not make it.
    """
    async with deps.database.acquire() as connection:
        if await agencies.by_code(connection, code, actor.scope) is not None:
            return False
    try:
        await add_agency(deps, actor, code=code, name=code)
    except Conflict:
        # Somebody else was first.
        return False
    return True
