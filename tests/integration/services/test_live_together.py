"""Segments of many livestreams that arrive together: each counts for its own, as if alone."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import Form, LivestreamState
from recorder.domain.people import SERVICE
from recorder.errors import Conflict, Unavailable, Unprocessable
from recorder.live.spooling import next_position
from recorder.services import live
from recorder.store import livestream_segments
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera
from tests.support.faulty_objects import Fault, FaultyObjects, When
from tests.support.streams import opened, put, put_init, stored_bytes, take

#: More than goes together.
_LONG = (4 << 20) + 1


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        yield opened


async def numbers(bureau: Bureau, livestream: LivestreamId, state: str) -> list[int]:
    async with bureau.deps.database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT number FROM livestream_segment WHERE livestream_id = $1 AND state = $2"
            " ORDER BY number",
            livestream,
            state,
        )
    return [row["number"] for row in rows]


async def test_segments_of_many_livestreams_at_once_count_each_for_its_own(
    bureau: Bureau,
) -> None:
    deps, actor, sent = bureau.deps, await camera(bureau), take()
    pushed = [await opened(deps, actor) for _ in range(6)]
    received = [await opened(deps, actor, form=Form.RECEIVED) for _ in range(3)]
    fences = [await live.take(deps, each.id) for each in received]
    receivers = [
        live.Receiver(deps, SERVICE, each.id, fence)
        for each, fence in zip(received, fences, strict=True)
    ]
    for each in pushed:
        await put_init(deps, actor, each.id, sent.init)
    for receiver in receivers:
        await receiver.put_init(live.InitArrival(period=1, body=sent.init))
    # One of the receivers loses its lease, and one of the senders has other bytes for a number.
    await put(deps, actor, pushed[0].id, 2, sent.segments[5])
    bureau.clock.forward(seconds=9)
    await live.take(dataclasses.replace(deps, instance="another"), received[0].id)
    for number in (2, 1, 3):
        body = sent.segments[number - 1]
        arrival = live.SegmentArrival(period=1, number=number, body=body)
        answers = await asyncio.gather(
            *(put(deps, actor, each.id, number, body) for each in pushed),
            *(receiver.put_segment(arrival) for receiver in receivers),
            return_exceptions=True,
        )
        lost, good = answers[6], [*answers[:6], *answers[7:]]
        assert isinstance(lost, Conflict)
        assert lost.code == "livestream-taken-over"
        assert all(isinstance(each, live.Receipt) and each.fresh for each in good)
        again = await asyncio.gather(*(put(deps, actor, each.id, number, body) for each in pushed))
        assert not any(each.fresh for each in again)
    assert await numbers(bureau, pushed[0].id, "conflicting") == [2]
    for each in (*pushed, *received[1:]):
        assert await numbers(bureau, each.id, "stored") == [-1, 1, 2, 3]
        chain = await _chain(bureau, each.id)
        assert [previous for previous, _ in chain] == [None, *(own for _, own in chain[:-1])]
        found = await live.find_livestream(deps, SERVICE, each.id)
        assert (found.state, found.segments, found.highest_number) == (LivestreamState.LIVE, 3, 3)
    assert await numbers(bureau, received[0].id, "stored") == [-1]
    assert (await bureau.event_names()).count("LivestreamBegan") == 8


async def test_bytes_that_are_not_what_was_declared_cost_the_others_nothing(
    bureau: Bureau,
) -> None:
    """Nor do long ones, whose digests are made apart."""
    deps, actor, sent = bureau.deps, await camera(bureau), take()
    streams = [await opened(deps, actor) for _ in range(4)]
    for each in streams:
        await put_init(deps, actor, each.id, sent.init)
    bodies = [
        sent.segments[0],
        sent.segments[1],
        sent.segments[2],
        random.Random(1).randbytes(_LONG),
    ]
    declared = [bytes(32), hashlib.sha256(bodies[1]).digest(), None, None]
    answers = await asyncio.gather(
        *(
            live.put_segment(
                deps, actor, stream.id,
                live.SegmentArrival(period=1, number=1, body=body, declared_sha256=said),
            )
            for stream, body, said in zip(streams, bodies, declared, strict=True)
        ),
        return_exceptions=True,
    )  # fmt: skip
    assert isinstance(answers[0], Unprocessable)
    assert await numbers(bureau, streams[0].id, "intended") == []
    for body, answer in zip(bodies[1:], answers[1:], strict=True):
        assert isinstance(answer, live.Receipt)
        assert answer.segment.sha256 == hashlib.sha256(body).digest()
        assert answer.segment.sm3 == hashlib.new("sm3", body).digest()
        assert await stored_bytes(deps, answer) == body


async def test_what_a_dead_receiver_stored_and_did_not_count_counts_for_the_next_one(
    bureau: Bureau,
) -> None:
    sent, actor = take(), await camera(bureau)
    livestream = await opened(bureau.deps, actor, form=Form.RECEIVED)
    faulty = FaultyObjects(bureau.deps.objects)
    deps = dataclasses.replace(bureau.deps, objects=faulty)
    dead = live.Receiver(deps, SERVICE, livestream.id, await live.take(deps, livestream.id))
    await dead.put_init(live.InitArrival(period=1, body=sent.init))
    came = bureau.clock.now()
    for number, when in ((1, When.AFTER), (2, When.BEFORE)):
        faulty.faults = [Fault("put", when, times=1 << 40)]
        body = sent.segments[number - 1]
        with pytest.raises(Unavailable):
            await dead.put_segment(live.SegmentArrival(period=1, number=number, body=body))
    bureau.clock.forward(seconds=9)
    other = dataclasses.replace(bureau.deps, instance="another")
    fence = await live.take(other, livestream.id)
    assert await live.finish_claimed(other, SERVICE, livestream.id, fence) == 1
    assert await live.finish_claimed(other, SERVICE, livestream.id, fence) == 0
    assert await live.position(other, livestream.id) == live.Position(1, 1)
    async with bureau.deps.database.acquire() as connection:
        segment = await livestream_segments.stored(connection, livestream.id, 1)
    assert segment is not None
    assert segment.arrived_at == came
    # The next one dies as well, and nobody publishes any more: then it counts with the closing.
    faulty.faults = [Fault("put", When.AFTER, times=1 << 40)]
    last = live.Receiver(deps, SERVICE, livestream.id, fence)
    with pytest.raises(Unavailable):
        await last.put_segment(live.SegmentArrival(period=1, number=2, body=sent.segments[1]))
    await live.request_close(bureau.deps, actor, livestream.id, last=None)
    bureau.clock.forward(seconds=11)
    await live.watch_livestreams(bureau.deps)
    closed = await live.find_livestream(bureau.deps, SERVICE, livestream.id)
    assert (closed.state, closed.segments) == (LivestreamState.CLOSED, 2)


async def _chain(bureau: Bureau, livestream: LivestreamId) -> list[tuple[bytes | None, bytes]]:
    """Digest of the predecessor, and the own one, of each segment that counts."""
    async with bureau.deps.database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT previous_sha256, sha256 FROM livestream_segment"
            " WHERE livestream_id = $1 AND number > 0 AND state = 'stored' ORDER BY number",
            livestream,
        )
    return [(row["previous_sha256"], row["sha256"]) for row in rows]


async def test_with_the_store_away_a_number_that_may_be_stored_is_given_to_nobody_else(
    bureau: Bureau,
) -> None:
    sent, actor = take(), await camera(bureau)
    livestream = await opened(bureau.deps, actor, form=Form.RECEIVED)
    faulty = FaultyObjects(bureau.deps.objects)
    deps = dataclasses.replace(bureau.deps, objects=faulty)
    dead = live.Receiver(deps, SERVICE, livestream.id, await live.take(deps, livestream.id))
    await dead.put_init(live.InitArrival(period=1, body=sent.init))
    faulty.faults = [Fault("put", When.AFTER, times=1 << 40)]
    with pytest.raises(Unavailable):
        await dead.put_segment(live.SegmentArrival(period=1, number=1, body=sent.segments[0]))
    bureau.clock.forward(seconds=9)
    fence = await live.take(deps, livestream.id)
    # What of it is there can be asked only of the store.
    faulty.faults = [Fault("versions", When.BEFORE, times=1 << 40)]
    behind = await next_position(deps, None, livestream.id, fence)
    assert behind == live.Position(1, 1)
    faulty.faults = []
    receiver = live.Receiver(deps, SERVICE, livestream.id, fence)
    await receiver.put_init(live.InitArrival(period=2, body=sent.init))
    await receiver.put_segment(live.SegmentArrival(period=2, number=2, body=sent.segments[1]))
    await live.let_go(deps, livestream.id, fence)
    closed = await live.request_close(bureau.deps, actor, livestream.id, last=None)
    assert (closed.state, closed.segments) == (LivestreamState.CLOSED, 2)
