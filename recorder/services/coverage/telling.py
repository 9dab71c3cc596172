"""The feed of event facts, read from a place on, in pages, so that it takes little memory."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date

from recorder.domain.people import Actor
from recorder.errors import Conflict, InvalidInput
from recorder.runtime import Deps
from recorder.store.coverage import event_facts
from recorder.store.coverage.event_facts import Place, ToldFact

#: A page is some two megabytes.
PAGE = 1000


@dataclass(frozen=True, slots=True)
class FactsAhead:
    """What is to be read: everything behind one position and up to another."""

    epoch: uuid.UUID
    after: int
    until: int
    days: tuple[date | None, date | None]

    @property
    def cursor(self) -> str:
        """Where a reader stands who has read it all."""
        return cursor_of(self.epoch, self.until)


def cursor_of(epoch: uuid.UUID, position: int) -> str:
    return f"{epoch}.{position}"


async def facts_ahead(
    deps: Deps,
    after: str | None = None,
    first: date | None = None,
    last: date | None = None,
) -> FactsAhead:
    """What stands behind a cursor; None: the beginning.

    Raises InvalidInput ``cursor-invalid``, Conflict ``facts-restarted`` where the cursor is of
    another life of the feed.
    """
    place = _read_cursor(after)
    async with deps.database.acquire() as connection:
        newest = await event_facts.newest(connection)
    if place is not None and (place.epoch != newest.epoch or place.position > newest.position):
        raise Conflict(
            "facts-restarted",
            "The database was restored since: forget all facts and read from the beginning.",
        )
    return FactsAhead(newest.epoch, place.position if place else 0, newest.position, (first, last))


def _read_cursor(text: str | None) -> Place | None:
    if text is None:
        return None
    epoch, dot, position = text.partition(".")
    try:
        if not dot or not (position.isascii() and position.isdigit()):
            raise ValueError(text)
        return Place(uuid.UUID(epoch), int(position))
    except ValueError as error:
        raise InvalidInput("cursor-invalid", "Not a cursor of this feed.") from error


async def read_facts(deps: Deps, actor: Actor, ahead: FactsAhead) -> AsyncIterator[list[ToldFact]]:
    """Facts in the actor's scope in the order in which they were told, page by page."""
    after = ahead.after
    while after < ahead.until:
        async with deps.database.acquire() as connection:
            page = await event_facts.between(
                connection, actor.scope, ahead.days, after, ahead.until, PAGE
            )
        if page:
            yield page
        if len(page) < PAGE:
            return
        after = page[-1].position
