"""Locks of originals and their sidecars are kept ahead, by the clock.

A lock cannot be taken back, and a missing one cannot be made up for: a clock that jumps, and a
store that is away, are told to people instead of being followed.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from recorder.adapters.objects import Bucket
from recorder.domain.alarm import AlarmCode
from recorder.domain.instant import format_utc
from recorder.errors import Forbidden, RecorderError
from recorder.runtime import Deps
from recorder.services import alarms, guard, turns
from recorder.store import original_objects
from recorder.store.original_objects import LockedObject

logger = logging.getLogger(__name__)

_AT_ONCE = 100
#: Extended by so much more than promised: each original comes up once in that time.
_MORE = timedelta(days=7)
#: A lock that should grow by more than this at once is asked for by a clock that may be wrong.
_LEAP = timedelta(days=400)
#: How far the database's clock may be behind ours to bear it out.
_AGREES = timedelta(hours=1)
#: So many originals that cannot be locked are one trouble of the store, with one alarm.
_ONE_BY_ONE = 20


async def extend_locks(deps: Deps) -> int:
    """Keep every original and its sidecar locked at least ``lock_ahead_s`` from now.

    One process does it at a time, the most urgent first, by an index; says how many it extended.
    """
    return await turns.while_ours(deps, "locks", lambda: _extend_all(deps)) or 0


async def _extend_all(deps: Deps) -> int:
    now = deps.clock.now()
    promised = now + timedelta(seconds=deps.config.lock_ahead_s)
    extended = failed = 0
    last: tuple[datetime, str] | None = None
    while True:
        async with deps.database.acquire() as connection:
            due = await original_objects.with_lock_before(connection, promised, last, _AT_ONCE)
        if not due:
            break
        last = (due[-1].lock_until, due[-1].key)
        if promised - due[0].lock_until > _LEAP and not await _clock_is_right(deps):
            await _tell(
                deps,
                f"The clock says {now:%Y-%m-%d}, the database another time: locks that end"
                f" {due[0].lock_until:%Y-%m-%d} are not extended until both agree.",
                _facts(due[0], "clocks-disagree"),
            )
            return extended
        ends: dict[str, datetime] = {}
        goes_on = True
        for row in due:
            try:
                ends[row.key] = await _extend(deps, row, promised + _MORE)
            except RecorderError as error:
                failed += 1
                if not (goes_on := await _go_on(deps, row, error, failed)):
                    break
        async with deps.database.acquire() as connection:
            # All at once: what dies before is locked, and is found to be so the next time.
            await original_objects.set_locks(connection, ends)
        extended += len(ends)
        if not goes_on:
            return extended
    if not failed:
        await alarms.clear_if_open(
            deps,
            AlarmCode.LOCK_EXPIRING,
            about_kind="store",
            about="objects",
            note="Every original is locked as far ahead as promised.",
        )
    return extended


async def _go_on(deps: Deps, row: LockedObject, error: RecorderError, failed: int) -> bool:
    """Tell that an original could not be locked; False where the others would fail as well."""
    logger.warning("the lock of %s could not be extended: %s", row.key, error)
    try:
        await deps.objects.ping()
    except RecorderError:
        failed = _ONE_BY_ONE
    if failed >= _ONE_BY_ONE:
        await _tell(
            deps,
            f"The store extends no locks; the first ends {row.lock_until:%Y-%m-%d}: {error.detail}",
            _facts(row, error.code),
        )
        return False
    await alarms.report(
        deps,
        AlarmCode.LOCK_EXPIRING,
        about_kind="recording",
        about=str(row.recording),
        detail=f"Its lock ends {row.lock_until:%Y-%m-%d} and does not grow: {error.detail}",
        facts=_facts(row, error.code),
    )
    return True


async def _tell(deps: Deps, detail: str, facts: dict[str, object]) -> None:
    await alarms.report(
        deps,
        AlarmCode.LOCK_EXPIRING,
        about_kind="store",
        about="objects",
        detail=detail,
        facts=facts,
    )


def _facts(row: LockedObject, code: str) -> dict[str, object]:
    return {"error": code, "until_at": format_utc(row.lock_until)}


async def _clock_is_right(deps: Deps) -> bool:
    """Whether it is about that late by the database's clock too."""
    return deps.clock.now() - await guard.both_clocks(deps) < _AGREES


async def _extend(deps: Deps, row: LockedObject, until: datetime) -> datetime:
    beside = [(row.sidecar_key, row.sidecar_version), *([row.index] if row.index else [])]
    return min(
        [await _locked_until(deps, row.key, row.version, until)]
        + [await _locked_until(deps, key, version, until) for key, version in beside]
    )


async def _locked_until(deps: Deps, key: str, version: str, until: datetime) -> datetime:
    """See that the object is locked at least until then; says how long it really is."""
    try:
        await deps.objects.extend_lock(Bucket.ORIGINALS, key, version, until)
    except Forbidden:
        # Locked longer than we ask for, by an operator or by a run whose row was not written.
        stored = await deps.objects.stat(Bucket.ORIGINALS, key, version)
        if stored.lock_until is None or stored.lock_until < until:
            raise
        return stored.lock_until
    return until
