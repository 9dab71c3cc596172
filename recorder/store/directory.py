"""Lists of people, devices, docks and tokens for administrators, newest first. Reading only."""

from __future__ import annotations

import uuid

from recorder.domain.people import Role, Scope
from recorder.store.connection import Connection
from recorder.store.devices import Device, Dock
from recorder.store.people import Person
from recorder.store.tokens import Token


async def people(
    connection: Connection, scope: Scope, before: uuid.UUID | None, limit: int
) -> list[Person]:
    """People of the scope; identifiers are born in the order of time."""
    rows = await connection.fetch(
        "SELECT p.id, p.agency_id, a.code, p.login, p.name, p.role, p.city, p.officer, p.locale,"
        " p.suspended_at FROM person p JOIN agency a ON a.id = p.agency_id"
        " WHERE in_scope(p.agency_id, $1) AND ($2::uuid IS NULL OR p.id < $2)"
        " ORDER BY p.id DESC LIMIT $3",
        scope.agencies,
        before,
        limit,
    )
    return [
        Person(
            id=row["id"],
            agency=row["agency_id"],
            agency_code=row["code"],
            login=row["login"],
            name=row["name"],
            role=Role(row["role"]),
            city=row["city"],
            officer=row["officer"],
            locale=row["locale"],
            suspended_at=row["suspended_at"],
        )
        for row in rows
    ]


async def devices(
    connection: Connection, scope: Scope, before: uuid.UUID | None, limit: int
) -> list[Device]:
    """Devices of the scope."""
    rows = await connection.fetch(
        "SELECT d.id, d.agency_id, a.code, d.number, d.state, d.created_at"
        " FROM device d JOIN agency a ON a.id = d.agency_id"
        " WHERE in_scope(d.agency_id, $1) AND ($2::uuid IS NULL OR d.id < $2)"
        " ORDER BY d.id DESC LIMIT $3",
        scope.agencies,
        before,
        limit,
    )
    return [
        Device(
            id=row["id"],
            agency=row["agency_id"],
            agency_code=row["code"],
            number=row["number"],
            state=row["state"],
            created_at=row["created_at"],
        )
        for row in rows
    ]


async def docks(
    connection: Connection, scope: Scope, before: uuid.UUID | None, limit: int
) -> list[Dock]:
    """Docks of the scope."""
    rows = await connection.fetch(
        "SELECT d.id, d.agency_id, a.code, d.name"
        " FROM dock d JOIN agency a ON a.id = d.agency_id"
        " WHERE in_scope(d.agency_id, $1) AND ($2::uuid IS NULL OR d.id < $2)"
        " ORDER BY d.id DESC LIMIT $3",
        scope.agencies,
        before,
        limit,
    )
    return [
        Dock(id=row["id"], agency=row["agency_id"], agency_code=row["code"], name=row["name"])
        for row in rows
    ]


async def tokens(
    connection: Connection, scope: Scope, before: uuid.UUID | None, limit: int
) -> list[Token]:
    """Tokens of the scope, revoked ones too."""
    rows = await connection.fetch(
        "SELECT id, agency_id, name, role, device_id, dock_id, city, created_at, revoked_at"
        " FROM token WHERE in_scope(agency_id, $1) AND ($2::uuid IS NULL OR id < $2)"
        " ORDER BY id DESC LIMIT $3",
        scope.agencies,
        before,
        limit,
    )
    return [
        Token(
            id=row["id"],
            agency=row["agency_id"],
            name=row["name"],
            role=Role(row["role"]),
            device=row["device_id"],
            dock=row["dock_id"],
            city=row["city"],
            created_at=row["created_at"],
            revoked_at=row["revoked_at"],
        )
        for row in rows
    ]
