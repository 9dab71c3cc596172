"""Playback grants: a person's ten minutes with one recording. No evidence; only hashes are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import RecordingId
from recorder.store.connection import Connection


@dataclass(frozen=True, slots=True)
class PlaybackGrantRow:
    recording: RecordingId
    profile: str
    actor_id: str
    expires_at: datetime


async def insert(connection: Connection, secret_hash: bytes, grant: PlaybackGrantRow) -> None:
    await connection.execute(
        "INSERT INTO playback_grant (secret_hash, recording_id, profile, actor_id, expires_at)"
        " VALUES ($1, $2, $3, $4, $5)",
        secret_hash,
        grant.recording,
        grant.profile,
        grant.actor_id,
        grant.expires_at,
    )


async def find(
    connection: Connection, secret_hash: bytes, now: datetime
) -> PlaybackGrantRow | None:
    """The grant of this secret, while it lasts."""
    row = await connection.fetchrow(
        "SELECT recording_id, profile, actor_id, expires_at FROM playback_grant"
        " WHERE secret_hash = $1 AND expires_at > $2",
        secret_hash,
        now,
    )
    if row is None:
        return None
    return PlaybackGrantRow(row["recording_id"], row["profile"], row["actor_id"], row["expires_at"])


async def remove_expired(connection: Connection, now: datetime) -> int:
    return await connection.execute("DELETE FROM playback_grant WHERE expires_at <= $1", now)
