"""A case that is too large to evaluate: it says so, keeps what was found, and holds nobody up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from recorder.domain.coverage.facts import MOST_ROWS
from recorder.domain.finding import FindingKind, FindingState
from recorder.domain.ids import CaseId
from recorder.services import coverage
from recorder.store import coverage_due
from recorder.store.coverage import days, scenes
from recorder.store.coverage.findings import ToldFinding, Wanted
from tests.support.bureau import Bureau, open_bureau
from tests.support.enforcement import a_case, a_source, at, evaluated, happened

K = FindingKind


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        await a_source(opened)
        yield opened


async def flood(bureau: Bureau, case: CaseId, many: int) -> None:
    """So many events of the case besides, an hour each, one after another."""
    async with bureau.deps.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO case_event (id, source_id, key, case_id, agency_id, revision, kind,"
            " act_type, stage, began_at, ended_at, officers, received_at, changed_at)"
            " SELECT uuidv7(), s.id, 'flood' || n, $1, $2, 1, 'seizure', 'coercion',"
            " 'investigation', $3::timestamptz + n * interval '1 hour',"
            " $3::timestamptz + (n + 1) * interval '1 hour', '[]', $3, $3"
            " FROM feed_source s, generate_series(1, $4::int) n",
            case,
            bureau.ours,
            at(-1_000_000),
            many,
        )
        await coverage_due.touch(connection, [case], "event")


async def ebb(bureau: Bureau, case: CaseId) -> None:
    """The source takes them back."""
    async with bureau.deps.database.transaction() as connection:
        await connection.execute(
            "UPDATE case_event SET withdrawn_at = now() WHERE key LIKE 'flood%'"
        )
        await coverage_due.touch(connection, [case], "event")


async def found(bureau: Bureau, case: CaseId) -> dict[FindingKind, ToldFinding]:
    """All that was ever found of the case, by kind."""
    pages = [
        await coverage.findings(bureau.deps, bureau.actor(), Wanted(case=case, state=state))
        for state in (None, FindingState.WITHDRAWN)
    ]
    return {each.finding.kind: each for page in pages for each in page.items}


async def figures_are_right(bureau: Bureau) -> bool:
    async with bureau.deps.database.acquire() as connection:
        return (
            await days.miscounted_scenes(connection) == 0
            and await days.miscounted_officers(connection) == 0
            and await days.miscounted_findings(connection) == 0
        )


async def test_a_case_that_grew_too_large_says_so_and_keeps_what_was_found(bureau: Bureau) -> None:
    """What was found stays open, with its scene; once the case has shrunk it goes on from there."""
    case = await a_case(bureau, "1")
    await happened(bureau, case)
    await evaluated(bureau)
    missing = (await found(bureau, case))[K.UNRECORDED]

    await flood(bureau, case, MOST_ROWS)
    await evaluated(bureau)
    told = await found(bureau, case)
    assert told[K.UNRECORDED] == missing
    large = told[K.CASE_TOO_LARGE]
    assert (large.state, large.finding.facts["most"]) == (FindingState.OPEN, MOST_ROWS)
    async with bureau.deps.database.acquire() as connection:
        evaluated_at = await scenes.evaluated_at(connection, case)
    assert await figures_are_right(bureau)

    bureau.clock.at += timedelta(minutes=1)
    await due_again(bureau, case)
    async with bureau.deps.database.acquire() as connection:
        assert await scenes.evaluated_at(connection, case) == evaluated_at

    await ebb(bureau, case)
    await evaluated(bureau)
    told = await found(bureau, case)
    assert told[K.CASE_TOO_LARGE].state is FindingState.WITHDRAWN
    assert told[K.UNRECORDED] == missing
    assert await figures_are_right(bureau)


async def due_again(bureau: Bureau, case: CaseId) -> None:
    async with bureau.deps.database.transaction() as connection:
        await coverage_due.touch(connection, [case], "event")
    await evaluated(bureau)


async def test_the_page_of_a_large_case_is_told_that_it_is_large(bureau: Bureau) -> None:
    case = await a_case(bureau, "1")
    await flood(bureau, case, MOST_ROWS + 1)
    told = await coverage.case_coverage(bureau.deps, bureau.actor(), case)
    assert [each.kind for each in told.evaluation.findings] == [K.CASE_TOO_LARGE]
    assert told.evaluation.scenes == ()
    then = await coverage.case_coverage(bureau.deps, bureau.actor(), case, as_of=bureau.clock.now())
    assert [each.kind for each in then.evaluation.findings] == [K.CASE_TOO_LARGE]


async def test_large_cases_are_evaluated_one_after_another(bureau: Bureau) -> None:
    """Two that are no larger together than one may be share a transaction; others wait a turn."""
    for number in "123":
        await flood_of(bureau, number, MOST_ROWS // 2)
    left = []
    while await coverage.evaluate_due(bureau.deps):
        async with bureau.deps.database.acquire() as connection:
            left.append((await coverage_due.backlog(connection, bureau.clock.now())).cases)
    assert left == [1, 0]


async def flood_of(bureau: Bureau, number: str, many: int) -> None:
    case = await a_case(bureau, number)
    async with bureau.deps.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO case_document (id, source_id, key, case_id, agency_id, revision, document,"
            " occurred_at, received_at, changed_at) SELECT uuidv7(), s.id, $1::text || n, $2, $3,"
            " 1, 'record', now(), now(), now() FROM feed_source s, generate_series(1, $4::int) n",
            f"{number}-",
            case,
            bureau.ours,
            many,
        )
        await coverage_due.touch(connection, [case], "event")
