"""Uploads under way as a person sees them. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import AgencyId, UploadId
from recorder.domain.people import Scope
from recorder.store.connection import Connection


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """A line of the page of work in progress."""

    id: UploadId
    agency: AgencyId
    name: str
    device_number: str | None
    #: As the sender wrote them.
    case_numbers: tuple[str, ...]
    length: int
    offset: int
    state: str
    created_at: datetime
    last_byte_at: datetime | None


async def unfinished(connection: Connection, scope: Scope, limit: int) -> list[OpenUpload]:
    """Open and completing uploads, the latest byte first."""
    rows = await connection.fetch(
        "SELECT id, agency_id, facts->>'original_name' AS name,"
        " facts->>'device_number' AS device_number, facts->'case_numbers' AS case_numbers,"
        " length_bytes, offset_bytes, state,"
        " created_at, last_byte_at FROM upload WHERE state IN ('open', 'completing')"
        " AND in_scope(agency_id, $1)"
        " ORDER BY coalesce(last_byte_at, created_at) DESC, id LIMIT $2",
        scope.agencies,
        limit,
    )
    return [
        OpenUpload(
            r["id"],
            r["agency_id"],
            r["name"],
            r["device_number"],
            tuple(r["case_numbers"] or ()),
            r["length_bytes"],
            r["offset_bytes"],
            r["state"],
            r["created_at"],
            r["last_byte_at"],
        )
        for r in rows
    ]


async def still_to_come(connection: Connection, alive_since: datetime) -> int:
    """Bytes that uploads whose sender showed life since then have yet to bring."""
    found: int = await connection.fetchval(
        "SELECT coalesce(sum(length_bytes - offset_bytes), 0)::bigint FROM upload"
        " WHERE state IN ('open', 'completing') AND coalesce(last_byte_at, created_at) >= $1",
        alive_since,
    )
    return found
