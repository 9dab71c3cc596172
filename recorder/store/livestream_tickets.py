"""Viewing tickets of livestreams: a person's minutes with one of them. No evidence; only hashes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import LivestreamId, RecordingId
from recorder.store.connection import Connection


@dataclass(frozen=True, slots=True)
class LivestreamTicket:
    livestream: LivestreamId
    #: For a recording that it became: only the segments of that one.
    recording: RecordingId | None
    actor_id: str
    expires_at: datetime


async def insert(connection: Connection, secret_hash: bytes, ticket: LivestreamTicket) -> None:
    await connection.execute(
        "INSERT INTO livestream_ticket (secret_hash, livestream_id, recording_id, actor_id,"
        " expires_at) VALUES ($1, $2, $3, $4, $5)",
        secret_hash,
        ticket.livestream,
        ticket.recording,
        ticket.actor_id,
        ticket.expires_at,
    )


async def find(
    connection: Connection, secret_hash: bytes, now: datetime
) -> LivestreamTicket | None:
    """The ticket of this secret, while it lasts."""
    row = await connection.fetchrow(
        "SELECT livestream_id, recording_id, actor_id, expires_at FROM livestream_ticket"
        " WHERE secret_hash = $1 AND expires_at > $2",
        secret_hash,
        now,
    )
    return LivestreamTicket(*row) if row else None


async def remove_expired(connection: Connection, now: datetime) -> int:
    return await connection.execute("DELETE FROM livestream_ticket WHERE expires_at <= $1", now)
