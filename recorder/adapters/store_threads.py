"""The threads in which both object stores do their blocking work.

It knows nothing of objects. It must not let a call return to its caller while a thread still
touches that caller's buffers, and a slow reader must not hold a thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from recorder.errors import Unavailable

P = ParamSpec("P")
T = TypeVar("T")

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
