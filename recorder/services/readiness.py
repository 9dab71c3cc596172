"""What the service stands on, asked now: database, store, workers. Decides nothing by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from weakref import WeakKeyDictionary

from recorder.domain.people import EVERYTHING, SERVICE
from recorder.errors import RecorderError
from recorder.runtime import Deps
from recorder.services import tasks
from recorder.store import agencies

_PATIENCE_S = 3.0
#: Due work that nobody takes for this long means that no worker is there.
_UNTAKEN = timedelta(seconds=60)


#: How old the answer of another asker may be.
_SHARED_S = 1.0


@dataclass(frozen=True, slots=True)
class Component:
    """One thing that the service stands on."""

    name: str
    well: bool
    #: A sentence for the operator when it is not.
    detail: str = ""


#: When each process looked last, and what it found or is about to.
_LOOKS: WeakKeyDictionary[Deps, tuple[float, asyncio.Task[tuple[Component, ...]]]] = (
    WeakKeyDictionary()
)


async def components(deps: Deps) -> tuple[Component, ...]:
    """The state of each component; none of them takes longer than three seconds.

    Everybody may ask: of many within a second, one asks for all of this process.
    """
    loop = asyncio.get_running_loop()
    began, look = _LOOKS.get(deps, (0.0, None))
    if look is None or (look.done() and loop.time() - began >= _SHARED_S):
        look = asyncio.create_task(_look(deps))
        _LOOKS[deps] = (loop.time(), look)
    # Whoever goes away takes nothing from the others.
    return await asyncio.shield(look)


async def _look(deps: Deps) -> tuple[Component, ...]:
    database, store, workers = await asyncio.gather(
        _asked("database", _ask_database(deps)),
        _asked("store", deps.objects.ping()),
        _asked("workers", _ask_workers(deps)),
    )
    return database, store, workers


async def _asked(name: str, asking: Awaitable[None]) -> Component:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await asking
    except TimeoutError:
        return Component(name, False, f"No answer within {_PATIENCE_S:g} seconds.")
    except RecorderError as error:
        return Component(name, False, error.detail)
    return Component(name, True)


async def _ask_database(deps: Deps) -> None:
    # Any answer will do; this one takes one row by its key.
    async with deps.database.acquire() as connection:
        await agencies.by_code(connection, deps.config.agency_code, EVERYTHING)


class _NobodyWorks(RecorderError):
    """Only for the sentence."""


async def _ask_workers(deps: Deps) -> None:
    work = await tasks.list_unfinished(deps, SERVICE)
    long_due = deps.clock.now() - _UNTAKEN
    runs = [named.run for named in work.runs]
    untaken = [run for run in runs if run.state == "pending" and run.due_at < long_due]
    if untaken and not any(run.state == "claimed" for run in runs):
        raise _NobodyWorks("workers-silent", f"{len(untaken)} tasks are due and nobody takes them.")
