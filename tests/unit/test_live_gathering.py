"""What is asked at the same time is asked together, and nobody pays for another's fault."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from recorder.errors import InvalidInput, RecorderError, Unavailable
from recorder.services.live.gathering import Gathering
from tests.support.leaping_loop import run_leaping

#: Of a loop whose time leaps.
PACE_S = 4


class Desk:
    """Doubles numbers; each call waits until it is let go."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.gate = asyncio.Event()
        self.asked = asyncio.Event()
        self.away = False

    async def double(self, numbers: Sequence[int]) -> list[int]:
        self.calls.append(list(numbers))
        self.asked.set()
        await self.gate.wait()
        if self.away:
            raise Unavailable("database-unavailable", "Away.")
        if -1 in numbers:
            raise InvalidInput("text-not-storable", "Not this one.")
        return [2 * number for number in numbers]


async def test_what_comes_while_a_call_runs_goes_together_with_the_next() -> None:
    desk = Desk()
    line = Gathering(desk.double, most=3, pace_s=0)
    first = asyncio.create_task(line.join("a", 1))
    await desk.asked.wait()
    others = [asyncio.create_task(line.join(n, n)) for n in (2, 3, 4, 5)]
    await asyncio.sleep(0)
    desk.gate.set()
    assert [await each for each in (first, *others)] == [2, 4, 6, 8, 10]
    assert desk.calls == [[1], [2, 3, 4], [5]]
    assert await line.join("a", 6) == 12


async def test_items_of_one_key_never_go_together_and_keep_their_order() -> None:
    desk = Desk()
    desk.gate.set()
    line = Gathering(desk.double, most=10, pace_s=0)
    keyed = [("a", 1), ("a", 2), ("b", 3), ("a", 4), ("b", 5)]
    assert await asyncio.gather(*(line.join(*each) for each in keyed)) == [2, 4, 6, 8, 10]
    assert desk.calls == [[1, 3], [2, 5], [4]]


async def test_one_that_cannot_be_answered_costs_the_others_nothing() -> None:
    desk = Desk()
    desk.gate.set()
    line = Gathering(desk.double, most=10, pace_s=0)
    answers = await asyncio.gather(
        *(line.join(n, n) for n in (1, -1, 3)), return_exceptions=True
    )  # fmt: skip
    assert (answers[0], answers[2]) == (2, 6)
    assert isinstance(answers[1], InvalidInput)


async def test_when_nobody_can_be_answered_each_hears_it_once() -> None:
    desk = Desk()
    desk.gate.set()
    desk.away = True
    line = Gathering(desk.double, most=10, pace_s=0)
    answers = await asyncio.gather(*(line.join(n, n) for n in (1, 2)), return_exceptions=True)
    assert [type(each) for each in answers] == [Unavailable, Unavailable]
    assert desk.calls == [[1, 2]]
    desk.away = False
    assert await line.join(3, 3) == 6


async def test_whoever_went_away_while_waiting_is_passed_over() -> None:
    desk = Desk()
    line = Gathering(desk.double, most=10, pace_s=0)
    first = asyncio.create_task(line.join(1, 1))
    await desk.asked.wait()
    gone = asyncio.create_task(line.join(2, 2))
    stays = asyncio.create_task(line.join(3, 3))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    desk.gate.set()
    assert (await first, await stays) == (2, 6)
    assert desk.calls == [[1], [3]]


def test_several_that_ask_keep_the_pace_two_half_of_it_and_after_a_rest_none() -> None:
    calls: list[tuple[float, int]] = []

    async def crowd() -> None:
        loop = asyncio.get_running_loop()
        joined: list[asyncio.Task[int]] = []

        async def together(numbers: Sequence[int]) -> Sequence[int]:
            calls.append((loop.time(), len(numbers)))
            if len(calls) < 5:
                joined.extend(asyncio.create_task(line.join(n, n)) for n in range(len(numbers) + 1))
                await asyncio.sleep(0)  # Until they wait.
            return numbers

        line = Gathering(together, most=10, pace_s=PACE_S)
        await line.join(0, 0)
        while len(joined) < 14 or not all(each.done() for each in joined):
            await asyncio.wait(joined)
        # Nobody waits in between, and they have asked just now.
        await line.join(0, 5)
        await asyncio.sleep(PACE_S + 1)
        await line.join(0, 6)
        # The same one again has no company.
        await line.join((0, "next"), 7, 0)

    run_leaping(crowd())
    assert calls[:5] == [(0, 1), (2, 2), (6, 3), (10, 4), (14, 5)]
    assert calls[5:] == [(18, 1), (23, 1), (23, 1)]


async def test_whoever_comes_alone_is_never_kept_waiting() -> None:
    desk = Desk()
    desk.gate.set()
    line = Gathering(desk.double, most=10, pace_s=3600)
    assert [await line.join(("a", n), n, "a") for n in (1, 2, 3)] == [2, 4, 6]


async def test_an_answer_may_be_the_reason_why_there_is_none() -> None:
    async def answer(numbers: Sequence[int]) -> list[int | RecorderError]:
        return [InvalidInput("text-not-storable", "Odd.") if n % 2 else n for n in numbers]

    line: Gathering[int, int] = Gathering(answer, most=10, pace_s=0)
    answers = await asyncio.gather(*(line.join(n, n) for n in (1, 2)), return_exceptions=True)
    assert isinstance(answers[0], InvalidInput)
    assert answers[1] == 2
