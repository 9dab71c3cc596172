"""Cases: arriving, opening, finding, merging, and what holds when these happen at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.domain.case import CaseFile, CaseState, LinkOrigin, Stage
from recorder.domain.ids import CaseId, RecordingId
from recorder.domain.people import OPERATOR, SERVICE
from recorder.errors import Conflict, InvalidInput, NotFound
from recorder.services import casework
from tests.support.bureau import Bureau, open_bureau

NUMBER = "深市监罚〔2023〕0123号"


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        yield opened


async def a_case(bureau: Bureau, number: str = NUMBER, agency: str | None = None) -> CaseFile:
    bureau.clock.forward(seconds=1)
    return await casework.open_case(bureau.deps, OPERATOR, number=number, agency=agency)


async def arrive(bureau: Bureau, recording: RecordingId, *numbers: str) -> list[str]:
    async with bureau.deps.change(SERVICE) as change:
        return await casework.link_on_arrival(
            change, recording_id=recording, agency=bureau.ours, numbers=numbers, stage="review"
        )


async def found(
    bureau: Bureau, *, number: str | None = None, prefix: str | None = None, q: str | None = None
) -> list[CaseId]:
    page = await casework.find_cases(bureau.deps, bureau.actor(), number=number, prefix=prefix, q=q)
    return [case.id for case in page.items]


@pytest.mark.parametrize(
    "query",
    [
        {"number": "深市监罚[2023]123号"},
        {"number": "深市监罚（2023）第123号"},
        {"prefix": "深市监罚(20"},
        {"prefix": "深"},
        {"q": "监罚【2023】012"},
        {"q": "监罚〔"},
        {"q": "监罚"},
        {"q": "深"},
        {"q": "23〕第0123号"},
    ],
)
async def test_a_case_is_found_in_any_spelling_by_beginning_and_by_fragment(
    bureau: Bureau, query: dict[str, str]
) -> None:
    case = await a_case(bureau)
    await a_case(bureau, "粤交罚〔2024〕77号")
    assert await found(bureau, **query) == [case.id]


@pytest.mark.parametrize(
    "query",
    [{"number": "深市监罚〔2023〕12号"}, {"q": "〔"}, {"q": "%"}, {"prefix": "（"}, {"q": "9〕_"}],
)
async def test_what_fits_no_number_or_says_nothing_finds_nothing(
    bureau: Bureau, query: dict[str, str]
) -> None:
    await a_case(bureau)
    assert await found(bureau, **query) == []


async def test_two_search_words_at_once_are_refused(bureau: Bureau) -> None:
    with pytest.raises(InvalidInput, match="one of"):
        await found(bureau, number=NUMBER, q="2023")


async def test_each_organ_has_its_own_case_of_a_number_and_sees_no_other(bureau: Bureau) -> None:
    ours = await a_case(bureau)
    theirs = await a_case(bureau, agency="foreign")
    for number, prefix, q in (
        (NUMBER, None, None),
        (None, "深市", None),
        (None, None, "罚〔2023"),
        (None, None, None),
    ):
        for actor, expected in (
            (bureau.actor(), [ours.id]),
            (bureau.actor(agency=bureau.theirs), [theirs.id]),
            (bureau.actor(city=True), [theirs.id, ours.id]),
        ):
            page = await casework.find_cases(bureau.deps, actor, number=number, prefix=prefix, q=q)
            assert [case.id for case in page.items] == expected
    with pytest.raises(NotFound):
        await casework.case(bureau.deps, bureau.actor(), theirs.id)
    with pytest.raises(NotFound):
        await casework.amend_case(bureau.deps, bureau.actor(), theirs.id, title="x")
    with pytest.raises(NotFound):
        await casework.open_case(bureau.deps, bureau.actor(), number="1", agency="foreign")
    with pytest.raises(NotFound):
        await casework.open_case(bureau.deps, OPERATOR, number="1", agency="\0\ud800?")


async def test_pages_of_cases_go_on_where_they_stopped(bureau: Bureau) -> None:
    made = [(await a_case(bureau, f"深罚〔2023〕{n}号")).id for n in range(1, 6)]
    seen: list[CaseId] = []
    cursor: str | None = None
    for _ in range(3):
        page = await casework.find_cases(
            bureau.deps, bureau.actor(), prefix="深罚", cursor=cursor, limit=2
        )
        seen += [case.id for case in page.items]
        cursor = page.next
    assert seen == made[::-1]
    assert cursor is None


async def test_a_number_is_taken_once_in_an_organ(bureau: Bureau) -> None:
    case = await a_case(bureau)
    with pytest.raises(Conflict) as caught:
        await a_case(bureau, "深市监罚（2023）123号")
    assert caught.value.code == "case-number-taken"
    assert caught.value.facts["case"] == str(case.id)


async def test_an_unknown_number_opens_a_provisional_case_as_written(bureau: Bureau) -> None:
    recording = await bureau.recording()
    flags = await arrive(bureau, recording, "深市监罚[2023]0123号", "没有年份的字号")
    assert flags == ["case_number_odd"]
    (case,) = (await casework.find_cases(bureau.deps, bureau.actor(), number=NUMBER)).items
    assert case.state is CaseState.PROVISIONAL
    assert case.identifiers[0].raw == "深市监罚[2023]0123号"
    assert case.recordings == 1
    view = await casework.case(bureau.deps, bureau.actor(), case.id)
    assert [(link.recording, link.stage, link.origin) for link in view.links] == [
        (recording, Stage.REVIEW, LinkOrigin.UPLOAD)
    ]
    assert await bureau.links_are_counted()


async def test_an_impossible_number_never_refuses_footage(bureau: Bureau) -> None:
    recording = await bureau.recording()
    async with bureau.deps.change(SERVICE) as change:
        await casework.link_on_arrival(
            change,
            recording_id=recording,
            agency=bureau.ours,
            numbers=("x" * 500, "\0\ud800", "8"),
            stage="no such stage",
        )
    view = await casework.find_cases(bureau.deps, bureau.actor())
    assert sorted(case.identifiers[0].norm for case in view.items) == ["8"]


async def test_many_arrivals_at_once_of_one_new_number_make_one_case(bureau: Bureau) -> None:
    recordings = [await bureau.recording() for _ in range(8)]
    one, other = "甲〔2024〕1号", "乙〔2024〕2号"
    await asyncio.gather(
        *(
            arrive(bureau, recording, *((one, other) if n % 2 else (other, one)))
            for n, recording in enumerate(recordings)
        )
    )
    page = await casework.find_cases(bureau.deps, bureau.actor())
    assert sorted(case.recordings for case in page.items) == [8, 8]
    names = await bureau.event_names()
    assert names.count("CaseOpened") == 2
    assert await bureau.links_are_counted()


async def test_a_provisional_case_is_confirmed_and_never_back(bureau: Bureau) -> None:
    await arrive(bureau, await bureau.recording(), NUMBER)
    (case,) = (await casework.find_cases(bureau.deps, bureau.actor())).items
    changed = await casework.amend_case(
        bureau.deps, bureau.actor(), case.id, state="confirmed", title="某店无照经营", reason="立案"
    )
    assert (changed.state, changed.title) == (CaseState.CONFIRMED, "某店无照经营")
    events = await bureau.event_names()
    assert await casework.amend_case(bureau.deps, bureau.actor(), case.id, state="confirmed")
    assert await bureau.event_names() == events
    with pytest.raises(Conflict):
        await casework.amend_case(bureau.deps, bureau.actor(), case.id, state="provisional")
    with pytest.raises(InvalidInput):
        await casework.amend_case(bureau.deps, bureau.actor(), case.id, state="merged")


async def test_a_case_is_found_by_each_of_its_numbers(bureau: Bureau) -> None:
    case = await a_case(bureau)
    other = await a_case(bureau, "乙〔2024〕2号")
    await casework.amend_case(
        bureau.deps,
        bureau.actor(),
        case.id,
        add_identifiers=[("decision", "深市监决〔2023〕9号"), ("case", NUMBER)],
    )
    assert await found(bureau, number="深市监决(2023)9号") == [case.id]
    with pytest.raises(Conflict):
        await casework.amend_case(
            bureau.deps, bureau.actor(), other.id, add_identifiers=[("case", NUMBER)]
        )


async def test_a_chain_of_merges_points_at_its_end(bureau: Bureau) -> None:
    one, two, three = [await a_case(bureau, f"甲〔2024〕{n}号") for n in (1, 2, 3)]
    actor = bureau.actor()
    await casework.merge_cases(bureau.deps, actor, one.id, into=two.id, reason="a")
    await casework.merge_cases(bureau.deps, actor, two.id, into=three.id, reason="b")
    for case in (one, two):
        view = await casework.case(bureau.deps, actor, case.id)
        assert view.case.merged_into == three.id
    assert await found(bureau, number="甲〔2024〕1号") == [three.id]


async def test_senseless_merges_are_refused(bureau: Bureau) -> None:
    one, two = await a_case(bureau, "1"), await a_case(bureau, "2")
    foreign = await a_case(bureau, "3", agency="foreign")
    city = bureau.actor(city=True)
    await casework.merge_cases(bureau.deps, city, one.id, into=two.id, reason="x")
    for source, into, code in (
        (two, two, "case-merge-itself"),
        (one, two, "case-merged"),
        (two, one, "case-merged"),
        (two, foreign, "case-merge-agency"),
    ):
        with pytest.raises(Conflict) as caught:
            await casework.merge_cases(bureau.deps, city, source.id, into=into.id, reason="x")
        assert caught.value.code == code


async def test_two_merges_against_each_other_leave_one_case(bureau: Bureau) -> None:
    one, two = await a_case(bureau, "1"), await a_case(bureau, "2")
    actor = bureau.actor()
    outcomes = await asyncio.gather(
        casework.merge_cases(bureau.deps, actor, one.id, into=two.id, reason="x"),
        casework.merge_cases(bureau.deps, actor, two.id, into=one.id, reason="x"),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["CaseFile", "Conflict"]
    page = await casework.find_cases(bureau.deps, actor)
    assert len(page.items) == 1


async def test_looking_at_a_case_is_recorded_for_people_only(bureau: Bureau) -> None:
    case = await a_case(bureau)
    await casework.view_case(bureau.deps, bureau.actor(), case.id)
    await casework.view_case(bureau.deps, SERVICE, case.id)
    assert (await bureau.event_names()).count("CaseViewed") == 1
    view = await casework.case(bureau.deps, bureau.actor(), case.id)
    assert [event.name for event in view.history] == ["CaseOpened"]
