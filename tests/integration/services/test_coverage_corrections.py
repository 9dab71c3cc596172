"""What was said is corrected: findings here and elsewhere follow, a past day stays as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from recorder.domain.coverage import Certificate
from recorder.domain.finding import FindingKind, FindingState
from recorder.domain.ids import CaseId
from recorder.domain.people import OPERATOR
from recorder.services import casework, coverage, importing, registry
from recorder.services.coverage import calendar
from recorder.store import coverage_due
from recorder.store.coverage import days
from recorder.store.coverage.findings import ToldFinding, Wanted
from tests.support.bureau import Bureau, open_bureau
from tests.support.enforcement import a_case, a_source, at, evaluated, footage, happened

K = FindingKind


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        await a_source(opened)
        yield opened


async def found(bureau: Bureau, case: CaseId, *kinds: FindingKind) -> list[ToldFinding]:
    page = await coverage.findings(bureau.deps, bureau.actor(), Wanted(case=case))
    return [each for each in page.items if each.finding.kind in kinds]


async def correct(bureau: Bureau, case: CaseId, change: str, *arguments: object) -> None:
    """The source says something else of the case's events."""
    async with bureau.deps.database.transaction() as connection:
        await connection.execute(
            f"UPDATE case_event SET {change} WHERE case_id = $1",  # noqa: S608 - our own
            case,
            *arguments,
        )
        await coverage_due.touch(connection, [case], "event")


async def take(bureau: Bureau, kind: str, text: str) -> None:
    outcome = await importing.import_file(
        bureau.deps, OPERATOR, kind=kind, content=text.encode(), file_name=f"{kind}.csv"
    )
    assert (outcome.faults, outcome.taken) == (0, True)


@pytest.mark.parametrize(
    "change", ["began_at = $2::timestamptz, ended_at = $2 + interval '1 hour'", "withdrawn_at = $2"]
)
async def test_who_was_at_one_place_after_all_is_nowhere_said_to_have_been_at_two(
    bureau: Bureau, change: str
) -> None:
    here, there = await a_case(bureau, "1"), await a_case(bureau, "2")
    await happened(bureau, here, place=(22.54, 114.05))
    await happened(bureau, there, place=(22.64, 114.05), officers=("A1", "B2"))
    await evaluated(bureau)
    for case in (here, there):
        assert len(await found(bureau, case, K.OFFICER_IN_TWO_PLACES)) == 1
    await correct(bureau, there, change, at(300))
    await evaluated(bureau)
    for case in (here, there):
        assert await found(bureau, case, K.OFFICER_IN_TWO_PLACES) == []


async def test_a_finding_that_is_open_again_may_be_answered_as_long_as_a_new_one(
    bureau: Bureau,
) -> None:
    case = await a_case(bureau, "1")
    await happened(bureau, case)
    await evaluated(bureau)
    (missing,) = await found(bureau, case, K.UNRECORDED)
    recording = await footage(bureau, case, 0, 60)
    await evaluated(bureau)
    assert await found(bureau, case, K.UNRECORDED) == []
    bureau.clock.forward(days=60)
    await casework.unlink(
        bureau.deps, bureau.actor(), recording=recording, case_id=case, reason="误联"
    )
    await evaluated(bureau)
    (again,) = await found(bureau, case, K.UNRECORDED)
    assert (again.id, again.state) == (missing.id, FindingState.OPEN)
    assert again.answer_by is not None
    assert again.answer_by > bureau.clock.now() + timedelta(days=4)


async def test_a_settled_finding_is_asked_about_again_when_a_correction_makes_it_graver(
    bureau: Bureau,
) -> None:
    case = await a_case(bureau, "1")
    await happened(bureau, case)
    await footage(bureau, case, 2, 60)
    await evaluated(bureau)
    (late,) = await found(bureau, case, K.BEGINS_LATE)
    await coverage.close(bureau.deps, bureau.actor(), late.id, text="两分钟，已说明")
    await correct(bureau, case, "began_at = $2", at(-90))
    await evaluated(bureau)
    (graver,) = await found(bureau, case, K.BEGINS_LATE)
    assert (graver.id, graver.state) == (late.id, FindingState.OPEN)


async def test_whoever_moves_to_another_agency_answers_no_more(bureau: Bureau) -> None:
    case = await a_case(bureau, "1")
    await happened(bureau, case)
    await evaluated(bureau)
    own = await bureau.value("SELECT code FROM agency WHERE id = $1", bureau.ours)
    heading = "number,name,organisation,valid_from\n"
    await take(bureau, "officers", f"{heading}A1,甲,{own},2020-01-01\n")
    (raised,) = await found(bureau, case, K.UNRECORDED)
    given = await coverage.assign(bureau.deps, bureau.actor(), raised.id, owner="A1")
    assert (given.owner, given.owner_left) == ("A1", False)
    await take(bureau, "officers", f"{heading}A1,甲,foreign,2026-03-01\n")
    await evaluated(bureau)
    (left,) = await found(bureau, case, K.UNRECORDED)
    assert (left.owner, left.owner_left) == ("A1", True)
    other = await coverage.assign(bureau.deps, bureau.actor(), raised.id, owner="王芳")
    assert not other.owner_left


