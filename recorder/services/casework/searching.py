"""Pieces of numbers among millions: which way of looking finds a page in the shortest time.

Walking through the newest numbers finds what many have; the index of grams finds what few have,
and is slow where many have the grams. Statistics say how common grams are, and nothing says how
common a piece is that is made of them: so it is tried, up to a number of candidates, before any
long walk (docs/design/cases.md, "Finding").
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from recorder.domain.case_number import query_grams
from recorder.domain.ids import CaseId
from recorder.store import case_search
from recorder.store.case_search import Wanted
from recorder.store.connection import Connection


@dataclass(frozen=True, slots=True)
class Effort:
    """How far is looked; measured in docs/benchmarks.md, "Lookup and lists"."""

    #: Numbers that are walked through, newest first, before anything else is tried.
    steps: int = 30_000
    #: Going on with that where its hits promise a page, or from where a sample had hits.
    more_steps: int = 300_000
    #: Where the newest numbers promise a page within so many, walking on comes first.
    near_steps: int = 100_000
    #: With no more numbers than this that have its grams, all of them are read: it is exact.
    few: int = 3_000
    #: More than this expected to have its rarest gram are certainly more than ``few``.
    hopeless: int = 50_000
    #: So many of the rarest grams are asked for; common ones cost more than they rule out.
    grams: int = 3
    #: Places over the whole time at which is looked how common a piece is, and numbers at each.
    marks: int = 48
    steps_at_mark: int = 250
    #: With so many hits at the marks a piece is common where they are.
    common_hits: int = 4


USUAL = Effort()


async def newest_fitting(
    connection: Connection,
    wanted: Wanted,
    upto: CaseId | None,
    limit: int,
    effort: Effort = USUAL,
) -> list[CaseId]:
    """The newest cases with a number that fits, in that order, at most ``limit``.

    Exact where the newest numbers fill the page or are all there are, and where few numbers have
    its grams. A piece that was common once is taken up again where a sample over the whole time
    found it, so single newer ones may be missing; beginnings are those of the first
    MOST_CANDIDATES keys.
    """
    found = await case_search.walk(connection, wanted, upto, effort.steps, limit)
    if len(found) == limit:
        return found
    mark = await case_search.after_walk(connection, wanted.scope, upto, effort.steps)
    if mark is None:
        return found
    if wanted.beginning:
        older = await case_search.by_beginning(connection, wanted, mark, limit)
    else:
        # So many numbers would have to be walked through for a page, if it goes on like that.
        promised = limit * effort.steps / len(found) if found else None
        older = await _older(connection, wanted, mark, limit, effort, promised)
    return sorted({*found, *older}, reverse=True)[:limit]


async def _older(
    connection: Connection,
    wanted: Wanted,
    mark: CaseId,
    limit: int,
    effort: Effort,
    promised: float | None,
) -> list[CaseId]:
    if promised is not None and promised <= effort.near_steps:
        found = await case_search.walk(connection, wanted, mark, effort.near_steps, limit)
        if len(found) == limit:
            return found
    expected = await case_search.expected(connection, query_grams(wanted.text))
    grams = [gram for _, gram in expected[: effort.grams]]
    likely = promised is not None and promised <= effort.more_steps
    if expected[0][0] > effort.few and not likely:
        start = await _where_common(connection, wanted, mark, effort)
        if start is not None:
            found = await case_search.walk(connection, wanted, start, effort.more_steps, limit)
            if len(found) == limit:
                return found
    if expected[0][0] <= effort.hopeless:
        few = await case_search.few_by_grams(connection, wanted, grams, mark, effort.few)
        if few is not None:
            return few[:limit]
    if likely:
        found = await case_search.walk(connection, wanted, mark, effort.more_steps, limit)
        if len(found) == limit:
            return found
    return await case_search.by_grams(connection, wanted, grams, mark, limit)


async def _where_common(
    connection: Connection, wanted: Wanted, mark: CaseId, effort: Effort
) -> CaseId | None:
    """The mark before the newest at which a sample has hits; None when it has too few."""
    oldest = await case_search.oldest(connection, wanted.scope)
    marks = _between(mark, oldest or mark, effort.marks)
    hits = await case_search.probe(connection, wanted, marks, effort.steps_at_mark)
    if sum(hits) < effort.common_hits:
        return None
    first = next(place for place, many in enumerate(hits) if many)
    return marks[max(0, first - 1)]


def _between(newest: CaseId, oldest: CaseId, many: int) -> list[CaseId]:
    """Marks at even distances: ids begin with the time of their birth."""
    span = newest.int - oldest.int
    return [CaseId(uuid.UUID(int=newest.int - span * n // many)) for n in range(many)]
