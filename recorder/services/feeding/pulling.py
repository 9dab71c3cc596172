"""Fetching rows for a source: by a query of another database, or from files in a folder.

Both end in ``receiving.receive``; what is fetched twice is repeated and changes nothing.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from recorder.adapters import row_files, sealed_words, sql_source
from recorder.domain.events import FeedPullAdded, FeedPullStopped
from recorder.domain.feed import rows
from recorder.domain.feed.problems import Problem
from recorder.domain.feed.rows import FeedRow
from recorder.domain.ids import new_uuid
from recorder.domain.people import SERVICE, Actor
from recorder.errors import Conflict, InvalidInput, RecorderError
from recorder.runtime import Deps
from recorder.services import names
from recorder.services.feeding import receiving, sources
from recorder.services.feeding.receiving import BATCH_ROWS
from recorder.store.feed import pulls
from recorder.store.feed import sources as source_rows
from recorder.store.feed.pulls import Pull
from recorder.store.feed.sources import FeedSource

#: Rows of one look at a database; a full one is followed by the next at once.
_MOST_ROWS = 5000
_MOST_FILES = 50
LEAST_EVERY_S, MOST_EVERY_S = 10, 86_400


async def add_sql(
    deps: Deps, actor: Actor, name: str, *, dsn: str, query: str, every_s: int = 60
) -> Pull:
    """Ask another PostgreSQL from now on, as that source.

    ``query`` has the watermark as ``$1`` and a column ``watermark``. It is tried at once. Raises
    NotFound ``feed-not-found``, and what ``sql_source.fetch`` raises.
    """
    await sql_source.fetch(dsn, query, "", 1)
    return await _add(deps, actor, name, "sql", {"dsn": dsn, "query": query}, every_s)


async def add_folder(
    deps: Deps, actor: Actor, name: str, *, folder: Path, every_s: int = 60
) -> Pull:
    """Take each file in a folder once from now on, as that source.

    Raises NotFound ``feed-not-found``, Unavailable ``pull-unreachable``.
    """
    await asyncio.to_thread(row_files.listed, folder, 1)
    return await _add(deps, actor, name, "folder", {"folder": str(folder.absolute())}, every_s)


async def _add(
    deps: Deps, actor: Actor, name: str, kind: str, place: dict[str, str], every_s: int
) -> Pull:
    if not LEAST_EVERY_S <= every_s <= MOST_EVERY_S:
        raise InvalidInput("pull-pace-invalid", f"Every {LEAST_EVERY_S} to {MOST_EVERY_S} seconds.")
    source = await sources.find(deps, actor, name)
    async with deps.change(actor) as change:
        pull_id = new_uuid(change.now)
        pull = Pull(
            id=pull_id,
            source=source.id,
            kind=kind,
            place=sealed_words.seal(deps.signer, _label(pull_id), json.dumps(place)),
            every_s=every_s,
            watermark="",
            pulled_at=None,
            trouble=None,
            stopped_at=None,
        )
        await pulls.insert(change, pull)
        change.record(
            FeedPullAdded(
                subject=source.id,
                agency=source.agency,
                title=source.name,
                pull=pull_id,
                kind=kind,
                every_s=every_s,
            )
        )
    return pull


def _label(pull: uuid.UUID) -> str:
    return f"feed pull {pull}"


async def stop(deps: Deps, actor: Actor, name: str, *, reason: str) -> int:
    """Fetch nothing for the source any more; how many pulls that ends.

    Raises NotFound ``feed-not-found``, Conflict ``pull-none``.
    """
    why = names.needed_reason(reason)
    source = await sources.find(deps, actor, name)
    async with deps.change(actor) as change:
        count = await pulls.stop(change, source.id)
        if not count:
            raise Conflict("pull-none", f"Nothing is fetched for {name}.")
        change.record(
            FeedPullStopped(subject=source.id, agency=source.agency, title=source.name, reason=why)
        )
    return count


async def pulls_of(deps: Deps, actor: Actor, name: str) -> list[Pull]:
    """What is fetched for the source, and how it went. Raises NotFound ``feed-not-found``."""
    source = await sources.find(deps, actor, name)
    async with deps.database.acquire() as connection:
        return await pulls.of_source(connection, source.id)


# --- fetching ------------------------------------------------------------------------------------


async def pull_due(deps: Deps) -> bool:
    """Fetch for one source that is due; whether there may be more. For the clock.

    Trouble is noted with the pull and tried again at its pace. A process that dies leaves the pull
    to others after a few minutes; whatever was taken by then is repeated.
    """
    async with deps.database.acquire() as connection:
        pull = await pulls.claim(connection, deps.clock.now())
    if pull is None:
        return False
    watermark, again, trouble = None, False, None
    try:
        watermark, again = await _pull(deps, pull)
    except RecorderError as error:
        trouble = f"{error.code}: {error.detail}"
    now = deps.clock.now()
    next_at = now if again else now + timedelta(seconds=pull.every_s)
    await _settle(deps, pull, now, next_at, watermark, trouble)
    return True


async def _settle(
    deps: Deps,
    pull: Pull,
    now: datetime,
    next_at: datetime,
    watermark: str | None,
    trouble: str | None,
) -> None:
    async with deps.database.acquire() as connection:
        await pulls.settle(
            connection, pull, now, next_at=next_at, watermark=watermark, trouble=trouble
        )


async def _pull(deps: Deps, pull: Pull) -> tuple[str | None, bool]:
    """The new watermark, and whether more is there at once."""
    words = sealed_words.unseal(deps.signer, _label(pull.id), pull.place)
    if words is None:
        raise InvalidInput("pull-unreadable", "It was sealed with another key; add it anew.")
    place = json.loads(words)
    async with deps.database.acquire() as connection:
        found = {each.id: each for each in await source_rows.listed(connection, SERVICE.scope)}
    source = found[pull.source]
    if source.suspended_at is not None:
        return None, False
    if pull.kind == "sql":
        fetched = await sql_source.fetch(place["dsn"], place["query"], pull.watermark, _MOST_ROWS)
        await _take(deps, source, [rows.of_value(each) for each in fetched.rows])
        # Rows that share one watermark and fill a look would be asked for without end.
        return fetched.watermark, fetched.is_full and fetched.watermark != pull.watermark
    return None, await _pull_folder(deps, pull, source, Path(place["folder"]))


async def _pull_folder(deps: Deps, pull: Pull, source: FeedSource, folder: Path) -> bool:
    files = await asyncio.to_thread(row_files.listed, folder, 100_000)
    async with deps.database.acquire() as connection:
        taken = await pulls.taken_files(connection, pull.id, [file.digest for file in files])
    new = [file for file in files if file.digest not in taken]
    for file in new[:_MOST_FILES]:
        count = 0
        reading = row_files.read(file)
        while waiting := await asyncio.to_thread(_some, reading):
            await _take(deps, source, waiting)
            count += len(waiting)
        async with deps.database.acquire() as connection:
            await pulls.note_file(
                connection, pull.id, file.digest, file.path.name, count, deps.clock.now()
            )
    return len(new) > _MOST_FILES


def _some(reading: Iterator[FeedRow | Problem]) -> list[FeedRow | Problem]:
    found: list[FeedRow | Problem] = []
    for each in reading:
        found.append(each)
        if len(found) == BATCH_ROWS:
            break
    return found


async def _take(deps: Deps, source: FeedSource, said: list[FeedRow | Problem]) -> None:
    for place in range(0, len(said), BATCH_ROWS):
        await receiving.receive(deps, SERVICE, source, said[place : place + BATCH_ROWS])
