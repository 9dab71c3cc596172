"""What is no silence: store or database away, media in the hands of whoever fetches them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import RUNNING, Form, LivestreamState
from recorder.domain.people import SERVICE
from recorder.runtime import Deps
from recorder.services import live
from tests.support.bureau import Bureau, SetClock, open_bureau
from tests.support.cameras import camera
from tests.support.faulty_objects import Fault, FaultyObjects, When
from tests.support.streams import begun, opened, put, receiving, take

#: Two seconds apart: half a minute.
LOOKS = 16


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as running:
        yield running


async def state(deps: Deps, livestream: LivestreamId, *, looks: int) -> LivestreamState:
    """How it stands after the chore has looked so often."""
    for _ in range(looks):
        await live.watch_livestreams(deps)
    return (await live.find_livestream(deps, SERVICE, livestream)).state


async def test_with_the_store_away_nobody_falls_silent_and_all_get_time_to_come_back(
    bureau: Bureau,
) -> None:
    actor, sent = await camera(bureau), take()
    livestream = await begun(bureau.deps, actor, sent)
    away = Fault("ping", When.BEFORE, nth=1, times=1 << 40)
    objects = FaultyObjects(bureau.deps.objects, [away])
    deps = replace(bureau.deps, objects=objects)
    bureau.clock.forward(seconds=601)
    assert await state(deps, livestream.id, looks=40) is LivestreamState.INTERRUPTED
    objects.faults = []
    assert await state(deps, livestream.id, looks=LOOKS - 1) is LivestreamState.INTERRUPTED
    # Its device is back.
    await put(deps, actor, livestream.id, 2, sent.segments[1])
    assert await state(deps, livestream.id, looks=LOOKS) is LivestreamState.LIVE
    bureau.clock.forward(seconds=601)
    assert await state(deps, livestream.id, looks=1) is LivestreamState.CLOSING


async def test_a_lease_that_ended_with_the_database_away_leaves_time_to_take_it_up_again(
    bureau: Bureau,
) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    livestream = await opened(deps, actor, form=Form.RECEIVED)
    fence = await live.take(deps, livestream.id)
    await receiving(deps, livestream.id, fence, take())
    # For eleven minutes nobody reached the database, neither its publisher's process nor workers.
    bureau.clock.forward(seconds=660)
    assert await state(deps, livestream.id, looks=LOOKS - 1) is LivestreamState.INTERRUPTED
    assert await live.keep(deps, livestream.id, fence) is LivestreamState.INTERRUPTED
    assert await state(deps, livestream.id, looks=3 * LOOKS) is LivestreamState.INTERRUPTED
    # This time its process died.
    bureau.clock.forward(seconds=9)
    assert await state(deps, livestream.id, looks=1) is LivestreamState.CLOSING


async def test_what_is_fetched_stays_open_as_long_as_media_wait_in_the_hands_of_its_process(
    bureau: Bureau,
) -> None:
    deps, actor = bureau.deps, await camera(bureau)
    opening = live.Opening(title="巡查")
    pulled = await live.open_pulled(deps, actor, opening, "rtsp://camera.example/stream")
    fence = await live.take(deps, pulled.id)
    for _ in range(3):
        bureau.clock.forward(seconds=601)
        assert await live.keep(deps, pulled.id, fence, has_waiting=True) is not None
        assert await state(deps, pulled.id, looks=1) is LivestreamState.OPEN
    bureau.clock.forward(seconds=601)
    assert await live.keep(deps, pulled.id, fence, has_waiting=False) is not None
    # A lease that was kept just now may be that of a clock that is behind.
    assert await state(deps, pulled.id, looks=3) is LivestreamState.OPEN
    assert await state(deps, pulled.id, looks=1) is LivestreamState.CLOSING


async def test_whose_clock_is_behind_is_not_silent_as_long_as_it_goes_on(bureau: Bureau) -> None:
    actor, sent = await camera(bureau), take()
    # A machine a quarter of an hour behind all others.
    behind = SetClock(bureau.clock.at - timedelta(minutes=15))
    deps = replace(bureau.deps, clock=behind)
    livestream = await opened(bureau.deps, actor, form=Form.RECEIVED)
    assert await state(bureau.deps, livestream.id, looks=LOOKS) is LivestreamState.OPEN
    fence = await live.take(deps, livestream.id)
    receiver = await receiving(deps, livestream.id, fence, sent, 0)
    for number in range(1, 7):
        body = sent.segments[number - 1]
        await receiver.put_segment(live.SegmentArrival(period=1, number=number, body=body))
        behind.forward(seconds=2)
        bureau.clock.forward(seconds=2)
        assert await live.keep(deps, livestream.id, fence) is not LivestreamState.CLOSING
        assert await state(bureau.deps, livestream.id, looks=1) in RUNNING
    assert await state(bureau.deps, livestream.id, looks=LOOKS) is LivestreamState.CLOSING
