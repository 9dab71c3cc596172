"""Evaluating due cases in batches: facts, answers, differences, figures, one transaction each.

docs/design/coverage.md says in which order, and what is left when a worker dies.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from recorder import metrics
from recorder.domain import people
from recorder.domain.coverage import CaseFacts, Evaluation, evaluate
from recorder.domain.coverage.facts import MOST_ROWS
from recorder.domain.ids import CaseId
from recorder.errors import Unavailable
from recorder.runtime import Deps
from recorder.services.coverage import reading, writing
from recorder.store import coverage_due
from recorder.store.change import Change
from recorder.store.connection import Connection
from recorder.store.coverage import facts as facts_rows
from recorder.store.coverage import presences
from recorder.store.coverage.presences import CasePresence, PlacedRecording

logger = logging.getLogger(__name__)

#: A batch is some hundred milliseconds: so long a touch of one of its cases waits at most.
BATCH = 100
#: A case whose evaluation failed by our own mistake is tried again then.
_POSTPONED = timedelta(hours=1)


async def evaluate_due(deps: Deps) -> bool:
    """Evaluate some due cases, today's before those of a new list; True when there were any."""
    were_any = await _batch(deps, bulk=False) or await _batch(deps, bulk=True)
    # After the commit, of this or of a worker that died: two must not wait for each other's cases.
    async with deps.database.transaction() as connection:
        return await coverage_due.touch_partners(connection) or were_any


async def _batch(deps: Deps, *, bulk: bool) -> bool:
    claimed: list[CaseId] = []
    try:
        return await _evaluate(deps, claimed, bulk=bulk, limit=BATCH)
    except Unavailable:
        raise
    except Exception:
        # One odd case must not keep the others: each by itself, and the odd one later.
        logger.exception("a batch of cases could not be evaluated")
        for case in claimed:
            await _alone(deps, case)
        return bool(claimed)


async def _alone(deps: Deps, case: CaseId) -> None:
    try:
        await _evaluate(deps, [], bulk=None, limit=1, only=case)
    except Unavailable:
        raise
    except Exception:
        logger.exception("case %s could not be evaluated", case)
        async with deps.database.transaction() as connection:
            await coverage_due.claim(connection, deps.clock.now(), 1, bulk=None, only=case)
            await coverage_due.settle(connection, {case: deps.clock.now() + _POSTPONED})


async def _evaluate(
    deps: Deps,
    claimed: list[CaseId],
    *,
    bulk: bool | None,
    limit: int,
    only: CaseId | None = None,
) -> bool:
    with metrics.timed(metrics.COVERAGE_SECONDS):
        async with deps.change(people.worker(deps.instance), told_later=True) as change:
            due = await coverage_due.claim(
                change.connection, change.now, limit, bulk=bulk, only=only
            )
            if due:
                found = [each.case for each in due]
                sizes = await facts_rows.sizes_of(change.connection, found, MOST_ROWS, None)
                claimed.extend(_together(found, sizes))
                await evaluate_many(deps, change, claimed, sizes)
    metrics.COVERAGE_CASES.inc(len(claimed))
    return bool(due)


def _together(cases: Sequence[CaseId], sizes: Mapping[CaseId, int]) -> list[CaseId]:
    """The first of them, with no more rows than one case may have; the others stay due."""
    taken, rows = [], 0
    for case in cases:
        # One that is too large is not read.
        rows += sizes[case] if sizes[case] <= MOST_ROWS else 0
        if rows > MOST_ROWS:
            break
        taken.append(case)
    return taken


