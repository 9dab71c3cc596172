"""The tail of an upload: the part that is not whole yet, as far as it has left memory.

Where parts can only be sent whole (S3), it lies in pieces in the staging bucket and is read back
for its part. In the folder store it lies at its place in the writer's file: it leaves memory for
the price of a write, is made durable when somebody asks, and is a part without being moved.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from typing_extensions import override

from recorder import metrics
from recorder.adapters.objects import GrowingPart
from recorder.domain.upload import Part, Piece, Upload
from recorder.runtime import Deps
from recorder.services.ingest import parts
from recorder.services.ingest.buffers import BlockBudget, Fill

#: A tail of more pieces than this is put together into one.
_MOST_PIECES = 32


class Tail(ABC):
    """One part under way. One call at a time; ``close`` in any case."""

    #: Whether bytes leave memory at little cost, without a row.
    is_placed = False

    def __init__(
        self, deps: Deps, budget: BlockBudget, upload: Upload, start: int, pieces: Sequence[Piece]
    ) -> None:
        self._deps = deps
        self._budget = budget
        self._upload = upload
        #: Where the part begins.
        self.start = start
        #: Durable already, by rows or by what the caller commits next.
        self._pieces = list(pieces)

    @property
    def is_empty(self) -> bool:
        """Whether nothing of the part has left memory."""
        return not self._pieces

    @property
    def is_unsettled(self) -> bool:
        """Whether bytes have left memory that no piece names."""
        return False

    @abstractmethod
    async def put_away(
        self, multipart: Callable[[], Awaitable[str]], fill: Fill, end: int, *, durably: bool
    ) -> Piece | None:
        """Take what is in the fill, which ends at ``end``, out of memory.

        ``multipart`` gives the multipart upload, made when it is first needed.

        The piece that names what is durable now, if there is one; ``durably``, it names all. The
        fill is released, or what is left of it when this fails.
        """

    @abstractmethod
    async def become_part(self, multipart_id: str, number: int, fill: Fill) -> Part:
        """The whole part, durable; the fill is its end and is released in any case."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of everything; what is durable stays."""


def tail_of(
    deps: Deps, budget: BlockBudget, upload: Upload, start: int, pieces: Sequence[Piece]
) -> Tail:
    """The tail that fits the store: it begins at ``start`` with these durable pieces."""
    kind = PlacedTail if deps.objects.parts_grow else StagedTail
    return kind(deps, budget, upload, start, pieces)


class StagedTail(Tail):
    """In pieces of their own in the staging bucket."""

    @override
    async def put_away(
        self, multipart: Callable[[], Awaitable[str]], fill: Fill, end: int, *, durably: bool
    ) -> Piece | None:
        older = self._pieces if len(self._pieces) >= _MOST_PIECES else []
        start = older[0].offset if older else end - fill.length
        piece = await parts.store_piece(
            self._deps, self._budget, self._upload, start, end, older, fill
        )
        fill.release()
        self._pieces = [piece] if older else [*self._pieces, piece]
        return piece

    @override
    async def become_part(self, multipart_id: str, number: int, fill: Fill) -> Part:
        return await parts.store_part(
            self._deps, self._budget, self._upload, multipart_id, number, self.start,
            self._pieces, fill,
        )  # fmt: skip

    @override
    async def close(self) -> None:
        pass


class PlacedTail(Tail):
    """At its place in the writer's file; ``growing`` is what this visit has added."""

    is_placed = True

    def __init__(
        self, deps: Deps, budget: BlockBudget, upload: Upload, start: int, pieces: Sequence[Piece]
    ) -> None:
        super().__init__(deps, budget, upload, start, pieces)
        self._growing: GrowingPart | None = None
        #: Bytes of ``growing`` that a piece names.
        self._settled = 0

    @property
    @override
    def is_empty(self) -> bool:
        return not self._pieces and self._growing is None

    @property
    @override
    def is_unsettled(self) -> bool:
        return self._growing is not None and self._growing.length > self._settled

    @override
    async def put_away(
        self, multipart: Callable[[], Awaitable[str]], fill: Fill, end: int, *, durably: bool
    ) -> Piece | None:
        multipart_id = await multipart()
        growing = self._growing
        if growing is None:
            many = len(self._pieces) >= _MOST_PIECES
            growing = self._begin(multipart_id, self.start if many else end - fill.length)
            self._growing = growing
        if len(self._pieces) >= _MOST_PIECES:
            await self._adopt_pieces(growing)
        await _write(growing, fill)
        if not durably:
            return None
        sha256 = await growing.settle()
        metrics.PIECES_STAGED.inc()
        metrics.PIECES_STAGED_BYTES.inc(growing.length - self._settled)
        self._settled = growing.length
        offset, writer = growing.offset, self._upload.fence
        key = f"{multipart_id}/{writer}/{offset}"
        return Piece(offset, growing.length, sha256, key, str(writer), writer)

    @override
    async def become_part(self, multipart_id: str, number: int, fill: Fill) -> Part:
        if self.is_empty:
            return await parts.store_part(
                self._deps, self._budget, self._upload, multipart_id, number, self.start, [], fill
            )
        try:
            async with self._whole(multipart_id) as whole:
                await _write(whole, fill)
                sha256 = await whole.settle()
                length = whole.length
        finally:
            fill.release()
            await self.close()
        metrics.PARTS_STORED.inc()
        metrics.PARTS_STORED_BYTES.inc(length)
        return Part(number, self.start, length, sha256, str(self._upload.fence))

    @override
    async def close(self) -> None:
        growing, self._growing = self._growing, None
        if growing is not None:
            await growing.close()

    def _begin(self, multipart_id: str, offset: int) -> GrowingPart:
        return self._deps.objects.growing_part(
            self._upload.key, multipart_id, offset=offset, writer=self._upload.fence
        )

    @asynccontextmanager
    async def _whole(self, multipart_id: str) -> AsyncIterator[GrowingPart]:
        """The part from its first byte on: read back where earlier visits have brought some."""
        if not self._pieces and self._growing is not None:
            yield self._growing
            return
        whole = self._begin(multipart_id, self.start)
        try:
            await self._adopt_pieces(whole)
            if self._growing is not None:
                sha256 = await self._growing.settle()
                await whole.adopt(self._upload.fence, self._growing.length, sha256)
            yield whole
        finally:
            await whole.close()

    async def _adopt_pieces(self, whole: GrowingPart) -> None:
        for piece in self._pieces:
            if piece.writer is not None:
                await whole.adopt(piece.writer, piece.length, piece.sha256)
                continue
            # Staged by a version that knew no other way.
            staged = Fill(self._budget)
            try:
                await parts.fetch(self._deps, [piece], staged)
                await whole.write(staged.views())
            finally:
                staged.release()
        self._pieces.clear()


async def _write(part: GrowingPart, fill: Fill) -> None:
    """Move the fill to the part; released as soon as it is there, also when the call fails."""
    if not fill.length:
        return
    before = part.length
    try:
        await part.write(fill.views())
    finally:
        if part.length > before:
            fill.release()
