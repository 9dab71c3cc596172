"""Bytes of an upload on their way to the store: whole parts, and pieces of tails that cannot wait.

It knows nothing of offsets that were answered; the appender commits what is stored here, and
``note`` writes the row of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Sequence
from datetime import datetime

from recorder import metrics
from recorder.adapters.objects import Bucket
from recorder.domain.ids import new_uuid
from recorder.domain.upload import Part, Piece, Upload
from recorder.errors import IntegrityError
from recorder.runtime import Deps
from recorder.services.ingest.buffers import BlockBudget, Fill
from recorder.store import upload_arrivals
from recorder.store.connection import Connection


async def store_part(
    deps: Deps,
    budget: BlockBudget,
    upload: Upload,
    multipart_id: str,
    number: int,
    offset: int,
    pieces: Sequence[Piece],
    fill: Fill,
) -> Part:
    """Put pieces and content together as one part of the multipart upload.

    The fill is released in any case. Raises IntegrityError ``staged-piece-damaged``.
    """
    staged = Fill(budget)
    try:
        length = sum(piece.length for piece in pieces)
        async with budget.assembling(length) if pieces else contextlib.nullcontext():
            await fetch(deps, pieces, staged)
            stored = await deps.objects.upload_part(
                upload.key,
                multipart_id,
                number=number,
                offset=offset,
                writer=upload.fence,
                blocks=[*staged.views(), *fill.views()],
            )
            staged.release()
    finally:
        staged.release()
        fill.release()
    metrics.PARTS_STORED.inc()
    metrics.PARTS_STORED_BYTES.inc(stored.length)
    return Part(stored.number, stored.offset, stored.length, stored.sha256, stored.etag)


async def store_piece(
    deps: Deps,
    budget: BlockBudget,
    upload: Upload,
    start: int,
    end: int,
    older: Sequence[Piece],
    fill: Fill,
) -> Piece:
    """Write a tail to the staging bucket, with older pieces before it; its row was there first."""
    key = f"{upload.id}/{new_uuid()}"
    async with deps.database.acquire(patient=True) as connection:
        await upload_arrivals.intend_piece(
            connection, upload.id, key, start, end - start, deps.clock.now()
        )
    fetched = Fill(budget)
    try:
        length = sum(piece.length for piece in older)
        async with budget.assembling(length) if older else contextlib.nullcontext():
            await fetch(deps, older, fetched)
            blocks = [*fetched.views(), *fill.views()]
            digest = await asyncio.to_thread(_sha256, blocks)
            stored = await deps.objects.put(Bucket.STAGING, key, blocks, sha256=digest)
            fetched.release()
    finally:
        fetched.release()
    metrics.PIECES_STAGED.inc()
    metrics.PIECES_STAGED_BYTES.inc(end - start)
    return Piece(start, end - start, digest, key, stored.version)


async def note(
    connection: Connection,
    upload: Upload,
    items: Sequence[Part | Piece],
    now: datetime,
    expires_at: datetime | None,
    *,
    closing: bool,
) -> int:
    """Name the first of these stored bytes and the offset behind them; says how many items.

    Parts that lie one behind the other go together, and begin the completion when they are the
    last: of all, or ``closing``. Under the fence: 0 when another one has taken over, or the piece
    was swept.
    """
    first = items[0]
    if isinstance(first, Piece):
        name = (
            upload_arrivals.confirm_piece if first.writer is None else upload_arrivals.place_piece
        )
        return int(await name(connection, upload.id, upload.fence, first, now, expires_at))
    found = [first]
    for item in items[1:]:
        if isinstance(item, Piece):
            break
        found.append(item)
    ends = closing or found[-1].offset + found[-1].length == upload.length
    named = await upload_arrivals.add_parts(
        connection, upload.id, upload.fence, found, now, expires_at, ends=ends
    )
    return len(found) if named else 0


async def fetch(deps: Deps, pieces: Sequence[Piece], into: Fill) -> None:
    """Read staged pieces back, checked, behind what the fill holds."""
    for piece in pieces:
        running = hashlib.sha256()
        async for block in deps.objects.read(Bucket.STAGING, piece.key, piece.version):
            running.update(block)
            into.add(memoryview(block))
        if running.digest() != piece.sha256:
            raise IntegrityError(
                "staged-piece-damaged",
                "A staged piece of an upload is not what was written.",
                key=piece.key,
            )


def _sha256(blocks: Sequence[memoryview]) -> bytes:
    running = hashlib.sha256()
    for block in blocks:
        running.update(block)
    return running.digest()
