"""A code that means something else by now: every row that holds it is read anew, step by step.

A mapping is a fact about rows that came before it as well: what waited for it takes part, and what
was taken under another meaning says what it says under this one. Whoever dies leaves the rest to
the next one; a row that is read twice says the same.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from recorder.domain.feed import rows as feed_rows
from recorder.domain.feed import statements
from recorder.domain.feed.mapping import MappedField, Mapping
from recorder.domain.feed.problems import Problem, ProblemCode
from recorder.domain.feed.rows import FeedRow
from recorder.domain.instant import CHINA
from recorder.domain.people import SERVICE
from recorder.runtime import Deps
from recorder.services.feeding import batch, replaying
from recorder.services.feeding.cases import NumbersRaced
from recorder.services.feeding.receiving import batch_event
from recorder.store.feed import mappings, rows
from recorder.store.feed import sources as source_rows
from recorder.store.feed.mappings import Spread
from recorder.store.feed.sources import FeedSource

#: Rows that one transaction walks past; most of them hold other codes.
_STEP = 2_000
#: Which kinds of rows hold a member.
_KINDS: dict[MappedField, tuple[str, ...]] = {
    MappedField.EVENT: ("event",),
    MappedField.DOCUMENT: ("document",),
    MappedField.ACT_TYPE: ("case", "event"),
    MappedField.STAGE: ("event",),
}


async def spread_mappings(deps: Deps, step: int = _STEP) -> bool:
    """Take the oldest mapping a step through its source; whether there may be more. For the clock.

    What was evaluated by the meaning of before is evaluated again, behind what happens today.
    """
    async with deps.database.acquire() as connection:
        spread = await mappings.unspread(connection)
        found = await source_rows.listed(connection, SERVICE.scope) if spread else []
    if spread is None:
        return False
    source = next(each for each in found if each.id == spread.source)
    if spread.after == rows.START:
        meaning = spread.meaning
        waits = Problem(ProblemCode.CODE_UNMAPPED, meaning.field.value, meaning.code)
        await replaying.replay(deps, SERVICE, source, waits)
    try:
        await _step(deps, source, spread, step)
    except NumbersRaced:
        # Somebody wrote the same cases at this moment: the step comes again.
        return True
    return True


async def _step(deps: Deps, source: FeedSource, spread: Spread, step: int) -> None:
    async with deps.change(SERVICE, told_later=True) as change:
        await source_rows.hold(change, source.id)
        meaning = spread.meaning
        walked = rows.Slice((), None)
        if spread.rereads:
            walked = await rows.taken_after(
                change.connection, source.id, spread.after, _KINDS[meaning.field],
                _spellings(meaning.code), step,
            )  # fmt: skip
        if not await mappings.advance(change, spread, walked.end):
            return
        made = await mappings.of_source(change.connection, source.id)
        place = [each.id for each in made].index(spread.mapping)
        before = Mapping(each.meaning for each in made[:place])
        now = Mapping(each.meaning for each in made)
        today = change.now.astimezone(CHINA).date()
        again = [
            row
            for row in _parsed(walked.texts)
            if statements.read(row, before, today) != statements.read(row, now, today)
        ]
        if not again:
            return
        answers, _ = await batch.take(change, source, again, again=True, backfill=True)
        outcomes = Counter(each.outcome for each in answers)
        change.record(batch_event(source, again, outcomes, replayed=True))


def _spellings(code: str) -> Sequence[str]:
    """Pieces of text one of which stands in every row with the code."""
    if "\ufffd" in code:
        # It stands for a sign that no column holds; the row has that one.
        return ("",)
    return (json.dumps(code, ensure_ascii=False)[1:-1], json.dumps(code)[1:-1])


def _parsed(texts: Sequence[str]) -> list[FeedRow]:
    found = (feed_rows.parse(text) for text in texts)
    return [each for each in found if isinstance(each, FeedRow)]
