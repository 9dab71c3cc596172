"""Alarms: raised by the product, acknowledged and cleared by people.

One thing has at most one open alarm of a code. Being reported again is counted on the row and
writes no event, so that a check that fails each minute does not flood the custody events.
"""

from __future__ import annotations

from collections.abc import Mapping

from recorder.domain.alarm import AlarmCode, Severity
from recorder.domain.events import AlarmAcknowledged, AlarmCleared, AlarmRaised
from recorder.domain.ids import AgencyId, AlarmId, new_uuid
from recorder.domain.people import SERVICE, Actor
from recorder.errors import Conflict, NotFound
from recorder.runtime import Deps
from recorder.services import names
from recorder.services.paging import Page, page_of, page_size, read_cursor
from recorder.store import alarms
from recorder.store.alarms import Alarm
from recorder.store.change import Change

__all__ = [
    "Alarm",
    "acknowledge",
    "clear",
    "clear_if_open",
    "list_alarms",
    "open_about",
    "open_count",
    "raise_alarm",
    "report",
]

_LONGEST_DETAIL = 2000
#: Before a cursor that stands among the open critical alarms, which come first.
_AMONG_URGENT = "c."
NO_FACTS: Mapping[str, object] = {}


class _OpenAlready(Exception):
    """Leaves a Change in which there was nothing to raise."""


async def raise_alarm(
    change: Change,
    code: AlarmCode,
    *,
    about_kind: str,
    about: str,
    agency: AgencyId | None,
    detail: str,
    facts: Mapping[str, object] = NO_FACTS,
) -> bool:
    """Raise the alarm in the transaction of what gave rise to it; True when it is new.

    An open one of the same code about the same thing counts one report more and gets the new
    detail and facts, without an event: the Change needs one of its own.
    """
    alarm = AlarmId(new_uuid(change.now))
    detail = detail[:_LONGEST_DETAIL]
    if not await alarms.insert(change, alarm, code, about_kind, about, agency, detail, facts):
        await alarms.see_again(
            change.connection, code, about_kind, about, detail, facts, change.now
        )
        return False
    change.record(
        AlarmRaised(
            subject=alarm,
            agency=agency,
            code=code.value,
            about_kind=about_kind,
            about=about,
            detail=detail,
        )
    )
    return True


async def report(
    deps: Deps,
    code: AlarmCode,
    *,
    about_kind: str,
    about: str,
    detail: str,
    facts: Mapping[str, object] = NO_FACTS,
    agency: AgencyId | None = None,
    actor: Actor = SERVICE,
) -> None:
    """As ``raise_alarm``, in a transaction of its own: for checks made by the clock."""
    if await _seen_again(deps, code, about_kind, about, detail, facts):
        return
    try:
        async with deps.change(actor) as change:
            if not await raise_alarm(
                change,
                code,
                about_kind=about_kind,
                about=about,
                agency=agency,
                detail=detail,
                facts=facts,
            ):
                raise _OpenAlready
    except _OpenAlready:
        # Somebody raised it in between; what this Change had counted is rolled back with it.
        await _seen_again(deps, code, about_kind, about, detail, facts)


async def _seen_again(
    deps: Deps,
    code: AlarmCode,
    about_kind: str,
    about: str,
    detail: str,
    facts: Mapping[str, object],
) -> bool:
    async with deps.database.acquire() as connection:
        return await alarms.see_again(
            connection, code, about_kind, about, detail[:_LONGEST_DETAIL], facts, deps.clock.now()
        )


async def clear_if_open(
    deps: Deps,
    code: AlarmCode,
    *,
    about_kind: str,
    about: str,
    note: str,
    actor: Actor = SERVICE,
) -> bool:
    """Clear the open alarm about something that is well again; False when none is open."""
    async with deps.database.acquire() as connection:
        alarm = await alarms.find_open(connection, code, about_kind, about)
    if alarm is None:
        return False
    try:
        await _clear(deps, actor, alarm, note)
    except Conflict:
        return False
    return True


async def open_about(deps: Deps, code: AlarmCode) -> list[str]:
    """What the open alarms of a code are about."""
    async with deps.database.acquire() as connection:
        return await alarms.open_about(connection, code)


async def acknowledge(
    deps: Deps, actor: Actor, alarm_id: AlarmId, note: str | None = None
) -> Alarm:
    """Say that somebody looks into it; it stays open.

    Raises NotFound ``alarm-not-found``, Conflict ``alarm-acknowledged``, InvalidInput
    ``note-too-long``.
    """
    note = names.bounded(note, names.LONGEST_REASON, "note")
    alarm = await _find(deps, actor, alarm_id)
    async with deps.change(actor) as change:
        if not await alarms.acknowledge(change, alarm.id, note):
            raise Conflict("alarm-acknowledged", "Somebody has acknowledged or cleared it already.")
        change.record(
            AlarmAcknowledged(
                subject=alarm.id, agency=alarm.agency, code=alarm.code, note=note or ""
            )
        )
    return await _find(deps, actor, alarm_id)


async def clear(deps: Deps, actor: Actor, alarm_id: AlarmId, note: str | None = None) -> Alarm:
    """Close it; if its cause goes on, it is raised anew.

    Raises NotFound ``alarm-not-found``, Conflict ``alarm-cleared``.
    """
    await _clear(deps, actor, await _find(deps, actor, alarm_id), note)
    return await _find(deps, actor, alarm_id)


async def _clear(deps: Deps, actor: Actor, alarm: Alarm, note: str | None) -> None:
    note = names.bounded(note, names.LONGEST_REASON, "note")
    async with deps.change(actor) as change:
        if not await alarms.clear(change, alarm.id, note):
            raise Conflict("alarm-cleared", "Somebody has cleared it already.")
        change.record(
            AlarmCleared(subject=alarm.id, agency=alarm.agency, code=alarm.code, note=note or "")
        )


async def _find(deps: Deps, actor: Actor, alarm_id: AlarmId) -> Alarm:
    async with deps.database.acquire() as connection:
        alarm = await alarms.find(connection, alarm_id, actor.scope)
    if alarm is None:
        raise NotFound("alarm-not-found", "There is no such alarm.")
    return alarm


async def list_alarms(
    deps: Deps,
    actor: Actor,
    *,
    open_only: bool = False,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Alarm]:
    """Alarms of the actor's agency and of the whole system: open critical ones, then the others.

    Each newest first.
    """
    wanted = page_size(limit) + 1
    before = read_cursor(cursor.removeprefix(_AMONG_URGENT) if cursor else None)
    rows: list[Alarm] = []
    async with deps.database.acquire() as connection:
        if cursor is None or cursor.startswith(_AMONG_URGENT):
            rows = await alarms.listed(
                connection, actor.scope, urgent=True, open_only=open_only,
                before=before, limit=wanted,
            )  # fmt: skip
            before = None
        if len(rows) < wanted:
            rows += await alarms.listed(
                connection, actor.scope, urgent=False, open_only=open_only,
                before=before, limit=wanted - len(rows),
            )  # fmt: skip
    page = page_of(rows, limit, lambda alarm: (alarm.raised_at, alarm.id))
    if page.next is not None and page.items[-1].urgent:
        return Page(page.items, _AMONG_URGENT + page.next)
    return page


async def open_count(deps: Deps, actor: Actor) -> dict[Severity, int]:
    """How many alarms of each severity are open, for the banner."""
    async with deps.database.acquire() as connection:
        return await alarms.count_open(connection, actor.scope)
