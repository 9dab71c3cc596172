"""One batch of rows in one transaction: what each says, which count, and what changes by it.

The order of the steps and why they stand so is in docs/design/case-feed.md. Everything goes to the
database in arrays: a batch costs some ten round trips, however many rows it has.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.feed import registers, statements
from recorder.domain.feed.mapping import Mapping
from recorder.domain.feed.problems import Problem, ProblemCode
from recorder.domain.feed.registers import Claim
from recorder.domain.feed.rows import FeedRow
from recorder.domain.feed.statements import (
    AnyStatement,
    CaseStatement,
    DocumentStatement,
    EventStatement,
    WithdrawalStatement,
)
from recorder.domain.ids import AgencyId
from recorder.domain.instant import CHINA
from recorder.services.feeding import writing
from recorder.services.feeding.cases import Asked, find_cases
from recorder.services.feeding.entries import Batch, Entry
from recorder.store.change import Change
from recorder.store.feed import feed_cases, mappings, rows
from recorder.store.feed.feed_cases import KnownCase
from recorder.store.feed.rows import KeptRow
from recorder.store.feed.sources import FeedSource
from recorder.store.registry import organisations

#: Rows that waited for the cases of one batch and join it; the rest joins a later one.
_MOST_JOINING = 5000


class Outcome(enum.StrEnum):
    """What became of a row."""

    ACCEPTED = "accepted"
    SUPERSEDED = "superseded"
    REPEATED = "repeated"
    POOLED = "pooled"
    #: There is no row in it; nothing was kept.
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class RowAnswer:
    """What the sender is told of one row."""

    outcome: Outcome
    key: str | None = None
    revision: int | None = None
    problem: Problem | None = None


def claim_of(row: FeedRow) -> Claim:
    """The row in its register; only of a row with a revision."""
    return Claim(row.key, row.revision or 0, row.digest, row.about)


async def take(
    change: Change,
    source: FeedSource,
    given: Sequence[FeedRow],
    *,
    stored: bool = False,
    again: bool = False,
    backfill: bool = False,
) -> tuple[list[RowAnswer], datetime | None]:
    """Let the rows take part; what became of each, and the latest past moment that they tell of.

    ``stored`` ones waited in the pool. Those that are read ``again`` count already, and say
    something else by now. The caller holds the source. Raises NumbersRaced.
    """
    kept = await rows.of_keys(
        change.connection, source.id, {r.key for r in given}, [r.digest for r in given if not r.key]
    )
    known = {(each.key, each.digest): each for each in kept}
    answers: list[RowAnswer | None] = []
    entries: list[Entry] = []
    places: list[int] = []
    for row in given:
        before = known.get((row.key, row.digest))
        if before is not None and not (stored or again):
            answers.append(_repeated(row, before))
            continue
        known[(row.key, row.digest)] = KeptRow(
            row.key, row.digest, row.revision, "", "", row.about, None
        )
        places.append(len(answers))
        answers.append(None)
        entries.append(Entry(row, stored or again, is_reread=again))
    batch = Batch(source, entries, is_backfill=backfill)
    kept += await _join_waiting(change, batch)
    await _read(change, batch)
    # What counts and can be read no more stays as it was read: it does not go into the pool.
    batch.entries = [each for each in entries if each.problem is None or not each.is_reread]
    _decide(batch, kept)
    batch.reread = {each.row.key for each in batch.entries if each.is_reread and each.won}
    await _withdraw(change, batch)
    await _place(change, batch)
    await writing.write(change, batch)
    for place, entry in zip(places, entries, strict=False):
        answers[place] = _answer(entry)
    told = [e.statement.occurred_at for e in entries if e.statement and e.statement.occurred_at]
    # What is still to come says nothing of how late the source is.
    newest = max((moment for moment in told if moment <= change.now), default=None)
    return [each for each in answers if each is not None], newest


def _repeated(row: FeedRow, before: KeptRow) -> RowAnswer:
    waits = before.problem if before.state == "pooled" else None
    return RowAnswer(Outcome.REPEATED, row.key or None, row.revision, waits)


def _answer(entry: Entry) -> RowAnswer:
    row = entry.row
    if entry.problem is not None and entry.is_reread:
        return RowAnswer(Outcome.REPEATED, row.key, row.revision, entry.problem)
    if entry.problem is not None:
        return RowAnswer(Outcome.POOLED, row.key or None, row.revision, entry.problem)
    outcome = Outcome.ACCEPTED if entry.won else Outcome.SUPERSEDED
    return RowAnswer(outcome, row.key, row.revision)


# --- what the rows say ---------------------------------------------------------------------------


async def _join_waiting(change: Change, batch: Batch) -> list[KeptRow]:
    """Rows that waited for a case of this batch take part behind its own; what stands at theirs."""
    told = {e.row.key for e in batch.entries if e.row.kind == "case" and e.row.problem is None}
    if not told:
        return []
    connection, source = change.connection, batch.source.id
    waiting = await rows.waiting_for_cases(connection, source, told, limit=_MOST_JOINING)
    if not waiting:
        return []
    known = {each.row.key for each in batch.entries}
    batch.entries.extend(Entry(writing.reread(each), True) for each in waiting)
    return await rows.of_keys(connection, source, {each.key for each in waiting} - known)


async def _read(change: Change, batch: Batch) -> None:
    """Each row's statement, agency and case, or the problem with it."""
    source, connection = batch.source, change.connection
    batch.mapping = Mapping(m.meaning for m in await mappings.of_source(connection, source.id))
    batch.today = change.now.astimezone(CHINA).date()
    for entry in batch.entries:
        said = statements.read(entry.row, batch.mapping, batch.today)
        if isinstance(said, Problem):
            entry.problem = said
        else:
            entry.statement = said
    readable = [each for each in batch.entries if each.statement is not None]
    words = {e.statement.organ for e in readable if e.statement and e.statement.organ}
    agencies = await organisations.by_codes(connection, words) if words else {}
    cases = {case for e in readable if (case := _case_key(e.statement)) is not None}
    known = await feed_cases.by_keys(connection, source.id, cases) if cases else {}
    told: dict[str, AgencyId | None] = {key: each.agency for key, each in known.items()}
    for entry in readable:
        if isinstance(entry.statement, CaseStatement):
            entry.problem = _find_agency(entry, source, agencies, None)
            if entry.problem is None:
                told[entry.row.key] = entry.agency
    for entry in readable:
        case = _case_key(entry.statement)
        if isinstance(entry.statement, CaseStatement | WithdrawalStatement):
            continue
        if case is not None and case not in told:
            entry.problem = Problem(ProblemCode.CASE_UNKNOWN, "case", case)
        else:
            home = told[case] if case is not None else None
            entry.problem = _find_agency(entry, source, agencies, home)
        entry.case = known.get(case) if case is not None else None


