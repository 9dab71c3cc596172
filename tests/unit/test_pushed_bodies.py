"""Bodies that are pushed share one budget: nobody is refused, and all of them come to an end."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from recorder.web.pushed_bodies import PushedBodies


async def test_who_finds_no_room_waits_until_a_body_is_stored() -> None:
    bodies = PushedBodies(100)
    with ExitStack() as first, ExitStack() as second:
        one, two = first.enter_context(bodies.place()), second.enter_context(bodies.place())
        await one.grow(60)
        await two.grow(30)
        # The oldest that has to wait goes beyond; the next one waits for it.
        await two.grow(30)
        assert bodies.used_bytes == 120
        waiting = asyncio.create_task(one.grow(10))
        await asyncio.sleep(0)
        assert not waiting.done()
        second.close()
        await waiting
        assert bodies.used_bytes == 70
    assert bodies.used_bytes == 0


async def test_whatever_their_order_all_bodies_end_and_only_one_goes_beyond() -> None:
    bodies = PushedBodies(100)
    highest = 0

    async def send(pieces: int) -> None:
        nonlocal highest
        with bodies.place() as place:
            for _ in range(pieces):
                await place.grow(10)
                highest = max(highest, bodies.used_bytes)
                await asyncio.sleep(0)

    await asyncio.gather(*(send(pieces) for pieces in (9, 3, 9, 1, 20, 8, 9, 9)))
    assert bodies.used_bytes == 0
    assert highest <= 100 + 200


async def test_a_body_whose_sender_went_away_while_waiting_gives_its_room_back() -> None:
    bodies = PushedBodies(100)

    async def send() -> None:
        with bodies.place() as place:
            await place.grow(90)

    with bodies.place() as old, bodies.place() as beyond:
        await old.grow(100)
        await beyond.grow(50)
        waits = asyncio.create_task(send())
        await asyncio.sleep(0)
        assert not waits.done()
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits
        assert bodies.used_bytes == 150
    await send()
    assert bodies.used_bytes == 0
