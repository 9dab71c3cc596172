"""What reached us and can never be stored: told, as a gap and to people, and waited for no more."""

from __future__ import annotations

from dataclasses import dataclass

from recorder.domain.alarm import AlarmCode
from recorder.domain.events import LivestreamSegmentDamaged
from recorder.domain.ids import LivestreamId
from recorder.domain.people import SERVICE
from recorder.errors import NotFound
from recorder.runtime import Deps
from recorder.services import alarms
from recorder.store import livestream_losses, livestream_segments, livestreams


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """A file of a spool that is not what was written there."""

    period: int
    #: −p: the init segment of period p.
    number: int
    #: Bytes of what is left of the file.
    length: int
    #: The machine, and the file below its spool.
    host: str
    file: str


async def lose(deps: Deps, livestream_id: LivestreamId, damaged: Damaged) -> bool:
    """Say that a segment was damaged before it was stored; safe to repeat.

    From then on its number is a gap with that as its cause, no closing waits for it, and the alarm
    ``live_damaged`` is open until a person has looked. False when the number counts already, with
    the bytes that came another way: nothing is lost. Raises NotFound ``livestream-not-found``.
    """
    async with deps.change(SERVICE, told_later=True) as change:
        found = await livestreams.locked(change, livestream_id)
        if found is None:
            raise NotFound("livestream-not-found", "There is no such livestream.")
        if await livestream_segments.stored(change.connection, found.id, damaged.number):
            return False
        if not await livestream_losses.insert(change, found.id, damaged.period, damaged.number):
            return True
        change.record(
            LivestreamSegmentDamaged(
                subject=found.id,
                agency=found.agency,
                number=damaged.number,
                period=damaged.period,
                length=damaged.length,
                host=damaged.host,
                file=damaged.file,
            )
        )
        await alarms.raise_alarm(
            change,
            AlarmCode.LIVE_DAMAGED,
            about_kind="livestream",
            about=str(found.id),
            agency=found.agency,
            detail=f"{damaged.file} in the spool of {damaged.host} is damaged: segment"
            f" {damaged.number} of {found.title} cannot be stored as it came.",
            facts={"title": found.title, "host": damaged.host, "number": damaged.number},
        )
    return True
