"""Push keys: each delivers one livestream, in its opener's name. No evidence; only hashes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import LivestreamId
from recorder.domain.people import Actor, ActorKind
from recorder.store.change import Change
from recorder.store.connection import Connection


@dataclass(frozen=True, slots=True)
class PushKey:
    #: May deliver and nothing else.
    actor: Actor
    expires_at: datetime


async def insert(
    change: Change,
    secret_hash: bytes,
    livestream: LivestreamId,
    opener: Actor,
    expires_at: datetime,
) -> None:
    await change.connection.execute(
        "INSERT INTO livestream_push_key (secret_hash, livestream_id, actor_kind, actor_id,"
        " actor_name, agency_id, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        secret_hash,
        livestream,
        opener.kind.value,
        opener.id,
        opener.name,
        opener.agency,
        expires_at,
    )


async def find(connection: Connection, secret_hash: bytes) -> PushKey | None:
    """The key of this secret, also one that has ended."""
    row = await connection.fetchrow(
        "SELECT livestream_id, actor_kind, actor_id, actor_name, agency_id, expires_at"
        " FROM livestream_push_key WHERE secret_hash = $1",
        secret_hash,
    )
    if row is None:
        return None
    actor = Actor(
        ActorKind(row["actor_kind"]),
        row["actor_id"],
        row["actor_name"],
        agency=row["agency_id"],
        livestream=row["livestream_id"],
    )
    return PushKey(actor, row["expires_at"])


async def remove_expired(connection: Connection, before: datetime) -> int:
    return await connection.execute(
        "DELETE FROM livestream_push_key WHERE expires_at <= $1", before
    )
