"""Plans and parties of cases: by whom they are said, how cases are found, joint checks together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recorder.domain.case_mention import Mention, MentionKind
from recorder.domain.ids import CaseId
from recorder.domain.people import OPERATOR, Actor, Role
from recorder.errors import Forbidden, InvalidInput, NotFound
from recorder.services import casework
from recorder.services.casework import SoughtBy
from tests.support.feed_desk import Desk, case, document, event, open_desk, withdrawal

PLAN = "深双随机〔2026〕第007号"
COMPANY = "深圳市示例餐饮（集团）有限公司"
CODE = "91440300MA5EXAMP1X"


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(database_url, tmp_path) as opened:
        yield opened


async def found(
    desk: Desk,
    by: SoughtBy,
    text: str,
    actor: Actor = OPERATOR,
    days: tuple[datetime | None, datetime | None] = (None, None),
) -> list[str]:
    begins, ends = days
    page = await casework.cases_mentioning(
        desk.bureau.deps, actor, by, text, begins_at=begins, ends_at=ends
    )
    return sorted(each.identifiers[0].norm for each in page.items)


def party(name: str, code: str = "") -> dict[str, object]:
    return {"name": name, "code": code}


async def test_cases_are_found_by_company_and_plan_in_any_spelling(desk: Desk) -> None:
    await desk.send(
        case("1", 1, "甲〔2026〕1号", plan=PLAN, parties=[party(COMPANY, CODE), party("张三")]),
        case("2", 1, "甲〔2026〕2号", plan="深双随机[2026]7号"),
        case("3", 1, "甲〔2026〕3号", parties=[party("另一公司")]),
    )
    first = "甲〔2026〕1号"
    assert await found(desk, SoughtBy.PLAN, "深双随机(2026)7号") == [first, "甲〔2026〕2号"]
    for text in (COMPANY, "深圳市 示例餐饮(集团)有限公司", CODE.lower(), "示例餐饮", "张三"):
        assert await found(desk, SoughtBy.COMPANY, text) == [first], text
    assert await found(desk, SoughtBy.COMPANY, "公司") == [first, "甲〔2026〕3号"]
    assert await found(desk, SoughtBy.COMPANY, "三") == []
    stranger = desk.bureau.actor(agency=desk.bureau.theirs)
    assert await found(desk, SoughtBy.COMPANY, COMPANY, stranger) == []
    page = await casework.cases_mentioning(
        desk.bureau.deps, OPERATOR, SoughtBy.COMPANY, "公司", limit=1
    )
    assert (len(page.items), page.next is None) == (1, False)
    rest = await casework.cases_mentioning(
        desk.bureau.deps, OPERATOR, SoughtBy.COMPANY, "公司", cursor=page.next, limit=5
    )
    assert len({each.id for each in (*page.items, *rest.items)}) == 2


async def test_a_correction_or_a_withdrawal_takes_back_what_a_row_said(desk: Desk) -> None:
    await desk.send(case("1", 1, "甲〔2026〕1号", plan=PLAN, parties=[party(COMPANY)]))
    await desk.send(case("1", 2, "甲〔2026〕1号", parties=[party("更正公司")]))
    assert await found(desk, SoughtBy.PLAN, PLAN) == []
    assert await found(desk, SoughtBy.COMPANY, COMPANY) == []
    assert await found(desk, SoughtBy.COMPANY, "更正") == ["甲〔2026〕1号"]
    await desk.send(withdrawal("w", 1, "1"))
    assert await found(desk, SoughtBy.COMPANY, "更正") == []
    await desk.send(withdrawal("w2", 1, "w"))
    assert await found(desk, SoughtBy.COMPANY, "更正") == ["甲〔2026〕1号"]


@pytest.mark.parametrize(
    "said",
    [{"plan": "〓" * 300}, {"parties": "x"}, {"parties": [{}]}, {"parties": [party("〓" * 300)]}],
)
async def test_what_cannot_be_read_waits_in_the_pool(desk: Desk, said: dict[str, object]) -> None:
    (answer,) = await desk.send(case("1", 1, "甲〔2026〕1号", **said))
    assert answer.problem is not None


async def test_people_say_it_take_it_back_and_a_merge_keeps_it(desk: Desk) -> None:
    deps, clerk = desk.bureau.deps, desk.bureau.actor()
    await desk.send(
        case("1", 1, "甲〔2026〕1号", parties=[party(COMPANY)]), case("2", 1, "甲〔2026〕2号")
    )
    one, two = await desk.case_of("甲〔2026〕1号"), await desk.case_of("甲〔2026〕2号")
    said = await casework.mention(deps, clerk, one, kind=MentionKind.PLAN, text=PLAN)
    await casework.mention(deps, clerk, two, kind=MentionKind.PLAN, text=PLAN)
    told = (await casework.view_case(deps, clerk, one)).history[-1].facts
    assert (told["before"], told["after"]) == ({}, {"plan": PLAN})
    (fed,) = [each for each in await casework.mentions_of(deps, clerk, one) if each.from_feed]
    with pytest.raises(NotFound):
        await casework.withdraw_mention(deps, clerk, one, fed.id, reason="错")
    assert not said.from_feed
    await casework.merge_cases(deps, clerk, one, into=two, reason="同案")
    texts = [each.text for each in await casework.mentions_of(deps, clerk, two)]
    assert texts == [PLAN, COMPANY]
    (plan,) = [m for m in await casework.mentions_of(deps, clerk, two) if not m.from_feed]
    with pytest.raises(InvalidInput):
        await casework.withdraw_mention(deps, clerk, two, plan.id, reason=" ")
    await casework.withdraw_mention(deps, clerk, two, plan.id, reason="计划编号有误")
    assert await found(desk, SoughtBy.PLAN, PLAN) == []
    above = replace(desk.bureau.actor(agency=desk.bureau.theirs), below=(desk.bureau.ours,))
    with pytest.raises(Forbidden):
        await casework.mention(deps, above, two, kind=MentionKind.PARTY, text="张三")


async def test_a_place_is_found_within_its_days(desk: Desk) -> None:
    at = datetime(2026, 3, 5, 1, tzinfo=UTC)
    await desk.send(
        case("1", 1, "甲〔2026〕1号"),
        event("e", 1, "1", place={"text": "南山区 Science 路 1 号"}),
    )
    day = (at - timedelta(hours=9), at + timedelta(hours=15))
    assert await found(desk, SoughtBy.PLACE, "science 路", days=day) == ["甲〔2026〕1号"]
    assert await found(desk, SoughtBy.PLACE, "福田", days=day) == []
    before = (at - timedelta(days=3), at - timedelta(days=1))
    assert await found(desk, SoughtBy.PLACE, "science 路", days=before) == []
    long = (at - timedelta(days=40), at)
    for wrong in ((None, None), (None, at), (at, at), long):
        with pytest.raises(InvalidInput) as raised:
            await found(desk, SoughtBy.PLACE, "路", days=wrong)
        assert raised.value.code == "place-days-invalid"


async def test_who_takes_part_in_a_joint_check_sees_all_parts_in_figures(desk: Desk) -> None:
    deps, bureau = desk.bureau.deps, desk.bureau
    other = await desk.another("fire", agency="foreign")
    await desk.send(case("1", 1, "甲〔2026〕1号", plan=PLAN))
    await other.send(case("1", 1, "消〔2026〕5号", plan=PLAN))
    for actor, opens in (
        (bureau.actor(Role.OFFICER), [False, True]),
        (bureau.actor(agency=bureau.theirs), [True, False]),
        (replace(bureau.actor(agency=bureau.theirs), city=True), [True, True]),
    ):
        check = await casework.joint_check(deps, actor, "深双随机(2026)7号")
        assert [(part.agency_code, is_seen) for part, is_seen in check.parts] == list(
            zip(["foreign", check.parts[1][0].agency_code], opens, strict=True)
        )
        assert [part.number for part, _ in check.parts] == ["消〔2026〕5号", "甲〔2026〕1号"]
    looks = [name for name in await bureau.event_names() if name == "JointCheckViewed"]
    assert len(looks) == 2
    third = await desk.elsewhere("third")
    outside = bureau.actor(agency=third.source.agency)
    with pytest.raises(NotFound):
        await casework.joint_check(deps, outside, PLAN)
    # From above one sees what lies below, and nothing of the others.
    above = replace(outside, below=(bureau.ours,))
    check = await casework.joint_check(deps, above, PLAN)
    assert [part.number for part, _ in check.parts] == ["甲〔2026〕1号"]


def test_a_mention_is_found_by_its_spellings() -> None:
    assert Mention(MentionKind.PLAN, PLAN).find == Mention(MentionKind.PLAN, "深双随机[2026]7").find
    wide = Mention(MentionKind.PARTY, "ＡＢＣ（中国）　公司")
    assert wide.find == Mention(MentionKind.PARTY, "abc(中国)公司").find
    with pytest.raises(InvalidInput):
        _ = Mention(MentionKind.PARTY, "\u200b ").find


async def test_saying_the_same_again_makes_no_second_one(desk: Desk) -> None:
    await desk.send(case("1", 1, "甲〔2026〕1号"))
    one: CaseId = await desk.case_of("甲〔2026〕1号")
    clerk = desk.bureau.actor()
    first = await casework.mention(
        desk.bureau.deps, clerk, one, kind=MentionKind.PARTY, text="甲公司"
    )
    again = await casework.mention(
        desk.bureau.deps, clerk, one, kind=MentionKind.PARTY, text="甲 公司", code=CODE.lower()
    )
    assert (again.id, again.text, again.code) == (first.id, "甲 公司", CODE)
    assert len(await casework.mentions_of(desk.bureau.deps, clerk, one)) == 1


async def test_of_one_party_texts_and_footage_stand_side_by_side(desk: Desk) -> None:
    deps, bureau = desk.bureau.deps, desk.bureau
    await desk.send(case("1", 1, "甲〔2026〕1号", parties=[party(COMPANY, CODE)]))
    bureau.clock.forward(seconds=1)
    await desk.send(
        case("2", 1, "甲〔2026〕2号", parties=[party(COMPANY), party("张三")]),
        case("3", 1, "甲〔2026〕3号", parties=[party(f"{COMPANY}南山分公司")]),
        document("d", 1, "1"),
        document("gone", 1, "1"),
        withdrawal("w", 1, "gone"),
    )
    clip = await bureau.recording(officer="JX0227")
    one = await desk.case_of("甲〔2026〕1号")
    await casework.link(deps, bureau.actor(), recording=clip, case_id=one)
    for text in (COMPANY, "深圳市 示例餐饮(集团)有限公司"):
        told = await casework.target(deps, bureau.actor(), text)
        assert [each.case.identifiers[0].norm for each in told.items] == [
            "甲〔2026〕2号",
            "甲〔2026〕1号",
        ]
    second, first = told.items
    assert [each.document for each in first.documents] == ["笔录"]
    assert [each.id for each in first.footage] == [clip]
    assert {each.text for each in second.parties} == {COMPANY, "张三"}
    assert (second.documents, second.footage, second.open_findings) == ((), (), 0)
    by_code = await casework.target(deps, bureau.actor(), CODE.lower())
    assert [each.case.id for each in by_code.items] == [one]
    # An officer sees own footage only; a stranger nothing; pages follow each other.
    own = await casework.target(deps, bureau.actor(Role.OFFICER, officer="JX0001"), CODE)
    assert [each.footage for each in own.items] == [()]
    stranger = bureau.actor(agency=bureau.theirs)
    assert (await casework.target(deps, stranger, COMPANY)).items == ()
    page = await casework.target(deps, OPERATOR, COMPANY, limit=1)
    rest = await casework.target(deps, OPERATOR, COMPANY, limit=1, cursor=page.next)
    assert [each.case.id for each in rest.items] == [one]
    assert rest.next is None