async def evaluate_many(
    deps: Deps,
    change: Change,
    cases: Sequence[CaseId],
    sizes: Mapping[CaseId, int] | None = None,
) -> None:
    """Evaluate claimed cases, write what differs, and settle them; ``sizes`` if they are known.

    The other cases of officers who were at two places at once, as far as that is new, are noted:
    they are to be evaluated too.
    """
    facts = await reading.facts_of(deps, change.connection, cases, change.now, sizes=sizes)
    answers = [(each, evaluate(each)) for each in facts]
    answers, partners = await _with_whereabouts(change, answers)
    await writing.write(change, answers)
    again: dict[CaseId, datetime | None] = dict.fromkeys(cases)
    again.update({each.case: answer.again_at for each, answer in answers})
    await coverage_due.settle(change.connection, again)
    await coverage_due.note_partners(change.connection, partners)


Answer = tuple[CaseFacts, Evaluation]


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """What was found of one case's officers and devices in others."""

    officers: list[CasePresence]
    devices: list[CasePresence]


async def _with_whereabouts(
    change: Change, answers: Sequence[Answer]
) -> tuple[list[Answer], set[CaseId]]:
    """The answers, made anew where somebody was elsewhere at the same time."""
    told = [CasePresence(f.case, p) for f, answer in answers for p in answer.presences]
    looked_at = [f.case for f, answer in answers if not answer.too_large]
    changed, left = await _write_presences(change, looked_at, told)
    elsewhere = await look_elsewhere(change.connection, told, [f for f, _ in answers])
    made: list[Answer] = []
    partners: set[CaseId] = set()
    for facts, answer in answers:
        others = elsewhere.get(facts.case)
        if others is None:
            made.append((facts, answer))
            continue
        known = with_elsewhere(facts, others)
        made.append((known, evaluate(known)))
        if facts.case in changed:
            partners.update(each.case for each in others.officers)
    if left:
        # What these cases were found to collide with before may collide no more.
        before = await presences.officers_elsewhere(change.connection, left)
        partners.update(each.case for _, each in before)
    return made, partners - {facts.case for facts, _ in answers}


def with_elsewhere(facts: CaseFacts, others: _Elsewhere) -> CaseFacts:
    return replace(
        facts,
        officers_elsewhere=tuple(each.presence for each in others.officers),
        devices_elsewhere=tuple(each.presence for each in others.devices),
    )


async def _write_presences(
    change: Change, cases: Sequence[CaseId], told: Sequence[CasePresence]
) -> tuple[set[CaseId], list[CasePresence]]:
    """Write where officers were, of the cases for which that is other than before.

    Gives those cases, and where somebody was by what was said before and is not any more.
    """
    known: dict[CaseId, set[CasePresence]] = {}
    for each in await presences.of_cases(change.connection, cases):
        known.setdefault(each.case, set()).add(each)
    now: dict[CaseId, set[CasePresence]] = {}
    for each in told:
        now.setdefault(each.case, set()).add(each)
    changed = {case for case in (*known, *now) if known.get(case) != now.get(case)}
    left = [gone for case in changed for gone in known.get(case, set()) - now.get(case, set())]
    if changed:
        written = [each for each in told if each.case in changed]
        turns = {each.presence.who for each in (*written, *left)}
        await presences.take_turns(change.connection, turns)
        await presences.replace(change.connection, changed, written)
    return changed, left


async def look_elsewhere(
    connection: Connection, told: Sequence[CasePresence], facts: Sequence[CaseFacts]
) -> Mapping[CaseId, _Elsewhere]:
    """For each case where its officers and devices were at the same time besides."""
    placed = [
        PlacedRecording(
            each.case,
            clip.recording,
            clip.device,
            clip.began_at,
            clip.ended_at,
            clip.latitude,
            clip.longitude,
        )
        for each in facts
        for clip in each.footage
        if clip.device
        and clip.latitude is not None
        and clip.longitude is not None
        and clip.began_at
        and clip.ended_at
    ]
    found: dict[CaseId, _Elsewhere] = {}
    if told:
        for case, presence in await presences.officers_elsewhere(connection, told):
            found.setdefault(case, _Elsewhere([], [])).officers.append(presence)
    if placed:
        for case, presence in await presences.devices_elsewhere(connection, placed):
            found.setdefault(case, _Elsewhere([], [])).devices.append(presence)
    return found
