"""Checks made by the clock that raise an alarm while something is wrong and clear it after."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from recorder.domain.alarm import AlarmCode
from recorder.domain.people import EVERYTHING
from recorder.errors import RecorderError
from recorder.runtime import Deps
from recorder.services import alarms
from recorder.store import recordings, task_runs

#: Room left for footage below which somebody should make some: a day of a small office.
_LITTLE_ROOM_BYTES = 20 << 30
#: Quarantined footage that nobody has decided about for this long.
_WAITING = timedelta(days=1)
#: Due work that nobody has taken for this long.
_UNTAKEN = timedelta(minutes=2)


async def check_promises(deps: Deps) -> None:
    """The canary: a store that lets a locked object go is an alarm (pains 16)."""
    try:
        report = await deps.objects.self_test(deps.clock.now())
    except RecorderError as error:
        wrong = f"The object store does not answer: {error.detail}"
        await _settle(
            deps, AlarmCode.STORE_UNAVAILABLE, "store", "objects", wrong, {"error": error.code}
        )
        return
    await _settle(deps, AlarmCode.STORE_UNAVAILABLE, "store", "objects", None)
    await _settle(
        deps, AlarmCode.STORE_CANARY_FAILED, "store", "objects", " ".join(report.problems) or None
    )


async def check_room(deps: Deps) -> None:
    """Little room above the floor is an alarm before uploads are refused with 507."""
    room = deps.objects.room_bytes()
    little = room is not None and room < _LITTLE_ROOM_BYTES
    wrong = f"Only {(room or 0) / 1e9:.1f} GB are left for footage." if little else None
    await _settle(deps, AlarmCode.DISK_LOW, "store", "objects", wrong, {"room_bytes": room})


async def check_quarantine(deps: Deps) -> None:
    """Footage that waits in quarantine for more than a day is an alarm of its agency."""
    before = deps.clock.now() - _WAITING
    async with deps.database.acquire() as connection:
        waiting = await recordings.quarantined_by_agency(connection, before)
    for agency, count in waiting.items():
        await alarms.report(
            deps,
            AlarmCode.QUARANTINE_WAITING,
            about_kind="agency",
            about=str(agency),
            agency=agency,
            detail=f"{count} recordings have waited in quarantine for more than a day.",
            facts={"count": count},
        )
    for about in await alarms.open_about(deps, AlarmCode.QUARANTINE_WAITING):
        if about not in {str(agency) for agency in waiting}:
            await _settle(deps, AlarmCode.QUARANTINE_WAITING, "agency", about, None)


async def check_workers(deps: Deps) -> None:
    """Work that is due and that no worker takes is an alarm; asked by the web service."""
    long_due = deps.clock.now() - _UNTAKEN
    async with deps.database.acquire() as connection:
        runs = await task_runs.unfinished(connection, EVERYTHING, 200)
    untaken = sum(run.state == "pending" and run.due_at < long_due for run in runs)
    silent = untaken > 0 and not any(run.state == "claimed" for run in runs)
    wrong = f"{untaken} tasks are due and no worker takes them." if silent else None
    await _settle(deps, AlarmCode.WORKERS_SILENT, "system", "workers", wrong, {"count": untaken})


async def _settle(
    deps: Deps,
    code: AlarmCode,
    about_kind: str,
    about: str,
    wrong: str | None,
    facts: Mapping[str, object] = alarms.NO_FACTS,
) -> None:
    """Raise the alarm, or clear it where nothing is wrong any more."""
    if wrong is None:
        await alarms.clear_if_open(
            deps, code, about_kind=about_kind, about=about, note="Its cause is gone."
        )
    else:
        await alarms.report(
            deps, code, about_kind=about_kind, about=about, detail=wrong, facts=facts
        )
