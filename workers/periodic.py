"""What the clock does: expire uploads, extend locks, read originals back, test the store.

Every worker does all of it; each function may run in several processes at once.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import random
from collections.abc import Awaitable, Callable, Sequence

from recorder.domain.people import SERVICE
from recorder.errors import RecorderError
from recorder.runtime import Deps
from recorder.services import (
    accounts,
    approvals,
    casework,
    coverage,
    dashboard,
    delete_markers,
    fixity,
    gateways,
    guard,
    ingest,
    limits,
    live,
    organs,
    restriction_notes,
    watch,
    webhooks,
)
from recorder.services.feeding import pulling, remapping, replaying
from workers.read_back import read_back

logger = logging.getLogger(__name__)


#: What is done, and how often in seconds. What it gives says whether there may be more to do.
Chore = tuple[Callable[[Deps], Awaitable[object]], float]


async def _mend_pools(deps: Deps) -> object:
    return await replaying.replay_all(deps, SERVICE)


def when_whole(chore: Callable[[Deps], Awaitable[object]]) -> Callable[[Deps], Awaitable[object]]:
    """The chore, but for the time in which the store is ahead of the database.

    What is said of cases must not rest on a database that does not know their footage.
    """

    @functools.wraps(chore)
    async def careful(deps: Deps) -> object:
        return None if await guard.is_younger(deps) else await chore(deps)

    return careful


CHORES: tuple[Chore, ...] = (
    (ingest.expire_overdue, 20),
    (ingest.sweep_pieces, 30),
    (ingest.sweep_intents, 300),
    (ingest.release_duplicates, 600),
    (ingest.extend_locks, 3600),
    (restriction_notes.note_restrictions, 5),
    (live.watch_livestreams, 2),
    (live.watch_overdue, 30),
    (gateways.watch_awaited, 60),
    (live.tell_segments, 10),
    (live.keep_beginnings, 60),
    (live.supplement_livestreams, 30),
    (live.extend_segment_locks, 3600),
    (live.release_superseded, 600),
    (when_whole(casework.attribute_footage), 5),
    (when_whole(coverage.evaluate_due), 1),
    (watch.check_promises, 3600),
    (watch.check_room, 300),
    (watch.check_quarantine, 1800),
    (guard.check_and_mark, 600),
    (accounts.sweep, 3600),
    (approvals.expire_overdue, 600),
    (dashboard.add_up_footage, 5),
    (dashboard.add_up_weeks, 30),
    (organs.renew_reach, 300),
    (webhooks.send_due, 2),
    (when_whole(_mend_pools), 60),
    (when_whole(remapping.spread_mappings), 5),
    (when_whole(pulling.pull_due), 5),
    (limits.sweep, 3600),
    (read_back, 60),
    (fixity.check_age, 3600),
    (delete_markers.look, 600),
)


async def run_chores(deps: Deps, chores: Sequence[Chore] = CHORES) -> None:
    """Do every chore at its pace until cancelled; a failing one is logged and comes again."""
    async with asyncio.TaskGroup() as group:
        for chore, every_s in chores:
            group.create_task(_repeat(deps, chore, every_s))


async def _repeat(deps: Deps, chore: Callable[[Deps], Awaitable[object]], every_s: float) -> None:
    while True:
        try:
            # Chores take a limited number of rows at a time: one that found some looks again.
            while await chore(deps):
                pass
        except RecorderError as error:
            logger.warning("%s will be tried again: %s", chore.__name__, error)
        except Exception:
            # A mistake in one chore must not end the work of the others, nor all tasks.
            logger.exception("%s failed by our own mistake", chore.__name__)
        # Workers that started together do not stay together.
        await asyncio.sleep(every_s * random.uniform(0.8, 1.2))  # noqa: S311 - no secret
