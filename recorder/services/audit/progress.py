"""Where an audit has come to: written down every few seconds, gone on with after an interruption.

Place, counts and findings are written together, and only between two things that were looked at
whole: an audit that is interrupted ten times says what an uninterrupted one says.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from recorder.domain.events import DatabaseAccepted, SubjectKind
from recorder.domain.ids import new_uuid
from recorder.errors import Conflict
from recorder.runtime import Deps
from recorder.services import guard
from recorder.services.audit.findings import MOST_TOLD, Finding, Level, Report
from recorder.store import audit_runs, custody_events
from recorder.store.audit_runs import AuditRun
from recorder.store.connection import Connection

#: An older interrupted audit is begun anew: too much has changed behind its place.
_GOES_ON_FOR = timedelta(days=7)


@dataclass
class Progress:
    """The report as far as it has come, and the place in the steps."""

    deps: Deps
    run: uuid.UUID
    report: Report
    steps: Sequence[str]
    step: str
    cursor: str | None = None
    #: Called with this whenever the place is written.
    shown: Callable[[Progress], None] = lambda progress: None
    save_every_s: float = 5.0
    _told: int = 0
    _saved_at: float = 0.0

    @property
    def number(self) -> int:
        """Which of the steps it is at, from 1."""
        return self.steps.index(self.step) + 1

    async def at(self, cursor: str) -> None:
        """Everything up to this key has been looked at."""
        self.cursor = cursor
        if asyncio.get_running_loop().time() - self._saved_at >= self.save_every_s:
            await self.save()

    async def enter(self, step: str) -> None:
        """The step before is done."""
        if step != self.step:
            self.step, self.cursor = step, None
        await self.save()

    async def save(self) -> None:
        """Write the place; Conflict ``audit-under-way`` when another process took it over."""
        async with self.deps.database.transaction() as connection:
            kept = await audit_runs.save(
                connection,
                self.run,
                self.deps.clock.now(),
                step=self.step,
                cursor=self.cursor,
                looked_at=self.report.looked_at,
                counts=self.report.counts,
            )
            if not kept:
                raise Conflict("audit-under-way", "Another process has begun this audit anew.")
            await self.add_findings(connection)
        self._saved_at = asyncio.get_running_loop().time()
        self.shown(self)

    async def add_findings(self, connection: Connection) -> None:
        """Write what was found since the last time."""
        new = self.report.findings[self._told :]
        rows = [(each.code, each.about_kind, each.about, each.detail) for each in new]
        await audit_runs.add_findings(connection, self.run, self._told, rows)
        self._told += len(new)


async def begin(deps: Deps, level: Level, steps: Sequence[str], *, restart: bool) -> Progress:
    """The interrupted audit of this level where it stopped, or a new one."""
    async with deps.database.transaction() as connection:
        before = await audit_runs.running(connection, level.value)
        if before is not None:
            if not restart and await _goes_on(deps, connection, before, steps):
                return await _resumed(deps, connection, before, steps)
            await audit_runs.abandon(connection, before.id)
        now = deps.clock.now()
        run = new_uuid(now)
        await audit_runs.begin(connection, run, level.value, steps[0], now)
    return Progress(deps, run, Report(level, now), steps, steps[0])


async def _goes_on(
    deps: Deps, connection: Connection, before: AuditRun, steps: Sequence[str]
) -> bool:
    """Whether what was looked at still counts: not in another database, not after a week."""
    accepted = await custody_events.newest(
        connection, SubjectKind.SYSTEM, guard.SYSTEM, DatabaseAccepted.__name__
    )
    if accepted is not None and accepted.at >= before.started_at:
        return False
    age = deps.clock.now() - before.started_at
    return timedelta() <= age < _GOES_ON_FOR and before.step in steps


async def _resumed(
    deps: Deps,
    connection: Connection,
    before: AuditRun,
    steps: Sequence[str],
) -> Progress:
    found = await audit_runs.findings(connection, before.id, MOST_TOLD)
    report = Report(
        Level(before.level),
        before.started_at,
        findings=[Finding(*each) for each in found],
        counts=Counter(before.counts),
        looked_at=Counter(before.looked_at),
    )
    return Progress(deps, before.id, report, steps, before.step, before.cursor, _told=len(found))
