"""The feed of event facts on a real database: nothing is missed, nothing stands twice."""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from recorder.domain.case import Scheme
from recorder.domain.case_event import EventKind
from recorder.domain.coverage import event_facts
from recorder.domain.ids import CaseId
from recorder.domain.people import OPERATOR
from recorder.errors import Conflict
from recorder.services import casework, coverage
from recorder.store.coverage.event_facts import ToldFact
from tests.support.bureau import Bureau, open_bureau
from tests.support.enforcement import a_case, a_source, at, evaluated, footage, happened
from tests.support.web_service import until

State = dict[uuid.UUID, tuple[object, ...]]


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        await a_source(opened)
        yield opened


async def read(
    bureau: Bureau, after: str | None = None, first: date | None = None, last: date | None = None
) -> tuple[list[ToldFact], str]:
    """Facts behind a cursor, and the next cursor."""
    ahead = await coverage.facts_ahead(bureau.deps, after, first, last)
    pages = coverage.read_facts(bureau.deps, bureau.actor(), ahead)
    return [fact async for page in pages for fact in page], ahead.cursor


def take(state: State, facts: list[ToldFact]) -> None:
    """What a reader does with what it is told."""
    for fact in facts:
        if fact.withdrawn:
            state.pop(fact.id, None)
        else:
            state[fact.id] = (fact.case, fact.day, json.loads(fact.body))


async def recomputed(bureau: Bureau, cases: list[CaseId]) -> State:
    """The same by evaluating every case anew."""
    found: State = {}
    for case in cases:
        told = await coverage.case_coverage(bureau.deps, bureau.actor(), case)
        for fact in event_facts(told.facts, told.evaluation):
            found[fact.id] = (fact.case, fact.day, json.loads(fact.body))
    return found


async def something(bureau: Bureau, dice: random.Random, cases: list[CaseId]) -> None:
    """An event, footage, a correction, a withdrawal, a number, a merge."""
    case = dice.choice(cases)
    match dice.randrange(10):
        case 0 | 1 | 2 | 8 | 9:
            kind = dice.choice([EventKind.SEIZURE, EventKind.HEARING, EventKind.DECISION])
            began = dice.randrange(0, 4000)
            await happened(bureau, case, kind=kind, began=began, ended=began + 30)
        case 3 | 4:
            began = dice.randrange(0, 4000)
            await footage(bureau, case, began, began + 40)
        case 5:
            await moved(bureau, case)
        case 6:
            number = f"沪市监立〔2026〕{dice.randrange(10**6)}号"
            await casework.amend_case(
                bureau.deps, OPERATOR, case, add_identifiers=[(Scheme.CASE, number)]
            )
        case _:
            await withdrawn(bureau, case)


async def moved(bureau: Bureau, case: CaseId) -> None:
    await bureau.value(
        "WITH moved AS (UPDATE case_event SET began_at = began_at - interval '3 days' WHERE id ="
        " (SELECT id FROM case_event WHERE case_id = $1 ORDER BY id LIMIT 1))"
        " INSERT INTO coverage_due (case_id, because) VALUES ($1, 'event')"
        " ON CONFLICT (case_id) DO UPDATE SET due_at = '-infinity'",
        case,
    )


async def withdrawn(bureau: Bureau, case: CaseId) -> None:
    await bureau.value(
        "WITH gone AS (UPDATE case_event SET withdrawn_at = $2 WHERE id ="
        " (SELECT id FROM case_event WHERE case_id = $1 AND withdrawn_at IS NULL"
        " ORDER BY id DESC LIMIT 1))"
        " INSERT INTO coverage_due (case_id, because) VALUES ($1, 'event')"
        " ON CONFLICT (case_id) DO UPDATE SET due_at = '-infinity'",
        case,
        bureau.clock.now(),
    )


