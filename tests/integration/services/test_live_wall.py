"""What the wall says of running livestreams, and who sees and closes which."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from recorder.domain.livestream import LivestreamState
from recorder.domain.people import Actor, Role
from recorder.errors import NotFound
from recorder.services import live
from tests.support import footage
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera
from tests.support.streams import opened, put, put_init, take


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path, ffmpeg=footage.ffmpeg()) as opened_bureau:
        yield opened_bureau


async def only(bureau: Bureau, actor: Actor) -> live.Sight:
    (sight,) = await live.wall(bureau.deps, actor)
    return sight


async def test_the_wall_tells_rate_age_clock_keyframes_and_what_waits(bureau: Bureau) -> None:
    deps, device = bureau.deps, await camera(bureau)
    chief = bureau.actor(Role.SUPERVISOR)
    clock = bureau.clock
    livestream = await opened(deps, device, device_clock_at=clock.at + timedelta(seconds=90))
    empty = await only(bureau, chief)
    assert (empty.bit_rate, empty.age_ms, empty.video) == (None, None, None)
    sent = take(seconds=12)
    await put_init(deps, device, livestream.id, sent.init)
    for number in range(1, 11):
        clock.forward(seconds=1)
        await put(deps, device, livestream.id, number, sent.segments[number - 1])
    clock.forward(seconds=2)
    sight = await only(bureau, chief)
    length = sum(map(len, sent.segments[:10]))
    assert sight.bit_rate == pytest.approx(length * 8 / 10, rel=0.01)
    assert (sight.age_ms, sight.waiting, sight.has_sound) == (2000, 0, True)
    assert sight.video
    assert (sight.video.width, sight.video.codec[:4]) == (320, "avc1")
    assert sight.cautions == (live.Caution("clock_off", 90),)
    async with deps.database.acquire() as connection:
        # Pictures that only continue others since the first one; the eleventh is on its way.
        await connection.execute(
            "UPDATE livestream_segment SET keyframe = false WHERE livestream_id = $1"
            " AND number > 1", livestream.id,
        )  # fmt: skip
        await connection.execute(
            "UPDATE livestream_segment SET duration_us = 6000000 WHERE livestream_id = $1"
            " AND number = 10", livestream.id,
        )  # fmt: skip
        await connection.execute(
            "INSERT INTO livestream_segment (livestream_id, number, sha256, sm3, period,"
            " object_key, length_bytes, lock_until, arrived_at)"
            " SELECT $1, 11, sha256('x'), sha256('x'), 1, 'x', 1, now(), $2",
            livestream.id,
            clock.at - timedelta(seconds=6),
        )
    assert {caution.code: caution.value for caution in (await only(bureau, chief)).cautions} == {
        "clock_off": 90,
        "no_keyframe": 14,
        "long_segments": 6,
        "store_slow": 1,
    }
    clock.forward(seconds=10)
    silent = await only(bureau, chief)
    assert (silent.livestream.state, silent.bit_rate) == (LivestreamState.INTERRUPTED, None)
    assert await live.wall(deps, bureau.actor(Role.SUPERVISOR, agency=bureau.theirs)) == []


async def test_what_is_delivered_late_is_old_and_its_clock_is_not_wrong(bureau: Bureau) -> None:
    deps, device = bureau.deps, await camera(bureau)
    chief, clock, sent = bureau.actor(Role.SUPERVISOR), bureau.clock, take()
    livestream = await opened(deps, device, device_clock_at=clock.at + timedelta(seconds=43))
    await put_init(deps, device, livestream.id, sent.init)

    async def push(number: int, recorded: datetime) -> live.Sight:
        await live.put_segment(
            deps, device, livestream.id,
            live.SegmentArrival(
                period=1, number=number, body=sent.segments[number - 1],
                device_at=recorded + timedelta(seconds=43),
            ),
        )  # fmt: skip
        return await only(bureau, chief)

    ahead = (live.Caution("clock_off", 43),)
    begun, at = clock.at, clock.forward
    at(seconds=1)
    sight = await push(1, begun)
    assert sight.age_ms == pytest.approx(0, abs=50)
    assert sight.cautions == ahead
    # Out of a tunnel of ten minutes.
    at(minutes=10)
    sight = await push(2, begun + timedelta(seconds=1))
    assert sight.age_ms == pytest.approx(599_000, abs=100)
    assert sight.clock_offset_ms == pytest.approx(43_000, abs=50)
    assert sight.cautions == ahead


async def test_supervisors_close_what_runs_in_their_agency_and_officers_their_own(
    bureau: Bureau,
) -> None:
    deps, device = bureau.deps, await camera(bureau)
    livestream = await opened(deps, device)
    for actor in (bureau.actor(Role.OFFICER), bureau.actor(Role.SUPERVISOR, agency=bureau.theirs)):
        with pytest.raises(NotFound):
            await live.request_close(deps, actor, livestream.id, last=None)
    chief = bureau.actor(Role.SUPERVISOR)
    closed = await live.request_close(deps, chief, livestream.id, last=None)
    assert closed.state in (LivestreamState.CLOSING, LivestreamState.CLOSED)
    own = bureau.actor(Role.OFFICER)
    theirs = await opened(deps, own)
    assert await live.may_close(deps, own, theirs.id)
    assert not await live.may_close(deps, bureau.actor(Role.OFFICER), theirs.id)


async def test_a_picture_is_made_once_for_a_segment_and_only_while_it_runs(bureau: Bureau) -> None:
    deps, device = bureau.deps, await camera(bureau)
    chief = bureau.actor(Role.SUPERVISOR)
    livestream = await opened(deps, device)
    assert await live.picture(deps, chief, livestream.id) is None
    sent = take(seconds=12)
    await put_init(deps, device, livestream.id, sent.init)
    await put(deps, device, livestream.id, 1, sent.segments[0])
    first = await live.picture(deps, chief, livestream.id)
    assert first
    assert first.startswith(b"\xff\xd8")
    assert await live.picture(deps, chief, livestream.id) is first
    await put(deps, device, livestream.id, 2, b"no media at all")
    assert await live.picture(deps, chief, livestream.id) is first
    await live.request_close(deps, chief, livestream.id, last=2)
    assert await live.picture(deps, chief, livestream.id) is None
    with pytest.raises(NotFound):
        await live.picture(deps, bureau.actor(Role.SUPERVISOR, agency=bureau.theirs), livestream.id)
