"""Which sources there are: added, suspended, found by whoever speaks for them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from recorder.domain.events import FeedSourceAdded, FeedSourceStateChanged
from recorder.domain.ids import new_uuid
from recorder.domain.people import Actor, Role
from recorder.errors import Conflict, Forbidden, InvalidInput, NotFound
from recorder.runtime import Deps
from recorder.services import accounts, names, organs, registry
from recorder.store.feed import sources
from recorder.store.feed.sources import FeedSource

#: A back-fill of a large system in one night; a steady feed needs a hundredth of it.
DEFAULT_ROWS_PER_MINUTE = 600_000
MOST_ROWS_PER_MINUTE = 10_000_000
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True)
class AddedSource:
    """A new source with its token, which is shown once."""

    source: FeedSource
    token: str


async def add_source(
    deps: Deps,
    actor: Actor,
    *,
    name: str,
    agency: str | None = None,
    city: bool = False,
    rows_per_minute: int | None = None,
) -> AddedSource:
    """Another system that may feed cases from now on, by a token that can do nothing else.

    Raises InvalidInput ``feed-name-invalid``, ``feed-quota-invalid``, Conflict ``feed-exists``,
    NotFound ``agency-not-found``, Forbidden ``agency-scope``.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            "feed-name-invalid",
            "The name of a source stands in addresses: small letters, digits, - and _, at most 63.",
        )
    quota = DEFAULT_ROWS_PER_MINUTE if rows_per_minute is None else rows_per_minute
    if not 1 <= quota <= MOST_ROWS_PER_MINUTE:
        raise InvalidInput(
            "feed-quota-invalid", f"The quota is 1 to {MOST_ROWS_PER_MINUTE} rows a minute."
        )
    accounts.refuse_city(actor, city)
    async with deps.change(actor) as change:
        home = await organs.named(deps, change, agency)
        token, secret = await registry.issue(change, home.id, name, Role.SOURCE, city=city)
        source = FeedSource(
            id=new_uuid(change.now),
            agency=home.id,
            agency_code=home.code,
            name=name,
            city=city,
            token=token.id,
            rows_per_minute=quota,
            created_at=change.now,
            suspended_at=None,
            heard_at=None,
            newest_at=None,
        )
        if not await sources.insert(change, source):
            raise Conflict("feed-exists", f"There is a source {name} already.")
        change.record(
            FeedSourceAdded(
                subject=source.id,
                agency=home.id,
                title=name,
                city=city,
                rows_per_minute=quota,
                token=token.id,
            )
        )
    return AddedSource(source, secret)


async def set_state(
    deps: Deps, actor: Actor, name: str, *, suspended: bool, reason: str
) -> FeedSource:
    """Let it feed nothing, or let it feed again. To be so already is no failure.

    Raises NotFound ``feed-not-found``, InvalidInput ``reason-missing``.
    """
    why = names.needed_reason(reason)
    source = await find(deps, actor, name)
    if (source.suspended_at is not None) == suspended:
        return source
    async with deps.change(actor) as change:
        await sources.set_suspended(change, source.id, change.now if suspended else None)
        change.record(
            FeedSourceStateChanged(
                subject=source.id,
                agency=source.agency,
                title=source.name,
                state="suspended" if suspended else "active",
                reason=why,
            )
        )
    return await find(deps, actor, name)


async def find(deps: Deps, actor: Actor, name: str) -> FeedSource:
    """The source of that name, as far as the actor sees. Raises NotFound ``feed-not-found``."""
    async with deps.database.acquire() as connection:
        found = await sources.by_name(connection, name, actor.scope)
    if found is None or not _may_see(actor, found):
        raise NotFound("feed-not-found", "There is no such source.")
    return found


async def own(deps: Deps, actor: Actor, name: str) -> FeedSource:
    """The source for which the actor's token speaks, if it may feed.

    Raises NotFound ``feed-not-found`` for another one's, Forbidden ``feed-suspended``.
    """
    found = await find(deps, actor, name)
    if str(found.token) != actor.id:
        raise NotFound("feed-not-found", "There is no such source.")
    if found.suspended_at is not None:
        raise Forbidden("feed-suspended", f"The source {name} is suspended.")
    return found


async def list_sources(deps: Deps, actor: Actor) -> list[FeedSource]:
    """The sources that the actor sees: a program that is one sees itself."""
    async with deps.database.acquire() as connection:
        found = await sources.listed(connection, actor.scope)
    return [each for each in found if _may_see(actor, each)]


def _may_see(actor: Actor, source: FeedSource) -> bool:
    return actor.role is not Role.SOURCE or str(source.token) == actor.id
