"""Marks on livestreams: a person points something out while it runs; the recording shows it too."""

from __future__ import annotations

from datetime import datetime, timedelta

from recorder.domain.events import LivestreamMarked
from recorder.domain.ids import LivestreamId, MarkId, RecordingId, new_uuid
from recorder.domain.mark import Mark, MarkKind
from recorder.domain.people import Actor
from recorder.domain.recorded_stream import media_ms_at
from recorder.errors import Unprocessable
from recorder.runtime import Deps
from recorder.services.live.opening import find_livestream
from recorder.store import coverage_due, livestreams, marks, sealed_segments
from recorder.store.change import Change

#: Marks that a page shows.
MOST = 500
#: Clocks of devices may be wrong by years; what is no time of a camera at all is refused.
_EARLIEST = timedelta(days=40 * 365)


async def make_mark(
    deps: Deps,
    actor: Actor,
    livestream_id: LivestreamId,
    *,
    kind: MarkKind,
    note: str,
    shown_at: datetime,
    media_ms: int | None,
) -> Mark:
    """Point out this moment of a livestream; its custody event is told now.

    Raises NotFound, Unprocessable ``mark-time-invalid`` for a time that no picture has.
    """
    livestream = await find_livestream(deps, actor, livestream_id)
    now = deps.clock.now()
    if abs(shown_at - now) > _EARLIEST:
        raise Unprocessable("mark-time-invalid", "No picture was shown at that time.")
    mark = Mark(
        id=MarkId(new_uuid(now)),
        agency=livestream.agency,
        livestream=livestream.id,
        recording=None,
        kind=kind,
        note=note.strip(),
        shown_at=shown_at,
        media_ms=media_ms,
        made_at=now,
        made_by_kind=actor.kind.value,
        made_by_id=actor.id,
        made_by_name=actor.name,
    )
    async with deps.change(actor) as change:
        # Its recording may be made at this moment: under the same lock.
        now_is = await livestreams.locked(change, livestream.id)
        await marks.insert(change, mark)
        if now_is is not None and now_is.recording is not None:
            await place_marks(change, livestream.id, now_is.recording)
        await coverage_due.touch_livestream(change.connection, livestream.id, "mark")
        change.record(
            LivestreamMarked(
                subject=livestream.id,
                agency=livestream.agency,
                mark=mark.id,
                kind=kind.value,
                note=mark.note,
                shown_at=shown_at,
                media_ms=media_ms,
            )
        )
    return mark


async def livestream_marks(deps: Deps, actor: Actor, livestream_id: LivestreamId) -> list[Mark]:
    """Its newest marks, in the order of its time. Raises NotFound."""
    found = await find_livestream(deps, actor, livestream_id)
    async with deps.database.acquire() as connection:
        return await marks.of_livestream(connection, found.id, MOST)


async def place_marks(change: Change, livestream: LivestreamId, recording: RecordingId) -> None:
    """Its marks belong to its recording from now on, each where its picture is in that.

    The player of a running livestream counts from the first segment it knew; what came late stands
    in between by now.
    """
    waiting = await marks.unplaced(change, livestream)
    if not waiting:
        return
    runs = await sealed_segments.runs_of(change.connection, livestream, recording)
    places = {
        mark.id: media_ms_at(runs, mark.shown_at, mark.media_ms) if mark.shown_at else mark.media_ms
        for mark in waiting
    }
    await marks.place(change, recording, places)
