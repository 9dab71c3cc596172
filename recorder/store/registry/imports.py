"""Files of registries that were taken, and the turn of whoever takes one."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import AgencyId
from recorder.domain.people import Scope
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

#: First half of the advisory lock that an import holds, the second is the place of its kind.
_TURNS = 0x52454749


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryFile:
    """One file and what it did."""

    id: uuid.UUID
    #: Of whoever imported; None: of every agency.
    agency: AgencyId | None
    kind: str
    file_name: str
    #: SHA-256.
    digest: bytes
    length_bytes: int
    rows: int
    added: int
    changed: int
    ended: int
    imported_by: str
    at: datetime


def _from_row(row: Row) -> RegistryFile:
    return RegistryFile(
        id=row["id"],
        agency=row["agency_id"],
        kind=row["kind"],
        file_name=row["file_name"],
        digest=row["digest"],
        length_bytes=row["length_bytes"],
        rows=row["rows"],
        added=row["added"],
        changed=row["changed"],
        ended=row["ended"],
        imported_by=row["imported_by"],
        at=row["at"],
    )


async def take_turn(connection: Connection) -> None:
    """Wait until no other import is under way; held until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock($1::int, 0)", _TURNS)


async def insert(change: Change, file: RegistryFile) -> None:
    await change.connection.execute(
        "INSERT INTO registry_import (id, agency_id, kind, file_name, digest, length_bytes, rows,"
        " added, changed, ended, imported_by, at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        file.id,
        file.agency,
        file.kind,
        file.file_name,
        file.digest,
        file.length_bytes,
        file.rows,
        file.added,
        file.changed,
        file.ended,
        file.imported_by,
        file.at,
    )


async def newest(
    connection: Connection,
    scope: Scope,
    before: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> list[RegistryFile]:
    """Files of agencies in scope, newest first, by key ``(at, id)``."""
    at, last = before or (None, None)
    rows = await connection.fetch(
        "SELECT id, agency_id, kind, file_name, digest, length_bytes, rows, added, changed, ended,"
        " imported_by, at FROM registry_import WHERE in_scope(agency_id, $1)"
        " AND ($2::timestamptz IS NULL OR (at, id) < ($2, $3::uuid))"
        " ORDER BY at DESC, id DESC LIMIT $4",
        scope.agencies,
        at,
        last,
        limit,
    )
    return [_from_row(row) for row in rows]
