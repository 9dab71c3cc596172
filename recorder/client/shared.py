"""What all files of one uploader share."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from recorder.client.backoff import LastProgress, Patience, RetryPolicy
from recorder.client.journal import Journal
from recorder.client.pace import Pace
from recorder.client.service import Service
from recorder.client.source import BufferPool
from recorder.errors import Unavailable

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The line to the service, the memory, the journal and the threads."""

    service: Service
    journal: Journal
    #: One thread, since SQLite's connection wants one caller at a time.
    journal_thread: Executor
    reading_threads: Executor
    buffers: BufferPool
    pace: Pace
    retry: RetryPolicy
    last_progress: LastProgress
    #: Names the token without being it.
    token_print: str
    #: Files up to this length are digested before they are announced, so that the service can
    #: compare by itself.
    hash_first_bytes: int

    def patience(self) -> Patience:
        """Fresh patience for one errand."""
        return Patience(self.retry, self.last_progress)

    async def record(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a call of the journal to its end, even if this task is cancelled meanwhile.

        Raises Unavailable when the state folder cannot be written, on a full disk for instance.
        """
        try:
            return await finish_in_thread(self.journal_thread, lambda: call(*args, **kwargs))
        except (sqlite3.Error, OSError) as error:
            raise Unavailable(
                "journal-unwritable",
                f"The state folder {self.journal.folder} cannot be written ({error}).",
            ) from error


async def finish_in_thread(
    threads: Executor, call: Callable[[], R], on_cancel: Callable[[], None] = lambda: None
) -> R:
    """Run a blocking call in a thread; when cancelled, wait until the thread has ended.

    A thread cannot be stopped, and what it uses (a file descriptor, a buffer) must not be given
    to others before it is done. ``on_cancel`` may tell it to hurry.
    """
    future = asyncio.get_running_loop().run_in_executor(threads, call)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        on_cancel()
        await asyncio.wait([future])
        if not future.cancelled():
            # The result is of no interest now; looking at it keeps asyncio from complaining.
            future.exception()
        raise
