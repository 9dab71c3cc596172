"""Embeds: another system's minutes with one case. No evidence; only hashes are kept."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import CaseId, TokenId
from recorder.store.connection import Connection


@dataclass(frozen=True, slots=True)
class EmbedRow:
    case: CaseId
    #: Of the program that asked.
    token: TokenId
    #: As the program named the case.
    number: str
    #: The person in front of the page, as the program says.
    on_behalf_of: str
    expires_at: datetime


async def insert(connection: Connection, secret_hash: bytes, embed: EmbedRow) -> None:
    await connection.execute(
        "INSERT INTO case_embed (secret_hash, case_id, token_id, number, on_behalf_of, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        secret_hash,
        embed.case,
        embed.token,
        embed.number,
        embed.on_behalf_of,
        embed.expires_at,
    )


async def find(connection: Connection, secret_hash: bytes, now: datetime) -> EmbedRow | None:
    """The embed of this secret, while it lasts."""
    row = await connection.fetchrow(
        "SELECT case_id, token_id, number, on_behalf_of, expires_at FROM case_embed"
        " WHERE secret_hash = $1 AND expires_at > $2",
        secret_hash,
        now,
    )
    if row is None:
        return None
    return EmbedRow(
        row["case_id"], row["token_id"], row["number"], row["on_behalf_of"], row["expires_at"]
    )


async def is_of_case(connection: Connection, case: CaseId, footage: uuid.UUID) -> bool:
    """Whether a recording, or the recording of a livestream, is linked to the case now."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM case_link l JOIN recording r ON r.id = l.recording_id"
        " WHERE l.case_id = $1 AND l.unlinked_at IS NULL AND $2 IN (r.id, r.livestream_id))",
        case,
        footage,
    )
    return found


async def remove_expired(connection: Connection, now: datetime) -> int:
    return await connection.execute("DELETE FROM case_embed WHERE expires_at <= $1", now)
