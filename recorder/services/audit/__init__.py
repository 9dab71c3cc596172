"""The audit: database, store and custody events compared both ways (docs/design/audit.md).

It changes nothing but its own place, one event and one alarm that say what it found, and may run
beside the service at any time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from recorder.domain.alarm import AlarmCode
from recorder.domain.events import AuditCompleted
from recorder.domain.people import Actor
from recorder.errors import Conflict
from recorder.runtime import Deps
from recorder.services import alarms, turns
from recorder.services.audit.findings import CODES, Finding, Level, Report
from recorder.services.audit.multiparts import check_multiparts
from recorder.services.audit.objects import (
    CLAIMS,
    HIDDEN,
    LISTINGS,
    check_claimed,
    check_hidden,
    check_originals,
    check_unclaimed,
)
from recorder.services.audit.parts import check_parts
from recorder.services.audit.progress import Progress, begin
from recorder.services.audit.reading import PacedStore
from recorder.services.audit.rows import check_events, check_uploads
from recorder.services.pace import Pace
from recorder.store import audit_runs
from recorder.store.audit_runs import AuditRun

Step = Callable[[Progress, PacedStore], Awaitable[None]]

#: What is done, in this order; each goes on behind the cursor of an interrupted audit.
STEPS: dict[str, Step] = {
    "originals": check_originals,
    **dict.fromkeys(CLAIMS, check_claimed),
    "parts": check_parts,
    **dict.fromkeys(LISTINGS, check_unclaimed),
    **dict.fromkeys(HIDDEN, check_hidden),
    "multiparts": check_multiparts,
    "uploads": check_uploads,
    "events": check_events,
}


@dataclass(frozen=True, slots=True)
class Rates:
    """What an audit may ask of the store, and of the database by the page; None: no limit."""

    bytes_per_second: float | None = None
    requests_per_second: float | None = None


#: Beside a store in use: as much as one quick client.
USUAL = Rates(None, 500)


async def run(
    deps: Deps,
    actor: Actor,
    *,
    level: Level = Level.SIZE,
    rates: Rates = USUAL,
    restart: bool = False,
    save_every_s: float = 5.0,
    shown: Callable[[Progress], None] = lambda progress: None,
) -> Report:
    """Compare everything and say what does not agree; the result is a custody event.

    Goes on with an interrupted audit of this level, unless it should ``restart``; its place is
    written, and ``shown``, every few seconds. At ``DIGEST``
    every byte is read. Findings raise the alarm ``audit_findings``; an audit without any clears
    it. Raises Unavailable when database or store go away: half an audit says nothing, and writes
    no event. Raises Conflict ``audit-under-way`` while another process makes this audit.
    """

    async def audit() -> Report:
        progress = await begin(deps, level, list(STEPS), restart=restart)
        progress.shown, progress.save_every_s = shown, save_every_s
        store = PacedStore(deps.objects, Pace(rates.bytes_per_second, rates.requests_per_second))
        for step in list(STEPS)[progress.number - 1 :]:
            await progress.enter(step)
            await STEPS[step](progress, store)
        return await _tell(deps, actor, progress)

    report = await turns.while_ours(deps, f"audit {level.value}", audit)
    if report is None:
        raise Conflict("audit-under-way", f"Another process is making the audit {level.value}.")
    return report


async def last_runs(deps: Deps, limit: int = 20) -> list[AuditRun]:
    """The last audits, newest first, with the place of one that is under way."""
    async with deps.database.acquire() as connection:
        return await audit_runs.newest(connection, limit)


async def _tell(deps: Deps, actor: Actor, progress: Progress) -> Report:
    report = progress.report
    async with deps.change(actor) as change:
        report.finished_at = change.now
        await progress.add_findings(change.connection)
        if not await audit_runs.complete(
            change.connection,
            progress.run,
            change.now,
            looked_at=report.looked_at,
            counts=report.counts,
        ):
            raise Conflict("audit-under-way", "Another process has begun this audit anew.")
        change.record(
            AuditCompleted(
                subject=progress.run,
                agency=None,
                level=report.level.value,
                started_at=report.started_at,
                looked_at=dict(report.looked_at),
                findings=dict(report.counts),
            )
        )
    if report.clean:
        await alarms.clear_if_open(
            deps,
            AlarmCode.AUDIT_FINDINGS,
            about_kind="system",
            about=f"audit {report.level.value}",
            note="A later audit found nothing.",
            actor=actor,
        )
        return report
    listed = ", ".join(f"{code} {count}" for code, count in sorted(report.counts.items()))
    await alarms.report(
        deps,
        AlarmCode.AUDIT_FINDINGS,
        about_kind="system",
        about=f"audit {report.level.value}",
        detail=f"Database, store and events do not agree: {listed}.",
        facts={"level": report.level.value, "findings": dict(report.counts)},
        actor=actor,
    )
    return report


__all__ = ["CODES", "STEPS", "USUAL", "Finding", "Level", "Progress", "Rates", "Report", "run"]
