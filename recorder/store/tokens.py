"""Bearer tokens of devices, docks and programs; only their hashes are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import AgencyId, DeviceId, DockId, TokenId
from recorder.domain.people import Actor, ActorKind, Role, Scope
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

_COLUMNS = "id, agency_id, name, role, device_id, dock_id, city, created_at, revoked_at"

_WHO = (
    "SELECT t.id, t.name, t.role, t.agency_id, t.city, t.device_id, t.dock_id,"
    " d.number, d.state, k.name AS dock_name,"
    " ARRAY(SELECT seen_id FROM agency_reach WHERE agency_id = t.agency_id"
    " ORDER BY seen_id) AS below,"
    " ARRAY(SELECT seen_id FROM agency_reach WHERE agency_id = t.agency_id AND acts)"
    " AS branches FROM token t"
    " LEFT JOIN device d ON d.id = t.device_id LEFT JOIN dock k ON k.id = t.dock_id"
    " WHERE t.revoked_at IS NULL AND"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A bearer token without its secret."""

    id: TokenId
    agency: AgencyId
    name: str
    role: Role
    device: DeviceId | None
    dock: DockId | None
    #: Sees every agency.
    city: bool
    created_at: datetime
    revoked_at: datetime | None


def _from_row(row: Row) -> Token:
    return Token(
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


async def insert(change: Change, token: Token, secret_hash: bytes) -> None:
    await change.connection.execute(
        "INSERT INTO token (id, secret_hash, agency_id, name, role, device_id, dock_id, city,"
        " created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        token.id,
        secret_hash,
        token.agency,
        token.name,
        token.role.value,
        token.device,
        token.dock,
        token.city,
        token.created_at,
    )


async def actor_by_hash(connection: Connection, secret_hash: bytes) -> Actor | None:
    """Whom a token speaks for, unless it is unknown or revoked.

    A device or dock goes by its own id, so that a new token continues what an old one began;
    a program by its token's.
    """
    row = await connection.fetchrow(_WHO + " t.secret_hash = $1", secret_hash)
    return _actor(row) if row else None


async def actor_of(connection: Connection, token: TokenId) -> Actor | None:
    """Whom the token of this id speaks for, unless it is revoked."""
    row = await connection.fetchrow(_WHO + " t.id = $1", token)
    return _actor(row) if row else None


def _actor(row: Row) -> Actor:
    role = Role(row["role"])
    kinds = {Role.DEVICE: ActorKind.DEVICE, Role.DOCK: ActorKind.DOCK}
    return Actor(
        kinds.get(role, ActorKind.PROGRAM),
        str(row["device_id"] or row["dock_id"] or row["id"]),
        row["number"] or row["dock_name"] or row["name"],
        role=role,
        agency=row["agency_id"],
        city=row["city"],
        below=tuple(row["below"]),
        branches=tuple(row["branches"]),
        device=row["device_id"],
        dock=row["dock_id"],
        suspended=row["state"] is not None and row["state"] != "active",
    )


async def devices(connection: Connection) -> list[tuple[Actor, TokenId]]:
    """Every device with a token that counts, and the oldest of these."""
    rows = await connection.fetch(
        "SELECT DISTINCT ON (d.id) d.id, d.number, d.agency_id, d.state, t.id AS token_id"
        " FROM device d JOIN token t ON t.device_id = d.id AND t.revoked_at IS NULL"
        " ORDER BY d.id, t.created_at, t.id"
    )
    return [
        (
            Actor(
                ActorKind.DEVICE,
                str(row["id"]),
                row["number"],
                role=Role.DEVICE,
                agency=row["agency_id"],
                device=row["id"],
                suspended=row["state"] != "active",
            ),
            row["token_id"],
        )
        for row in rows
    ]


async def find(connection: Connection, token: TokenId, scope: Scope) -> Token | None:
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM token"  # noqa: S608 - constant text
        " WHERE id = $1 AND in_scope(agency_id, $2)",
        token,
        scope.agencies,
    )
    return _from_row(row) if row else None


async def revoke(change: Change, token: TokenId) -> bool:
    """Make the token worthless; False when it was already."""
    touched = await change.connection.execute(
        "UPDATE token SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL", token, change.now
    )
    return touched == 1


async def revoke_of_device(change: Change, device: DeviceId) -> list[Token]:
    """Make every token of the device worthless and name those that were not yet."""
    rows = await change.connection.fetch(
        f"UPDATE token SET revoked_at = $2 WHERE device_id = $1 AND revoked_at IS NULL"  # noqa: S608 - constant text
        f" RETURNING {_COLUMNS}",
        device,
        change.now,
    )
    return [_from_row(row) for row in rows]
