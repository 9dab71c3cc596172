"""Lists of people, devices, docks and tokens for administrators, newest first. Reading only.

``q`` is a piece of a name, login or number, an officer's number, or code or name of an agency. A
city has some 16,000 of each, so a list that is narrowed is read from its beginning.
"""

from __future__ import annotations

import uuid

from recorder.domain.people import Role, Scope
from recorder.store.connection import Connection
from recorder.store.devices import Device, Dock
from recorder.store.people import Person
from recorder.store.tokens import Token


async def people(
    connection: Connection, scope: Scope, before: uuid.UUID | None, limit: int, q: str | None = None
) -> list[Person]:
    """People of the scope; identifiers are born in the order of time."""
    rows = await connection.fetch(
        "SELECT p.id, p.agency_id, a.code, p.login, p.name, p.role, p.city, p.officer, p.locale,"
        " p.suspended_at FROM person p JOIN agency a ON a.id = p.agency_id"
        " WHERE in_scope(p.agency_id, $1) AND ($2::uuid IS NULL OR p.id < $2)"
        " AND ($4::text IS NULL OR $4 IN (a.code, a.name)"
        " OR strpos(lower(concat_ws(' ', p.name, p.login, p.officer)), lower($4)) > 0)"
        " ORDER BY p.id DESC LIMIT $3",
        scope.agencies,
        before,
        limit,
        q,
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
    connection: Connection, scope: Scope, before: uuid.UUID | None, limit: int, q: str | None = None
) -> list[Device]:
    """Devices of the scope."""
    rows = await connection.fetch(
        "SELECT d.id, d.agency_id, a.code, d.number, d.state, d.created_at"
        " FROM device d JOIN agency a ON a.id = d.agency_id"
        " WHERE in_scope(d.agency_id, $1) AND ($2::uuid IS NULL OR d.id < $2)"
        " AND ($4::text IS NULL OR $4 IN (a.code, a.name)"
        "  OR strpos(lower(d.number), lower($4)) > 0)"
        " ORDER BY d.id DESC LIMIT $3",
        scope.agencies,
        before,
        limit,
        q,
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
    connection: Connection, scope: Scope, before: uuid.UUID | None, limit: int, q: str | None = None
) -> list[Dock]:
    """Docks of the scope."""
    rows = await connection.fetch(
        "SELECT d.id, d.agency_id, a.code, d.name"
        " FROM dock d JOIN agency a ON a.id = d.agency_id"
        " WHERE in_scope(d.agency_id, $1) AND ($2::uuid IS NULL OR d.id < $2)"
        " AND ($4::text IS NULL OR $4 IN (a.code, a.name) OR strpos(lower(d.name), lower($4)) > 0)"
        " ORDER BY d.id DESC LIMIT $3",
        scope.agencies,
        before,
        limit,
        q,
    )
    return [
        Dock(id=row["id"], agency=row["agency_id"], agency_code=row["code"], name=row["name"])
        for row in rows
    ]


async def tokens(
    connection: Connection, scope: Scope, before: uuid.UUID | None, limit: int, q: str | None = None
) -> list[Token]:
    """Tokens of the scope, revoked ones too."""
    rows = await connection.fetch(
        "SELECT t.id, t.agency_id, t.name, t.role, t.device_id, t.dock_id, t.city, t.created_at,"
        " t.revoked_at FROM token t JOIN agency a ON a.id = t.agency_id"
        " WHERE in_scope(t.agency_id, $1) AND ($2::uuid IS NULL OR t.id < $2)"
        " AND ($4::text IS NULL OR $4 IN (a.code, a.name) OR strpos(lower(t.name), lower($4)) > 0)"
        " ORDER BY t.id DESC LIMIT $3",
        scope.agencies,
        before,
        limit,
        q,
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
