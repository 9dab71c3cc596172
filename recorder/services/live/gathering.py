"""Gathering: what many ask for at the same time becomes one call.

While a call runs, others wait and go together with the next one; whoever comes alone goes at
once. It knows nothing of what is asked. One that cannot be answered must not cost the others
their answers.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from recorder.errors import RecorderError, Unavailable

Item = TypeVar("Item")
Answer = TypeVar("Answer")

#: So many that ask are load.
_COMPANY = 3

#: Gives each item's answer, or why there is none.
Together = Callable[[Sequence[Item]], Awaitable[Sequence[Answer | RecorderError]]]


class Gathering(Generic[Item, Answer]):
    """Calls ``together`` with at most ``most`` items, none with the key of another.

    Where several ask, calls begin ``pace_s`` apart or more, also when nobody waits in between: each
    has more items, and costs less for each. Two that ask wait half as long, one alone not at all.
    """

    def __init__(self, together: Together[Item, Answer], *, most: int, pace_s: float) -> None:
        self._together = together
        self._most = most
        self._pace_s = pace_s
        self._waiting: deque[tuple[Hashable, Item, asyncio.Future[Answer]]] = deque()
        self._work: asyncio.Task[None] | None = None
        self._began = -math.inf
        #: Who has asked within the last ``pace_s``, and when; the latest stands last.
        self._lately: dict[Hashable, float] = {}

    async def join(self, key: Hashable, item: Item, by: Hashable = None) -> Answer:
        """The answer for this item; items of one key are answered in the order they came.

        ``by`` says who asks, where keys tell more than that.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((key, item, answer))
        self._note(key if by is None else by, loop.time())
        if self._work is None:
            self._work = asyncio.create_task(self._work_off())
        return await answer

    def _note(self, who: Hashable, now: float) -> None:
        self._lately.pop(who, None)
        self._lately[who] = now
        while (first := next(iter(self._lately))) != who and (
            self._lately[first] < now - self._pace_s
        ):
            del self._lately[first]

    async def _work_off(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                company = min(len(self._lately), _COMPANY) - 1
                wait_s = self._began + self._pace_s * company / (_COMPANY - 1) - loop.time()
                if wait_s > 0:
                    await asyncio.sleep(wait_s)
                self._began = loop.time()
                await self._answer(self._next())
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
            if answer.done():
                continue
            if isinstance(given, RecorderError):
                answer.set_exception(given)
            else:
                answer.set_result(given)


def _for_all(error: RecorderError) -> bool:
    return isinstance(error, Unavailable)
