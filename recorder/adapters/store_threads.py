"""The threads in which both object stores do their blocking work.

It knows nothing of objects. It must not let a call return to its caller while a thread still
touches that caller's buffers, and a slow reader must not hold a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, ParamSpec, TypeAlias, TypeVar

from recorder.errors import RecorderError, Unavailable

P = ParamSpec("P")
T = TypeVar("T")
Item = TypeVar("Item")
Answer = TypeVar("Answer")

#: Longest block that a read hands out, in bytes.
BLOCK_BYTES = 1 << 20


_current = threading.local()


def is_cancelled() -> bool:
    """In such a thread: whether the caller waits only for us to end. Then do not try again."""
    flag = getattr(_current, "cancelled", None)
    return isinstance(flag, threading.Event) and flag.is_set()


class StoreThreads:
    """A fixed number of threads, awaited from the event loop."""

    def __init__(self, name: str, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)

    async def run(self, function: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> T:
        """Call the function in a thread and give its result.

        When the caller is cancelled, this still waits for a thread that has begun: the memory
        it reads belongs to the caller again only afterwards. Work not begun never begins.
        Raises Unavailable ``store-unavailable`` after close.
        """
        cancelled = threading.Event()

        def call() -> T:
            _current.cancelled = cancelled
            return function(*arguments, **named)

        try:
            running = self._pool.submit(call)
        except RuntimeError as error:
            raise Unavailable("store-unavailable", "The object store is closed.") from error
        waiting = asyncio.wrap_future(running)
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            cancelled.set()
            running.cancel()
            while not running.done():
                try:
                    await asyncio.wait([waiting])
                except asyncio.CancelledError:
                    continue
            if not waiting.cancelled() and waiting.done():
                waiting.exception()
            raise

    async def blocks(
        self, read: Callable[[], bytes], close: Callable[[], None]
    ) -> AsyncGenerator[bytes, None]:
        """Give what ``read`` gives until it gives nothing, one block ahead of the consumer.

        A thread is taken for each block and not for the stream, so that a hundred slow viewers
        do not stop an upload. ``close`` is called exactly once, also when the consumer stops
        early or is cancelled.
        """
        ahead = asyncio.ensure_future(self.run(read))
        try:
            while block := await ahead:
                ahead = asyncio.ensure_future(self.run(read))
                yield block
        finally:
            ahead.cancel()
            await asyncio.wait([ahead])
            if not ahead.cancelled():
                ahead.exception()
            close()

    async def close(self) -> None:
        """Begin no more work and wait for what has begun."""
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)


#: Does the work of many; each gets its answer, or why there is none.
Act: TypeAlias = Callable[[Sequence[Item]], Sequence[Answer | RecorderError]]


class Together(Generic[Item, Answer]):
    """Blocking work of many callers that one thread does in one go.

    Who asks in the same turn of the event loop goes together; who asks while ``at_once`` threads
    are at it waits, and goes with all the others that wait.
    """

    def __init__(
        self, threads: StoreThreads, act: Act[Item, Answer], *, most: int, at_once: int
    ) -> None:
        self._threads = threads
        self._act = act
        self._most = most
        self._free = at_once
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def join(self, item: Item) -> Answer:
        """The answer for this item. When its caller is cancelled, nobody touches it afterwards."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        mine = item, answer
        self._waiting.append(mine)
        if len(self._waiting) == 1:
            loop.call_soon(self._begin)
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            if mine in self._waiting:
                self._waiting.remove(mine)
                raise
            while not answer.done():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([answer])
            if not answer.cancelled():
                answer.exception()
            raise

    def _begin(self) -> None:
        while self._waiting and self._free:
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            self._free -= 1
            task = asyncio.create_task(self._work_off(batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _work_off(self, batch: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        given: Sequence[Answer | Exception]
        try:
            given = await self._threads.run(self._act, [item for item, _ in batch])
        except asyncio.CancelledError:
            for _, answer in batch:
                answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is.
            given = [error] * len(batch)
        finally:
            self._free += 1
            self._begin()
        for (_, answer), each in zip(batch, given, strict=True):
            if isinstance(each, Exception):
                answer.set_exception(each)
            else:
                answer.set_result(each)
