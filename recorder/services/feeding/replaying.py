"""The pool: what waits and why, and how it is mended: a mapping, an agency, never an edited row."""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from dataclasses import dataclass
from datetime import date

from recorder.domain.events import FeedMappingMade
from recorder.domain.feed.mapping import WORDS, CodeMeaning, MappedField
from recorder.domain.feed.problems import LONGEST_SHOWN, Problem, ProblemCode, storable
from recorder.domain.instant import CHINA
from recorder.domain.people import Actor
from recorder.errors import InvalidInput, Unavailable
from recorder.runtime import Deps
from recorder.services.feeding import batch, sources, writing
from recorder.services.feeding.batch import Outcome
from recorder.services.feeding.cases import NumbersRaced
from recorder.services.feeding.receiving import BATCH_ROWS, batch_event
from recorder.services.paging import page_size
from recorder.store.feed import mappings, pulls, rows
from recorder.store.feed import sources as source_rows
from recorder.store.feed.mappings import MadeMapping
from recorder.store.feed.pulls import Pull
from recorder.store.feed.rows import Place, PooledRow, PoolLine
from recorder.store.feed.sources import FeedDay, FeedSource

_MOST_LINES = 200
_MOST_DAYS = 31
_TRIES = 5


@dataclass(frozen=True, slots=True)
class SourceView:
    """How one source is doing."""

    source: FeedSource
    #: Newest first.
    days: tuple[FeedDay, ...]
    #: What rows wait for, the most frequent first.
    pool: tuple[PoolLine, ...]
    mappings: tuple[MadeMapping, ...]
    #: What is fetched for it, and how that goes.
    pulls: tuple[Pull, ...]


@dataclass(frozen=True, slots=True)
class PoolPage:
    rows: tuple[PooledRow, ...]
    next: str | None


async def view_source(deps: Deps, actor: Actor, name: str) -> SourceView:
    """Days, pool, mappings and pulls of a source. Raises NotFound ``feed-not-found``."""
    source = await sources.find(deps, actor, name)
    async with deps.database.acquire() as connection:
        return SourceView(
            source,
            tuple(await source_rows.days(connection, source.id, _MOST_DAYS)),
            tuple(await rows.pool_summary(connection, source.id, _MOST_LINES)),
            tuple(reversed(await mappings.of_source(connection, source.id))),
            tuple(
                pull
                for pull in await pulls.of_source(connection, source.id)
                if pull.stopped_at is None
            ),
        )


async def pooled_rows(
    deps: Deps, actor: Actor, name: str, cursor: str | None = None, limit: int = 50
) -> PoolPage:
    """Rows that wait, as they came. Raises NotFound ``feed-not-found``, ``cursor-invalid``."""
    source = await sources.find(deps, actor, name)
    most = page_size(limit)
    async with deps.database.acquire() as connection:
        found = await rows.pooled(connection, source.id, _place(cursor), most + 1)
    last = found[most - 1] if len(found) > most else None
    return PoolPage(tuple(found[:most]), _cursor(last) if last else None)


def _cursor(row: PooledRow) -> str:
    return base64.urlsafe_b64encode(row.digest + row.key.encode()).decode().rstrip("=")


def _place(cursor: str | None) -> tuple[str, bytes] | None:
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        place = raw[32:].decode(), raw[:32]
    except (ValueError, binascii.Error) as error:
        raise _no_cursor() from error
    if len(place[1]) < 32 or "\0" in place[0]:
        raise _no_cursor()
    return place


def _no_cursor() -> InvalidInput:
    return InvalidInput("cursor-invalid", "Take the cursor from the page before.")


