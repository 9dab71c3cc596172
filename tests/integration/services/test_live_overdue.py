"""Livestreams that somebody should look at raise alarms, and the alarms clear themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.domain.livestream import Form
from recorder.domain.people import Role
from recorder.services import live
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera
from tests.support.streams import begun, opened, put, put_init, receiving, take
from tests.support.workshop import open_alarms


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as running:
        yield running


async def told(bureau: Bureau) -> list[str]:
    """Open alarms after both chores have looked."""
    await live.watch_livestreams(bureau.deps)
    await live.watch_overdue(bureau.deps)
    return sorted(code for code, _, _ in await open_alarms(bureau))


async def test_a_livestream_that_stays_interrupted_is_an_alarm_until_it_goes_on(
    bureau: Bureau,
) -> None:
    actor, sent = await camera(bureau), take()
    livestream = await begun(bureau.deps, actor, sent)
    bureau.clock.forward(seconds=100)
    assert await told(bureau) == []
    bureau.clock.forward(seconds=30)
    assert await told(bureau) == ["livestream_interrupted"]
    # Seen again, it is still one.
    assert await told(bureau) == ["livestream_interrupted"]
    await put(bureau.deps, actor, livestream.id, 2, sent.segments[1])
    assert await told(bureau) == []


async def test_what_waits_for_the_store_while_somebody_publishes_is_no_interruption(
    bureau: Bureau,
) -> None:
    deps, chief = bureau.deps, bureau.actor(Role.SUPERVISOR)
    opening = live.Opening(title="巡查", form=Form.RECEIVED)
    livestream = (await live.open_livestream(deps, chief, opening)).id
    fence = await live.take(deps, livestream)
    await receiving(deps, livestream, fence, take())

    async def now() -> tuple[str, list[live.Caution], list[str]]:
        alarms = await told(bureau)
        (sight,) = await live.wall(deps, chief, only=livestream)
        view = await live.view_livestream(deps, chief, livestream)
        assert view.livestream.state is sight.livestream.state
        return sight.livestream.state.value, list(sight.cautions), alarms

    bureau.clock.forward(seconds=7)
    assert await now() == ("interrupted", [], [])
    await live.promise(deps, livestream, fence, live.Position(1, 5))
    await live.keep(deps, livestream, fence)
    waits = [live.Caution("store_slow", 4)]
    assert await now() == ("live", waits, [])
    bureau.clock.forward(minutes=3)
    await live.keep(deps, livestream, fence)
    assert await now() == ("live", waits, [])
    # The publisher is gone as well; what it sent still waits.
    bureau.clock.forward(seconds=9)
    assert await now() == ("interrupted", waits, ["livestream_interrupted"])
    names = await bureau.event_names()
    assert names.count("LivestreamInterrupted") == 1


async def test_what_is_over_and_lacks_segments_is_an_alarm_until_they_come(
    bureau: Bureau,
) -> None:
    actor, sent = await camera(bureau), take()
    livestream = await opened(bureau.deps, actor)
    await put_init(bureau.deps, actor, livestream.id, sent.init)
    for number in (1, 3):
        await put(bureau.deps, actor, livestream.id, number, sent.segments[number - 1])
    await live.request_close(bureau.deps, actor, livestream.id, last=3)
    bureau.clock.forward(minutes=59)
    assert await told(bureau) == []
    bureau.clock.forward(minutes=2)
    assert await told(bureau) == ["livestream_incomplete"]
    await put(bureau.deps, actor, livestream.id, 2, sent.segments[1])
    assert await told(bureau) == []


async def test_a_camera_that_cannot_be_fetched_is_an_alarm_until_it_can(bureau: Bureau) -> None:
    actor = await camera(bureau)
    address = "rtsp://camera.example/stream"
    pulled = await live.open_pulled(bureau.deps, actor, live.Opening(title="巡查"), address)
    fence = await live.take(bureau.deps, pulled.id)
    await live.tell_source(bureau.deps, pulled.id, fence, "unreachable")
    bureau.clock.forward(seconds=290)
    assert await live.keep(bureau.deps, pulled.id, fence)
    assert await told(bureau) == []
    bureau.clock.forward(seconds=20)
    assert await live.keep(bureau.deps, pulled.id, fence)
    assert await told(bureau) == ["livestream_unfetched"]
    await live.tell_source(bureau.deps, pulled.id, fence, None)
    assert await told(bureau) == []


async def test_who_has_lost_a_camera_says_nothing_of_it_any_more(bureau: Bureau) -> None:
    actor = await camera(bureau)
    address = "rtsp://camera.example/stream"
    pulled = await live.open_pulled(bureau.deps, actor, live.Opening(title="巡查"), address)
    old = await live.take(bureau.deps, pulled.id)
    bureau.clock.forward(seconds=9)
    fence = await live.take(bureau.deps, pulled.id)
    # Its media come to another process by now.
    await live.tell_source(bureau.deps, pulled.id, old, "not-kept")
    bureau.clock.forward(seconds=310)
    assert await live.keep(bureau.deps, pulled.id, fence)
    assert await told(bureau) == []


async def test_a_receiver_that_died_is_an_alarm_until_another_one_takes_over(
    bureau: Bureau,
) -> None:
    actor = await camera(bureau)
    livestream = await opened(bureau.deps, actor, form=Form.RECEIVED)
    await live.take(bureau.deps, livestream.id)
    bureau.clock.forward(seconds=50)
    assert await told(bureau) == []
    bureau.clock.forward(seconds=60)
    assert await told(bureau) == ["livestream_unowned"]
    fence = await live.take(bureau.deps, livestream.id)
    assert await told(bureau) == []
    await live.let_go(bureau.deps, livestream.id, fence)
    bureau.clock.forward(seconds=200)
    assert await told(bureau) == []