@pytest.mark.parametrize("seed", [1, 2])
async def test_whoever_follows_and_whoever_begins_anew_end_where_recomputation_ends(
    bureau: Bureau, seed: int
) -> None:
    dice = random.Random(seed)
    cases = [await a_case(bureau, f"{n}号") for n in range(6)]
    follower: State = {}
    cursor: str | None = None
    seen: list[int] = []
    for _ in range(5):
        for _ in range(6):
            await something(bureau, dice, cases)
            bureau.clock.forward(hours=1)
        working = [asyncio.create_task(evaluated(bureau)) for _ in range(3)]
        # Read while it is written, then to the end.
        while True:
            over = all(task.done() for task in working)
            facts, cursor = await read(bureau, cursor)
            seen += [fact.position for fact in facts]
            take(follower, facts)
            if over:
                break
        await asyncio.gather(*working)
    into, gone = cases[0], cases[1]
    await casework.merge_cases(bureau.deps, OPERATOR, gone, into=into, reason="同案")
    await evaluated(bureau)
    facts, cursor = await read(bureau, cursor)
    take(follower, facts)
    whole: State = {}
    everything, _ = await read(bureau)
    take(whole, everything)
    right = await recomputed(bureau, cases)
    assert len(right) > 5
    assert follower == whole == right
    assert seen == sorted(set(seen))
    assert any(fact.withdrawn for fact in everything)
    assert not any(case == gone for case, *_ in right.values())
    # A range of days gives the same facts, those of these days.
    ranged, _ = await read(bureau, None, at(0).date(), at(0).date())
    assert {fact.id for fact in ranged} == {
        fact.id for fact in everything if fact.day == at(0).date()
    }


async def test_a_fact_is_told_again_only_when_it_says_something_else(bureau: Bureau) -> None:
    case = await a_case(bureau, "1")
    await happened(bureau, case)
    await evaluated(bureau)
    (first,), cursor = await read(bureau)
    assert (first.version, first.withdrawn) == (1, False)
    bureau.clock.forward(minutes=1)
    await happened(bureau, case, kind=EventKind.DECISION, began=90, ended=None)
    await evaluated(bureau)
    (decision,), cursor = await read(bureau, cursor)
    assert json.loads(decision.body)["kind"] == "decision"
    await footage(bureau, case, 0, 60)
    await evaluated(bureau)
    (second,), cursor = await read(bureau, cursor)
    assert (second.id, second.version) == (first.id, 2)
    await withdrawn(bureau, case)
    await evaluated(bureau)
    (gone,), cursor = await read(bureau, cursor)
    assert (gone.id, gone.withdrawn) == (decision.id, True)
    with pytest.raises(Conflict) as refused:
        await read(bureau, f"{uuid.uuid4()}.1")
    assert refused.value.code == "facts-restarted"


async def is_waiting(bureau: Bureau) -> bool:
    waiting = await bureau.value(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return waiting == 1


async def test_a_reader_never_passes_by_a_slower_writer(bureau: Bureau) -> None:
    """Positions are given out under one lock, so the second writer waits for the first commit."""
    first, second = await a_case(bureau, "1"), await a_case(bureau, "2")
    for case in (first, second):
        await happened(bureau, case)
    may_end = asyncio.Event()
    told = asyncio.Event()

    async def slow() -> None:
        async with bureau.deps.change(OPERATOR) as change:
            await coverage.evaluate_many(bureau.deps, change, [first])
            told.set()
            await may_end.wait()

    writing = asyncio.create_task(slow())
    await told.wait()

    async def other() -> None:
        async with bureau.deps.change(OPERATOR) as change:
            await coverage.evaluate_many(bureau.deps, change, [second])

    waiting = asyncio.create_task(other())
    await until(lambda: is_waiting(bureau), within=60, what="the second writer waits")
    nothing, cursor = await read(bureau)
    assert nothing == []
    may_end.set()
    await asyncio.gather(writing, waiting)
    facts, _ = await read(bureau, cursor)
    assert {fact.case for fact in facts} == {first, second}