async def test_certificates_of_whoever_only_filmed_are_looked_at_when_they_are_imported(
    bureau: Bureau,
) -> None:
    """Footage names A1; the scene names others, who are on no file until somebody is."""
    case = await a_case(bureau, "1")
    await happened(bureau, case, officers=("B1", "B2"))
    await footage(bureau, case, 0, 60)
    await evaluated(bureau)
    about = (K.CERTIFICATE_INVALID, K.OFFICER_UNKNOWN)
    assert await found(bureau, case, *about) == []
    own = await bureau.value("SELECT code FROM agency WHERE id = $1", bureau.ours)
    heading = "number,name,organisation,certificate,certificate_from,certificate_to\n"
    await take(bureau, "officers", f"{heading}A1,甲,{own},C1,2020-01-01,2026-02-22\n")
    await evaluated(bureau)
    told = await found(bureau, case, *about)
    assert sorted((f.finding.kind, f.finding.facts["officer"]) for f in told) == [
        (K.CERTIFICATE_INVALID, "A1"), (K.OFFICER_UNKNOWN, "B1"), (K.OFFICER_UNKNOWN, "B2"),
    ]  # fmt: skip
    then = bureau.clock.now()
    bureau.clock.forward(days=1)
    # The last day counts; who comes on file without a certificate is not unknown any more.
    await take(
        bureau,
        "officers",
        f"{heading}A1,甲,{own},C1,2020-01-01,2026-02-23\n"
        f"B1,乙,{own},,,\nB2,丙,{own},C2,2020-01-01,\n",
    )
    await evaluated(bureau)
    told = await found(bureau, case, *about)
    assert [(f.finding.kind, f.finding.facts["officer"]) for f in told] == [
        (K.CERTIFICATE_INVALID, "B1")
    ]
    # Who had left by then holds a paper that is valid still.
    await take(
        bureau, "officers",
        f"number,name,organisation,valid_from,valid_to\nB2,丙,{own},2020-01-01,2026-02-01\n",
    )  # fmt: skip
    await evaluated(bureau)
    (unknown,) = await found(bureau, case, K.OFFICER_UNKNOWN)
    assert unknown.finding.facts["last_day"] == "2026-02-01"
    past = await coverage.case_coverage(bureau.deps, bureau.actor(), case, as_of=then)
    assert past.facts.officers == {"A1": (Certificate("C1", date(2020, 1, 1), date(2026, 2, 22)),)}


async def test_one_day_that_is_announced_late_moves_terms_and_takes_no_other_holiday_away(
    bureau: Bureau,
) -> None:
    """Monday 23 February 2026 is a holiday; the term runs to the end of Tuesday."""
    case = await a_case(bureau, "1")
    await happened(bureau, case)
    recording = await footage(bureau, case, 0, 60)
    async with bureau.deps.database.acquire() as connection:
        await connection.execute(
            "UPDATE recording SET received_at = $2 WHERE id = $1", recording, at(2 * 1440)
        )
    await evaluated(bureau)
    assert len(await found(bureau, case, K.UPLOAD_LATE)) == 1
    then = bureau.clock.now()
    bureau.clock.forward(days=1)
    await take(bureau, "holidays", "day,kind,name\n2026-02-24,holiday,台风\n")
    await evaluated(bureau)
    assert await found(bureau, case, K.UPLOAD_LATE) == []
    past = await coverage.case_coverage(bureau.deps, bureau.actor(), case, as_of=then)
    assert K.UPLOAD_LATE in {each.kind for each in past.evaluation.findings}
    async with bureau.deps.database.acquire() as connection:
        days = await calendar.known(connection)
    assert not days.is_working(date(2026, 2, 17))
    assert days.is_working(date(2026, 2, 14))
    assert not days.is_working(date(2026, 2, 24))


async def test_a_line_of_a_log_has_only_footage_judged_anew_for_which_it_counts(
    bureau: Bureau,
) -> None:
    device = (await registry.add_device(bureau.deps, OPERATOR, number="D1")).device.id
    before, after = await a_case(bureau, "1"), await a_case(bureau, "2")
    for case, began in ((before, 0), (after, 600)):
        recording = await footage(bureau, case, began, began + 60)
        async with bureau.deps.database.acquire() as connection:
            await connection.execute(
                "UPDATE recording SET device_id = $2, device_number = 'D1' WHERE id = $1",
                recording,
                device,
            )
    due = "SELECT array_agg(case_id ORDER BY case_id) FROM coverage_due WHERE due_at = '-infinity'"
    for minute, told in ((-60, [before, after]), (300, [after]), (90, []), (-30, [before])):
        await evaluated(bureau)
        await registry.hand_over(bureau.deps, OPERATOR, device=device, officer="A1", at=at(minute))
        assert await bureau.value(due) == (sorted(told) or None)


async def test_what_was_settled_of_a_case_is_settled_when_it_is_merged_into_another(
    bureau: Bureau,
) -> None:
    actor, deps = bureau.actor(), bureau.deps
    case, other = await a_case(bureau, "1"), await a_case(bureau, "2")
    await happened(bureau, case)
    await happened(bureau, case, began=90, ended=120)
    await evaluated(bureau)
    one, two = await found(bureau, case, K.UNRECORDED)
    await coverage.reply(deps, actor, one.id, text="设备故障")
    await coverage.close(deps, actor, two.id, text="情况属实")
    await casework.merge_cases(deps, actor, case, into=other, reason="同一案件")
    await evaluated(bureau)
    assert await found(bureau, case, *FindingKind) == []
    told = {each.id: each.state for each in await found(bureau, other, *FindingKind)}
    assert told == {one.id: FindingState.REPLIED, two.id: FindingState.CLOSED}
    assert [line.text for line in (await coverage.finding(deps, actor, one.id)).acts] == [
        "设备故障"
    ]
    async with deps.database.acquire() as connection:
        assert await days.miscounted_findings(connection) == 0
