"""Fixity: which sealed original is read back next, and what becomes of what was found.

The bytes are read by ``workers/read_back.py``. A failure is written down at once and stays: no
later look takes it back, and only a person clears its alarm (docs/design/fixity.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from recorder import metrics
from recorder.domain.alarm import AlarmCode
from recorder.domain.events import FixityChecked, FixityFailed, FixityRestored
from recorder.domain.ids import RecordingId, new_uuid
from recorder.domain.instant import format_utc
from recorder.domain.people import Actor
from recorder.domain.pipeline import BACKGROUND_PRIORITY, WorkQueue
from recorder.errors import RecorderError
from recorder.ledger import canonical
from recorder.runtime import Deps
from recorder.services import alarms
from recorder.store import fixity, task_runs
from recorder.store.change import Change
from recorder.store.fixity import SealedObject

__all__ = [
    "TURN",
    "Found",
    "SealedObject",
    "agreed",
    "check_age",
    "failed",
    "next_due",
    "of_recording",
    "postpone",
    "summary",
    "tell_due",
    "tell_recording",
]

TURN = "fixity"
#: A failed object is looked at again so soon: somebody may have brought it back.
_AGAIN = timedelta(days=1)
#: Looks that the store cut short before that is a failure of the object, and the wait between.
_ATTEMPTS = 5
_WAIT = timedelta(hours=1)
#: A batch of looks is told with so many of them, or so long after the first.
_BATCH = 1000
_BATCH_LASTS = timedelta(hours=1)
#: So many failures are not the footage's but the store's.
_ENOUGH = 100
#: A look this far ahead of the clock was dated by a wrong one.
_AHEAD = timedelta(days=1)
#: The oldest look may be older than planned by this factor before it is an alarm.
_PATIENCE = 1.25


class _ToldAlready(Exception):
    """Leaves a Change in which another process was quicker."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a look found where it was not what was sealed."""

    reason: Literal["digest", "length", "missing", "unreadable"]
    length: int | None = None
    sha256: bytes | None = None
    sm3: bytes | None = None
    detail: str = ""


async def next_due(deps: Deps) -> SealedObject | None:
    """The object to be read next, the longest unread first; None when none is due.

    None too while footage waits for its first verification, which people wait for. With a
    hundred failures open only those are looked at again: a wrong store would fail all of them.
    """
    now = deps.clock.now()
    every = timedelta(seconds=deps.config.fixity_every_s)
    async with deps.database.acquire() as connection:
        if await task_runs.some_due(connection, WorkQueue.IO, now, BACKGROUND_PRIORITY + 1):
            return None
        again = await fixity.failing(connection, now - _AGAIN, now)
        if again or await fixity.count_failing(connection, _ENOUGH) == _ENOUGH:
            return again
        return await fixity.oldest(connection, now - every, now) or (
            await fixity.from_the_future(connection, now + _AHEAD, now)
        )


async def agreed(deps: Deps, actor: Actor, found: SealedObject) -> None:
    """Note that it was read whole and is what was sealed, with both digests."""
    metrics.FIXITY_LOOKS.labels("agreed").inc()
    if not found.failing or found.failed_at is None:
        async with deps.database.acquire() as connection:
            await fixity.agreed(connection, found, deps.clock.now())
        return
    async with deps.change(actor) as change:
        await fixity.agreed(change.connection, found, change.now)
        change.record(
            FixityRestored(
                subject=found.recording,
                agency=found.agency,
                key=found.key,
                version=found.version,
                sha256=found.sha256.hex() if found.sha256 else "",
                failed_at=found.failed_at,
            )
        )


async def failed(deps: Deps, actor: Actor, sealed: SealedObject, found: Found) -> None:
    """Write the failure down with its alarm; the same one again only counts on the alarm.

    Where somebody has cleared the alarm and nothing has changed, it is raised anew.
    """
    metrics.FIXITY_LOOKS.labels(found.reason).inc()
    detail = _sentence(sealed, found)
    facts = {"reasons": [found.reason], "right_at": format_utc(sealed.agreed_at)}
    about = str(sealed.recording)
    if sealed.failing and sealed.failure == found.reason:
        async with deps.database.acquire() as connection:
            await fixity.failed(connection, sealed, found.reason, deps.clock.now())
        await alarms.report(
            deps,
            AlarmCode.FIXITY_FAILED,
            about_kind="recording",
            about=about,
            agency=sealed.agency,
            detail=detail,
            facts=facts,
        )
        return
    async with deps.change(actor) as change:
        await fixity.failed(change.connection, sealed, found.reason, change.now)
        change.record(
            FixityFailed(
                subject=sealed.recording,
                agency=sealed.agency,
                key=sealed.key,
                version=sealed.version,
                reason=found.reason,
                detail=found.detail,
                length=found.length,
                sha256=found.sha256.hex() if found.sha256 else None,
                sm3=found.sm3.hex() if found.sm3 else None,
                sealed_length=sealed.length,
                sealed_sha256=sealed.sha256.hex() if sealed.sha256 else None,
                sealed_sm3=sealed.sm3.hex() if sealed.sm3 else None,
                agreed_at=sealed.agreed_at,
            )
        )
        await alarms.raise_alarm(
            change,
            AlarmCode.FIXITY_FAILED,
            about_kind="recording",
            about=about,
            agency=sealed.agency,
            detail=detail,
            facts=facts,
        )


