"""Rows of registries for other systems: of a day, as known now or at a moment, in pages."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from recorder.domain.people import Scope
from recorder.store.connection import Connection
from recorder.store.registry.entries import counts_at

#: What holds on day $2, as believed at $3 or now, behind the line ($4, $5); $6 is a key, $7 how
#: many. The scope is $1.
_HOLDS = (
    f" AND $2 BETWEEN r.valid_from AND r.valid_to AND {counts_at('$3', 'r.')}"
    " AND ($4::timestamptz IS NULL OR (r.noted_at, r.id) > ($4, $5::uuid))"
)
_PAGE = " ORDER BY r.noted_at, r.id LIMIT $7"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which rows: those of a day, as believed at a moment (None: now), behind a line."""

    day: date
    known_at: datetime | None
    #: The number, serial, code or name under which a row is kept; None: all.
    key: str | None
    after: tuple[datetime, uuid.UUID] | None
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dated:
    """What every row of a registry has."""

    id: uuid.UUID
    #: Code of the agency that it is about.
    agency: str
    valid_from: date
    valid_to: date
    noted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationRow(_Dated):
    name: str
    short_name: str
    kind: str
    parent: str | None
    uscc: str
    uscc_valid: bool
    region: str
    predecessors: list[str]
    on_behalf_of: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficerRow(_Dated):
    number: str
    name: str
    user_number: str
    #: number, valid_from, valid_to of each certificate, whenever valid.
    certificates: list[Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRow(_Dated):
    number: str
    serial: str
    user_number: str
    user_name: str
    unit_number: str
    unit_name: str
    gb28181: str
    #: As it is now, whatever day is asked about.
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterRow(_Dated):
    officer: str
    begins_at: datetime
    ends_at: datetime
    duty: str
    cancelled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MatterRow(_Dated):
    code: str
    name: str
    act_type: str | None
    legal_basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectRow(_Dated):
    name: str
    kind: str
    announced_at: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntrustmentRow(_Dated):
    """``agency`` is the principal, in whose name the agent acts."""

    agent: str
    matter: str
    document: str


async def organisations(
    connection: Connection, scope: Scope, asked: Asked
) -> list[OrganisationRow]:
    """Organisations; the key is the agency's code."""
    rows = await connection.fetch(
        "SELECT r.id, a.code AS agency, r.name, r.short_name, r.kind, p.code AS parent, r.uscc,"  # noqa: S608 - constant text
        " r.uscc_valid, r.region, ARRAY(SELECT code FROM agency WHERE id = ANY (r.predecessors)"
        "  ORDER BY code) AS predecessors, n.code AS on_behalf_of, r.valid_from, r.valid_to,"
        " r.noted_at FROM organisation r JOIN agency a ON a.id = r.agency_id"
        " LEFT JOIN agency p ON p.id = r.parent_id LEFT JOIN agency n ON n.id = r.on_behalf_of"
        f" WHERE in_scope(r.agency_id, $1){_HOLDS} AND ($6::text IS NULL OR a.code = $6){_PAGE}",
        *_arguments(scope, asked),
    )
    return [OrganisationRow(**row) for row in rows]


async def officers(connection: Connection, scope: Scope, asked: Asked) -> list[OfficerRow]:
    """Officers with their certificates; the key is the officer's number."""
    rows = await connection.fetch(
        "SELECT r.id, a.code AS agency, r.number, r.name, r.user_number, r.valid_from, r.valid_to,"  # noqa: S608 - constant text
        " r.noted_at, coalesce((SELECT jsonb_agg(jsonb_build_object('number', c.number,"
        "  'valid_from', nullif(c.valid_from, '-infinity'), 'valid_to',"
        "  nullif(c.valid_to, 'infinity')) ORDER BY c.valid_from, c.number)"
        f"  FROM officer_certificate c WHERE c.officer = r.number AND {counts_at('$3', 'c.')}),"
        " '[]') AS certificates FROM officer r JOIN agency a ON a.id = r.agency_id"
        f" WHERE in_scope(r.agency_id, $1){_HOLDS} AND ($6::text IS NULL OR r.number = $6){_PAGE}",
        *_arguments(scope, asked),
    )
    return [OfficerRow(**row) for row in rows]


async def devices(connection: Connection, scope: Scope, asked: Asked) -> list[DeviceRow]:
    """Registrations of devices; the key is the device's number."""
    rows = await connection.fetch(
        "SELECT r.id, a.code AS agency, d.number, r.serial, r.user_number, r.user_name,"  # noqa: S608 - constant text
        " r.unit_number, r.unit_name, r.gb28181, d.state, r.valid_from, r.valid_to, r.noted_at"
        " FROM device_registration r JOIN device d ON d.id = r.device_id"
        " JOIN agency a ON a.id = r.agency_id"
        f" WHERE in_scope(r.agency_id, $1){_HOLDS} AND ($6::text IS NULL OR d.number = $6){_PAGE}",
        *_arguments(scope, asked),
    )
    return [DeviceRow(**row) for row in rows]


async def rosters(connection: Connection, scope: Scope, asked: Asked) -> list[RosterRow]:
    """Shifts that begin on the day; the key is the officer's number. Officers see their own."""
    rows = await connection.fetch(
        "SELECT r.id, a.code AS agency, r.officer, r.begins_at, r.ends_at, r.duty, r.cancelled,"  # noqa: S608 - constant text
        " r.valid_from, r.valid_to, r.noted_at FROM roster r JOIN agency a ON a.id = r.agency_id"
        f" WHERE in_scope(r.agency_id, $1){_HOLDS} AND ($6::text IS NULL OR r.officer = $6)"
        f" AND ($8::text IS NULL OR r.officer = $8){_PAGE}",
        *_arguments(scope, asked),
        scope.officer,
    )
    return [RosterRow(**row) for row in rows]


async def matters(connection: Connection, scope: Scope, asked: Asked) -> list[MatterRow]:
    """Powers; the key is the code of the matter."""
    rows = await connection.fetch(
        "SELECT r.id, a.code AS agency, r.code, r.name, r.act_type, r.legal_basis, r.valid_from,"  # noqa: S608 - constant text
        " r.valid_to, r.noted_at FROM matter r JOIN agency a ON a.id = r.agency_id"
        f" WHERE in_scope(r.agency_id, $1){_HOLDS} AND ($6::text IS NULL OR r.code = $6){_PAGE}",
        *_arguments(scope, asked),
    )
    return [MatterRow(**row) for row in rows]


async def subjects(connection: Connection, scope: Scope, asked: Asked) -> list[SubjectRow]:
    """Published subjects; the key is the agency's code."""
    rows = await connection.fetch(
        "SELECT r.id, a.code AS agency, r.name, r.kind, r.announced_at, r.valid_from, r.valid_to,"  # noqa: S608 - constant text
        " r.noted_at FROM enforcement_subject r JOIN agency a ON a.id = r.agency_id"
        f" WHERE in_scope(r.agency_id, $1){_HOLDS} AND ($6::text IS NULL OR a.code = $6){_PAGE}",
        *_arguments(scope, asked),
    )
    return [SubjectRow(**row) for row in rows]


async def entrustments(connection: Connection, scope: Scope, asked: Asked) -> list[EntrustmentRow]:
    """Entrustments whose principal or agent is in scope; the key is either's code."""
    rows = await connection.fetch(
        "SELECT r.id, a.code AS agency, g.code AS agent, r.matter, r.document, r.valid_from,"  # noqa: S608 - constant text
        " r.valid_to, r.noted_at FROM entrustment r JOIN agency a ON a.id = r.agency_id"
        " JOIN agency g ON g.id = r.agent_id"
        f" WHERE (in_scope(r.agency_id, $1) OR in_scope(r.agent_id, $1)){_HOLDS}"
        f" AND ($6::text IS NULL OR $6 IN (a.code, g.code)){_PAGE}",
        *_arguments(scope, asked),
    )
    return [EntrustmentRow(**row) for row in rows]


def _arguments(scope: Scope, asked: Asked) -> tuple[object, ...]:
    at, last = asked.after or (None, None)
    return scope.agencies, asked.day, asked.known_at, at, last, asked.key, asked.limit
