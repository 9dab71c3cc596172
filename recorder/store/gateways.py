"""Gateways and what their hooks said of streams.

A gateway is registered in a Change. What hooks say are hints and no evidence, so those functions
take a plain Connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from recorder.domain.gateway import GatewayKind, Refusal, Said
from recorder.domain.ids import AgencyId, DockId
from recorder.domain.people import Scope
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

#: Names of streams are made up by strangers: beyond so many, refusals are counted together.
MOST_STREAMS = 2000
#: The row in which they are.
OTHERS = "…"

_COLUMNS = (
    "g.dock_id, k.agency_id, a.code AS agency_code, k.name, g.kind, g.trusted_apps, g.created_at,"
    " g.revoked_at, g.heard_at"
)
_FROM = " FROM gateway g JOIN dock k ON k.id = g.dock_id JOIN agency a ON a.id = k.agency_id"
_STREAM = (
    "stream, protocol, accepted, accepted_at, accepted_address, began_at, ended_at, refused,"
    " refused_at, refused_address, refusal, heard_at"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A media server of others, without its secret; its id is its dock's."""

    id: DockId
    agency: AgencyId
    agency_code: str
    name: str
    kind: GatewayKind
    trusted_apps: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None
    heard_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayStream:
    """What hooks said of one stream; nothing says that it is so."""

    stream: str
    protocol: str | None
    accepted: int
    accepted_at: datetime | None
    accepted_address: str | None
    began_at: datetime | None
    ended_at: datetime | None
    refused: int
    refused_at: datetime | None
    refused_address: str | None
    refusal: str | None
    heard_at: datetime


def _from_row(row: Row) -> Gateway:
    return Gateway(
        id=row["dock_id"],
        agency=row["agency_id"],
        agency_code=row["agency_code"],
        name=row["name"],
        kind=GatewayKind(row["kind"]),
        trusted_apps=tuple(row["trusted_apps"]),
        created_at=row["created_at"],
        revoked_at=row["revoked_at"],
        heard_at=row["heard_at"],
    )


async def insert(
    change: Change, dock: DockId, kind: GatewayKind, trusted_apps: Sequence[str], secret: bytes
) -> None:
    """Make the dock a gateway."""
    await change.connection.execute(
        "INSERT INTO gateway (dock_id, kind, secret_hash, trusted_apps, created_at)"
        " VALUES ($1, $2, $3, $4, $5)",
        dock,
        kind.value,
        secret,
        list(trusted_apps),
        change.now,
    )


async def set_secret(change: Change, gateway: DockId, secret: bytes) -> bool:
    """Only the new secret counts; False when the gateway is revoked."""
    touched = await change.connection.execute(
        "UPDATE gateway SET secret_hash = $2 WHERE dock_id = $1 AND revoked_at IS NULL",
        gateway,
        secret,
    )
    return touched == 1


async def revoke(change: Change, gateway: DockId) -> bool:
    """No hook of it counts any more; False when it was so already."""
    touched = await change.connection.execute(
        "UPDATE gateway SET revoked_at = $2 WHERE dock_id = $1 AND revoked_at IS NULL",
        gateway,
        change.now,
    )
    return touched == 1


async def by_secret(connection: Connection, secret_hash: bytes) -> Gateway | None:
    """Whose secret this is, unless it is revoked."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS}{_FROM} WHERE g.secret_hash = $1 AND g.revoked_at IS NULL",
        secret_hash,
    )
    return _from_row(row) if row else None


async def find(connection: Connection, gateway: DockId, scope: Scope) -> Gateway | None:
    """The gateway, if the scope reaches it."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS}{_FROM} WHERE g.dock_id = $1 AND in_scope(k.agency_id, $2)",
        gateway,
        scope.agencies,
    )
    return _from_row(row) if row else None


async def listed(connection: Connection, scope: Scope) -> list[Gateway]:
    """The gateways of the scope by their names, revoked ones last."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS}{_FROM} WHERE in_scope(k.agency_id, $1)"
        " ORDER BY g.revoked_at IS NOT NULL, k.name, g.dock_id LIMIT 500",
        scope.agencies,
    )
    return [_from_row(row) for row in rows]


async def heard(connection: Connection, gateway: DockId, now: datetime) -> None:
    """It said something; noted to the minute."""
    await connection.execute(
        "UPDATE gateway SET heard_at = $2 WHERE dock_id = $1"
        " AND (heard_at IS NULL OR heard_at NOT BETWEEN $3 AND $2)",
        gateway,
        now,
        now - timedelta(minutes=1),
    )


# --- streams -------------------------------------------------------------------------------------


async def note_accepted(connection: Connection, gateway: DockId, said: Said, now: datetime) -> None:
    await connection.execute(
        "INSERT INTO gateway_stream AS s (gateway_id, stream, protocol, accepted, accepted_at,"
        " accepted_address, heard_at) VALUES ($1, $2, $3, 1, $4, $5, $4)"
        " ON CONFLICT (gateway_id, stream) DO UPDATE SET accepted = s.accepted + 1,"
        " protocol = coalesce(nullif($3, ''), s.protocol), accepted_at = $4,"
        " accepted_address = $5, heard_at = $4",
        gateway,
        said.stream,
        said.protocol,
        now,
        said.address,
    )


async def note_refused(
    connection: Connection, gateway: DockId, said: Said, why: Refusal, now: datetime
) -> None:
    """Count a refusal under its stream, or with others when strangers made up too many names."""
    await connection.execute(
        "INSERT INTO gateway_stream AS s (gateway_id, stream, protocol, refused, refused_at,"
        " refused_address, refusal, heard_at)"
        " SELECT $1, CASE WHEN count(*) < $7 OR bool_or(stream = $2) THEN $2 ELSE $8 END,"
        "  $3, 1, $4::timestamptz, $5, $6, $4::timestamptz"
        " FROM gateway_stream WHERE gateway_id = $1"
        " ON CONFLICT (gateway_id, stream) DO UPDATE SET refused = s.refused + 1,"
        " refused_at = $4, refused_address = $5, refusal = $6, heard_at = $4",
        gateway,
        said.stream,
        said.protocol,
        now,
        said.address,
        why.value,
        MOST_STREAMS,
        OTHERS,
    )


async def note_hint(
    connection: Connection, gateway: DockId, said: Said, now: datetime, *, began: bool
) -> None:
    """The gateway says that a stream it asked about began or ended."""
    await connection.execute(
        "UPDATE gateway_stream SET began_at = CASE WHEN $4 THEN $3 ELSE began_at END,"
        " ended_at = CASE WHEN $4 THEN ended_at ELSE $3 END, heard_at = $3"
        " WHERE gateway_id = $1 AND stream = $2",
        gateway,
        said.stream,
        now,
        began,
    )


async def streams_of(connection: Connection, gateway: DockId, limit: int) -> list[GatewayStream]:
    """What was said last comes first."""
    rows = await connection.fetch(
        f"SELECT {_STREAM} FROM gateway_stream WHERE gateway_id = $1"  # noqa: S608 - constant text
        " ORDER BY heard_at DESC, stream LIMIT $2",
        gateway,
        limit,
    )
    return [GatewayStream(**dict(row)) for row in rows]
