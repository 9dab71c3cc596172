"""Registries for other systems: rows of a day, as known now or at a past moment, page by page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, TypeVar
from uuid import UUID

from recorder.domain.people import Actor, Scope
from recorder.runtime import Deps
from recorder.services.paging import Page, page_of, page_size, read_cursor
from recorder.services.registries import today
from recorder.store.connection import Connection
from recorder.store.registry.rows import (
    Asked,
    devices,
    entrustments,
    matters,
    officers,
    organisations,
    rosters,
    subjects,
)

__all__ = [
    "Dated",
    "Listed",
    "Wanted",
    "devices",
    "entrustments",
    "matters",
    "officers",
    "organisations",
    "rosters",
    "rows",
    "subjects",
]


class Dated(Protocol):
    """A row as lists are ordered by."""

    @property
    def id(self) -> UUID: ...
    @property
    def noted_at(self) -> datetime: ...


R = TypeVar("R", bound=Dated)
Listed = Callable[[Connection, Scope, Asked], Awaitable[list[R]]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows of a registry; a day of None is today."""

    day: date | None = None
    known_at: datetime | None = None
    key: str | None = None
    cursor: str | None = None
    limit: int = 50


async def rows(deps: Deps, actor: Actor, listed: Listed[R], wanted: Wanted) -> Page[R]:
    """What holds on the day and is in the actor's scope, in the order in which it was noted.

    Raises InvalidInput ``cursor-invalid``, ``limit-invalid``.
    """
    size = page_size(wanted.limit)
    asked = Asked(
        wanted.day or today(deps),
        wanted.known_at,
        wanted.key,
        read_cursor(wanted.cursor),
        size + 1,
    )
    async with deps.database.acquire() as connection:
        found = await listed(connection, actor.scope, asked)
    return page_of(found, size, lambda row: (row.noted_at, row.id))