async def map_code(
    deps: Deps,
    actor: Actor,
    name: str,
    *,
    field: MappedField,
    code: str,
    value: str | None,
    valid_from: date | None = None,
) -> Counter[Outcome]:
    """What the code means from a day on (else always); rows that waited for it take part at once.

    ``value`` None: rows with it are kept and tell of nothing. Gives what became of the rows. Raises
    NotFound ``feed-not-found``, InvalidInput ``feed-mapping-invalid``.
    """
    source = await sources.find(deps, actor, name)
    meaning = CodeMeaning(
        field, _checked_code(code), _checked_value(field, value), valid_from or date(1900, 1, 1)
    )
    async with deps.change(actor) as change:
        await mappings.insert(change, source.id, meaning)
        change.record(
            FeedMappingMade(
                subject=source.id,
                agency=source.agency,
                title=source.name,
                field=field.value,
                code=meaning.code,
                value=meaning.value,
                valid_from=meaning.valid_from.isoformat(),
            )
        )
    return await replay(
        deps, actor, source, Problem(ProblemCode.CODE_UNMAPPED, field.value, meaning.code)
    )


def _checked_code(code: str) -> str:
    text = storable(code).strip()
    if not 1 <= len(text) <= LONGEST_SHOWN:
        raise InvalidInput(
            "feed-mapping-invalid", f"A code has 1 to {LONGEST_SHOWN} characters.", field="code"
        )
    return text


def _checked_value(field: MappedField, value: str | None) -> str | None:
    if value is None:
        return None
    words = WORDS.get(field)
    if words is None and 1 <= len(value.strip()) <= LONGEST_SHOWN:
        return storable(value).strip()
    if words is None or value not in words:
        raise InvalidInput(
            "feed-mapping-invalid",
            "A code is mapped to one of our words, or to nothing.",
            field=field.value,
            words=sorted(words or ()),
        )
    return value


async def replay(
    deps: Deps, actor: Actor, source: FeedSource, problem: Problem
) -> Counter[Outcome]:
    """Let the rows that wait with this problem take part again, each once, batch by batch.

    Dying in between leaves the rest in the pool, for the clock. More than a batch is evaluated
    behind what happens today: mostly it came as back-fill.
    """
    found: Counter[Outcome] = Counter()
    after: Place | None = rows.START
    while after is not None:
        taken, after = await _replay_batch(
            deps, actor, source, problem, after, backfill=bool(found)
        )
        found += taken
    return found


async def _replay_batch(
    deps: Deps, actor: Actor, source: FeedSource, problem: Problem, after: Place, *, backfill: bool
) -> tuple[Counter[Outcome], Place | None]:
    """What became of the rows behind a place, and where to go on; None: that was all."""
    for left in reversed(range(_TRIES)):
        try:
            async with deps.database.acquire() as connection:
                if not await rows.waiting_for(connection, source.id, problem, after=after, limit=1):
                    return Counter(), None
            async with deps.change(actor) as change:
                await source_rows.hold(change, source.id)
                waiting = await rows.waiting_for(
                    change.connection, source.id, problem, after=after, limit=BATCH_ROWS
                )
                again = [writing.reread(each) for each in waiting]
                answers, _ = await batch.take(change, source, again, stored=True, backfill=backfill)
                found = Counter(each.outcome for each in answers)
                today = FeedDay(change.now.astimezone(CHINA).date(), 0, 0, 0, 0)
                await source_rows.heard(change, source.id, today, None)
                change.record(batch_event(source, again, found, replayed=True))
            if len(waiting) < BATCH_ROWS:
                return found, None
            return found, (waiting[-1].key, waiting[-1].digest)
        except NumbersRaced:
            if not left:
                break
    raise Unavailable("database-unavailable", "Too many write the same cases at once.")


async def replay_all(deps: Deps, actor: Actor) -> int:
    """Try again what waits for agencies and cases that are there now. For the clock."""
    count = 0
    for source in await sources.list_sources(deps, actor):
        async with deps.database.acquire() as connection:
            problems = await rows.mended(connection, source.id)
        for problem in problems:
            found = await replay(deps, actor, source, problem)
            count += sum(found.values()) - found[Outcome.POOLED]
    return count
