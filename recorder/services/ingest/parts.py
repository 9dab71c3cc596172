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
from recorder.domain.ids import UploadId, new_uuid
from recorder.domain.upload import Part, Piece, Upload
from recorder.errors import IntegrityError
from recorder.runtime import Deps
from recorder.services.ingest.buffers import BlockBudget, Fill
from recorder.store import uploads
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
        async with budget.assembling if pieces else contextlib.nullcontext():
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
        await uploads.intend_piece(connection, upload.id, key, start, end - start, deps.clock.now())
    fetched = Fill(budget)
    try:
        async with budget.assembling if older else contextlib.nullcontext():
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
    connection: Connection, upload_id: UploadId, item: Part | Piece, now: datetime
) -> bool:
    """Name stored bytes in a row; pieces that they cover are absorbed. False when they were swept.

    Under the fence, by the caller's transaction.
    """
    keep = None
    if isinstance(item, Part):
        await uploads.add_part(connection, upload_id, item)
    elif item.writer is not None:
        keep = item.key
        await uploads.place_piece(connection, upload_id, item, now)
    else:
        keep = item.key
        if not await uploads.confirm_piece(connection, item):
            return False
    end = item.offset + item.length
    await uploads.absorb_pieces(connection, upload_id, item.offset, end, keep)
    return True


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
