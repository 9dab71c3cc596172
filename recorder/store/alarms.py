"""Alarms: at most one open for one thing. Being seen again is no evidence, the rest is."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.alarm import AlarmCode, Severity
from recorder.domain.ids import AgencyId, AlarmId
from recorder.domain.people import Scope
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

_COLUMNS = (
    "id, code, severity, about_kind, about_id, agency_id, detail, raised_at, seen_at, times,"
    " acknowledged_at, acknowledged_by, cleared_at, cleared_by, note,"
    " facts"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something a person must know about: raised, then acknowledged, then cleared."""

    id: AlarmId
    #: An AlarmCode, or a word of a newer version that shares the database.
    code: str
    severity: Severity
    #: What it is about: a subject kind with its id, or a place such as ``store``.
    about_kind: str
    about: str
    #: None: it concerns the whole system, and everybody sees it who sees alarms.
    agency: AgencyId | None
    detail: str
    raised_at: datetime
    #: When it was last reported, and how often.
    seen_at: datetime
    times: int
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    cleared_at: datetime | None
    cleared_by: str | None
    note: str | None
    #: What pages say it with, in the reader's language (domain/alarm.py).
    facts: Mapping[str, object]

    @property
    def state(self) -> str:
        if self.cleared_at is not None:
            return "cleared"
        return "raised" if self.acknowledged_at is None else "acknowledged"

    @property
    def urgent(self) -> bool:
        """Critical and not cleared: before all others in lists."""
        return self.severity is Severity.CRITICAL and self.cleared_at is None

    @property
    def recording(self) -> uuid.UUID | None:
        """The recording that it is about, itself or by one of its tasks."""
        said = self.about if self.about_kind == "recording" else self.facts.get("recording")
        return uuid.UUID(str(said)) if said else None


def _from_row(row: Row) -> Alarm:
    return Alarm(
        id=row["id"],
        code=row["code"],
        severity=Severity(row["severity"]),
        about_kind=row["about_kind"],
        about=row["about_id"],
        agency=row["agency_id"],
        detail=row["detail"],
        raised_at=row["raised_at"],
        seen_at=row["seen_at"],
        times=row["times"],
        acknowledged_at=row["acknowledged_at"],
        acknowledged_by=row["acknowledged_by"],
        cleared_at=row["cleared_at"],
        cleared_by=row["cleared_by"],
        note=row["note"],
        facts=row["facts"],
    )


async def insert(
    change: Change,
    alarm: AlarmId,
    code: AlarmCode,
    about_kind: str,
    about: str,
    agency: AgencyId | None,
    detail: str,
    facts: Mapping[str, object],
) -> bool:
    """Open an alarm; False when one is open for the same thing."""
    touched = await change.connection.execute(
        "INSERT INTO alarm (id, code, severity, about_kind, about_id, agency_id, detail,"
        " facts, raised_at, seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)"
        " ON CONFLICT (code, about_kind, about_id) WHERE cleared_at IS NULL DO NOTHING",
        alarm,
        code.value,
        code.severity.value,
        about_kind,
        about,
        agency,
        detail,
        dict(facts),
        change.now,
    )
    return touched == 1


async def see_again(
    connection: Connection,
    code: AlarmCode,
    about_kind: str,
    about: str,
    detail: str,
    facts: Mapping[str, object],
    now: datetime,
) -> bool:
    """Count one more report of an open alarm; False when none is open."""
    touched = await connection.execute(
        "UPDATE alarm SET times = times + 1, seen_at = $6, detail = $4, facts = $5"
        " WHERE code = $1 AND about_kind = $2 AND about_id = $3 AND cleared_at IS NULL",
        code.value,
        about_kind,
        about,
        detail,
        dict(facts),
        now,
    )
    return touched == 1


async def open_about(connection: Connection, code: AlarmCode) -> list[str]:
    """What the open alarms of a code are about."""
    rows = await connection.fetch(
        "SELECT about_id FROM alarm WHERE code = $1 AND cleared_at IS NULL ORDER BY about_id",
        code.value,
    )
    return [row["about_id"] for row in rows]


async def find(connection: Connection, alarm: AlarmId, scope: Scope) -> Alarm | None:
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM alarm"  # noqa: S608 - constant text
        " WHERE id = $1 AND (in_scope(agency_id, $2) OR agency_id IS NULL)",
        alarm,
        scope.agencies,
    )
    return _from_row(row) if row else None


async def find_open(
    connection: Connection, code: AlarmCode, about_kind: str, about: str
) -> Alarm | None:
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM alarm"  # noqa: S608 - constant text
        " WHERE code = $1 AND about_kind = $2 AND about_id = $3 AND cleared_at IS NULL",
        code.value,
        about_kind,
        about,
    )
    return _from_row(row) if row else None


async def open_about_all(connection: Connection, code: AlarmCode) -> set[str]:
    """What all open alarms of a code are about."""
    rows = await connection.fetch(
        "SELECT about_id FROM alarm WHERE code = $1 AND cleared_at IS NULL", code.value
    )
    return {row["about_id"] for row in rows}


async def acknowledge(change: Change, alarm: AlarmId, note: str | None) -> bool:
    """Say that somebody cares; False when somebody had, or it is cleared."""
    touched = await change.connection.execute(
        "UPDATE alarm SET acknowledged_at = $2, acknowledged_by = $3, note = coalesce($4, note)"
        " WHERE id = $1 AND acknowledged_at IS NULL AND cleared_at IS NULL",
        alarm,
        change.now,
        change.actor.name,
        note,
    )
    return touched == 1


async def clear(change: Change, alarm: AlarmId, note: str | None) -> bool:
    """Close it; False when it was closed."""
    touched = await change.connection.execute(
        "UPDATE alarm SET cleared_at = $2, cleared_by = $3, note = coalesce($4, note)"
        " WHERE id = $1 AND cleared_at IS NULL",
        alarm,
        change.now,
        change.actor.name,
        note,
    )
    return touched == 1


async def listed(
    connection: Connection,
    scope: Scope,
    *,
    urgent: bool,
    open_only: bool,
    before: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> list[Alarm]:
    """Alarms in scope and those of the whole system, newest first, by key ``(raised_at, id)``.

    ``urgent``: the open critical ones, otherwise all but these.
    """
    at, alarm = before or (None, None)
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM alarm"  # noqa: S608 - constant text
        " WHERE (in_scope(agency_id, $1) OR agency_id IS NULL)"
        " AND (NOT $2 OR cleared_at IS NULL)"
        " AND (severity = 'critical' AND cleared_at IS NULL) = $3"
        " AND ($4::timestamptz IS NULL OR (raised_at, id) < ($4, $5))"
        " ORDER BY raised_at DESC, id DESC LIMIT $6",
        scope.agencies,
        open_only,
        urgent,
        at,
        alarm,
        limit,
    )
    return [_from_row(row) for row in rows]


async def count_open(connection: Connection, scope: Scope) -> dict[Severity, int]:
    """How many open alarms of each severity are in scope or concern the whole system."""
    rows = await connection.fetch(
        "SELECT severity, count(*) AS number FROM alarm WHERE cleared_at IS NULL"
        " AND (in_scope(agency_id, $1) OR agency_id IS NULL) GROUP BY severity",
        scope.agencies,
    )
    counts = {Severity(row["severity"]): int(row["number"]) for row in rows}
    return {severity: counts.get(severity, 0) for severity in Severity}
