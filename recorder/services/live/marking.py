"""Marks on livestreams: somebody points something out while it runs; the recording shows it too.

People at its page do, and devices by a key of theirs, as whoever delivers it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from recorder.domain.events import LivestreamMarked
from recorder.domain.ids import LivestreamId, MarkId, RecordingId, new_uuid
from recorder.domain.livestream import Livestream
from recorder.domain.mark import Mark, MarkKind, MarkOrigin
from recorder.domain.people import Actor, ActorKind, Permission
from recorder.domain.recorded_stream import media_ms_at
from recorder.errors import Unprocessable
from recorder.runtime import Deps
from recorder.services.live.opening import deliverable, find_livestream
from recorder.store import coverage_due, livestream_wall, livestreams, marks, sealed_segments
from recorder.store.change import Change

#: Clocks of devices may be wrong by years; what is no time of a camera at all is refused.
_EARLIEST = timedelta(days=40 * 365)
_ORIGINS = {
    ActorKind.PERSON: MarkOrigin.PERSON,
    ActorKind.DEVICE: MarkOrigin.DEVICE,
    ActorKind.DOCK: MarkOrigin.DEVICE,
}


async def make_mark(
    deps: Deps,
    actor: Actor,
    livestream_id: LivestreamId,
    *,
    kind: MarkKind,
    note: str = "",
    shown_at: datetime | None = None,
    media_ms: int | None = None,
) -> Mark:
    """Point out this moment of a livestream, or the present one; its custody event is told now.

    Whoever links footage in scope marks, and whoever delivers this livestream; of the latter the
    same kind at the same time again is the same mark. Raises NotFound, Unprocessable
    ``mark-time-invalid`` for a time that no picture has.
    """
    looks = actor.may(Permission.LINK)
    livestream = await (find_livestream if looks else deliverable)(deps, actor, livestream_id)
    now, may_be_known = deps.clock.now(), shown_at is not None and not looks
    if shown_at is None:
        shown_at = await _present(deps, livestream, now)
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
        origin=_ORIGINS.get(actor.kind, MarkOrigin.METADATA),
    )
    async with deps.change(actor, told_later=may_be_known) as change:
        # Its recording may be made at this moment, or the same be said again: under the same lock.
        now_is = await livestreams.locked(change, livestream.id)
        if may_be_known:
            known = await marks.same(change.connection, mark)
            if known is not None:
                return known
        await marks.insert(change, mark)
        if now_is is not None and now_is.recording is not None:
            await place_marks(change, livestream.id, now_is.recording)
        await coverage_due.touch_livestream(change.connection, livestream.id, "mark")
        change.record(_marked(livestream, mark, shown_at))
    return mark


def _marked(livestream: Livestream, mark: Mark, shown_at: datetime) -> LivestreamMarked:
    return LivestreamMarked(
        subject=livestream.id,
        agency=livestream.agency,
        mark=mark.id,
        kind=mark.kind.value,
        note=mark.note,
        shown_at=shown_at,
        media_ms=mark.media_ms,
    )


async def _present(deps: Deps, livestream: Livestream, now: datetime) -> datetime:
    """What the picture that is recorded now has as its time: the device's where it says times."""
    async with deps.database.acquire() as connection:
        recent = await livestream_wall.recent(connection, [livestream.id])
    found = recent.get(livestream.id, livestream_wall.NOTHING)
    if found.clock_offset_ms is None:
        return now
    return now + timedelta(milliseconds=found.clock_ahead_ms(livestream.clock_offset_ms) or 0)


async def livestream_marks(deps: Deps, actor: Actor, livestream_id: LivestreamId) -> list[Mark]:
    """Its newest marks, in the order of its time. Raises NotFound."""
    found = await find_livestream(deps, actor, livestream_id)
    async with deps.database.acquire() as connection:
        return await marks.of_livestream(connection, found.id, livestream_wall.MOST_MARKS)


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
