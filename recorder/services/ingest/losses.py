"""What happens when the store has lost or changed bytes of an upload that were answered for.

An answered offset is never taken back, and nothing that is left is thrown away: the sender is
told to begin anew, and a person to look.
"""

from __future__ import annotations

from datetime import datetime

from recorder.domain.alarm import AlarmCode
from recorder.domain.ids import UploadId
from recorder.domain.instant import format_utc
from recorder.domain.upload import UploadState
from recorder.errors import Conflict, Gone, IntegrityError, RecorderError
from recorder.runtime import Deps
from recorder.services import alarms
from recorder.store import uploads

#: A store that was killed while it put the parts together may have lost one (MinIO does), and a
#: disk may change what lies on it.
_LOST = frozenset({"store-bytes-missing", "upload-parts-missing", "staged-piece-damaged"})


def lost(error: IntegrityError) -> RecorderError:
    """What the sender is told: to begin anew, when bytes that were answered for are lost."""
    if error.code not in _LOST:
        return error
    return Gone("multipart-gone", f"{error.detail} Send the file again, as a new upload.")


async def tell_stuck(
    deps: Deps, upload_id: UploadId, error: RecorderError, *, next_try: datetime | None = None
) -> None:
    """Have a person look at an upload that can neither go on nor end; its bytes are kept."""
    async with deps.database.acquire() as connection:
        upload = await uploads.find(connection, upload_id)
        said = await uploads.facts_of(connection, upload_id)
    if isinstance(error, Conflict) or upload is None or upload.state is UploadState.FINISHED:
        # Another process has it.
        return
    facts = {"error": error.code, "original_name": said["original_name"]}
    if next_try is not None:
        facts["next_try_at"] = format_utc(next_try)
    await alarms.report(
        deps,
        AlarmCode.UPLOAD_STUCK,
        about_kind="upload",
        about=str(upload_id),
        agency=upload.agency,
        detail=f"Its acknowledged bytes cannot be made a recording: {error.detail}",
        facts=facts,
    )
