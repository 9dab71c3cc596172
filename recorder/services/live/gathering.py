"""Gathering: what many ask for at the same time becomes one call.

While a call runs, others wait and go together with the next one; the first after a rest goes at
once. It knows nothing of what is asked. One that cannot be answered must not cost the others
their answers.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from recorder.errors import RecorderError, Unavailable

Item = TypeVar("Item")
Answer = TypeVar("Answer")

#: So many items in a call are load.
_COMPANY = 3

Together = Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]]


class Gathering(Generic[Item, Answer]):
    """Calls ``together`` with at most ``most`` items, none with the key of another.

    Calls begin ``pace_s`` apart or more: under load each has more items, and costs less for each.
    Behind a call of one or two items the next one comes sooner.
    """

    def __init__(self, together: Together[Item, Answer], *, most: int, pace_s: float) -> None:
        self._together = together
        self._most = most
        self._pace_s = pace_s
        self._waiting: deque[tuple[Hashable, Item, asyncio.Future[Answer]]] = deque()
        self._work: asyncio.Task[None] | None = None

    async def join(self, key: Hashable, item: Item) -> Answer:
        """The answer for this item; items of one key are answered in the order they came."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, item, answer))
        if self._work is None:
            self._work = asyncio.create_task(self._work_off())
        return await answer

    async def _work_off(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                began, asked = loop.time(), self._next()
                await self._answer(asked)
                pace_s = self._pace_s * min(len(asked), _COMPANY) / _COMPANY
                if self._waiting:
                    await asyncio.sleep(max(0.0, began + pace_s - loop.time()))
        finally:
            self._work = None
            for _, _, answer in self._waiting:  # Only when we are cancelled.
                answer.cancel()
            self._waiting.clear()

    def _next(self) -> list[tuple[Item, asyncio.Future[Answer]]]:
        """The first of each key among those that wait; the others keep their places."""
        taken: dict[Hashable, tuple[Item, asyncio.Future[Answer]]] = {}
        left: deque[tuple[Hashable, Item, asyncio.Future[Answer]]] = deque()
        while self._waiting and len(taken) < self._most:
            key, item, answer = self._waiting.popleft()
            if answer.done():
                continue  # Its caller has gone.
            if key in taken:
                left.append((key, item, answer))
            else:
                taken[key] = item, answer
        left.extend(self._waiting)
        self._waiting = left
        return list(taken.values())

    async def _answer(self, asked: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        if not asked:
            return
        try:
            answers = await self._together([item for item, _ in asked])
        except asyncio.CancelledError:
            for _, answer in asked:
                answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is.
            if len(asked) > 1 and isinstance(error, RecorderError) and not _for_all(error):
                # One of them is at fault: each for itself.
                for each in asked:
                    await self._answer([each])
                return
            for _, answer in asked:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), given in zip(asked, answers, strict=True):
            if not answer.done():
                answer.set_result(given)


def _for_all(error: RecorderError) -> bool:
    return isinstance(error, Unavailable)
