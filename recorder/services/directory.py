"""Who and what there is: agencies, people, devices, docks, tokens, hand-overs. Reading only.

``q`` narrows a list: a piece of a name, login or number, or an agency's code or name.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from recorder.domain.ids import DeviceId
from recorder.domain.people import Actor, Scope
from recorder.errors import NotFound
from recorder.runtime import Deps
from recorder.services.paging import Page, page_of, page_size, read_cursor
from recorder.store import agencies, devices, directory, subjects
from recorder.store.agencies import Agency
from recorder.store.connection import Connection
from recorder.store.devices import Device, Dock, Handover
from recorder.store.people import Person
from recorder.store.subjects import Subject
from recorder.store.tokens import Token

#: Lines of one device's log that are shown.
_MOST_HANDOVERS = 200
#: Identifiers alone order these lists; the cursor's time says nothing.
_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


class _Named(Protocol):
    @property
    def id(self) -> uuid.UUID: ...


T = TypeVar("T", bound=_Named)
_List = Callable[[Connection, Scope, uuid.UUID | None, int, str | None], Awaitable[list[T]]]


async def _page(
    deps: Deps, actor: Actor, list_some: _List[T], cursor: str | None, limit: int, q: str | None
) -> Page[T]:
    key, size = read_cursor(cursor), page_size(limit)
    async with deps.database.acquire() as connection:
        rows = await list_some(connection, actor.scope, key[1] if key else None, size + 1, q)
    return page_of(rows, size, lambda row: (_NO_TIME, row.id))


async def list_agencies(deps: Deps, actor: Actor) -> list[Agency]:
    """The agencies that the actor sees, by their codes."""
    async with deps.database.acquire() as connection:
        return await agencies.listed(connection, actor.scope)


async def name_recordings(
    deps: Deps, actor: Actor, recordings: Collection[uuid.UUID]
) -> dict[uuid.UUID, Subject]:
    """What those of the recordings are called that are in the actor's agencies."""
    async with deps.database.acquire() as connection:
        return await subjects.named(connection, recordings, actor.scope)


async def list_people(
    deps: Deps, actor: Actor, cursor: str | None = None, limit: int = 50, q: str | None = None
) -> Page[Person]:
    """People of the agencies that the actor sees, newest first."""
    return await _page(deps, actor, directory.people, cursor, limit, q)


async def list_devices(
    deps: Deps, actor: Actor, cursor: str | None = None, limit: int = 50, q: str | None = None
) -> Page[Device]:
    """Devices of the agencies that the actor sees, newest first."""
    return await _page(deps, actor, directory.devices, cursor, limit, q)


async def list_docks(
    deps: Deps, actor: Actor, cursor: str | None = None, limit: int = 50, q: str | None = None
) -> Page[Dock]:
    """Docks of the agencies that the actor sees, newest first."""
    return await _page(deps, actor, directory.docks, cursor, limit, q)


async def list_tokens(
    deps: Deps, actor: Actor, cursor: str | None = None, limit: int = 50, q: str | None = None
) -> Page[Token]:
    """Tokens of the agencies that the actor sees, newest first, without their secrets."""
    return await _page(deps, actor, directory.tokens, cursor, limit, q)


async def list_handovers(deps: Deps, actor: Actor, device: DeviceId) -> list[Handover]:
    """The newest lines of a device's hand-over log (R22). Raises NotFound ``device-not-found``."""
    async with deps.database.acquire() as connection:
        if await devices.find(connection, device, actor.scope) is None:
            raise NotFound("device-not-found", "There is no such device.")
        return await devices.handovers(connection, device, _MOST_HANDOVERS)
