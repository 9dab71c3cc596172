"""What a publisher sends who comes back when its livestream is over: nothing of it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.domain.ids import LivestreamId, RecordingId
from recorder.domain.livestream import Form, Livestream, LivestreamState
from recorder.domain.people import OPERATOR, SERVICE, Role
from recorder.domain.restriction import RestrictionGround
from recorder.errors import NotFound
from recorder.services import accounts, audit, live, review
from recorder.services.rebuild import rebuild
from tests.support import postgres as databases
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera
from tests.support.lost_database import new_database
from tests.support.streams import opened, receiving, take


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as running:
        yield running


async def received(bureau: Bureau, livestream: LivestreamId) -> Livestream:
    """Two segments of it, and then somebody closes it."""
    deps = bureau.deps
    fence = await live.take(deps, livestream)
    await receiving(deps, livestream, fence, take(), 2)
    await live.let_go(deps, livestream, fence)
    return await live.request_close(deps, bureau.actor(), livestream, last=None)


async def test_it_is_live_again_with_all_that_was_said_and_its_recording_continues_the_first(
    bureau: Bureau,
) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    first = await opened(deps, actor, form=Form.RECEIVED, case_numbers=("沪市监案〔2026〕7号",))
    closed = await received(bureau, first.id)
    assert closed.state is LivestreamState.CLOSED
    # Several come back at once.
    begun = await asyncio.gather(*(live.going_on(deps, closed) for _ in range(3)))
    (second,) = {each.id: each for each in begun}.values()
    said = second.device, second.officer, second.title, second.stage, second.case_numbers
    assert said == (first.device, first.officer, first.title, first.stage, first.case_numbers)
    assert (second.state, second.opened_by) == (LivestreamState.OPEN, first.opened_by)
    # Whoever may deliver the first delivers this.
    await live.check_delivery(deps, actor, second.id)
    over = await received(bureau, second.id)
    async with deps.database.acquire() as connection:
        row = await connection.fetchrow(
            "SELECT continues, flags FROM recording WHERE livestream_id = $1", second.id
        )
    assert row is not None
    assert (row["continues"], row["flags"]) == (closed.recording, [])
    # And once more: all of them go on with the first.
    bureau.clock.forward(seconds=1)
    third = await live.going_on(deps, over)
    assert third.continues == first.id
    view = await live.view_livestream(deps, bureau.actor(), first.id)
    assert view.continued_by == (second.id, third.id)
    assert (await audit.run(deps, SERVICE, level=audit.Level.DIGEST)).findings == []
    assert over.recording is not None
    assert (await review.recording(deps, SERVICE, RecordingId(over.recording))).playable


async def test_a_push_key_delivers_what_goes_on_and_nothing_else(bureau: Bureau) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    first = await opened(deps, actor, form=Form.RECEIVED)
    other = await opened(deps, actor, form=Form.RECEIVED)
    key = await live.make_push_key(deps, actor, first.id)
    closed = await received(bureau, first.id)
    second = await live.going_on(deps, closed)
    pusher = await accounts.actor_of_token(deps, key.secret)
    await live.check_delivery(deps, pusher, second.id)
    with pytest.raises(NotFound):
        await live.check_delivery(deps, pusher, other.id)


async def test_what_goes_on_is_restricted_as_the_first_was(bureau: Bureau) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    first = await opened(deps, actor, form=Form.RECEIVED)
    supervisor = bureau.actor(Role.SUPERVISOR)
    lifted, stands = [
        await live.restrict_livestream(
            deps, supervisor, first.id, ground=RestrictionGround.MINOR, basis=basis
        )
        for basis in ("未成年人保护法第4条", "未成年人保护法第63条")
    ]
    await live.lift_livestream_restriction(deps, supervisor, first.id, lifted.id, reason="无需限制")
    second = await live.going_on(deps, await received(bureau, first.id))
    assert second.is_restricted
    (own,) = await live.livestream_restrictions_of(deps, supervisor, second.id)
    assert (own.ground, own.basis, own.imposed_by) == (
        stands.ground, stands.basis, stands.imposed_by,
    )  # fmt: skip
    over = await received(bureau, second.id)
    assert await bureau.value("SELECT restrictions FROM recording WHERE id = $1", over.recording)


async def test_what_goes_on_with_what_is_known_with_the_database_gone(
    bureau: Bureau, postgres: databases.Cluster
) -> None:
    first = await opened(bureau.deps, await camera(bureau), form=Form.RECEIVED)
    closed = await received(bureau, first.id)
    bureau.clock.forward(seconds=1)
    second = await live.going_on(bureau.deps, closed)
    await received(bureau, second.id)
    async with new_database(bureau, postgres) as again:
        await rebuild(again.deps, OPERATOR)
        found = await live.find_livestream(again.deps, SERVICE, second.id)
        assert found.continues == first.id
        continues = "SELECT continues FROM recording WHERE livestream_id = $1"
        assert await again.value(continues, second.id) == closed.recording
