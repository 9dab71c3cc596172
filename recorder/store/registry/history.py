"""Everything that was ever said under the key of one row of a registry, the newest word first."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from recorder.domain.people import Scope
from recorder.store.connection import Connection, Row

#: Columns that are no facts.
_FRAME = frozenset({"valid_from", "valid_to", "noted_at", "superseded_at", "file_name", "by"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What was said once: facts for some days, when we believed it, and who said so."""

    facts: Mapping[str, object]
    #: None: of a day, not of a term.
    valid_from: date | None
    valid_to: date | None
    noted_at: datetime
    #: None: it counts.
    superseded_at: datetime | None
    file_name: str | None
    by: str | None


def _said(rows: list[Row]) -> list[Said]:
    return [
        Said(
            facts={name: value for name, value in row.items() if name not in _FRAME},
            **{name: row[name] for name in _FRAME},
        )
        for row in rows
    ]


async def of_subject(connection: Connection, entry: uuid.UUID, scope: Scope) -> list[Said]:
    return _said(
        await connection.fetch(
            "SELECT a.code AS agency, t.name, t.kind AS subject_kind, t.announced_at, t.valid_from,"
            " t.valid_to, t.noted_at, t.superseded_at, f.file_name, f.imported_by AS by"
            " FROM enforcement_subject k JOIN enforcement_subject t"
            " ON t.agency_id = k.agency_id AND t.name = k.name"
            " JOIN agency a ON a.id = t.agency_id LEFT JOIN registry_import f ON f.id = t.import_id"
            " WHERE k.id = $1 AND in_scope(t.agency_id, $2)"
            " ORDER BY t.noted_at DESC, t.valid_from DESC, t.id",
            entry,
            scope.agencies,
        )
    )


async def of_entrustment(connection: Connection, entry: uuid.UUID, scope: Scope) -> list[Said]:
    return _said(
        await connection.fetch(
            "SELECT p.name AS principal, g.name AS agent, t.matter, t.document, t.valid_from,"
            " t.valid_to, t.noted_at, t.superseded_at, f.file_name, f.imported_by AS by"
            " FROM entrustment k JOIN entrustment t ON t.agency_id = k.agency_id"
            " AND t.agent_id = k.agent_id AND t.matter = k.matter"
            " JOIN agency p ON p.id = t.agency_id JOIN agency g ON g.id = t.agent_id"
            " LEFT JOIN registry_import f ON f.id = t.import_id"
            " WHERE k.id = $1 AND (in_scope(t.agency_id, $2) OR in_scope(t.agent_id, $2))"
            " ORDER BY t.noted_at DESC, t.valid_from DESC, t.id",
            entry,
            scope.agencies,
        )
    )


async def of_holiday(connection: Connection, entry: uuid.UUID, scope: Scope) -> list[Said]:
    """Days off are everybody's."""
    return _said(
        await connection.fetch(
            "SELECT t.day, t.kind AS day_kind, t.name, NULL::date AS valid_from,"
            " NULL::date AS valid_to, t.noted_at, t.superseded_at, f.file_name, f.imported_by AS by"
            " FROM holiday k JOIN holiday t ON t.day = k.day"
            " LEFT JOIN registry_import f ON f.id = t.import_id"
            " WHERE k.id = $1 ORDER BY t.noted_at DESC, t.id",
            entry,
        )
    )


async def of_officer(connection: Connection, entry: uuid.UUID, scope: Scope) -> list[Said]:
    return _said(
        await connection.fetch(
            "SELECT t.number, t.name, a.code AS agency, t.user_number, t.valid_from, t.valid_to,"
            " t.noted_at, t.superseded_at, f.file_name, f.imported_by AS by"
            " FROM officer k JOIN officer t ON t.number = k.number"
            " JOIN agency a ON a.id = t.agency_id LEFT JOIN registry_import f ON f.id = t.import_id"
            " WHERE k.id = $1 AND in_scope(t.agency_id, $2)"
            " ORDER BY t.noted_at DESC, t.valid_from DESC, t.id",
            entry,
            scope.agencies,
        )
    )


async def of_certificates(connection: Connection, officer: str) -> list[Said]:
    """Of the certificates of an officer whom the asker has been shown."""
    return _said(
        await connection.fetch(
            "SELECT t.number AS certificate, t.valid_from, t.valid_to, t.noted_at,"
            " t.superseded_at, f.file_name, f.imported_by AS by"
            " FROM officer_certificate t LEFT JOIN registry_import f ON f.id = t.import_id"
            " WHERE t.officer = $1 ORDER BY t.noted_at DESC, t.valid_from DESC, t.id",
            officer,
        )
    )


async def of_matter(connection: Connection, entry: uuid.UUID, scope: Scope) -> list[Said]:
    return _said(
        await connection.fetch(
            "SELECT t.code, t.name, t.act_type, a.code AS agency, t.legal_basis, t.valid_from,"
            " t.valid_to, t.noted_at, t.superseded_at, f.file_name, f.imported_by AS by"
            " FROM matter k JOIN matter t ON t.code = k.code AND t.agency_id = k.agency_id"
            " JOIN agency a ON a.id = t.agency_id LEFT JOIN registry_import f ON f.id = t.import_id"
            " WHERE k.id = $1 AND in_scope(t.agency_id, $2)"
            " ORDER BY t.noted_at DESC, t.valid_from DESC, t.id",
            entry,
            scope.agencies,
        )
    )


async def of_organisation(connection: Connection, agency: uuid.UUID, scope: Scope) -> list[Said]:
    return _said(
        await connection.fetch(
            "SELECT t.name, t.short_name, t.kind AS organisation_kind, p.name AS parent, t.uscc,"
            " t.region, (SELECT string_agg(b.name, '、' ORDER BY b.code) FROM agency b"
            "  WHERE b.id = ANY(t.predecessors)) AS predecessors, n.name AS on_behalf_of,"
            " t.valid_from, t.valid_to, t.noted_at, t.superseded_at, f.file_name,"
            " f.imported_by AS by FROM organisation t LEFT JOIN agency p ON p.id = t.parent_id"
            " LEFT JOIN agency n ON n.id = t.on_behalf_of"
            " LEFT JOIN registry_import f ON f.id = t.import_id"
            " WHERE t.agency_id = $1 AND in_scope(t.agency_id, $2)"
            " ORDER BY t.noted_at DESC, t.valid_from DESC, t.id",
            agency,
            scope.agencies,
        )
    )
