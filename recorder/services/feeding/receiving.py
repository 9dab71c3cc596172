"""Taking rows of a source, from wherever they come: requests, pulled queries, files."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from recorder.domain.events import FeedBatchReceived
from recorder.domain.feed.problems import Problem
from recorder.domain.feed.rows import FeedRow
from recorder.domain.instant import CHINA
from recorder.domain.people import Actor
from recorder.errors import RateLimited, Unavailable
from recorder.runtime import Deps
from recorder.services.feeding import batch
from recorder.services.feeding.batch import Outcome, RowAnswer
from recorder.services.feeding.cases import NumbersRaced
from recorder.store import allowances
from recorder.store.feed import sources
from recorder.store.feed.sources import FeedDay, FeedSource

#: Rows of one transaction: enough that the round trips do not count, few enough to be short.
BATCH_ROWS = 1000
WINDOW = timedelta(minutes=1)
_LIMIT = "feed"
#: Whoever loses a race for a number finds it the next time.
_TRIES = 5


async def check_quota(deps: Deps, source: FeedSource) -> None:
    """Raise RateLimited ``feed-limited`` while the source has spent more than a minute holds.

    What a request brings is added afterwards, so one that is larger than the quota comes through
    and is paid for by waiting.
    """
    now = deps.clock.now()
    async with deps.database.acquire() as connection:
        until = await allowances.spent_until(connection, _LIMIT, str(source.id))
    wait = ((until or now) - now - WINDOW).total_seconds()
    if wait > 0:
        raise RateLimited(
            "feed-limited",
            f"The source may send {source.rows_per_minute} rows a minute.",
            retry_after_s=max(1, math.ceil(wait)),
        )


async def receive(
    deps: Deps,
    actor: Actor,
    source: FeedSource,
    rows: Sequence[FeedRow | Problem],
    *,
    backfill: bool = False,
) -> list[RowAnswer]:
    """Take one batch: what became of each row; everything is committed or nothing.

    At most ``BATCH_ROWS``. Rows sent again change nothing. ``backfill``: their cases are
    evaluated behind what happens today. Raises Unavailable.
    """
    kept = [row for row in rows if isinstance(row, FeedRow)]
    for left in reversed(range(_TRIES)):
        try:
            taken = await _take(deps, actor, source, kept, backfill) if kept else []
            break
        except (NumbersRaced, Unavailable):
            if not left:
                raise Unavailable(
                    "database-unavailable", "Too many write the same cases at once."
                ) from None
    answers = iter(taken)
    return [
        next(answers) if isinstance(row, FeedRow) else RowAnswer(Outcome.REFUSED, problem=row)
        for row in rows
    ]


async def _take(
    deps: Deps, actor: Actor, source: FeedSource, rows: list[FeedRow], backfill: bool
) -> list[RowAnswer]:
    async with deps.change(actor) as change:
        await sources.hold(change, source.id)
        cost = timedelta(microseconds=60_000_000 * len(rows) // source.rows_per_minute)
        await allowances.charge(change.connection, _LIMIT, str(source.id), change.now, cost=cost)
        answers, newest_at = await batch.take(change, source, rows, backfill=backfill)
        found = Counter(each.outcome for each in answers)
        today = FeedDay(
            change.now.astimezone(CHINA).date(),
            found[Outcome.ACCEPTED],
            found[Outcome.SUPERSEDED],
            found[Outcome.REPEATED],
            found[Outcome.POOLED],
        )
        await sources.heard(change, source.id, today, newest_at)
        change.record(batch_event(source, rows, found, replayed=False))
    return answers


def batch_event(
    source: FeedSource, rows: Sequence[FeedRow], found: Counter[Outcome], *, replayed: bool
) -> FeedBatchReceived:
    """What the custody chain says of a batch."""
    return FeedBatchReceived(
        subject=source.id,
        agency=source.agency,
        title=source.name,
        rows=len(rows),
        accepted=found[Outcome.ACCEPTED],
        superseded=found[Outcome.SUPERSEDED],
        repeated=found[Outcome.REPEATED],
        pooled=found[Outcome.POOLED],
        replayed=replayed,
        digest=hashlib.sha256(b"".join(row.digest for row in rows)).hexdigest(),
    )
