"""Recordings and cases: linking, unlinking, timelines, and who sees which."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from recorder.domain.case import CaseFile, CaseState, LinkOrigin, Stage
from recorder.domain.ids import CaseId, RecordingId, new_uuid
from recorder.domain.people import OPERATOR, SERVICE, Role
from recorder.errors import Conflict, InvalidInput, NotFound
from recorder.services import casework
from recorder.services.casework import LinkWanted
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


async def test_linking_again_changes_nothing(bureau: Bureau) -> None:
    case, recording = await a_case(bureau), await bureau.recording()
    first = await casework.link(
        bureau.deps, bureau.actor(), recording=recording, case_id=case.id, stage="review"
    )
    events = await bureau.event_names()
    again = await casework.link(bureau.deps, bureau.actor(), recording=recording, case_id=case.id)
    assert again == first
    assert await bureau.event_names() == events


async def test_another_stage_ends_the_link_and_makes_it_anew(bureau: Bureau) -> None:
    case, recording = await a_case(bureau), await bureau.recording()
    actor = bureau.actor()
    await casework.link(
        bureau.deps, actor, recording=recording, case_id=case.id, stage=Stage.REVIEW
    )
    await casework.link(
        bureau.deps, actor, recording=recording, case_id=case.id, stage="decision", reason="更正"
    )
    view = await casework.case(bureau.deps, actor, case.id)
    assert [link.stage for link in view.links] == [Stage.DECISION]
    assert [(link.stage, link.unlink_reason) for link in view.ended] == [(Stage.REVIEW, "更正")]
    assert await bureau.links_are_counted()


async def test_unlinking_needs_a_reason_and_stays_in_the_history(bureau: Bureau) -> None:
    case, recording = await a_case(bureau), await bureau.recording()
    actor = bureau.actor()
    await casework.link(bureau.deps, actor, recording=recording, case_id=case.id)
    with pytest.raises(InvalidInput) as caught:
        await casework.unlink(bureau.deps, actor, recording=recording, case_id=case.id, reason=" ")
    assert caught.value.code == "reason-missing"
    ended = await casework.unlink(
        bureau.deps, actor, recording=recording, case_id=case.id, reason="号码写错"
    )
    assert ended.unlink_reason == "号码写错"
    with pytest.raises(NotFound):
        await casework.unlink(
            bureau.deps, actor, recording=recording, case_id=case.id, reason="again"
        )
    view = await casework.case(bureau.deps, actor, case.id)
    assert (view.links, [link.id for link in view.ended]) == ((), [ended.id])
    assert await bureau.links_are_counted()


async def test_a_second_upload_does_not_link_what_a_person_has_unlinked(bureau: Bureau) -> None:
    recording = await bureau.recording()
    await arrive(bureau, recording, NUMBER)
    (case,) = (await casework.find_cases(bureau.deps, bureau.actor())).items
    await casework.unlink(
        bureau.deps, bureau.actor(), recording=recording, case_id=case.id, reason="wrong"
    )
    async with bureau.deps.change(SERVICE) as change:
        await casework.link_on_arrival(
            change, recording_id=recording, agency=bureau.ours, numbers=(NUMBER, "9"), stage=None
        )
    assert (await casework.case(bureau.deps, bureau.actor(), case.id)).links == ()


async def test_a_person_links_by_number_and_an_unknown_one_opens_a_case(bureau: Bureau) -> None:
    case, recording = await a_case(bureau), await bureau.recording()
    await casework.amend_case(
        bureau.deps, bureau.actor(), case.id, add_identifiers=[("filing", "深立〔2023〕5号")]
    )
    link = await casework.link(
        bureau.deps, bureau.actor(), recording=recording, number="深立(2023)5号"
    )
    assert link.case == case.id
    other = await casework.link(
        bureau.deps, bureau.actor(), recording=recording, number="新〔2025〕1号"
    )
    view = await casework.case(bureau.deps, bureau.actor(), other.case)
    assert view.case.state is CaseState.PROVISIONAL
    assert [event.name for event in view.history] == ["CaseOpened"]


async def test_nobody_links_what_is_out_of_sight(bureau: Bureau) -> None:
    case = await a_case(bureau)
    theirs = await a_case(bureau, agency="foreign")
    ours, foreign = (
        await bureau.recording(officer="100001"),
        await bureau.recording(agency=bureau.theirs),
    )
    officer = bureau.actor(Role.OFFICER, officer="100002")
    for actor, recording, target in (
        (bureau.actor(), foreign, case.id),
        (bureau.actor(), ours, theirs.id),
        (officer, ours, case.id),
    ):
        with pytest.raises(NotFound):
            await casework.link(bureau.deps, actor, recording=recording, case_id=target)
    city = bureau.actor(city=True)
    assert await casework.link(bureau.deps, city, recording=foreign, case_id=case.id)
    # The own agency sees its case, and not the other agency's footage in it.
    view = await casework.case(bureau.deps, bureau.actor(), case.id)
    assert view.links == ()


async def test_an_officer_sees_cases_of_the_agency_with_the_own_footage_only(
    bureau: Bureau,
) -> None:
    case = await a_case(bureau)
    own, other = await bureau.recording(officer="100001"), await bureau.recording(officer="100002")
    for recording in (own, other):
        await casework.link(bureau.deps, bureau.actor(), recording=recording, case_id=case.id)
    for actor, expected in (
        (bureau.actor(Role.OFFICER, officer="100001"), {own}),
        (bureau.actor(Role.OFFICER), {own, other}),
        (bureau.actor(), {own, other}),
        (bureau.actor(city=True), {own, other}),
    ):
        page = await casework.case_recordings(bureau.deps, actor, case.id)
        assert {recording.id for recording in page.items} == expected
        view = await casework.case(bureau.deps, actor, case.id)
        assert {link.recording for link in view.links} == expected


async def test_the_timeline_goes_by_the_time_footage_began(bureau: Bureau) -> None:
    case, noon = await a_case(bureau), bureau.clock.at
    late = await bureau.recording(started_at=noon - timedelta(hours=1))
    early = await bureau.recording(started_at=noon - timedelta(hours=3))
    unknown = await bureau.recording()
    for recording in (late, early, unknown):
        await casework.link(bureau.deps, bureau.actor(), recording=recording, case_id=case.id)
    first = await casework.case_recordings(bureau.deps, bureau.actor(), case.id, limit=2)
    rest = await casework.case_recordings(
        bureau.deps, bureau.actor(), case.id, cursor=first.next, limit=2
    )
    assert [r.id for r in (*first.items, *rest.items)] == [early, late, unknown]
    assert rest.next is None


async def test_many_links_tell_each_outcome(bureau: Bureau) -> None:
    case, recording = await a_case(bureau), await bureau.recording()
    nowhere = RecordingId(new_uuid())
    outcomes = await casework.link_many(
        bureau.deps,
        bureau.actor(),
        [
            LinkWanted(recording=nowhere, case_id=case.id),
            LinkWanted(recording=recording, number=NUMBER, stage="service"),
            LinkWanted(recording=recording),
        ],
    )
    assert [outcome.error.code if outcome.error else None for outcome in outcomes] == [
        "recording-not-found",
        None,
        "case-missing",
    ]
    assert outcomes[1].link is not None
    assert outcomes[1].link.case == case.id


async def test_merging_moves_numbers_and_links_and_keeps_the_history(bureau: Bureau) -> None:
    target = await a_case(bureau)
    shared, alone = await bureau.recording(), await bureau.recording()
    await arrive(bureau, shared, "误〔2023〕123号")
    await arrive(bureau, alone, "误〔2023〕123号")
    (source_id,) = await found(bureau, prefix="误")
    actor = bureau.actor()
    await casework.link(bureau.deps, actor, recording=shared, case_id=target.id, stage="service")
    merged = await casework.merge_cases(
        bureau.deps, actor, source_id, into=target.id, reason="同一案件"
    )
    assert merged.id == target.id
    assert (merged.recordings, len(merged.identifiers)) == (2, 2)
    assert await found(bureau, number="误〔2023〕123号") == [target.id]
    source = await casework.case(bureau.deps, actor, source_id)
    assert (source.case.state, source.case.merged_into) == (CaseState.MERGED, target.id)
    assert {link.unlink_reason for link in source.ended} == {"同一案件"}
    assert len(source.ended) == 2
    view = await casework.case(bureau.deps, actor, target.id)
    assert {(link.recording, link.stage, link.origin) for link in view.links} == {
        (shared, Stage.SERVICE, LinkOrigin.PERSON),
        (alone, Stage.REVIEW, LinkOrigin.MERGE),
    }
    assert await bureau.links_are_counted()
    with pytest.raises(Conflict) as caught:
        await casework.link(bureau.deps, actor, recording=alone, case_id=source_id)
    assert caught.value.facts["into"] == str(target.id)


async def test_arrivals_and_links_while_cases_merge_lose_nothing(bureau: Bureau) -> None:
    source, target = await a_case(bureau, "甲〔2024〕1号"), await a_case(bureau, "乙〔2024〕2号")
    recordings = [await bureau.recording() for _ in range(12)]
    actor = bureau.actor()

    async def by_person(recording: RecordingId) -> None:
        try:
            await casework.link(bureau.deps, actor, recording=recording, case_id=source.id)
        except Conflict:
            # The merge was first.
            await casework.link(bureau.deps, actor, recording=recording, case_id=target.id)

    await asyncio.gather(
        *(by_person(recording) for recording in recordings[:5]),
        casework.merge_cases(bureau.deps, actor, source.id, into=target.id, reason="same"),
        *(arrive(bureau, recording, "甲〔2024〕1号") for recording in recordings[5:]),
    )
    view = await casework.case(bureau.deps, actor, target.id)
    assert {link.recording for link in view.links} == set(recordings)
    assert (await casework.case(bureau.deps, actor, source.id)).links == ()
    assert await bureau.links_are_counted()


async def test_linking_and_unlinking_at_once_keeps_the_counter_right(bureau: Bureau) -> None:
    cases = [await a_case(bureau, f"{n}") for n in range(4)]
    recording, actor = await bureau.recording(), bureau.actor()

    async def to_and_fro(case: CaseFile) -> None:
        for _ in range(4):
            await casework.link(bureau.deps, actor, recording=recording, case_id=case.id)
            await casework.unlink(
                bureau.deps, actor, recording=recording, case_id=case.id, reason="x"
            )

    await asyncio.gather(*(to_and_fro(case) for case in cases))
    assert await bureau.links_are_counted()
    assert await bureau.value("SELECT links FROM recording WHERE id = $1", recording) == 0
