"""What the clock does for uploads and their leftovers: expire, sweep, let duplicates go.

Every function may run in several processes at once and at any time. What ends or removes does
nothing while the store is ahead of the database, and goes by no single clock: see
``services/guard.py``.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from recorder.adapters.objects import Bucket
from recorder.domain.alarm import AlarmCode
from recorder.domain.events import DuplicateReleased
from recorder.domain.ids import UploadId
from recorder.domain.people import SERVICE
from recorder.domain.upload import Upload, UploadState
from recorder.errors import Forbidden, RecorderError, Unavailable
from recorder.runtime import Deps
from recorder.services import alarms, guard
from recorder.services.ingest.finishing import complete, end_early
from recorder.services.ingest.losses import tell_stuck
from recorder.store import original_objects, staged_pieces, uploads

logger = logging.getLogger(__name__)

_AT_ONCE = 100
#: A staged piece that was claimed and not confirmed for this long has lost its writer.
_INTENTION_LIFE = timedelta(days=1)
#: When an upload that could not be ended is tried again: then after twice as long, each time.
_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=6)
#: An upload that the store has refused to end for so long is for a person to look at.
_LONG_DUE = timedelta(hours=1)


async def expire_overdue(deps: Deps) -> int:
    """End uploads whose time is over, and finish completions that nobody carries on."""
    now = await guard.ending(deps)
    if now is None:
        return 0
    async with deps.database.acquire() as connection:
        due = await uploads.overdue(connection, now, _AT_ONCE)
    ended = 0
    for upload_id in due:
        upload: Upload | None = None
        try:
            async with deps.database.acquire() as connection:
                upload = await uploads.find(connection, upload_id)
            if upload is None or upload.state not in (UploadState.OPEN, UploadState.COMPLETING):
                continue
            if upload.offset == upload.length or upload.ended_early:
                await complete(deps, SERVICE, upload_id)
            else:
                await end_early(deps, SERVICE, upload_id, expired_by=now)
            ended += 1
            await alarms.clear_if_open(
                deps, AlarmCode.UPLOAD_STUCK, about_kind="upload", about=str(upload_id),
                note="Its cause is gone.",
            )  # fmt: skip
        except Unavailable as error:
            logger.warning("upload %s could not be ended yet: %s", upload_id, error)
            if upload is not None and await _is_refused_for_long(deps, upload, now):
                await _set_aside(deps, upload_id, error)
        except RecorderError as error:
            logger.warning("upload %s cannot be ended: %s", upload_id, error)
            await _set_aside(deps, upload_id, error)
    return ended


async def _is_refused_for_long(deps: Deps, upload: Upload, now: datetime) -> bool:
    """Whether it should have ended long ago, before a store that answers and refuses just this.

    A store that is away is an alarm of its own, and its uploads end as soon as it is back.
    """
    is_whole = upload.state is UploadState.COMPLETING or upload.offset == upload.length
    since = (upload.holder_seen_at or upload.created_at) if is_whole else upload.expires_at
    if now - since < _LONG_DUE:
        return False
    try:
        await deps.objects.ping()
    except RecorderError:
        return False
    return True


async def _set_aside(deps: Deps, upload_id: UploadId, error: RecorderError) -> None:
    """Have a person look at an upload that cannot end, and let the others come first."""
    async with deps.database.acquire() as connection:
        next_try = await uploads.postpone(
            connection, upload_id, deps.clock.now(), _FIRST_PAUSE, _LONGEST_PAUSE
        )
    await tell_stuck(deps, upload_id, error, next_try=next_try)


async def sweep_pieces(deps: Deps) -> int:
    """Remove staged pieces that a part has absorbed, or whose writer died before confirming.

    The object goes first, the mark second: a crash in between only repeats the removal.
    """
    now = await guard.ending(deps)
    if now is None:
        return 0
    async with deps.database.acquire() as connection:
        leftover = await staged_pieces.leftover_pieces(connection, now - _INTENTION_LIFE, _AT_ONCE)
    removed = []
    for key, version in leftover:
        if version is None:
            found = await deps.objects.versions(Bucket.STAGING, key)
            versions = [stored.version for stored in found]
        else:
            versions = [version]
        for each in versions:
            await deps.objects.delete(Bucket.STAGING, key, each)
        removed.append(key)
    if removed:
        async with deps.database.acquire() as connection:
            await staged_pieces.mark_pieces_removed(connection, removed, now)
    return len(removed)


async def release_duplicates(deps: Deps) -> int:
    """Let objects go that repeat a recording's content, once their lock has ended.

    Only when the recording that stands for them is sealed; its own object is never touched.
    """
    now = await guard.ending(deps)
    if now is None:
        return 0
    released = 0
    async with deps.database.acquire() as connection:
        due = await original_objects.releasable_duplicates(connection, now, _AT_ONCE)
    for duplicate in due:
        try:
            await deps.objects.delete(Bucket.ORIGINALS, duplicate.key, duplicate.version)
            await deps.objects.delete(
                Bucket.ORIGINALS, duplicate.sidecar_key, duplicate.sidecar_version
            )
        except Forbidden:
            continue
        async with deps.change(SERVICE) as change:
            # Said twice when two processes let it go at once; the facts are the same.
            released += await original_objects.mark_released(change, duplicate.upload)
            change.record(
                DuplicateReleased(
                    subject=duplicate.recording,
                    agency=duplicate.agency,
                    upload=duplicate.upload,
                    key=duplicate.key,
                    version=duplicate.version,
                )
            )
    return released
