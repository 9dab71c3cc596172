"""Sessions of people. No evidence: every function takes a plain Connection."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import PersonId
from recorder.store.connection import Connection
from recorder.store.people import COLUMNS, Person, from_row


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that has not ended, of a person who is not suspended."""

    person: Person
    csrf_token: str
    expires_at: datetime
    seen_at: datetime
    #: Whether the person's second factor counts.
    second_factor: bool


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A session as its person may see it."""

    id: uuid.UUID
    address: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    #: The one that the person asks with.
    is_this: bool


async def insert_session(
    connection: Connection,
    secret_hash: bytes,
    person: PersonId,
    *,
    csrf_token: str,
    address: str,
    now: datetime,
    expires_at: datetime,
    awaits_code: bool = False,
) -> None:
    """Open a session; one that ``awaits_code`` opens nothing yet.

    It was never used, so that services which know no codes take it for one that has ended.
    """
    await connection.execute(
        "INSERT INTO session (secret_hash, person_id, csrf_token, address, created_at, expires_at,"
        " awaits_code, seen_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, CASE WHEN $7 THEN to_timestamp(0) ELSE $5 END)",
        secret_hash,
        person,
        csrf_token,
        address,
        now,
        expires_at,
        awaits_code,
    )


async def find_waiting(connection: Connection, secret_hash: bytes, now: datetime) -> Person | None:
    """Whose code this session waits for; nobody who is suspended."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM session s"  # noqa: S608 - constant text
        " JOIN person p ON p.id = s.person_id JOIN agency a ON a.id = p.agency_id"
        " WHERE s.secret_hash = $1 AND s.expires_at > $2 AND s.awaits_code"
        " AND p.suspended_at IS NULL",
        secret_hash,
        now,
    )
    return from_row(row) if row else None


async def find_session(
    connection: Connection, secret_hash: bytes, now: datetime, idle_since: datetime
) -> OpenSession | None:
    """The session, unless it is over, or was not used since ``idle_since``."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS}, s.csrf_token, s.expires_at, s.seen_at,"  # noqa: S608 - constant text
        " EXISTS (SELECT FROM second_factor f"
        " WHERE f.person_id = p.id AND f.confirmed_at IS NOT NULL) AS second_factor"
        " FROM session s"
        " JOIN person p ON p.id = s.person_id JOIN agency a ON a.id = p.agency_id"
        " WHERE s.secret_hash = $1 AND s.expires_at > $2 AND s.seen_at > $3"
        " AND NOT s.awaits_code AND p.suspended_at IS NULL",
        secret_hash,
        now,
        idle_since,
    )
    if row is None:
        return None
    return OpenSession(
        from_row(row),
        row["csrf_token"],
        row["expires_at"],
        row["seen_at"],
        row["second_factor"],
    )


async def touch_session(connection: Connection, secret_hash: bytes, now: datetime) -> None:
    """Note that the session is in use."""
    await connection.execute(
        "UPDATE session SET seen_at = $2 WHERE secret_hash = $1", secret_hash, now
    )


async def sessions_of(
    connection: Connection,
    person: PersonId,
    now: datetime,
    idle_since: datetime,
    this: bytes | None = None,
) -> list[SessionLine]:
    """The person's open sessions, newest first; ``this``: the hash of the one that asks."""
    rows = await connection.fetch(
        "SELECT id, address, created_at, seen_at, expires_at,"
        " secret_hash IS NOT DISTINCT FROM $4::bytea AS is_this FROM session"
        " WHERE person_id = $1 AND expires_at > $2 AND seen_at > $3 AND NOT awaits_code"
        " ORDER BY created_at DESC, id LIMIT 200",
        person,
        now,
        idle_since,
        this,
    )
    return [SessionLine(**dict(row)) for row in rows]


async def end_session_of_id(
    connection: Connection, session: uuid.UUID, person: PersonId, now: datetime
) -> bool:
    """End one session of the person; False when there is no open one of this name."""
    touched = await connection.execute(
        "UPDATE session SET expires_at = $3 WHERE id = $1 AND person_id = $2 AND expires_at > $3",
        session,
        person,
        now,
    )
    return touched == 1


async def end_session(
    connection: Connection, secret_hash: bytes, person: PersonId, now: datetime
) -> bool:
    """End the person's session; the row stays a while, since it names a known address."""
    touched = await connection.execute(
        "UPDATE session SET expires_at = $3"
        " WHERE secret_hash = $1 AND person_id = $2 AND expires_at > $3",
        secret_hash,
        person,
        now,
    )
    return touched == 1


async def end_sessions(
    connection: Connection, person: PersonId, now: datetime, but: bytes | None = None
) -> int:
    """End every session of the person but the one with this hash; gives how many."""
    return await connection.execute(
        "UPDATE session SET expires_at = $2 WHERE person_id = $1 AND expires_at > $2"
        " AND secret_hash IS DISTINCT FROM $3::bytea",
        person,
        now,
        but,
    )


async def remove_old_sessions(connection: Connection, before: datetime) -> int:
    """Remove sessions that ended before that moment."""
    return await connection.execute("DELETE FROM session WHERE expires_at < $1", before)
