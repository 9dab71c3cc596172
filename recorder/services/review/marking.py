"""Marks on recordings, set at a place of the media, and withdrawn with a reason."""

from __future__ import annotations

from datetime import datetime, timedelta

from recorder.domain.events import RecordingMarked, RecordingMarkWithdrawn
from recorder.domain.ids import MarkId, RecordingId, new_uuid
from recorder.domain.mark import Mark, MarkKind, MarkOrigin
from recorder.domain.people import Actor, ActorKind
from recorder.domain.recorded_stream import moment_at
from recorder.domain.recording import Recording
from recorder.errors import NotFound, Unprocessable
from recorder.runtime import Deps
from recorder.services import live, names
from recorder.services.review.viewing import find_own
from recorder.store import coverage_due, marks, sealed_segments
from recorder.store.connection import Connection

#: Marks that are told of one recording.
MOST_MARKS = 1000
#: A player may show a little more than was measured.
_SLACK_MS = 2_000


async def mark_recording(
    deps: Deps,
    actor: Actor,
    recording_id: RecordingId,
    *,
    kind: MarkKind,
    media_ms: int,
    note: str = "",
    origin: MarkOrigin = MarkOrigin.PERSON,
) -> Mark:
    """Point out the picture at this place; its wall time is written beside it where one is known.

    Raises NotFound ``recording-not-found``, Unprocessable ``mark-time-invalid`` for a place behind
    the end, ``mark-origin-invalid`` where a person says that a device or a program noticed it.
    """
    if origin is not MarkOrigin.PERSON and actor.kind is ActorKind.PERSON:
        raise Unprocessable("mark-origin-invalid", "What a person marks, a person noticed.")
    async with deps.database.acquire() as connection:
        found = await find_own(connection, actor, recording_id)
        shown_at = await _moment(connection, found, media_ms)
    now = deps.clock.now()
    mark = Mark(
        id=MarkId(new_uuid(now)),
        agency=found.agency,
        livestream=None,
        recording=found.id,
        kind=kind,
        note=note.strip(),
        shown_at=shown_at,
        media_ms=media_ms,
        made_at=now,
        made_by_kind=actor.kind.value,
        made_by_id=actor.id,
        made_by_name=actor.name,
        origin=origin,
    )
    async with deps.change(actor) as change:
        await marks.insert(change, mark)
        await coverage_due.touch_footage(change.connection, [found.id], "mark")
        change.record(
            RecordingMarked(
                subject=found.id,
                agency=found.agency,
                mark=mark.id,
                kind=kind.value,
                note=mark.note,
                media_ms=media_ms,
                shown_at=shown_at,
                origin=origin.value,
            )
        )
    return mark


async def _moment(connection: Connection, found: Recording, media_ms: int) -> datetime | None:
    """The wall time of a place; raises where the recording is shorter."""
    stream = await live.recorded_stream(connection, found)
    if found.livestream is not None and stream is not None and stream.media_ms:
        _check(media_ms, stream.media_ms)
        runs = await sealed_segments.runs_of(connection, found.livestream, found.id)
        return moment_at(runs, min(media_ms, stream.media_ms))
    length_ms = (found.media or {}).get("length_ms")
    if isinstance(length_ms, int) and length_ms > 0:
        _check(media_ms, length_ms)
    if found.started_at is None:
        return None
    return found.started_at + timedelta(milliseconds=media_ms)


def _check(media_ms: int, length_ms: int) -> None:
    if media_ms > length_ms + _SLACK_MS:
        raise Unprocessable(
            "mark-time-invalid", "No picture was shown at that time.", length_ms=length_ms
        )


async def recording_marks(deps: Deps, actor: Actor, recording_id: RecordingId) -> list[Mark]:
    """Its marks by media time, those that were made while it was a livestream and withdrawn ones
    among them. Raises NotFound.
    """
    async with deps.database.acquire() as connection:
        found = await find_own(connection, actor, recording_id)
        return await marks.of_recording(connection, found.id, MOST_MARKS)


async def withdraw_mark(
    deps: Deps, actor: Actor, recording_id: RecordingId, mark_id: MarkId, *, reason: str
) -> Mark:
    """The mark counts no more; it stays with the reason.

    Raises InvalidInput ``reason-missing``, NotFound ``recording-not-found``, or ``mark-not-found``
    also for one that is withdrawn already.
    """
    why = names.needed_reason(reason)
    async with deps.database.acquire() as connection:
        found = await find_own(connection, actor, recording_id)
    async with deps.change(actor) as change:
        mark = await marks.withdraw(change, found.id, mark_id, actor.name, why)
        if mark is None:
            raise NotFound("mark-not-found", "There is no such mark on this recording.")
        await coverage_due.touch_footage(change.connection, [found.id], "mark")
        change.record(
            RecordingMarkWithdrawn(
                subject=found.id,
                agency=found.agency,
                mark=mark.id,
                kind=mark.kind.value,
                reason=why,
            )
        )
    return mark
