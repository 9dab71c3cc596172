"""Writing what a batch decided: rows, cases, events, documents, and the cases that it touched."""

from __future__ import annotations

from recorder.domain.feed import rows as feed_rows
from recorder.domain.feed import statements
from recorder.domain.feed.problems import Problem
from recorder.domain.feed.rows import FeedRow
from recorder.domain.feed.statements import CaseStatement, DocumentStatement, EventStatement
from recorder.domain.ids import CaseId
from recorder.errors import InternalError
from recorder.services.feeding.entries import Batch, Entry
from recorder.store import case_mentions, coverage_due
from recorder.store.change import Change
from recorder.store.feed import case_documents, case_events, feed_cases, rows
from recorder.store.feed.feed_cases import Standing
from recorder.store.feed.rows import PooledRow

#: Kind of row → where its winning state stands.
_TABLES = {"case": feed_cases, "event": case_events, "document": case_documents}


def reread(pooled: PooledRow) -> FeedRow:
    """The row as it came."""
    row = feed_rows.parse(pooled.text)
    if isinstance(row, Problem):
        raise InternalError("feed-row-lost", "A row that is kept cannot be read again.")
    return row


async def write(change: Change, batch: Batch) -> None:
    """Write it all; whatever an evaluation rests on is touched."""
    changed = batch.changed
    await _write_rows(change, batch, changed)
    touched = await _leave(change, batch, changed)
    touched |= await _write_statements(change, batch, changed)
    if touched:
        await coverage_due.touch(change.connection, touched, "event", bulk=batch.is_backfill)


async def _write_rows(change: Change, batch: Batch, changed: set[str]) -> None:
    new: list[tuple[FeedRow, str, Problem | None]] = []
    known: list[tuple[str, bytes, str, Problem | None]] = []
    for entry in batch.entries:
        state = _state(batch, entry)
        if entry.is_stored:
            known.append((entry.row.key, entry.row.digest, state, entry.problem))
        else:
            new.append((entry.row, state, entry.problem))
    for key, stood in batch.stood.items():
        winner = batch.winners.get(key)
        replaced = key in changed and (winner is None or winner.digest != stood.digest)
        state = "superseded" if replaced else _standing(batch, key)
        if (key in changed or key in batch.winners) and state != stood.state:
            known.append((key, stood.digest, state, None))
    if new:
        await rows.insert(change, batch.source.id, new)
    if known:
        await rows.set_states(change, batch.source.id, known)
    if changed:
        await rows.settle_unnumbered(change, batch.source.id, changed)


def _state(batch: Batch, entry: Entry) -> str:
    if entry.problem is not None:
        return "pooled"
    winner = batch.winners.get(entry.row.key)
    if winner is None or winner.digest != entry.row.digest:
        return "superseded"
    return _standing(batch, entry.row.key)


def _standing(batch: Batch, key: str) -> str:
    return "withdrawn" if key in batch.withdrawn else "winning"


async def _leave(change: Change, batch: Batch, changed: set[str]) -> set[CaseId]:
    """What stood under keys that changed or are taken back ends; the cases that lose by it."""
    source, connection = batch.source.id, change.connection
    stood = {key for key in changed if key in batch.stood}
    touched: set[CaseId] = set()
    if stood:
        # A correction may say another case, or be of another kind: what is written next counts.
        touched |= set(await case_events.cases_of(connection, source, stood))
        touched |= set(await case_documents.cases_of(connection, source, stood))
    ended = stood | (batch.withdrawn - changed)
    if ended:
        for table in _TABLES.values():
            touched |= set(await table.set_withdrawn(change, source, ended, True))
    back = {key for key in batch.winners if key not in batch.withdrawn} - changed
    back -= await _silent(change, batch, back)
    for kind, table in _TABLES.items():
        keys = {key for key in back if key in batch.stood and batch.stood[key].kind == kind}
        if keys:
            touched |= set(await table.set_withdrawn(change, source, keys, False))
    return touched


async def _silent(change: Change, batch: Batch, keys: set[str]) -> set[str]:
    """Those of the keys whose rows tell of nothing: what they said before does not come back."""
    asked = [(key, stood.digest) for key in keys if (stood := batch.stood.get(key))]
    if not asked:
        return set()
    silent = set()
    for text in await rows.texts_of(change.connection, batch.source.id, asked):
        row = feed_rows.parse(text)
        if isinstance(row, Problem):
            continue
        match statements.read(row, batch.mapping, batch.today):
            case EventStatement(kind=None) | DocumentStatement(document=None):
                silent.add(row.key)
            case _:
                pass
    return silent


async def _write_statements(change: Change, batch: Batch, changed: set[str]) -> set[CaseId]:
    cases: list[tuple[Standing, CaseStatement]] = []
    events: list[tuple[Standing, EventStatement]] = []
    documents: list[tuple[Standing, DocumentStatement]] = []
    for entry in batch.entries:
        winner = batch.winners.get(entry.row.key)
        if entry.problem or entry.row.key not in changed or winner is None:
            continue
        if winner.digest != entry.row.digest or entry.case is None or entry.agency is None:
            continue
        at = Standing(
            entry.row.key,
            winner.revision,
            entry.case.case,
            entry.agency,
            entry.row.key in batch.withdrawn,
        )
        match entry.statement:
            case CaseStatement() as said:
                cases.append((at, said))
            case EventStatement(kind=kind) as said if kind is not None:
                events.append((at, said))
            case DocumentStatement(document=word) as said if word is not None:
                documents.append((at, said))
            case _:
                pass
    source = batch.source.id
    touched = {at.case for at, _ in (*cases, *events, *documents)}
    if cases:
        await feed_cases.write(change, source, cases)
        await case_mentions.replace(
            change,
            source,
            [at.key for at, _ in cases if at.key in batch.stood],
            [(at.key, at.case, at.agency, each) for at, said in cases for each in said.mentions],
        )
        leading = [(at.key, at.case) for at, _ in cases if at.key in batch.stood]
        if leading:
            touched |= set(await case_events.follow(change, source, leading))
            touched |= set(await case_documents.follow(change, source, leading))
    if events:
        await case_events.write(change, source, events)
    if documents:
        await case_documents.write(change, source, documents)
    return touched
