"""Duty lists on a real database: drafted, compared, approved by a second person, in force."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from recorder.domain.duty import DutyLevel
from recorder.domain.people import OPERATOR
from recorder.errors import Conflict, Forbidden, InvalidInput, NotFound
from recorder.services import coverage, duties, importing, organs
from recorder.store.coverage.findings import Wanted
from tests.support.bureau import Bureau, open_bureau
from tests.support.enforcement import a_case, a_source, evaluated, happened

OPTIONAL = "序号,记录要求,场景,依据\n1,可以记录,查封扣押,本局清单第一项\n"
FIRST = date(2026, 1, 1)


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        yield opened


async def test_a_list_takes_effect_when_a_second_person_approves_it(bureau: Bureau) -> None:
    """Every case of its agency is evaluated by it, and that of others is not."""
    await a_source(bureau)
    case, other = await a_case(bureau, "1"), await a_case(bureau, "2")
    await happened(bureau, case)
    await happened(bureau, other, agency=bureau.theirs)
    await evaluated(bureau)
    clerk, second, deps = bureau.actor(), bureau.actor(), bureau.deps
    drafted = await duties.draft(deps, clerk, title="清单", valid_from=FIRST, text=OPTIONAL)
    assert (drafted.header.version, drafted.header.state) == (1, "draft")
    assert [rule.level for rule in drafted.rules] == [DutyLevel.OPTIONAL]
    await duties.propose(deps, clerk, drafted.header.id)
    with pytest.raises(Conflict):
        await duties.redraft(deps, clerk, drafted.header.id, title="x")
    with pytest.raises(Forbidden) as own:
        await duties.approve(deps, clerk, drafted.header.id, drafted.digest)
    assert own.value.code == "approval-own"
    with pytest.raises(Conflict) as stale:
        await duties.approve(deps, second, drafted.header.id, bytes(32))
    assert stale.value.code == "approval-stale"
    approved = await duties.approve(deps, second, drafted.header.id, drafted.digest)
    assert (approved.header.state, approved.header.approved_by) == ("approved", second.name)
    await evaluated(bureau)
    shown = await coverage.findings(deps, bureau.actor(city=True), Wanted())
    assert [each.finding.case for each in shown.items] == [other]
    assert {"DutyListDrafted", "ApprovalGranted", "DutyListApproved"} <= set(
        await bureau.event_names()
    )
    # By what was approved then, the past stays as it was.
    past = await coverage.case_coverage(deps, bureau.actor(), case, as_of=bureau.clock.now())
    bureau.clock.forward(days=1)
    assert past.evaluation.scenes[0].level is DutyLevel.OPTIONAL
    with pytest.raises(Conflict) as again:
        await duties.propose(deps, clerk, drafted.header.id)
    assert again.value.code == "duty-list-state"


async def test_a_branch_is_judged_by_the_list_of_the_organ_in_whose_name_it_acts(
    bureau: Bureau,
) -> None:
    await a_source(bureau)
    case, deps = await a_case(bureau, "1"), bureau.deps
    brigade = await organs.add_agency(deps, OPERATOR, code="brigade", name="支队")
    await happened(bureau, case, agency=brigade.id)
    drafted = await duties.draft(
        deps, bureau.actor(), title="清单", valid_from=FIRST, text=OPTIONAL, wording="本局执法"
    )
    await duties.propose(deps, bureau.actor(), drafted.header.id)
    await duties.approve(deps, bureau.actor(), drafted.header.id, drafted.digest)

    async def level() -> DutyLevel:
        await evaluated(bureau)
        found = await coverage.case_coverage(deps, bureau.actor(city=True), case)
        return found.evaluation.scenes[0].level

    assert await level() is DutyLevel.FULL_UNINTERRUPTED
    assert len((await coverage.findings(deps, OPERATOR, Wanted(case=case))).items) == 1
    own = drafted.header.agency_code
    table = f"code,name,kind,parent\n{own},市局,bureau,\nbrigade,支队,branch,{own}\n"
    await importing.import_file(
        deps, OPERATOR, kind="organisations", content=table.encode(), file_name="o.csv"
    )
    assert await level() is DutyLevel.OPTIONAL
    assert (await coverage.findings(deps, OPERATOR, Wanted(case=case))).items == ()
    assert await duties.wording_of(deps, brigade.id) == "本局执法"
    # Another version of the organ's list has its cases evaluated again.
    later = await duties.draft(
        deps, bureau.actor(), title="清单", valid_from=date(2026, 2, 1),
        text="序号,记录要求,场景\n1,应当记录,查封扣押\n",
    )  # fmt: skip
    await duties.propose(deps, bureau.actor(), later.header.id)
    await duties.approve(deps, bureau.actor(), later.header.id, later.digest)
    assert await level() is DutyLevel.REQUIRED
    assert len((await coverage.findings(deps, OPERATOR, Wanted(case=case))).items) == 1


async def test_publications_and_entrustments_that_are_imported_have_their_acts_judged_again(
    bureau: Bureau,
) -> None:
    await a_source(bureau)
    case, deps = await a_case(bureau, "1"), bureau.deps
    body = await organs.add_agency(deps, OPERATOR, code="body", name="受委托组织")
    await happened(bureau, case, agency=body.id)
    own = str(await bureau.value("SELECT code FROM agency WHERE id = $1", bureau.ours))

    async def kinds_after(kind: str, table: str) -> list[str]:
        await importing.import_file(
            deps, OPERATOR, kind=kind, content=table.encode(), file_name="t.csv"
        )
        await evaluated(bureau)
        found = await coverage.findings(deps, OPERATOR, Wanted(case=case))
        return sorted(each.finding.kind.value for each in found.items)

    tree = f"code,name,kind,parent\n{own},市局,bureau,\nbody,受委托组织,entrusted,{own}\n"
    assert await kinds_after("organisations", tree) == ["unrecorded"]
    published = f"organisation,name,kind,valid_from,valid_to\n{own},市局,法定,%s,\n"
    assert await kinds_after("subjects", published % "2026-02-24") == [
        "subject_unpublished", "unrecorded",
    ]  # fmt: skip
    then = bureau.clock.now()
    bureau.clock.forward(hours=1)
    assert await kinds_after("subjects", published % "2026-02-23") == ["unrecorded"]
    letter = f"principal,agent,matter,valid_from,valid_to\n{own},body,,%s\n"
    assert await kinds_after("entrustments", letter % "2025-01-01,2025-12-31") == [
        "entrustment_invalid", "unrecorded",
    ]  # fmt: skip
    assert await kinds_after("entrustments", letter % "2026-01-01,2026-12-31") == ["unrecorded"]
    # What nobody knew then does not count for that moment.
    past = await coverage.case_coverage(deps, OPERATOR, case, as_of=then)
    assert "subject_unpublished" in {each.kind for each in past.evaluation.findings}


async def test_a_matter_that_is_handed_over_by_the_register_has_its_acts_judged_again(
    bureau: Bureau,
) -> None:
    await a_source(bureau)
    case, deps = await a_case(bureau, "1"), bureau.deps
    await happened(bureau, case)
    await bureau.value(
        "INSERT INTO feed_case (source_id, key, case_id, agency_id, revision, matter, opened_on,"
        " received_at) SELECT id, 'c', $1, $2, 1, 'M1', '2026-02-23', $3 FROM feed_source",
        case,
        bureau.ours,
        bureau.clock.now(),
    )
    own = str(await bureau.value("SELECT code FROM agency WHERE id = $1", bureau.ours))

    async def found_after(kind: str, table: str) -> list[tuple[object, ...]]:
        await importing.import_file(
            deps, OPERATOR, kind=kind, content=table.encode(), file_name="t.csv"
        )
        await evaluated(bureau)
        found = await coverage.findings(deps, OPERATOR, Wanted(case=case))
        told = [each.finding.facts for each in found.items]
        return [(f["organ"], f["holder"], f["handed_on"]) for f in told if "matter_name" in f]

    tree = f"code,name,kind,parent\nqu,区,district,\n{own},区局,bureau,qu\njie,街道,street,%s\n"
    assert await found_after("organisations", tree % "qu") == []
    header = "code,name,organisation,valid_from,valid_to\n"
    ours, theirs = f"M1,占道,{own},,%s\n", "M1,占道,jie,%s,\n"
    assert await found_after("matters", header + ours % "") == []
    handed = [("区局", "街道", "2026-02-23")]
    both = header + ours % "2026-02-22" + theirs % "2026-02-23"
    assert await found_after("matters", both) == handed
    # As another part of the city's tree the street cannot have it from this organ.
    await found_after("organisations", "code,name,kind\nfar,别区,district\n")
    apart = "code,name,kind,parent,valid_from\njie,街道,street,%s,2026-02-01\n"
    assert await found_after("organisations", apart % "far") == []
    assert await found_after("organisations", apart % "qu") == handed
    # The register is corrected: it was a day later, which nobody knew before.
    before = bureau.clock.now()
    bureau.clock.forward(days=1)
    later = header + ours % "2026-02-23" + theirs % "2026-02-24"
    assert await found_after("matters", later) == []
    past = await coverage.case_coverage(deps, OPERATOR, case, as_of=before)
    assert "matter_elsewhere" in {each.kind for each in past.evaluation.findings}


async def test_a_draft_is_amended_compared_and_exported(bureau: Bureau) -> None:
    clerk, deps = bureau.actor(), bureau.deps
    first = await duties.draft(deps, clerk, title="清单", valid_from=FIRST, profile="police")
    second = await duties.draft(deps, clerk, title="清单", valid_from=FIRST, text=OPTIONAL)
    assert (first.header.version, second.header.version) == (1, 2)
    changed = await duties.redraft(
        deps,
        clerk,
        second.header.id,
        title="新清单",
        valid_from=date(2027, 1, 1),
        valid_to=date(2028, 1, 1),
        text=await duties.table(deps, clerk, first.header.id),
    )
    assert changed.rules == first.rules
    assert (changed.header.title, changed.header.valid_to) == ("新清单", date(2028, 1, 1))
    assert (await duties.compare(deps, clerk, first.header.id, second.header.id))[2] == ()
    newest = await duties.lists(deps, clerk, limit=1)
    oldest = await duties.lists(deps, clerk, cursor=newest.next, limit=1)
    assert [each.version for each in (*newest.items, *oldest.items)] == [2, 1]
    assert oldest.next is None
    assert (await duties.lists(deps, clerk, state="approved")).items == ()
    assert (await duties.lists(deps, bureau.actor(agency=bureau.theirs))).items == ()
    for refused in (
        duties.redraft(deps, clerk, second.header.id, valid_to=date(2020, 1, 1)),
        duties.draft(deps, clerk, title="x", valid_from=FIRST, text="颜色\n"),
    ):
        with pytest.raises(InvalidInput):
            await refused
    stranger = bureau.actor(agency=bureau.theirs)
    for foreign in (first.header.id, uuid.uuid4()):
        with pytest.raises(NotFound):
            await duties.list_view(deps, stranger, foreign)
        with pytest.raises(NotFound):
            await duties.propose(deps, stranger, foreign)


async def test_a_refused_withdrawn_or_forgotten_proposal_is_a_draft_again(bureau: Bureau) -> None:
    clerk, second, deps = bureau.actor(), bureau.actor(), bureau.deps
    drafted = await duties.draft(deps, clerk, title="清单", valid_from=FIRST)
    await duties.propose(deps, clerk, drafted.header.id)
    refused = await duties.refuse(deps, second, drafted.header.id, "缺条款")
    assert refused.header.state == "draft"
    await duties.propose(deps, clerk, drafted.header.id)
    assert (await duties.withdraw(deps, clerk, drafted.header.id)).header.state == "draft"
    with pytest.raises(Conflict):
        await duties.withdraw(deps, clerk, drafted.header.id)
    await duties.propose(deps, clerk, drafted.header.id)
    bureau.clock.forward(days=31)
    changed = await duties.redraft(deps, clerk, drafted.header.id, title="改")
    assert (changed.header.state, changed.header.title) == ("draft", "改")
    await duties.propose(deps, clerk, drafted.header.id)


async def test_what_officers_say_is_that_of_the_list_in_force(bureau: Bureau) -> None:
    clerk, second, deps = bureau.actor(), bureau.actor(), bureau.deps
    shipped = duties.profile(deps.config.duty_profile).wording
    assert await duties.wording_of(deps, bureau.ours) == shipped != ""
    drafted = await duties.draft(
        deps, clerk, title="清单", valid_from=FIRST, wording=" 我是{officer}，全程录音录像。 "
    )
    plain = await duties.redraft(deps, clerk, drafted.header.id, wording="")
    again = await duties.redraft(deps, clerk, drafted.header.id, wording="全程录音录像。")
    # Whoever approves has seen these words.
    assert len({drafted.digest, plain.digest, again.digest}) == 3
    assert drafted.header.wording == "我是{officer}，全程录音录像。"
    assert await duties.wording_of(deps, bureau.ours) == shipped
    await duties.propose(deps, clerk, drafted.header.id)
    await duties.approve(deps, second, drafted.header.id, again.digest)
    assert await duties.wording_of(deps, bureau.ours) == "全程录音录像。"
    assert await duties.wording_of(deps, bureau.theirs) == shipped
