"""Notes in the store of who may not watch what, so that a rebuild finds restrictions again.

The row comes first, since whoever restricts footage must not wait for the store; the note follows
within seconds, locked, one object for the restriction and one for its end. Read by ``rebuild``
alone; what a note says is never believed over a row that knows better.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from recorder.adapters.objects import Bucket
from recorder.domain.ids import LivestreamId, RecordingId, RestrictionId
from recorder.domain.instant import Instant, format_utc
from recorder.domain.original_key import RESTRICTIONS
from recorder.domain.people import EVERYTHING, Actor
from recorder.domain.restriction import LivestreamRestriction, Restriction, RestrictionGround
from recorder.errors import Conflict, RecorderError
from recorder.ledger import canonical
from recorder.runtime import Deps
from recorder.services import guard, sharing
from recorder.store import livestream_restrictions, livestreams, recordings, restrictions
from recorder.store.change import Change

_AT_ONCE = 100
#: Notes are few and small: they stay locked for longer than anybody needs to notice a loss.
_LOCKED = timedelta(days=3650)
_LIFTED = "-lifted"

Noted: TypeAlias = Restriction | LivestreamRestriction


async def note_restrictions(deps: Deps) -> int:
    """Chore: write what the store does not tell yet; how many restrictions that were."""
    now = await guard.ending(deps)
    if now is None:
        return 0
    async with deps.database.acquire() as connection:
        waiting: list[Noted] = [
            *await restrictions.unnoted(connection, _AT_ONCE),
            *await livestream_restrictions.unnoted(connection, _AT_ONCE),
        ]
    for each in waiting:
        await _put(deps, each, "")
        if each.lifted_at is not None:
            await _put(deps, each, _LIFTED)
        async with deps.database.acquire() as connection:
            if isinstance(each, Restriction):
                await restrictions.noted(connection, each, now)
            else:
                await livestream_restrictions.noted(connection, each, now)
    return len(waiting)


async def _put(deps: Deps, each: Noted, ending: str) -> None:
    said: dict[str, object] = {
        "v": 1,
        "restriction": str(each.id),
        "act": str(each.act),
        "recording": str(each.recording) if isinstance(each, Restriction) else None,
        "livestream": None if isinstance(each, Restriction) else str(each.livestream),
        "ground": each.ground.value,
        "basis": each.basis,
        "imposed_at": format_utc(each.imposed_at),
        "imposed_by": each.imposed_by,
    }
    if ending and each.lifted_at is not None:
        said |= {
            "lifted_at": format_utc(each.lifted_at),
            "lifted_by": each.lifted_by,
            "lift_reason": each.lift_reason,
        }
    try:
        await deps.objects.put(
            Bucket.ORIGINALS,
            f"{RESTRICTIONS}{each.id}{ending}.json",
            [canonical.encode(said)],
            lock_until=deps.clock.now() + _LOCKED,
            media_type="application/json",
        )
    except Conflict:
        # Written by an earlier try, or by another worker, with the same words.
        return


@dataclass(frozen=True, slots=True)
class Restored:
    """What the notes have brought back."""

    restrictions: int
    #: Keys of notes that cannot be used.
    unreadable: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Note:
    """What one note says, and the note of its end."""

    restriction: RestrictionId
    act: uuid.UUID
    recording: RecordingId | None
    livestream: LivestreamId | None
    ground: RestrictionGround
    basis: str
    imposed_at: datetime
    imposed_by: str
    lift_reason: str | None


async def restore(deps: Deps, actor: Actor) -> Restored:
    """Impose what notes tell and no row knows, and lift what they tell as lifted. Safe to repeat.

    Notes of footage that is not here are passed over: they count once it is.
    """
    keys = {each.key async for each in deps.objects.versions_below(Bucket.ORIGINALS, RESTRICTIONS)}
    notes, unreadable = [], []
    for key in sorted(key for key in keys if not key.endswith(f"{_LIFTED}.json")):
        ending = f"{key.removesuffix('.json')}{_LIFTED}.json"
        try:
            said = await _read(deps, key)
            lifted = await _read(deps, ending) if ending in keys else None
            notes.append(_understood(said, lifted))
        except (RecorderError, KeyError, TypeError, ValueError):
            unreadable.append(key)
    # Those of livestreams last: they hold for recordings that have none of their act.
    notes.sort(key=lambda note: note.recording is None)
    return Restored(sum([await _restored(deps, actor, note) for note in notes]), tuple(unreadable))


async def _read(deps: Deps, key: str) -> dict[str, Any]:
    # The oldest version is ours; whoever can write to the store could add others behind it.
    version = (await deps.objects.versions(Bucket.ORIGINALS, key))[-1].version
    blocks = deps.objects.read(Bucket.ORIGINALS, key, version)
    said: Any = canonical.decode(b"".join([block async for block in blocks]))
    if not isinstance(said, dict):
        raise TypeError("no note")
    return said


def _understood(said: dict[str, Any], lifted: dict[str, Any] | None) -> _Note:
    recording, livestream = said["recording"], said["livestream"]
    if (recording is None) == (livestream is None):
        raise ValueError("it is of one thing")
    return _Note(
        restriction=RestrictionId(uuid.UUID(said["restriction"])),
        act=uuid.UUID(said["act"]),
        recording=RecordingId(uuid.UUID(recording)) if recording else None,
        livestream=LivestreamId(uuid.UUID(livestream)) if livestream else None,
        ground=RestrictionGround(said["ground"]),
        basis=str(said["basis"]),
        imposed_at=Instant.parse(said["imposed_at"]).at,
        imposed_by=str(said["imposed_by"]),
        lift_reason=str(lifted["lift_reason"]) if lifted is not None else None,
    )


async def _restored(deps: Deps, actor: Actor, note: _Note) -> bool:
    """Whether a restriction stands again that did not."""
    async with deps.change(actor, told_later=True) as change:
        if note.lift_reason is not None:
            await sharing.lift(change, note.act, note.lift_reason)
            return False
        if note.recording is not None:
            return await _restore_recording(change, note, note.recording)
        if note.livestream is not None:
            return await _restore_livestream(change, note, note.livestream)
    return False


async def _restore_recording(change: Change, note: _Note, recording: RecordingId) -> bool:
    found = await recordings.find(change.connection, recording, EVERYTHING)
    if found is None or await restrictions.is_known(change.connection, note.restriction):
        return False
    await restrictions.lock(change, [found.id])
    again = Restriction(
        id=note.restriction,
        act=note.act,
        agency=found.agency,
        recording=found.id,
        ground=note.ground,
        basis=note.basis,
        imposed_at=note.imposed_at,
        imposed_by=note.imposed_by,
    )
    await sharing.write(change, [again])
    return True


async def _restore_livestream(change: Change, note: _Note, livestream: LivestreamId) -> bool:
    found = await livestreams.locked(change, livestream)
    if found is None or await livestream_restrictions.is_known(change.connection, note.act):
        return False
    again = LivestreamRestriction(
        act=note.act,
        agency=found.agency,
        livestream=livestream,
        ground=note.ground,
        basis=note.basis,
        imposed_at=note.imposed_at,
        imposed_by=note.imposed_by,
    )
    await sharing.impose_on_livestream(change, again)
    return True
