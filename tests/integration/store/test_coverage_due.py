"""What must be evaluated again: nothing that was touched is forgotten, nobody waits for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from recorder.domain.ids import CaseId
from recorder.domain.people import OPERATOR
from recorder.services import casework
from recorder.store import coverage_due
from tests.support.bureau import Bureau, open_bureau


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        yield opened


async def a_case(bureau: Bureau, number: str) -> CaseId:
    return (await casework.open_case(bureau.deps, OPERATOR, number=number)).id


async def claimed(bureau: Bureau, *, bulk: bool = False) -> list[tuple[CaseId, str]]:
    """What is due now, evaluated."""
    async with bureau.deps.database.transaction() as connection:
        due = await coverage_due.claim(connection, bureau.clock.now(), 10, bulk=bulk)
        await coverage_due.settle(connection, {each.case: None for each in due})
    return [(each.case, each.because) for each in due]


async def test_linking_unlinking_and_merging_make_cases_due(bureau: Bureau) -> None:
    case, other = await a_case(bureau, "1"), await a_case(bureau, "2")
    recording, actor = await bureau.recording(), bureau.actor()
    await casework.link(bureau.deps, actor, recording=recording, case_id=case)
    assert await claimed(bureau) == [(case, "link")]
    await casework.unlink(bureau.deps, actor, recording=recording, case_id=case, reason="x")
    assert await claimed(bureau) == [(case, "link")]
    await casework.merge_cases(bureau.deps, actor, case, into=other, reason="x")
    assert sorted(await claimed(bureau)) == sorted([(case, "merge"), (other, "merge")])
    assert await claimed(bureau) == []


async def test_a_touch_beside_an_evaluation_waits_and_is_not_lost(bureau: Bureau) -> None:
    case = await a_case(bureau, "1")
    database = bureau.deps.database
    async with database.transaction() as connection:
        await coverage_due.touch(connection, [case], "event")

    async def touch() -> None:
        async with database.transaction() as connection:
            await coverage_due.touch(connection, [case], "mark")

    async with database.transaction() as connection:
        (due,) = await coverage_due.claim(connection, bureau.clock.now(), 10)
        assert due.because == "event"
        touching = asyncio.create_task(touch())
        async with database.acquire() as other:
            assert await coverage_due.claim(other, bureau.clock.now(), 10) == []
        await coverage_due.settle(connection, {case: None})
        assert not touching.done()
    await touching
    assert await claimed(bureau) == [(case, "mark")]


async def test_what_registries_say_waits_for_evaluations_that_have_not_written_yet(
    bureau: Bureau,
) -> None:
    """The first evaluation of a case finds its term provisional while a year is announced."""
    case = await a_case(bureau, "1")
    database = bureau.deps.database
    async with database.transaction() as connection:
        await coverage_due.touch(connection, [case], "event")

    async def announce() -> None:
        async with database.transaction() as connection:
            await coverage_due.touch_holidays(connection, [date(2027, 1, 1)])

    async with database.transaction() as connection:
        await coverage_due.claim(connection, bureau.clock.now(), 10)
        announcing = asyncio.create_task(announce())
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        async with asyncio.timeout(20), database.acquire() as other:
            while not announcing.done() and not await other.fetchval(waiting):
                pass
        await connection.execute(
            "INSERT INTO coverage_case (case_id, answer, provisional, evaluated_at)"
            " VALUES ($1, sha256('answer'), true, now())",
            case,
        )
        await coverage_due.settle(connection, {case: None})
    await announcing
    assert await claimed(bureau, bulk=True) == [(case, "holiday")]


async def test_many_cases_come_after_those_of_today_and_one_of_them_may_go_before(
    bureau: Bureau,
) -> None:
    first, second = await a_case(bureau, "1"), await a_case(bureau, "2")
    async with bureau.deps.database.transaction() as connection:
        await coverage_due.touch(connection, [first, second, first], "list", bulk=True)
        await coverage_due.touch(connection, [second], "footage")
        await coverage_due.touch(connection, [second], "list", bulk=True)
    assert await claimed(bureau) == [(second, "footage")]
    assert await claimed(bureau, bulk=True) == [(first, "list")]


async def test_a_case_waits_for_the_moment_that_changes_the_answer(bureau: Bureau) -> None:
    case = await a_case(bureau, "1")
    later = bureau.clock.now() + timedelta(hours=1)
    async with bureau.deps.database.transaction() as connection:
        await coverage_due.touch(connection, [case], "event")
        await coverage_due.claim(connection, bureau.clock.now(), 10)
        await coverage_due.settle(connection, {case: later})
        assert (await coverage_due.backlog(connection, bureau.clock.now())).cases == 0
    assert await claimed(bureau) == []
    bureau.clock.forward(hours=1)
    async with bureau.deps.database.acquire() as connection:
        assert await coverage_due.backlog(connection, later) == coverage_due.Backlog(1, later)
    assert await claimed(bureau) == [(case, "time")]
