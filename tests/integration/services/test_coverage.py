"""Evaluating cases on a real database: differences, figures, turns, and who dies in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from recorder.domain.coverage import Presence
from recorder.domain.finding import FindingKind, FindingState
from recorder.domain.gap_reason import InterruptionCause, InterruptionPlace
from recorder.domain.ids import CaseId
from recorder.domain.mark import MarkKind
from recorder.domain.people import OPERATOR, Role
from recorder.errors import Conflict, InvalidInput, NotFound
from recorder.services import casework, coverage, dashboard, importing, review
from recorder.store import coverage_due
from recorder.store.coverage import days, presences, scenes
from recorder.store.coverage.findings import ToldFinding, Wanted
from recorder.store.coverage.presences import CasePresence
from tests.support.bureau import Bureau, open_bureau
from tests.support.enforcement import a_case, a_source, at, evaluated, footage, happened

K = FindingKind
#: Nobody marks anything in these tests.
MARKS = (K.ANNOUNCEMENT_MISSING, K.VOICE_STATEMENT_MISSING)


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        await a_source(opened)
        yield opened


async def found(bureau: Bureau, **wanted: object) -> list[ToldFinding]:
    page = await coverage.findings(
        bureau.deps,
        bureau.actor(),
        Wanted(**wanted),  # type: ignore[arg-type]
    )
    return [each for each in page.items if each.finding.kind not in MARKS]


async def kinds(bureau: Bureau, case: CaseId) -> list[str]:
    return sorted(each.finding.kind.value for each in await found(bureau, case=case))


async def figures_are_right(bureau: Bureau) -> bool:
    async with bureau.deps.database.acquire() as connection:
        return (
            await days.miscounted_scenes(connection) == 0
            and await days.miscounted_officers(connection) == 0
            and await days.miscounted_findings(connection) == 0
        )


async def test_a_case_from_nothing_recorded_to_all_of_it(bureau: Bureau) -> None:
    """Findings come, change, go and come again under one id; figures follow each step."""
    case = await a_case(bureau, "1")
    await happened(bureau, case)
    await evaluated(bureau)
    (missing,) = await found(bureau, case=case)
    assert missing.finding.kind is K.UNRECORDED
    assert missing.finding.rule.startswith("《广东省行政执法全过程记录办法》第十四条")
    assert missing.answer_by is not None
    assert await figures_are_right(bureau)

    first = await footage(bureau, case, 0, 30)
    await evaluated(bureau)
    assert await kinds(bureau, case) == ["ends_early"]
    second = await footage(bureau, case, 40, 60)
    await evaluated(bureau)
    (gap,) = await found(bureau, case=case)
    assert (gap.finding.kind, set(gap.finding.recordings)) == (
        K.GAP_UNEXPLAINED,
        {first, second},
    )
    # Footage that fills the beginning of the gap leaves the same gap, shorter.
    await footage(bureau, case, 29, 35)
    await evaluated(bureau)
    (shorter,) = await found(bureau, case=case)
    assert (shorter.id, shorter.finding.began_at) == (gap.id, at(35))
    await footage(bureau, case, 34, 41)
    await evaluated(bureau)
    assert await found(bureau, case=case) == []
    assert await figures_are_right(bureau)

    for recording in (await casework.case(bureau.deps, bureau.actor(), case)).links:
        await casework.unlink(
            bureau.deps, bureau.actor(), recording=recording.recording, case_id=case, reason="x"
        )
    await evaluated(bureau)
    (again,) = await found(bureau, case=case)
    assert (again.id, again.state) == (missing.id, FindingState.OPEN)
    assert await figures_are_right(bureau)
    told = [name for name in await bureau.event_names() if name.startswith("Finding")]
    assert set(told) == {"FindingRaised", "FindingChanged", "FindingWithdrawn"}
    question = dashboard.Question(first=at(0).date(), last=at(0).date())
    total = (await dashboard.dashboard(bureau.deps, bureau.actor(), question)).total
    assert (total.scenes.must, total.scenes.unrecorded, total.scenes.covered_ms) == (1, 1, 0)
    assert (total.findings.waiting, total.unlinked) == (1, 0)


async def test_evaluating_again_writes_nothing(bureau: Bureau) -> None:
    case = await a_case(bureau, "1")
    await happened(bureau, case)
    await evaluated(bureau)
    events = await bureau.event_names()
    async with bureau.deps.database.acquire() as connection:
        before = await scenes.evaluated_at(connection, case)
        await coverage_due.touch(connection, [case], "event")
    bureau.clock.forward(minutes=1)
    await evaluated(bureau)
    async with bureau.deps.database.acquire() as connection:
        assert await scenes.evaluated_at(connection, case) == before
    assert await bureau.event_names() == events


async def test_nothing_is_missed_until_its_deadline_and_then_without_a_touch(
    bureau: Bureau,
) -> None:
    case = await a_case(bureau, "1")
    began = (bureau.clock.now() - at(0)).total_seconds() / 60
    await happened(bureau, case, began=began, ended=began + 60)
    await evaluated(bureau)
    assert await kinds(bureau, case) == []
    bureau.clock.forward(days=2)
    await evaluated(bureau)
    assert await kinds(bureau, case) == ["unrecorded"]


async def test_a_deadline_of_a_year_that_was_not_announced_is_counted_anew_when_it_is(
    bureau: Bureau,
) -> None:
    case = await a_case(bureau, "1")
    # A Friday of 2027; one working day later is the Monday, unless that is a holiday.
    friday = 368 * 24 * 60
    await happened(bureau, case, began=friday, ended=friday + 60)
    bureau.clock.forward(days=365)
    assert bureau.clock.now().date() == date(2027, 3, 2)
    await evaluated(bureau)
    assert await kinds(bureau, case) == ["unrecorded"]
    await importing.import_file(
        bureau.deps,
        OPERATOR,
        kind="holidays",
        content=b"day,kind,name\n2027-03-01,holiday,A\n2027-03-02,holiday,A\n",
        file_name="2027.csv",
    )
    await evaluated(bureau)
    assert await kinds(bureau, case) == []


async def test_an_officer_at_two_places_is_found_in_both_cases_whichever_comes_first(
    bureau: Bureau,
) -> None:
    here, there = await a_case(bureau, "1"), await a_case(bureau, "2")
    await happened(bureau, here, place=(22.54, 114.05))
    await footage(bureau, here, 0, 60)
    await evaluated(bureau)
    assert await kinds(bureau, here) == []
    await happened(bureau, there, place=(22.64, 114.05), officers=("A1", "B2"))
    await footage(bureau, there, 0, 60)
    await evaluated(bureau)
    for case in (here, there):
        assert await kinds(bureau, case) == ["officer_in_two_places"]
    # It was the next day: then nobody was at two places, and the other case says so no more.
    async with bureau.deps.database.transaction() as connection:
        await connection.execute(
            "UPDATE case_event SET began_at = began_at + interval '1 day',"
            " ended_at = ended_at + interval '1 day' WHERE case_id = $1",
            there,
        )
        await coverage_due.touch(connection, [there], "event")
    await evaluated(bureau)
    assert await kinds(bureau, here) == []


async def test_of_a_number_that_is_everywhere_few_other_places_are_looked_at(
    bureau: Bureau,
) -> None:
    case = await a_case(bureau, "1")
    asked = CasePresence(case, Presence(
        who="000000", about="e", scene="e", began_at=at(0), ended_at=at(60),
        latitude=22.54, longitude=114.05,
    ))  # fmt: skip
    async with bureau.deps.database.acquire() as connection:
        # At the same place, for a moment only, and far away for long.
        for where, minutes, many in ((0.001, 60, 200), (0.2, 1, 200), (0.2, 60, 150)):
            await connection.execute(
                "INSERT INTO coverage_presence (case_id, scene, officer, began_at, ended_at,"
                " latitude, longitude) SELECT gen_random_uuid(), 's', '000000', $1,"
                " $1::timestamptz + $2::int * interval '1 min', 22.54 + $3, 114.05"
                " FROM generate_series(1, $4::int)",
                at(0), minutes, where, many,
            )  # fmt: skip
        found = await presences.officers_elsewhere(connection, [asked])
    assert len(found) == presences.MOST < 150
    assert {each.presence.latitude for _, each in found} == {22.54 + 0.2}


async def test_two_workers_evaluate_each_case_once(bureau: Bureau) -> None:
    cases = [await a_case(bureau, str(n)) for n in range(30)]
    for case in cases:
        await happened(bureau, case, place=(22.5, 114.0))
    await asyncio.gather(*(evaluated(bureau) for _ in range(4)))
    assert len(await found(bureau)) == 30
    assert await figures_are_right(bureau)


class _Killed(Exception):
    """The end of a worker."""


async def die_evaluating(bureau: Bureau) -> None:
    """Do everything but commit."""
    async with bureau.deps.change(bureau.actor()) as change:
        due = await coverage_due.claim(change.connection, change.now, 10)
        await coverage.evaluate_many(bureau.deps, change, [each.case for each in due])
        raise _Killed


async def test_a_worker_that_dies_has_done_nothing(bureau: Bureau) -> None:
    case = await a_case(bureau, "1")
    await happened(bureau, case)

    with pytest.raises(_Killed):
        await die_evaluating(bureau)
    assert await found(bureau) == []
    await evaluated(bureau)
    assert await kinds(bureau, case) == ["unrecorded"]


async def test_a_worker_that_dies_behind_its_commit_leaves_the_other_case_to_the_next(
    bureau: Bureau,
) -> None:
    here, there = await a_case(bureau, "1"), await a_case(bureau, "2")
    await happened(bureau, here, place=(22.54, 114.05))
    await evaluated(bureau)
    await happened(bureau, there, place=(22.64, 114.05), officers=("A1", "B2"))
    async with bureau.deps.change(bureau.actor()) as change:
        due = await coverage_due.claim(change.connection, change.now, 10)
        assert [each.case for each in due] == [there]
        await coverage.evaluate_many(bureau.deps, change, [there])
    assert "officer_in_two_places" not in await kinds(bureau, here)
    await evaluated(bureau)
    assert "officer_in_two_places" in await kinds(bureau, here)


#: What the service does not know, and what the database cannot index: a visit of 1,000 words.
ODD = {
    "kind": ("unheard_of", "seizure"),
    "visit": ("".join(chr(19968 + n * n * 7919 % 20000) for n in range(1000)), None),
}


@pytest.mark.parametrize("field", ODD)
async def test_an_odd_case_keeps_no_other_from_being_evaluated(bureau: Bureau, field: str) -> None:
    async def say(value: str | None) -> None:
        await bureau.value(f"UPDATE case_event SET {field} = $2 WHERE case_id = $1", odd, value)  # noqa: S608 - of a list above

    good, odd = await a_case(bureau, "1"), await a_case(bureau, "2")
    await happened(bureau, good)
    await happened(bureau, odd)
    wrong, right = ODD[field]
    await say(wrong)
    await evaluated(bureau)
    assert await kinds(bureau, good) == ["unrecorded"]
    assert await kinds(bureau, odd) == []
    await say(right)
    bureau.clock.forward(hours=1)
    await evaluated(bureau)
    assert await kinds(bureau, odd) == ["unrecorded"]


async def test_a_finding_is_answered_assigned_appealed_and_closed(bureau: Bureau) -> None:
    case = await a_case(bureau, "1")
    await happened(bureau, case)
    await evaluated(bureau)
    (raised,) = await found(bureau)
    actor, deps = bureau.actor(), bureau.deps
    given = await coverage.assign(deps, actor, raised.id, owner="A1", answer_by=at(9000))
    assert (given.owner, given.answer_by, given.state) == ("A1", at(9000), FindingState.OPEN)
    with pytest.raises(InvalidInput):
        await coverage.reply(deps, actor, raised.id, text=" ")
    await coverage.reply(deps, actor, raised.id, text="设备故障")
    closed = await coverage.close(deps, actor, raised.id, text="情况属实")
    assert closed.state is FindingState.CLOSED
    with pytest.raises(Conflict) as refused:
        await coverage.reply(deps, actor, raised.id, text="补充")
    assert refused.value.code == "finding-state"
    with pytest.raises(Conflict):
        await coverage.assign(deps, actor, raised.id, owner="A2")
    appealed = await coverage.appeal(deps, actor, raised.id, text="不认可")
    assert appealed.state is FindingState.APPEALED
    await coverage.close(deps, actor, raised.id, text="维持")
    view = await coverage.finding(deps, actor, raised.id)
    assert [line.act for line in view.acts] == ["assign", "reply", "close", "appeal", "close"]
    assert await figures_are_right(bureau)
    # What was settled stays settled while it is found again.
    async with deps.database.acquire() as connection:
        await coverage_due.touch(connection, [case], "event")
    await evaluated(bureau)
    assert [each.state for each in await found(bureau)] == [FindingState.CLOSED]


async def test_who_sees_a_finding(bureau: Bureau) -> None:
    case = await a_case(bureau, "1")
    await happened(bureau, case)
    await evaluated(bureau)
    (raised,) = await found(bureau)
    for stranger in (
        bureau.actor(agency=bureau.theirs),
        bureau.actor(Role.OFFICER, officer="B7"),
    ):
        assert (await coverage.findings(bureau.deps, stranger)).items == ()
        with pytest.raises(NotFound):
            await coverage.finding(bureau.deps, stranger, raised.id)
        with pytest.raises(NotFound):
            await coverage.reply(bureau.deps, stranger, raised.id, text="x")
    own = bureau.actor(Role.OFFICER, officer="A2")
    assert len((await coverage.findings(bureau.deps, own)).items) == 1


async def test_a_past_day_is_answered_by_what_was_known_then(bureau: Bureau) -> None:
    case = await a_case(bureau, "1")
    await happened(bureau, case)
    then = bureau.clock.now()
    bureau.clock.forward(days=10)
    await footage(bureau, case, 0, 60)
    actor, deps = bureau.actor(), bureau.deps
    now = await coverage.case_coverage(deps, actor, case)
    assert {f.kind for f in now.evaluation.findings} == set(MARKS)
    before = await coverage.case_coverage(deps, actor, case, as_of=then + timedelta(seconds=1))
    assert [f.kind for f in before.evaluation.findings] == [K.UNRECORDED]
    earlier = await coverage.case_coverage(deps, actor, case, as_of=then - timedelta(days=1))
    assert earlier.evaluation.scenes == ()
    with pytest.raises(NotFound):
        await coverage.case_coverage(deps, bureau.actor(agency=bureau.theirs), case)


async def test_marks_and_reasons_of_people_are_heard(bureau: Bureau) -> None:
    case = await a_case(bureau, "1")
    await happened(bureau, case)
    first = await footage(bureau, case, 0, 30)
    await footage(bureau, case, 40, 60)
    actor, deps = bureau.actor(), bureau.deps
    for kind in (MarkKind.ANNOUNCEMENT, MarkKind.VOICE_STATEMENT):
        made = await review.mark_recording(deps, actor, first, kind=kind, media_ms=1000)
    await evaluated(bureau)
    everything = (await coverage.findings(deps, actor)).items
    assert [each.finding.kind for each in everything] == [K.GAP_UNEXPLAINED]
    await review.give_gap_reason(
        deps,
        actor,
        first,
        place=InterruptionPlace.END,
        gap=None,
        cause=InterruptionCause.BATTERY,
        note="",
        reported_at=None,
    )
    await review.withdraw_mark(deps, actor, first, made.id, reason="误标")
    await evaluated(bureau)
    everything = (await coverage.findings(deps, actor)).items
    assert [each.finding.kind for each in everything] == [K.VOICE_STATEMENT_MISSING]
    (scene,) = (await coverage.case_coverage(deps, actor, case)).evaluation.scenes
    assert [hole.reason for hole in scene.holes] == ["battery"]
