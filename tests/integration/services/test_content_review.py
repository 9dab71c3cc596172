"""Fixed monitoring is no evidence before its content was reviewed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from recorder.domain.ids import RecordingId
from recorder.domain.people import OPERATOR, Actor, ActorKind, Role
from recorder.domain.provenance import ProvenanceKind
from recorder.domain.restriction import RestrictionGround
from recorder.errors import Conflict, Forbidden, InvalidInput, NotFound
from recorder.services import review, stating
from tests.support.bureau import Bureau, open_bureau
from tests.support.workshop import camera, deliver


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        yield opened


async def listed(bureau: Bureau, state: str) -> list[RecordingId]:
    query = review.RecordingQuery(review=state)
    page = await review.find_recordings(bureau.deps, OPERATOR, query)
    assert {each.review for each in page.items} <= {state}
    return [each.id for each in page.items]


async def said(
    bureau: Bureau,
    actor: Actor,
    recording: RecordingId,
    *,
    passed: bool = True,
    reason: str = "真实",
) -> str | None:
    reviewed = await stating.review_content(
        bureau.deps, actor, recording, passed=passed, reason=reason
    )
    return reviewed.review


async def test_monitoring_waits_for_its_review_and_the_newest_word_counts(bureau: Bureau) -> None:
    device, supervisor = await camera(bureau), bureau.actor()
    fixed = await deliver(bureau, device, b"fixed", camera="surveillance")
    taken = await bureau.recording()
    body = await deliver(bureau, device, b"body", camera="body")
    assert await listed(bureau, "awaited") == [fixed]
    await stating.state_provenance(
        bureau.deps, supervisor, taken, kind=ProvenanceKind.SURVEILLANCE,
        provider="某商场", handed_over_at=bureau.clock.at,
    )  # fmt: skip
    assert set(await listed(bureau, "awaited")) == {fixed, taken}
    with pytest.raises(Conflict) as raised:
        await said(bureau, supervisor, body)
    assert raised.value.code == "review-not-needed"
    with pytest.raises(InvalidInput):
        await said(bureau, supervisor, fixed, reason=" ")
    assert await said(bureau, supervisor, fixed, passed=False, reason="画面不清") == "refused"
    assert await said(bureau, supervisor, fixed, reason="经核对原始设备") == "passed"
    assert await listed(bureau, "awaited") == [taken]
    assert await listed(bureau, "passed") == [fixed]
    assert await listed(bureau, "refused") == []
    told = [
        (each.facts["outcome"], each.facts["before"], each.facts["reason"])
        for each in await review.recording_events(bureau.deps, OPERATOR, fixed, after=0, limit=200)
        if each.name == "ContentReviewed"
    ]
    assert told == [("refused", None, "画面不清"), ("passed", "refused", "经核对原始设备")]


async def test_only_the_own_agency_reviews_and_only_who_may_watch(bureau: Bureau) -> None:
    fixed = await deliver(bureau, await camera(bureau), b"fixed", camera="surveillance")
    stranger = bureau.actor(agency=bureau.theirs)
    with pytest.raises(NotFound):
        await said(bureau, stranger, fixed)
    with pytest.raises(Forbidden):
        await said(bureau, replace(stranger, below=(bureau.ours,)), fixed)
    await review.restrict(
        bureau.deps, bureau.actor(), fixed, ground=RestrictionGround.MINOR, basis="未成年人保护法"
    )
    with pytest.raises(Forbidden):
        await said(bureau, bureau.actor(Role.OFFICER), fixed)
    assert await said(bureau, bureau.actor(), fixed) == "passed"


async def test_what_passed_no_review_leaves_with_nobody_but_who_reviews_it(bureau: Bureau) -> None:
    device, deps = await camera(bureau), bureau.deps
    fixed = await deliver(bureau, device, b"fixed", camera="surveillance")
    body = await deliver(bureau, device, b"body", camera="body")
    supervisor, officer = bureau.actor(), bureau.actor(Role.OFFICER)
    program = replace(supervisor, kind=ActorKind.PROGRAM)
    above = replace(bureau.actor(agency=bureau.theirs), below=(bureau.ours,))

    async def taken(actor: Actor, recording: RecordingId = fixed) -> bool:
        try:
            await review.open_original(deps, actor, recording, 0, None)
        except Conflict as refused:
            return refused.code != "review-awaited"
        return True

    asking = (supervisor, officer, program, above)
    assert [await taken(actor) for actor in asking] == [True, False, False, False]
    await said(bureau, supervisor, fixed, passed=False, reason="画面不清")
    assert [await taken(actor) for actor in asking] == [True, False, False, False]
    await said(bureau, supervisor, fixed)
    assert [await taken(actor) for actor in asking] == [True] * 4
    assert await taken(officer, body)
