"""Why a recording has gaps, began late or ended early: what officers say about it (R5)."""

from __future__ import annotations

from datetime import datetime, timedelta

from recorder.domain.events import GapReasonGiven
from recorder.domain.gap_reason import GapReason, InterruptionCause, InterruptionPlace
from recorder.domain.ids import RecordingId, new_uuid
from recorder.domain.people import Actor
from recorder.domain.recording import Recording
from recorder.errors import InvalidInput, NotFound
from recorder.runtime import Deps
from recorder.services.review.viewing import find_own
from recorder.store import coverage_due, gap_reasons, livestream_segments
from recorder.store.connection import Connection

#: A clock that is a little ahead is no mistake.
_AHEAD = timedelta(minutes=5)
Span = tuple[datetime | None, datetime | None]


async def give_gap_reason(
    deps: Deps,
    actor: Actor,
    recording_id: RecordingId,
    *,
    place: InterruptionPlace,
    gap: int | None,
    cause: InterruptionCause,
    note: str,
    reported_at: datetime | None,
    begins_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> GapReason:
    """Say why media are missing at this place; of several the newest counts, all of them stay.

    What it explains is told by the gap; before the begin and behind the end the officer may say
    from when or until when. Raises NotFound ``recording-not-found`` or ``gap-not-found``,
    InvalidInput ``gap-reason-invalid``.
    """
    note, now = note.strip(), deps.clock.now()
    if (place is InterruptionPlace.GAP) is (gap is None):
        raise _invalid("Name the gap, or say begin or end.")
    if cause is InterruptionCause.OTHER and not note:
        raise _invalid("Another reason needs a note that says it.")
    if reported_at is not None and reported_at > now + _AHEAD:
        raise _invalid("Nobody has reported it in the future.")
    async with deps.database.acquire() as connection:
        found = await find_own(connection, actor, recording_id)
        span = await _span(connection, found, place, gap, (begins_at, ends_at))
    given = GapReason(
        id=new_uuid(now),
        recording=found.id,
        agency=found.agency,
        place=place,
        gap=gap,
        begins_at=span[0],
        ends_at=span[1],
        cause=cause,
        note=note,
        reported_at=reported_at or now,
        made_at=now,
        made_by_kind=actor.kind.value,
        made_by_id=actor.id,
        made_by_name=actor.name,
    )
    async with deps.change(actor) as change:
        await gap_reasons.insert(change, given)
        await coverage_due.touch_footage(change.connection, [given.recording], "reason")
        change.record(_event(given))
    return given


async def _span(
    connection: Connection,
    found: Recording,
    place: InterruptionPlace,
    n: int | None,
    said: Span,
) -> Span:
    if place is InterruptionPlace.BEGIN:
        span = (said[0], found.started_at or said[1])
    elif place is InterruptionPlace.END:
        span = (found.ended_at or said[0], said[1])
    else:
        gaps = await livestream_segments.gaps_of(connection, found.id)
        if n is None or n >= len(gaps):
            raise NotFound("gap-not-found", "This recording has no such gap.", gaps=len(gaps))
        # As it was at the closing; nobody says otherwise.
        return gaps[n].begins_at, gaps[n].ends_at
    begins, ends = span
    if begins and ends and begins > ends:
        raise _invalid("It ends before it begins.")
    return span


def _invalid(detail: str) -> InvalidInput:
    return InvalidInput("gap-reason-invalid", detail)


def _event(given: GapReason) -> GapReasonGiven:
    return GapReasonGiven(
        subject=given.recording,
        agency=given.agency,
        place=given.place.value,
        gap=given.gap,
        begins_at=given.begins_at,
        ends_at=given.ends_at,
        interruption=given.cause.value,
        note=given.note,
        reported_at=given.reported_at,
    )


async def gap_reasons_of(deps: Deps, actor: Actor, recording_id: RecordingId) -> list[GapReason]:
    """All reasons that were given about a recording, in that order. Raises NotFound."""
    async with deps.database.acquire() as connection:
        found = await find_own(connection, actor, recording_id)
        return await gap_reasons.of_recordings(connection, [found.id])
