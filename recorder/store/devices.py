"""Devices, docks, the hand-over log, and one-time enrolment codes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import AgencyId, DeviceId, DockId
from recorder.domain.people import EVERYTHING, Scope
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

_COLUMNS = "d.id, d.agency_id, a.code AS agency_code, d.number, d.state, d.created_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A body camera or other maker of footage."""

    id: DeviceId
    agency: AgencyId
    agency_code: str
    number: str
    #: active, suspended or lost
    state: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Dock:
    """A docking station, which uploads for many devices."""

    id: DockId
    agency: AgencyId
    agency_code: str
    name: str


@dataclass(frozen=True, slots=True)
class Handover:
    """A line of the log: from ``at`` on, this officer wears the device; None: handed back."""

    officer: str | None
    at: datetime
    noted_by: str


def _from_row(row: Row) -> Device:
    return Device(
        id=row["id"],
        agency=row["agency_id"],
        agency_code=row["agency_code"],
        number=row["number"],
        state=row["state"],
        created_at=row["created_at"],
    )


async def insert(change: Change, device: Device) -> bool:
    """Write the device; False when its number exists, in whatever agency."""
    touched = await change.connection.execute(
        "INSERT INTO device (id, agency_id, number, state, created_at)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (number) DO NOTHING",
        device.id,
        device.agency,
        device.number,
        device.state,
        device.created_at,
    )
    return touched == 1


async def find_by_number(
    connection: Connection, number: str, scope: Scope = EVERYTHING
) -> Device | None:
    """The device of this number, if the scope reaches it."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM device d JOIN agency a ON a.id = d.agency_id"  # noqa: S608 - constant text
        " WHERE d.number = $1 AND in_scope(d.agency_id, $2)",
        number,
        scope.agencies,
    )
    return _from_row(row) if row else None


async def find(
    connection: Connection, device: DeviceId, scope: Scope = EVERYTHING
) -> Device | None:
    """The device, if the scope reaches it."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM device d JOIN agency a ON a.id = d.agency_id"  # noqa: S608 - constant text
        " WHERE d.id = $1 AND in_scope(d.agency_id, $2)",
        device,
        scope.agencies,
    )
    return _from_row(row) if row else None


async def is_out_of_use(connection: Connection, device: DeviceId | None, opened_by: str) -> bool:
    """Whether a device, or the one that sends in its name, is suspended or lost by now."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM device WHERE state <> 'active' AND id IN"
        " ($1, CASE WHEN $2 ~ '^device:[0-9a-f-]{36}$' THEN substr($2, 8)::uuid END))",
        device,
        opened_by,
    )
    return found


async def set_state(change: Change, device: DeviceId, before: str, after: str) -> bool:
    """Change the state; False when it is no longer ``before``."""
    touched = await change.connection.execute(
        "UPDATE device SET state = $3 WHERE id = $1 AND state = $2", device, before, after
    )
    return touched == 1


# --- docks -----------------------------------------------------------------------------------


async def insert_dock(change: Change, dock: Dock) -> bool:
    """Write the dock; False when the agency has one of that name."""
    touched = await change.connection.execute(
        "INSERT INTO dock (id, agency_id, name, created_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (agency_id, name) DO NOTHING",
        dock.id,
        dock.agency,
        dock.name,
        change.now,
    )
    return touched == 1


async def dock_of_name(connection: Connection, agency: AgencyId, name: str) -> DockId | None:
    """The agency's dock of that name."""
    found: DockId | None = await connection.fetchval(
        "SELECT id FROM dock WHERE agency_id = $1 AND name = $2", agency, name
    )
    return found


async def name_of_dock(connection: Connection, dock: DockId) -> str:
    name: str = await connection.fetchval("SELECT name FROM dock WHERE id = $1", dock)
    return name


# --- hand-over log ---------------------------------------------------------------------------


async def insert_handover(
    change: Change, device: DeviceId, line_id: uuid.UUID, officer: str | None, at: datetime
) -> bool:
    """Add a line; False when the device has one of that very moment."""
    touched = await change.connection.execute(
        "INSERT INTO device_handover (id, device_id, officer, at, noted_by, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (device_id, at) DO NOTHING",
        line_id,
        device,
        officer,
        at,
        change.actor.name,
        change.now,
    )
    return touched == 1


async def handover_at(
    connection: Connection, device: DeviceId, moment: datetime
) -> Handover | None:
    """The line in force at that moment; None before the first."""
    row = await connection.fetchrow(
        "SELECT officer, at, noted_by FROM device_handover"
        " WHERE device_id = $1 AND at <= $2 ORDER BY at DESC LIMIT 1",
        device,
        moment,
    )
    return Handover(row["officer"], row["at"], row["noted_by"]) if row else None


async def officer_at(connection: Connection, device: DeviceId, moment: datetime) -> str | None:
    """The number of the officer who wore the device then; None when nobody is on record."""
    line = await handover_at(connection, device, moment)
    return line.officer if line else None


async def handovers(connection: Connection, device: DeviceId, limit: int) -> list[Handover]:
    """The newest lines of a device's log, newest first."""
    rows = await connection.fetch(
        "SELECT officer, at, noted_by FROM device_handover"
        " WHERE device_id = $1 ORDER BY at DESC LIMIT $2",
        device,
        limit,
    )
    return [Handover(row["officer"], row["at"], row["noted_by"]) for row in rows]


# --- enrolment -------------------------------------------------------------------------------


async def replace_enrolment_code(
    change: Change, device: DeviceId, code_hash: bytes, expires_at: datetime
) -> None:
    """Give the device this code; unused older ones end now."""
    await change.connection.execute(
        "UPDATE device_enrolment SET expires_at = $2"
        " WHERE device_id = $1 AND used_at IS NULL AND expires_at > $2",
        device,
        change.now,
    )
    await change.connection.execute(
        "INSERT INTO device_enrolment (code_hash, device_id, expires_at) VALUES ($1, $2, $3)",
        code_hash,
        device,
        expires_at,
    )


async def use_enrolment_code(change: Change, code_hash: bytes) -> Device | None:
    """Use up the code; None when it is unknown, used or too old, or the device is not active.

    Of two at once, one gets it.
    """
    row = await change.connection.fetchrow(
        f"UPDATE device_enrolment e SET used_at = $2 FROM device d"  # noqa: S608 - constant text
        " JOIN agency a ON a.id = d.agency_id"
        " WHERE e.code_hash = $1 AND e.used_at IS NULL AND e.expires_at > $2"
        f" AND d.id = e.device_id AND d.state = 'active' RETURNING {_COLUMNS}",
        code_hash,
        change.now,
    )
    return _from_row(row) if row else None