def _sentence(sealed: SealedObject, found: Found) -> str:
    words = {
        "digest": "Its bytes are not those that were sealed.",
        "length": f"It has {found.length} bytes; {sealed.length} were sealed.",
        "missing": "The store does not have it any more.",
        "unreadable": f"It could not be read {_ATTEMPTS} times: {found.detail}",
    }
    return (
        f"Read back for fixity, {sealed.key} is not what was sealed. {words[found.reason]}"
        f" It was right at {format_utc(sealed.agreed_at)}."
    )


async def postpone(deps: Deps, actor: Actor, sealed: SealedObject, error: RecorderError) -> None:
    """The store answers, but not about this object: later again, and in the end a failure."""
    if sealed.attempts + 1 >= _ATTEMPTS:
        await failed(deps, actor, sealed, Found("unreadable", detail=error.detail or error.code))
        return
    metrics.FIXITY_LOOKS.labels("postponed").inc()
    async with deps.database.acquire() as connection:
        await fixity.postpone(connection, sealed, deps.clock.now() + _WAIT)


async def tell_due(deps: Deps, actor: Actor) -> int:
    """Write the looks that no event tells yet into one, when they are many or an hour old.

    Gives their number. A worker may die at any line: whoever comes next tells them.
    """
    async with deps.database.acquire() as connection:
        number, first = await fixity.untold(connection, _BATCH)
    if first is None or (number < _BATCH and deps.clock.now() - first < _BATCH_LASTS):
        return 0
    try:
        async with deps.change(actor) as change:
            looks = await fixity.tell(change.connection, _BATCH)
            if not looks:
                raise _ToldAlready
            change.record(_checked(looks))
    except _ToldAlready:
        return 0
    return len(looks)


async def tell_recording(change: Change, recording: RecordingId) -> None:
    """Tell the looks at one recording that no event tells yet: its objects are about to change."""
    if looks := await fixity.tell_recording(change.connection, recording):
        change.record(_checked(looks))


def _checked(looks: Sequence[SealedObject]) -> FixityChecked:
    return FixityChecked(
        subject=new_uuid(looks[-1].looked_at),
        agency=None,
        objects=len(looks),
        length=sum(look.length for look in looks if not look.failing),
        failing=sum(look.failing for look in looks),
        first_at=looks[0].looked_at,
        last_at=looks[-1].looked_at,
        digest=hashlib.sha256(b"".join(_line(look) for look in looks)).hexdigest(),
    )


def _line(look: SealedObject) -> bytes:
    """What the digest of a batch is made of (docs/design/fixity.md)."""
    said = {
        "key": look.key,
        "version": look.version,
        "length": look.length,
        "sha256": look.sha256.hex() if look.sha256 else None,
        "sm3": look.sm3.hex() if look.sm3 else None,
        "at": format_utc(look.looked_at),
        "failure": look.failure if look.failing else None,
    }
    return canonical.encode(said) + b"\n"


async def check_age(deps: Deps) -> None:
    """Chore: an original that nobody has read for much longer than planned is an alarm."""
    async with deps.database.acquire() as connection:
        oldest = await fixity.oldest_look(connection)
    limit = timedelta(seconds=deps.config.fixity_every_s * _PATIENCE)
    age = deps.clock.now() - oldest if oldest else timedelta()
    if age > limit and deps.config.fixity_bytes_per_day:
        await alarms.report(
            deps,
            AlarmCode.FIXITY_OVERDUE,
            about_kind="system",
            about="fixity",
            detail=f"An original was last read back {age.days} days ago;"
            f" {limit.days} days at most were planned.",
            facts={"days": age.days, "planned_days": limit.days},
        )
        return
    await alarms.clear_if_open(
        deps,
        AlarmCode.FIXITY_OVERDUE,
        about_kind="system",
        about="fixity",
        note="Every original has been read back in time.",
    )


@dataclass(frozen=True, slots=True)
class Summary:
    """How fixity stands in the whole installation."""

    #: When the sealed object was last looked at that has waited longest; None without any.
    oldest_at: datetime | None
    #: Objects that were not what was sealed when last looked at, a hundred at most.
    failing: int
    every_days: int


async def summary(deps: Deps) -> Summary:
    """The age of fixity, for a page."""
    async with deps.database.acquire() as connection:
        return Summary(
            await fixity.oldest_look(connection),
            await fixity.count_failing(connection, _ENOUGH),
            max(1, round(deps.config.fixity_every_s / 86_400)),
        )


async def of_recording(deps: Deps, recording: RecordingId) -> list[SealedObject]:
    """When the objects of a recording were last read back; empty before it is sealed."""
    async with deps.database.acquire() as connection:
        return await fixity.of_recording(connection, recording)
