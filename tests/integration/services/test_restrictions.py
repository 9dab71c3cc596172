"""Restricted footage: who watches it, what everybody still sees, and what its copies inherit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from recorder.domain.card_copy import Overlap
from recorder.domain.ids import RecordingId, RestrictionId, new_uuid
from recorder.domain.people import OPERATOR, Actor, ActorKind, Role
from recorder.domain.restriction import Restriction, RestrictionGround
from recorder.errors import Forbidden, InvalidInput, NotFound, RecorderError
from recorder.services import card_copies, live, review, sharing
from recorder.store import card_copies as pairs
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera
from tests.support.playable import playable_clip
from tests.support.streams import opened, put, put_init, take

BASIS = "行政强制法第二十五条；当事人书面同意（2026-03-02）"


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened_bureau:
        yield opened_bureau


async def restricted(bureau: Bureau, actor: Actor, recording: RecordingId) -> Restriction:
    return await review.restrict(
        bureau.deps, actor, recording, ground=RestrictionGround.PRIVATE_SPACE, basis=f" {BASIS} "
    )


async def grounds(bureau: Bureau, recording: RecordingId) -> tuple[str, ...]:
    return (await review.recording(bureau.deps, OPERATOR, recording)).recording.restrictions


async def refused(what: Awaitable[object]) -> str:
    with pytest.raises(RecorderError) as raised:
        await what
    return raised.value.code


async def test_pictures_and_bytes_are_withheld_and_all_else_is_told(bureau: Bureau) -> None:
    deps, recording = bureau.deps, await playable_clip(bureau)
    supervisor = bureau.actor()
    program = replace(supervisor, kind=ActorKind.PROGRAM)
    city = bureau.actor(agency=bureau.theirs, city=True)
    before = await review.grant_playback(deps, program, recording)
    imposed = await restricted(bureau, supervisor, recording)
    assert (imposed.basis, imposed.imposed_by) == (BASIS, supervisor.name)
    for stranger in (program, city, bureau.actor(Role.OFFICER)):
        asked: list[Callable[[Actor], Awaitable[object]]] = [
            lambda who: review.grant_playback(deps, who, recording),
            lambda who: review.poster(deps, who, recording),
            lambda who: review.open_original(deps, who, recording, 0, None),
            lambda who: review.lift_restriction(deps, who, recording, imposed.id, reason="想看"),
        ]
        assert [await refused(ask(stranger)) for ask in asked] == ["footage-restricted"] * 4
        page = await review.find_recordings(deps, stranger, review.RecordingQuery(restricted=True))
        assert [(r.id, r.restrictions) for r in page.items] == [(recording, ("private_space",))]
        told = await review.recording_restrictions(deps, stranger, recording)
        assert told == [imposed]
    # An address that was given before ends with it.
    assert (
        await refused(review.open_playback(deps, program, recording, before.secret))
        == "footage-restricted"
    )
    assert (await review.grant_playback(deps, supervisor, recording)).profile == "original"
    await review.open_original(deps, supervisor, recording, 0, None)
    none = review.RecordingQuery(restricted=False)
    assert (await review.find_recordings(deps, supervisor, none)).items == ()


async def test_a_lifted_restriction_stays_with_its_reason(bureau: Bureau) -> None:
    deps, recording, supervisor = bureau.deps, await bureau.recording(), bureau.actor()
    first = await restricted(bureau, supervisor, recording)
    bureau.clock.forward(seconds=1)
    second = await review.restrict(
        deps, supervisor, recording, ground=RestrictionGround.MINOR, basis="未成年人保护法"
    )
    with pytest.raises(InvalidInput):
        await review.lift_restriction(deps, supervisor, recording, first.id, reason=" ")
    unknown = RestrictionId(new_uuid())
    with pytest.raises(NotFound):
        await review.lift_restriction(deps, supervisor, recording, unknown, reason="误设")
    lifted = await review.lift_restriction(deps, supervisor, recording, first.id, reason="误设")
    assert (lifted.lifted_by, lifted.lift_reason) == (supervisor.name, "误设")
    with pytest.raises(NotFound):
        await review.lift_restriction(deps, supervisor, recording, first.id, reason="再次")
    assert await grounds(bureau, recording) == ("minor",)
    found = await review.recording_restrictions(deps, supervisor, recording)
    assert found == [lifted, second]
    names = await bureau.event_names()
    assert names[-3:] == ["RecordingRestricted", "RecordingRestricted", "RestrictionLifted"]


async def test_another_agency_neither_restricts_nor_lifts(bureau: Bureau) -> None:
    recording, stranger = await bureau.recording(), bureau.actor(agency=bureau.theirs)
    above = replace(stranger, below=(bureau.ours,))
    assert await refused(restricted(bureau, stranger, recording)) == "recording-not-found"
    assert await refused(restricted(bureau, above, recording)) == "agency-scope"
    imposed = await restricted(bureau, bureau.actor(), recording)
    with pytest.raises(Forbidden):
        await review.lift_restriction(bureau.deps, above, recording, imposed.id, reason="调阅")
    assert await grounds(bureau, recording) == ("private_space",)


async def test_the_livestream_it_was_is_not_watched_either(bureau: Bureau) -> None:
    deps, device, sent = bureau.deps, await camera(bureau), take()
    livestream = await opened(deps, device)
    await put_init(deps, device, livestream.id, sent.init)
    await put(deps, device, livestream.id, 1, sent.segments[0])
    officer = bureau.actor(Role.OFFICER)
    ticket = await live.grant(deps, officer, livestream.id)
    closed = await live.request_close(deps, device, livestream.id, last=1)
    assert closed.recording is not None
    await live.index(deps, officer, livestream.id, ticket.secret)
    await restricted(bureau, officer, closed.recording)
    # Whoever imposes it without a number of their own is not its officer.
    for ask in (
        live.grant(deps, officer, livestream.id),
        live.index(deps, officer, livestream.id, ticket.secret),
        live.open_segment(deps, officer, livestream.id, ticket.secret, 1),
        review.grant_playback(deps, officer, closed.recording),
    ):
        assert await refused(ask) == "footage-restricted"
    await live.grant(deps, bureau.actor(), livestream.id)


async def test_copies_of_one_event_are_restricted_and_let_go_together(bureau: Bureau) -> None:
    deps, supervisor = bureau.deps, bureau.actor()
    streamed, card, late = [await bureau.recording() for _ in range(3)]
    sure = Overlap(
        live=streamed, card=card, overlap_ms=60_000, share_permille=990, sure=True,
        clock_shift_ms=None,
    )  # fmt: skip
    async with deps.change(OPERATOR, told_later=True) as change:
        await pairs.propose(change, sure)
        await pairs.propose(change, replace(sure, card=late, sure=False))
    imposed = await restricted(bureau, supervisor, streamed)
    assert [await grounds(bureau, each) for each in (streamed, card, late)] == [
        ("private_space",), ("private_space",), (),
    ]  # fmt: skip
    await card_copies.decide(deps, supervisor, streamed, late, state="matched", reason="同一事件")
    assert await grounds(bureau, late) == ("private_space",)
    async with deps.change(OPERATOR, told_later=True) as change:
        await sharing.inherit(change, late)
        assert change.events == []
    await review.lift_restriction(deps, supervisor, streamed, imposed.id, reason="已取得同意")
    assert [await grounds(bureau, each) for each in (streamed, card, late)] == [()] * 3
    assert (await bureau.event_names()).count("RestrictionLifted") == 3
