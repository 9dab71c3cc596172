"""What one process holds of open uploads: the buffers, the appends under way, and the ticker.

All of it may be lost at any moment: what was answered is in PostgreSQL and in the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary, WeakValueDictionary

from recorder.domain.ids import UploadId
from recorder.domain.upload import MIB
from recorder.errors import RecorderError
from recorder.runtime import Deps
from recorder.services.ingest.buffers import BLOCK_BYTES, BlockBudget
from recorder.store import uploads

logger = logging.getLogger(__name__)

#: PostgreSQL channel on which a replica is asked to make its buffers durable.
FLUSH_CHANNEL = "recorder_flush"
_TICK_S = 1.0
_SHUTDOWN_S = 15.0
#: Each waits for disks and commits most of its time, and those that wait together share a sync.
FINISHED_AT_ONCE = 8
#: Tails in the folder store that leave memory together, and from which length on.
_SPILLED_AT_ONCE = 16
_SPILLED_BYTES = BLOCK_BYTES // 2
#: Small tails are not staged more often than this for those who only ask for the offset.
_ANSWER_S = 1.0


class OpenAppend(Protocol):
    """What the intake needs of an append under way (receiving.Appender)."""

    upload_id: UploadId

    @property
    def waiting_bytes(self) -> int: ...
    @property
    def waiting_since(self) -> float | None: ...
    @property
    def can_spill(self) -> bool: ...
    @property
    def fence(self) -> int: ...
    async def flush(self, *, for_room: bool = False) -> None: ...
    def evict(self) -> None: ...
    async def wait_ended(self) -> None: ...


@dataclass(frozen=True, slots=True)
class IntakeUsage:
    """What uploads take of this process now."""

    appends: int
    buffer_used_bytes: int
    buffer_limit_bytes: int


class Intake:
    """The appends of this process, one for each upload at most."""

    def __init__(self, deps: Deps):
        self._deps = deps
        self.budget = BlockBudget(deps.config.upload_buffer_bytes, self._relieve)
        self._appends: dict[UploadId, OpenAppend] = {}
        self._locks: WeakValueDictionary[UploadId, asyncio.Lock] = WeakValueDictionary()
        #: Who waits to be the next writer of an upload.
        self._next: Counter[UploadId] = Counter()
        self._flushes: dict[OpenAppend, asyncio.Task[None]] = {}
        self._asked_at: dict[OpenAppend, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._relieving = False
        self._closing = asyncio.Event()
        #: Uploads of which somebody here is at the completion, or waits for his turn at it.
        self._completing: Counter[UploadId] = Counter()
        #: Held while an upload is completed: five hundred that end together do so in turn.
        self._finishing = asyncio.Semaphore(FINISHED_AT_ONCE)

    def begin(self) -> None:
        """Start the ticker and the listener."""
        self._spawn(self._tick())
        self._spawn(self._listen())

    def open_append(self, upload_id: UploadId) -> OpenAppend | None:
        return self._appends.get(upload_id)

    def usage(self) -> IntakeUsage:
        """Appends and memory, now."""
        budget = self.budget
        return IntakeUsage(len(self._appends), budget.used_bytes, budget.limit_bytes)

    @asynccontextmanager
    async def exclusively(self, upload_id: UploadId) -> AsyncIterator[None]:
        """One writer or finisher of an upload at a time in this process.

        An append under way is told to make its bytes durable and to end: a client that comes
        back must not wait for its own dead connection.
        """
        # Whoever still holds the lock object keeps its entry alive, and nobody else does.
        lock = self._locks.setdefault(upload_id, asyncio.Lock())
        if (present := self._appends.get(upload_id)) is not None:
            present.evict()
        self._next[upload_id] += 1
        try:
            await lock.acquire()
        finally:
            self._next[upload_id] -= 1
            if not self._next[upload_id]:
                del self._next[upload_id]
        try:
            yield
        finally:
            lock.release()

    @asynccontextmanager
    async def completing(self, upload_id: UploadId) -> AsyncIterator[None]:
        """The only one at this upload, and one of the few that complete one at this moment."""
        self._completing[upload_id] += 1
        try:
            async with self.exclusively(upload_id), self._finishing:
                yield
        finally:
            self._completing[upload_id] -= 1
            if not self._completing[upload_id]:
                del self._completing[upload_id]

    def is_completing(self, upload_id: UploadId) -> bool:
        """Whether somebody here is at the completion of this upload, or waits for his turn."""
        return upload_id in self._completing

    @contextmanager
    def registered(self, append: OpenAppend) -> Iterator[None]:
        """Let others reach the append for the length of the block.

        One that somebody newer waits for already is told to end before its first byte.
        """
        self._appends[append.upload_id] = append
        if append.upload_id in self._next or self._closing.is_set():
            append.evict()
        try:
            yield
        finally:
            self._asked_at.pop(append, None)
            if self._appends.get(append.upload_id) is append:
                del self._appends[append.upload_id]

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        self._keep(asyncio.create_task(work))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _relieve(self) -> None:
        if not self._relieving:
            self._relieving = True
            self._spawn(self._flush_largest())

    async def _flush_largest(self) -> None:
        try:
            waiting = sum(-(-a.waiting_bytes // BLOCK_BYTES) for a in self._appends.values())
            if self.budget.used_bytes - waiting * BLOCK_BYTES >= self.budget.limit_bytes // 4:
                # The store has enough of it in hand and gives it back by itself: a detour over
                # the staging bucket would only make it slower.
                return
            if await self._spill() or self.budget.has_room():
                return
            largest = sorted(self._appends.values(), key=lambda a: -a.waiting_bytes)[:4]
            await asyncio.gather(*(self._flush(append, for_room=True) for append in largest))
        finally:
            self._relieving = False

    async def _spill(self) -> bool:
        """Have the largest tails that lie in place leave memory; False where there are none."""
        most = sorted(self._appends.values(), key=lambda a: -a.waiting_bytes)[:_SPILLED_AT_ONCE]
        spilled = [a for a in most if a.can_spill and a.waiting_bytes >= _SPILLED_BYTES]
        await asyncio.gather(*(self._flush(append, for_room=True) for append in spilled))
        return bool(spilled)

    def _begin_flush(self, append: OpenAppend) -> None:
        """Flush the append, unless that is under way."""
        if append not in self._flushes:
            flush = self._flushes[append] = asyncio.create_task(self._flush(append))
            flush.add_done_callback(lambda _: self._flushes.pop(append, None))
            self._keep(flush)

    def flush_for_answer(self, append: OpenAppend) -> asyncio.Task[None] | None:
        """The flush for somebody who asks where it stands; None where none is needed now."""
        now = asyncio.get_running_loop().time()
        asked = self._asked_at.get(append)
        if asked is None or now - asked >= _ANSWER_S or append.waiting_bytes >= MIB:
            self._asked_at[append] = now
            self._begin_flush(append)
        return self._flushes.get(append)

    async def _flush(self, append: OpenAppend, *, for_room: bool = False) -> None:
        try:
            await append.flush(for_room=for_room)
        except RecorderError as error:
            logger.warning("a flush failed and will be tried again: %s", error)

    async def _tick(self) -> None:
        while not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_S):
                    await self._closing.wait()
            now = asyncio.get_running_loop().time()
            for append in list(self._appends.values()):
                since = append.waiting_since
                if since is not None and now - since >= self._flushed_after(append.upload_id):
                    self._begin_flush(append)
            with contextlib.suppress(RecorderError):
                await self._show_life()

    def _flushed_after(self, upload_id: UploadId) -> float:
        """Seconds after which a tail is made durable: between half of what is promised and all.

        Hundreds of uploads that began in one moment are not made durable in one, least of all in
        that in which they end: they find most of their bytes durable then.
        """
        share = (upload_id.int & 0xFFFF) / 0xFFFF
        return self._deps.config.upload_flush_s * (1 + share) / 2

    async def _show_life(self) -> None:
        """Renew the leases of all appends at once; whoever has lost the upload ends."""
        appends = list(self._appends.values())
        if not appends:
            return
        async with self._deps.database.acquire() as connection:
            ours = await uploads.touch(
                connection, [(a.upload_id, a.fence) for a in appends], self._deps.clock.now()
            )
        for append in appends:
            if append.upload_id not in ours and self._appends.get(append.upload_id) is append:
                append.evict()

    async def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                await self._deps.database.listen(FLUSH_CHANNEL, self._heard, self._closing.wait())
            except RecorderError:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_TICK_S):
                        await self._closing.wait()

    def _heard(self, text: str) -> None:
        for upload_id, append in self._appends.items():
            if str(upload_id) == text:
                self.flush_for_answer(append)

    async def shutdown(self) -> None:
        """Make every buffer durable and end every append, within fifteen seconds."""
        self._closing.set()
        appends = list(self._appends.values())
        for append in appends:
            append.evict()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SHUTDOWN_S):
                await asyncio.gather(*(append.wait_ended() for append in appends))
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


_intakes: WeakKeyDictionary[Deps, Intake] = WeakKeyDictionary()


def begin(deps: Deps) -> Intake:
    """Start the intake of this process; a second call gives the same one."""
    intake = _intakes.get(deps)
    if intake is None:
        intake = _intakes[deps] = Intake(deps)
        intake.begin()
    return intake


def intake_of(deps: Deps) -> Intake:
    """The intake of this process; begun now where nobody did."""
    return begin(deps)


def intake_usage(deps: Deps) -> IntakeUsage:
    """What uploads take of this process now; nothing where no intake was begun."""
    intake = _intakes.get(deps)
    return intake.usage() if intake else IntakeUsage(0, 0, deps.config.upload_buffer_bytes)


async def shutdown(deps: Deps) -> None:
    """End the intake; buffers are durable afterwards as far as the store answers."""
    intake = _intakes.get(deps)
    if intake is not None:
        # It stays in its place until its appends have ended: nobody writes beside them.
        await intake.shutdown()
        if _intakes.get(deps) is intake:
            del _intakes[deps]