def _case_key(said: AnyStatement | None) -> str | None:
    return said.case if isinstance(said, EventStatement | DocumentStatement) else None


def _find_agency(
    entry: Entry,
    source: FeedSource,
    agencies: dict[str, AgencyId],
    home: AgencyId | None,
) -> Problem | None:
    """Set the row's agency: the organ it names, else its case's, else the source's own."""
    word = entry.statement.organ if entry.statement else None
    if word is None:
        entry.agency = home or (None if source.city else source.agency)
        return Problem(ProblemCode.ORGAN_MISSING, "organ") if entry.agency is None else None
    entry.agency = agencies.get(word)
    if entry.agency is None:
        return Problem(ProblemCode.ORGAN_UNKNOWN, "organ", word[:200])
    if not source.speaks_for(entry.agency):
        return Problem(ProblemCode.ORGAN_FOREIGN, "organ", word[:200])
    return None


# --- which of them count -------------------------------------------------------------------------


def _decide(batch: Batch, kept: Iterable[KeptRow]) -> None:
    """Offer each readable row to the register of its key, in turn."""
    _learn(batch, kept)
    batch.winners = dict(batch.before)
    for entry in batch.entries:
        if entry.problem is None:
            entry.won = registers.offer(batch.winners, claim_of(entry.row))


def _learn(batch: Batch, kept: Iterable[KeptRow]) -> None:
    for each in kept:
        if each.counts:
            batch.stood[each.key] = each
            batch.before[each.key] = Claim(each.key, each.revision or 0, each.digest, each.about)


async def _withdraw(change: Change, batch: Batch) -> None:
    """Find out which keys are taken back from now on.

    Beside the keys that changed these are the ones that changed withdrawals name or named, and
    the ones that those name in turn.
    """
    source, connection = batch.source, change.connection
    reached = batch.changed
    more = reached
    for _ in range(2):
        more = {
            about
            for key in more
            for claim in (batch.before.get(key), batch.winners.get(key))
            if claim is not None and (about := claim.about) is not None
        } - reached
        if not more:
            break
        found = await rows.of_keys(connection, source.id, more - batch.winners.keys())
        _learn(batch, found)
        for each in found:
            if each.counts:
                batch.winners.setdefault(each.key, batch.before[each.key])
        reached = reached | more
    if not reached:
        batch.winners = {}
        return
    everyone = dict(batch.winners)
    naming = reached
    for _ in range(2):
        found = await rows.withdrawals_of(connection, source.id, naming)
        naming = {each.key for each in found}
        for each in found:
            everyone.setdefault(
                each.key, Claim(each.key, each.revision or 0, each.digest, each.about)
            )
        naming |= {c.key for c in everyone.values() if c.about in reached}
        if not naming:
            break
    batch.withdrawn = registers.withdrawn(everyone, reached)
    batch.winners = {key: batch.winners[key] for key in reached if key in batch.winners}


# --- where they belong ---------------------------------------------------------------------------


async def _place(change: Change, batch: Batch) -> None:
    """The case of each row: by its numbers, or by the key of its case.

    Rows that do not win are asked too: their numbers stay findable, and whichever came first,
    the same numbers are joined.
    """
    asking = [e for e in batch.entries if e.problem is None and e.statement and e.statement.numbers]
    found = await find_cases(
        change,
        batch.source,
        [
            Asked(
                each.row.key,
                each.agency or batch.source.agency,
                each.statement.numbers if each.statement else (),
                each.statement.title if isinstance(each.statement, CaseStatement) else None,
            )
            for each in asking
        ],
        bulk=batch.is_backfill,
    )
    leading: dict[str, KnownCase] = {}
    told: dict[str, KnownCase] = {}
    for entry, case in zip(asking, found, strict=True):
        entry.case = KnownCase(case, entry.agency or batch.source.agency)
        if isinstance(entry.statement, CaseStatement):
            told[entry.row.key] = entry.case
            if batch.winners.get(entry.row.key) == claim_of(entry.row):
                leading[entry.row.key] = entry.case
    for entry in batch.entries:
        case_key = _case_key(entry.statement)
        if case_key is not None:
            entry.case = leading.get(case_key) or entry.case or told.get(case_key)
