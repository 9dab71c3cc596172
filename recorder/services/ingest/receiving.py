"""Receiving bytes: socket → block → part → store → row; only then is an offset answered.

Order of every durable step, which keeps "an answered offset is durable": a number or key is
claimed under the fence, bytes go to the store, a row under the same fence says so. Dying between
two steps leaves bytes that no row names; they are sent again, or swept.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Literal

from recorder.domain.ids import UploadId
from recorder.domain.people import Actor
from recorder.domain.upload import LONGEST_CHECKED_BODY_BYTES, Upload, UploadState, check_offset
from recorder.errors import (
    Conflict,
    Forbidden,
    Gone,
    IntegrityError,
    NotFound,
    TooLarge,
    Unprocessable,
)
from recorder.runtime import Deps
from recorder.services import guard
from recorder.services.ingest.appender import Appender
from recorder.services.ingest.bodies import BodyReader
from recorder.services.ingest.finishing import complete
from recorder.services.ingest.intake import intake_of
from recorder.services.ingest.losses import lost, tell_stuck
from recorder.services.ingest.opening import UploadStatus, find_own_upload
from recorder.store import upload_arrivals, uploads


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a PATCH declares about its own body (tus checksum extension)."""

    algorithm: Literal["sha1", "sha256"]
    value: bytes


def _check(upload: Upload, offset: int, length: int | None, checked: bool) -> None:
    if upload.state is UploadState.REMOVED:
        raise Gone("upload-gone", "This upload ended without a byte.")
    if upload.state is not UploadState.OPEN:
        raise Forbidden("upload-finished", "This upload is finished; nothing can be added to it.")
    check_offset(upload, offset)
    if length is not None and offset + length > upload.length:
        raise TooLarge(
            "upload-too-long",
            "The body goes beyond the declared Upload-Length; none of it was stored.",
            offset=offset,
            length=upload.length,
        )
    if checked and length is not None and length > LONGEST_CHECKED_BODY_BYTES:
        raise _checked_too_large()


def _checked_too_large() -> TooLarge:
    return TooLarge(
        "upload-checked-body-too-large",
        "A body with Upload-Checksum is held back until it fits, so it may have 64 MiB at most.",
        limit=LONGEST_CHECKED_BODY_BYTES,
    )


async def check_append(
    deps: Deps, actor: Actor, upload_id: UploadId, *, offset: int, length: int | None, checked: bool
) -> None:
    """Raise what ``append`` would raise before its first byte (for ``Expect: 100-continue``)."""
    upload = await find_own_upload(deps, actor, upload_id)
    _check(upload, offset, length, checked)


async def append(
    deps: Deps,
    actor: Actor,
    upload_id: UploadId,
    *,
    offset: int,
    body: BodyReader,
    checksum: Checksum | None,
    length: int | None,
) -> UploadStatus:
    """Take a body at this offset; the answered offset is durable, and complete uploads are done.

    What arrived before a broken connection is kept (without a checksum). With a checksum the
    offset moves only when the whole body fits. An append of the same upload that is still under
    way, here or in another replica, loses it to this one.

    Raises Conflict ``upload-offset-mismatch`` or ``upload-taken-over``, TooLarge
    ``upload-too-long``, Unprocessable ``upload-checksum-mismatch``, ConnectionLost, Gone
    ``multipart-gone`` when the store has lost or changed what came before, Unavailable
    ``database-younger-than-store`` while the store is ahead of the database.
    """
    await guard.require_whole(deps)
    upload = await find_own_upload(deps, actor, upload_id)
    _check(upload, offset, length, checksum is not None)
    intake = intake_of(deps)
    async with intake.exclusively(upload_id):
        async with deps.database.acquire(patient=True) as connection:
            taken = await uploads.take(
                connection, upload_id, deps.instance, deps.clock.now(), offset=offset
            )
            if taken is None:
                found = await uploads.find(connection, upload_id)
                if found is None:
                    raise NotFound("upload-not-found", "There is no such upload.")
                _check(found, offset, length, checksum is not None)
                raise Conflict("upload-taken-over", "Another connection has this upload now.")
            _check(taken, offset, length, checksum is not None)
            pieces = await upload_arrivals.pieces(connection, upload_id)
        running = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
        appender = Appender(deps, intake.budget, taken, pieces, running)
        with intake.registered(appender):
            try:
                await _receive(appender, taken, body, checksum)
            except IntegrityError as error:
                # What came before stays, and nothing can be added to it: a person is told now,
                # for the sender may never come back.
                await tell_stuck(deps, upload_id, error)
                raise lost(error) from error
            finally:
                await asyncio.shield(appender.end())
    if appender.offset == upload.length:
        done = await complete(deps, actor, upload_id)
        return UploadStatus(done, done.recording)
    return UploadStatus(await _found(deps, upload_id), None)


async def _receive(
    appender: Appender, upload: Upload, body: BodyReader, checksum: Checksum | None
) -> None:
    """Read the body to its end; eviction ends it early and keeps what came."""
    complete = False
    try:
        while not await appender.reading(body.read(appender)):
            if complete:
                raise TooLarge(
                    "upload-too-long",
                    "The body goes beyond the declared Upload-Length; the excess was not stored.",
                    length=upload.length,
                )
            if checksum and appender.position - upload.offset > LONGEST_CHECKED_BODY_BYTES:
                raise _checked_too_large()
            await appender.attend()
            complete = appender.position == upload.length
        if checksum and appender.position - upload.offset > LONGEST_CHECKED_BODY_BYTES:
            raise _checked_too_large()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if not appender.evicted or task is None:
            raise
        task.uncancel()
        raise Conflict(
            "upload-taken-over", "Another connection has this upload now.", offset=appender.offset
        ) from None
    if checksum is not None:
        if appender.checksum() != checksum.value:
            raise Unprocessable(
                "upload-checksum-mismatch",
                "The body does not fit its Upload-Checksum; none of it was stored.",
                offset=upload.offset,
            )
        appender.accept()
    await appender.flush()


async def _found(deps: Deps, upload_id: UploadId) -> Upload:
    async with deps.database.acquire() as connection:
        upload = await uploads.find(connection, upload_id)
    if upload is None:
        raise NotFound("upload-not-found", "There is no such upload.")
    return upload


__all__ = ["Checksum", "append", "check_append"]
