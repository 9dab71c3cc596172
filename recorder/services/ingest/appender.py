"""Appender: the writer of one upload, from the moment it has the fence until it lets go.

Bytes fall into parts at fixed positions. Whole parts go to the store, three at a time; a tail
that cannot wait leaves memory before (tails.py). Rows are committed in the order of offsets,
each under the fence.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections import deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from recorder import metrics
from recorder.domain.ids import new_uuid
from recorder.domain.upload import MIB, Part, Piece, Upload
from recorder.errors import Conflict, RecorderError
from recorder.runtime import Deps
from recorder.services.ingest.buffers import BlockBudget, Fill
from recorder.services.ingest.parts import note
from recorder.services.ingest.tails import Tail, tail_of
from recorder.store import store_intents, uploads

logger = logging.getLogger(__name__)

_PARTS_IN_FLIGHT = 3
#: Part numbers taken from the database at once, at most; the first time it is one, then twice as
#: many each time, so that an append wastes fewer than it uses.
_MOST_NUMBERS = 8

T = TypeVar("T")


class Digest(Protocol):
    """A digest under way (hashlib)."""

    def update(self, content: memoryview, /) -> None: ...
    def digest(self) -> bytes: ...


@dataclass(slots=True)
class _Slot:
    """A part on its way; ``part`` is there once the store has it."""

    part: Part | None = None


class Appender:
    """Takes bytes at ``position``; everything before ``offset`` is durable.

    It is the Sink of its body. With a ``checksum`` to be made over what comes, nothing is
    committed before ``accept``.
    """

    def __init__(
        self,
        deps: Deps,
        budget: BlockBudget,
        upload: Upload,
        pieces: Sequence[Piece],
        checksum: Digest | None = None,
    ):
        self._deps = deps
        self._budget = budget
        self._upload = upload
        self.upload_id = upload.id
        self.offset = upload.offset
        self.position = upload.offset
        self.evicted = False
        self._checksum = checksum
        #: Nothing is committed before ``accept``: the body's checksum is not known to fit.
        self._held = checksum is not None
        self._multipart_id = upload.multipart_id
        self._numbers: list[int] = []
        self._numbers_at_once = 1
        begins = upload.offset - sum(piece.length for piece in pieces)
        self._tail = tail_of(deps, budget, upload, begins, pieces)
        self._fill = Fill(budget)
        self._waiting_since: float | None = None
        #: Parts on their way to the store or to the database, in the order of offsets.
        self._slots: deque[_Slot] = deque()
        self._sending: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._uncommitted: list[Part | Piece] = []
        #: Held by whoever moves content out of the fill; bytes go on coming in meanwhile.
        self._lock = asyncio.Lock()
        self._committing = asyncio.Lock()
        self._task = asyncio.current_task()
        self._is_reading = False
        self._closing = False
        self._ended = asyncio.Event()

    # --- what the intake needs ---------------------------------------------------------------

    @property
    def waiting_bytes(self) -> int:
        """Bytes in memory that a flush would free."""
        return self._fill.length

    @property
    def can_spill(self) -> bool:
        """Whether a flush for room costs a write and nothing else."""
        return self._tail.is_placed

    @property
    def waiting_since(self) -> float | None:
        """Loop time of the oldest byte that would be lost with this process or machine."""
        return self._waiting_since

    @property
    def fence(self) -> int:
        """The token under which this append writes."""
        return self._upload.fence

    def evict(self) -> None:
        """Have the reading end; what came is kept."""
        self.evicted = True
        if self._is_reading and self._task is not None:
            self._task.cancel()

    async def wait_ended(self) -> None:
        await self._ended.wait()

    # --- taking bytes ------------------------------------------------------------------------

    async def reading(self, read: Coroutine[None, None, T]) -> T:
        """Await the next bytes, or room for them; the only place where eviction interrupts."""
        if self.evicted:
            read.close()
            raise self._taken_over()
        self._is_reading = True
        try:
            return await read
        finally:
            self._is_reading = False

    def wants(self) -> bool:
        """See Sink: the part is not full, and there is memory."""
        return self.position < self._part_end() and (
            self._fill.has_room() or self._budget.has_room()
        )

    def space(self) -> memoryview:
        """See Sink: in the block that goes to the store as it is."""
        if not self._fill.has_room():
            # Asked for only when bytes are there: idle senders hold none.
            self._fill.push(self._budget.take_now())
        return self._fill.room()[: self._part_end() - self.position]

    def took(self, count: int) -> None:
        """See Sink."""
        if self._checksum is not None:
            self._checksum.update(self._fill.room()[:count])
        self._fill.grow(count)
        self.position += count
        metrics.RECEIVED_BYTES.inc(count)
        if self._waiting_since is None:
            self._waiting_since = asyncio.get_running_loop().time()

    async def attend(self) -> None:
        """Send the part if it is full, else wait for memory; raises what failed meanwhile."""
        self._raise_failure()
        if self._is_part_full():
            async with self._lock:
                if self._is_part_full():
                    await self._send_part()
        elif self.position < self._part_end() and not self._fill.has_room():
            # Outside the lock, so that a flush can free the memory this waits for.
            block = await self.reading(self._budget.take())
            if self._fill.has_room():
                self._budget.give([block])
            else:
                self._fill.push(block)

    def checksum(self) -> bytes | None:
        """The digest of what came, if one was asked for."""
        return None if self._checksum is None else self._checksum.digest()

    def accept(self) -> None:
        """The checksum fits: from now on everything may be committed."""
        self._held = False

    async def flush(self, *, for_room: bool = False) -> None:
        """Make everything taken durable and move the offset, unless it is held for its checksum.

        Held bytes over a MiB leave memory all the same, uncommitted; ``for_room``, all of them.
        In the folder store that is all that is done ``for_room``.
        """
        async with self._lock:
            if self._is_part_full():
                await self._send_part()
            durably = not (self._tail.is_placed and (for_room or self._held))
            if durably:
                await self._settle()
            if self._fill.length >= (1 if for_room or not self._held else MIB) or (
                durably and self._tail.is_unsettled
            ):
                await self._put_away(durably)
            await self._commit_waiting()

    async def _put_away(self, durably: bool) -> None:
        """Take the tail out of memory; ``durably``, with a piece to be committed."""
        fill, self._fill = self._fill, Fill(self._budget)
        since, end = self._waiting_since, self.position
        if durably:
            self._waiting_since = None
        try:
            piece = await self._tail.put_away(self._multipart, fill, end, durably=durably)
        except BaseException:
            # What came meanwhile comes behind it; the next flush tries again.
            self._fill.prepend(fill)
            self._waiting_since = since
            raise
        if piece is not None:
            self._uncommitted.append(piece)

    async def close_tail(self) -> None:
        """Make the last part of what is there, however short: the upload ends here.

        Its completion begins with that part, so that no byte ever comes behind a short one: S3
        would not put them together. No byte comes with it, so the expiry stays: an end that fails
        now is tried again soon.
        """
        self._closing = True
        async with self._lock:
            if self._fill.length or not self._tail.is_empty:
                await self._send_part()
            await self._settle()

    async def end(self) -> None:
        """Keep what came if possible, wait for the store to let go, and return all memory.

        Sends under way are waited for, never cancelled: a blocking write cannot be stopped, and
        the next append of this process would write at the same place.
        """
        try:
            await self.flush()
        except RecorderError as error:
            logger.warning("bytes not yet answered were not kept: %s", error)
        finally:
            if self._sending:
                await asyncio.wait(self._sending)
            if self._failure is not None:
                # What stands before the failure may count all the same.
                with contextlib.suppress(RecorderError):
                    await self._commit_waiting()
            self._fill.release()
            await self._tail.close()
            await self._let_go()
            self._ended.set()

    async def _let_go(self) -> None:
        if self.offset == self._upload.length:
            # Nobody takes it any more: it is completed next.
            return
        # So that a HEAD at another replica does not wait for a holder who has nothing to tell.
        with contextlib.suppress(RecorderError):
            async with self._deps.database.acquire(patient=True) as connection:
                await uploads.let_go(connection, self.upload_id, self._upload.fence)

    # --- parts -------------------------------------------------------------------------------

    def _part_end(self) -> int:
        return min(self._tail.start + self._upload.part_bytes, self._upload.length)

    def _is_part_full(self) -> bool:
        return self._tail.start < self.position == self._part_end()

    async def _send_part(self) -> None:
        """Hand the part to the store; waits while too many are on their way."""
        multipart_id = await self._multipart()
        number = await self._next_number()
        fill, self._fill = self._fill, Fill(self._budget)
        tail = self._tail
        self._tail = tail_of(self._deps, self._budget, self._upload, self.position, [])
        self._waiting_since = None
        slot = _Slot()
        self._slots.append(slot)
        sending = asyncio.create_task(self._send(slot, tail, multipart_id, number, fill))
        self._sending.add(sending)
        sending.add_done_callback(self._sent)
        while len(self._sending) > _PARTS_IN_FLIGHT:
            await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)
            self._raise_failure()

    async def _send(
        self, slot: _Slot, tail: Tail, multipart_id: str, number: int, fill: Fill
    ) -> None:
        """Store the part and commit it with those before it; reading goes on meanwhile."""
        slot.part = await tail.become_part(multipart_id, number, fill)
        await self._commit_waiting()

    def _sent(self, sending: asyncio.Task[None]) -> None:
        self._sending.discard(sending)
        error = None if sending.cancelled() else sending.exception()
        self._failure = self._failure or error

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _settle(self) -> None:
        """Wait until nothing is on its way; raises what failed."""
        while self._sending:
            await asyncio.wait(self._sending)
        self._raise_failure()

    async def _next_number(self) -> int:
        # A few ahead: taking one is a commit, a store takes 10,000, and gaps are allowed.
        if not self._numbers:
            async with self._deps.database.acquire(patient=True) as connection:
                first = await uploads.reserve_parts(
                    connection, self.upload_id, self._upload.fence, self._numbers_at_once
                )
            if first is None:
                raise self._taken_over()
            self._numbers = list(range(first, first + self._numbers_at_once))
            self._numbers_at_once = min(2 * self._numbers_at_once, _MOST_NUMBERS)
        return self._numbers.pop(0)

    async def _multipart(self) -> str:
        if self._multipart_id is None:
            intent = new_uuid()
            async with self._deps.database.acquire(patient=True) as connection:
                await store_intents.intend_multipart(
                    connection, intent, self.upload_id, self._upload.key, self._deps.clock.now()
                )
            made = await self._deps.objects.create_multipart(
                self._upload.key,
                lock_until=self._upload.lock_until,
                media_type="application/octet-stream",
            )
            try:
                await self._name(made, intent)
            except Conflict:
                # What this does not reach, the sweep finds by the intent.
                await self._deps.objects.abort_multipart(self._upload.key, made)
                raise
            self._multipart_id = made
        return self._multipart_id

    async def _name(self, multipart_id: str, intent: uuid.UUID) -> None:
        """Have the upload's row name it; Conflict when it is somebody else's turn, or too late."""
        async with self._deps.database.acquire(patient=True) as connection:
            first = await uploads.name_multipart(
                connection, self.upload_id, self._upload.fence, multipart_id, intent
            )
        if first is None:
            raise self._taken_over()
        self._numbers.append(first)

    # --- committing --------------------------------------------------------------------------

    async def _commit_waiting(self) -> None:
        """Commit, in the order of offsets, whatever may be."""
        async with self._committing:
            while self._slots and (part := self._slots[0].part) is not None:
                self._uncommitted.append(part)
                del self._slots[0]
            if self._uncommitted and not self._held:
                await self._commit()

    async def _commit(self) -> None:
        """Under the fence, each with the offset behind it, which is answered from then on.

        The last one of an upload ends its taking of bytes as well: its completion begins with it.
        """
        now = self._deps.clock.now()
        expires_at = None if self._closing else now + self._deps.config.upload_idle
        async with self._deps.database.acquire(patient=True) as connection:
            while self._uncommitted:
                named = await note(
                    connection, self._upload, self._uncommitted, now, expires_at,
                    closing=self._closing,
                )  # fmt: skip
                if not named:
                    raise self._taken_over()
                last = self._uncommitted[named - 1]
                self.offset = max(self.offset, last.offset + last.length)
                del self._uncommitted[:named]

    def _taken_over(self) -> Conflict:
        return Conflict(
            "upload-taken-over", "Another connection has this upload now.", offset=self.offset
        )
