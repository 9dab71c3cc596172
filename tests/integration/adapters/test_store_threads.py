"""The threads of the object stores: cancellation, streams, closing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from recorder.adapters.store_threads import StoreThreads, Together, is_cancelled
from recorder.errors import RecorderError, Unavailable


async def test_a_cancelled_call_ends_only_when_its_thread_has_ended() -> None:
    """Until then the thread may still read the caller's buffer."""
    threads = StoreThreads("test", 1)
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        assert not is_cancelled()
        begun.set()
        go_on.wait()
        if is_cancelled():
            ended.set()

    task = asyncio.create_task(threads.run(work))
    await asyncio.to_thread(begun.wait)
    for _ in range(3):
        task.cancel()
        await asyncio.wait([task], timeout=0.05)
        assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
    await threads.close()


async def test_cancelled_work_that_has_not_begun_never_begins() -> None:
    threads = StoreThreads("test", 1)
    go_on = threading.Event()
    done: list[str] = []
    first = asyncio.create_task(threads.run(go_on.wait))
    second = asyncio.create_task(threads.run(done.append, "second"))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    go_on.set()
    await first
    await threads.close()
    assert done == []


async def test_a_stream_that_fails_is_closed_once() -> None:
    threads = StoreThreads("test", 1)
    waiting = [b"one", b"two"]
    closed: list[int] = []

    def read() -> bytes:
        if not waiting:
            raise Unavailable("store-unavailable")
        return waiting.pop(0)

    stream = threads.blocks(read, lambda: closed.append(1))
    assert await anext(stream) == b"one"
    assert await anext(stream) == b"two"
    with pytest.raises(Unavailable):
        await anext(stream)
    assert closed == [1]
    await threads.close()


async def test_a_stream_left_early_is_closed_once() -> None:
    threads = StoreThreads("test", 1)
    closed: list[int] = []
    stream = threads.blocks(lambda: b"block", lambda: closed.append(1))
    assert await anext(stream) == b"block"
    await stream.aclose()
    assert closed == [1]
    await threads.close()


async def test_after_close_calls_are_unavailable() -> None:
    threads = StoreThreads("test", 1)
    await threads.close()
    with pytest.raises(Unavailable) as caught:
        await threads.run(lambda: None)
    assert caught.value.code == "store-unavailable"


async def test_what_is_asked_together_is_done_in_one_go_and_answered_apart() -> None:
    threads = StoreThreads("test", 2)
    runs: list[list[int]] = []

    def act(numbers: Sequence[int]) -> list[int | RecorderError]:
        runs.append(list(numbers))
        return [Unavailable("store-unavailable", "Not now.") if n == 2 else n * 2 for n in numbers]

    together = Together(threads, act, most=3, at_once=1)
    answers = await asyncio.gather(*(together.join(n) for n in range(1, 6)), return_exceptions=True)
    assert runs == [[1, 2, 3], [4, 5]]
    assert isinstance(answers[1], Unavailable)
    assert [each for each in answers if isinstance(each, int)] == [2, 6, 8, 10]
    await threads.close()
    with pytest.raises(Unavailable):
        await together.join(6)


async def test_who_leaves_while_others_are_at_it_leaves_nothing_that_a_thread_touches() -> None:
    threads = StoreThreads("test", 2)
    begun, go_on = threading.Event(), threading.Event()
    done: list[str] = []

    def act(names: Sequence[str]) -> list[int]:
        begun.set()
        go_on.wait()
        done.extend(names)
        return [len(done)] * len(names)

    together = Together(threads, act, most=3, at_once=1)
    busy = asyncio.create_task(together.join("busy"))
    await asyncio.to_thread(begun.wait)
    waiting = asyncio.create_task(together.join("waiting"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    busy.cancel()
    await asyncio.wait([busy], timeout=0.05)
    assert not busy.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await busy
    assert done == ["busy"]
    await threads.close()


async def test_a_mistake_in_the_work_reaches_everybody_who_waits() -> None:
    threads = StoreThreads("test", 1)

    def act(numbers: Sequence[int]) -> list[int]:
        raise LookupError(numbers)

    together = Together(threads, act, most=3, at_once=1)
    answers = await asyncio.gather(*(together.join(n) for n in (1, 2)), return_exceptions=True)
    assert [type(each) for each in answers] == [LookupError, LookupError]
    await threads.close()
