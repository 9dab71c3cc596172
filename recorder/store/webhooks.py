"""Endpoints of other systems, and deliveries of messages to them.

Endpoints are made and stopped in a Change. How delivering goes is no evidence: those functions take
a plain Connection.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from recorder.domain.ids import AgencyId
from recorder.domain.people import Scope
from recorder.domain.webhook import PATIENCE, Attempt, Topic, rest
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

#: A worker that dies with a message in its hands keeps it for so long.
LEASE = timedelta(minutes=1)
_COLUMNS = (
    "w.id, w.agency_id, a.code AS agency_code, w.city, w.url, w.topics, w.created_at,"
    " w.stopped_at, w.stopped_why, w.troubles, w.rests_until"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where messages go, without its secret."""

    id: uuid.UUID
    agency: AgencyId
    agency_code: str
    #: Hears of every agency.
    city: bool
    url: str
    topics: tuple[str, ...]
    created_at: datetime
    stopped_at: datetime | None
    stopped_why: str | None
    #: How many times in a row it was away, and until when it is left alone for that.
    troubles: int = 0
    rests_until: datetime | None = None


def _from_row(row: Row) -> Endpoint:
    return Endpoint(
        id=row["id"],
        agency=row["agency_id"],
        agency_code=row["agency_code"],
        city=row["city"],
        url=row["url"],
        topics=tuple(row["topics"]),
        created_at=row["created_at"],
        stopped_at=row["stopped_at"],
        stopped_why=row["stopped_why"],
        troubles=row["troubles"],
        rests_until=row["rests_until"],
    )


# --- endpoints -----------------------------------------------------------------------------------


async def insert(change: Change, endpoint: Endpoint, secret: bytes) -> None:
    """Write an endpoint; ``secret`` is sealed."""
    await change.connection.execute(
        "INSERT INTO webhook_endpoint (id, agency_id, city, url, secret, topics, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        endpoint.id,
        endpoint.agency,
        endpoint.city,
        endpoint.url,
        secret,
        list(endpoint.topics),
        endpoint.created_at,
    )


async def listed(connection: Connection, scope: Scope) -> list[Endpoint]:
    """Endpoints of the scope, stopped ones last; there are few, so they come in one piece."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM webhook_endpoint w JOIN agency a ON a.id = w.agency_id"  # noqa: S608 - constant text
        " WHERE in_scope(w.agency_id, $1)"
        " ORDER BY w.stopped_at IS NOT NULL, w.created_at, w.id",
        scope.agencies,
    )
    return [_from_row(row) for row in rows]


async def find(connection: Connection, endpoint: uuid.UUID, scope: Scope) -> Endpoint | None:
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM webhook_endpoint w JOIN agency a ON a.id = w.agency_id"  # noqa: S608 - constant text
        " WHERE w.id = $1 AND in_scope(w.agency_id, $2)",
        endpoint,
        scope.agencies,
    )
    return _from_row(row) if row else None


async def stop(change: Change, endpoint: uuid.UUID, why: str) -> bool:
    """Send nothing there any more; False when it was so already."""
    touched = await change.connection.execute(
        "UPDATE webhook_endpoint SET stopped_at = $2, stopped_why = $3"
        " WHERE id = $1 AND stopped_at IS NULL",
        endpoint,
        change.now,
        why,
    )
    return touched == 1


# --- deliveries ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Due:
    """A message in somebody's hands, with how often it has been tried."""

    endpoint: uuid.UUID
    position: int
    url: str
    #: Sealed.
    secret: bytes
    message: uuid.UUID
    body: str
    attempts: int
    #: How many times in a row the receiver was away before.
    troubles: int = 0


async def claim(connection: Connection, now: datetime, limit: int) -> list[Due]:
    """Take due messages in hand, passing over those that others hold.

    Receivers take turns, so that one with a long queue keeps no other waiting; one that is away
    is left alone for a while and then tried with a single message.
    """
    rows = await connection.fetch(
        "WITH queues AS (SELECT d.*, row_number() OVER (PARTITION BY d.endpoint_id"
        "   ORDER BY d.due_at, d.position) AS turn FROM webhook_endpoint w"
        "  CROSS JOIN LATERAL (SELECT endpoint_id, position, due_at FROM webhook_delivery"
        "   WHERE endpoint_id = w.id AND state = 'waiting' AND due_at <= $1"
        "   ORDER BY due_at, position LIMIT CASE WHEN w.troubles > 0 THEN 1 ELSE $2::bigint END) d"
        "  WHERE w.stopped_at IS NULL AND (w.rests_until IS NULL OR w.rests_until <= $1)),"
        " due AS (SELECT d.endpoint_id, d.position FROM webhook_delivery d JOIN"
        "   (SELECT endpoint_id, position FROM queues ORDER BY turn, due_at, position"
        "    LIMIT $2::bigint) q"
        "   ON q.endpoint_id = d.endpoint_id AND q.position = d.position"
        "  WHERE d.state = 'waiting' AND d.due_at <= $1 FOR UPDATE OF d SKIP LOCKED)"
        " UPDATE webhook_delivery d SET due_at = $3, attempts = d.attempts + 1, tried_at = $1"
        " FROM due, webhook_endpoint w, webhook_message m"
        " WHERE d.endpoint_id = due.endpoint_id AND d.position = due.position"
        " AND w.id = d.endpoint_id AND m.position = d.position"
        " RETURNING d.endpoint_id, d.position, w.url, w.secret, m.id, m.body, d.attempts,"
        " w.troubles",
        now,
        limit,
        now + LEASE,
    )
    found = [
        Due(
            row["endpoint_id"],
            row["position"],
            row["url"],
            row["secret"],
            row["id"],
            row["body"],
            row["attempts"],
            row["troubles"],
        )
        for row in rows
    ]
    return sorted(found, key=lambda due: due.position)


async def settle(
    connection: Connection, due: Due, attempt: Attempt, next_at: datetime | None
) -> None:
    """Note how a try ended: taken, to be tried again at ``next_at``, or failed for good."""
    state = "taken" if attempt.is_taken else "waiting" if next_at else "failed"
    await connection.execute(
        "UPDATE webhook_delivery SET state = $3, due_at = coalesce($4, due_at), status = $5,"
        " trouble = $6 WHERE endpoint_id = $1 AND position = $2",
        due.endpoint,
        due.position,
        state,
        next_at,
        attempt.status,
        attempt.trouble,
    )


async def note_receiver(connection: Connection, due: Due, now: datetime, *, away: bool) -> None:
    """Leave the receiver alone for a while, or no longer; what waited too long for it has failed.

    Of several that found it away at once the first counts.
    """
    if not away:
        await connection.execute(
            "UPDATE webhook_endpoint SET troubles = 0, rests_until = NULL"
            " WHERE id = $1 AND troubles > 0",
            due.endpoint,
        )
        return
    troubles = due.troubles + 1
    await connection.execute(
        "UPDATE webhook_endpoint SET troubles = $2, rests_until = $3"
        " WHERE id = $1 AND troubles < $2",
        due.endpoint,
        troubles,
        now + rest(troubles),
    )
    await connection.execute(
        "UPDATE webhook_delivery SET state = 'failed', trouble = 'receiver-away'"
        " WHERE endpoint_id = $1 AND state = 'waiting' AND due_at < $2",
        due.endpoint,
        now - PATIENCE,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one endpoint, and how it went."""

    position: int
    message: uuid.UUID
    topic: Topic
    made_at: datetime
    state: str
    attempts: int
    tried_at: datetime | None
    due_at: datetime
    status: int | None
    trouble: str | None


async def deliveries(
    connection: Connection, endpoint: uuid.UUID, after: int, limit: int
) -> list[Delivery]:
    """Messages to an endpoint in their order, beginning behind a position."""
    rows = await connection.fetch(
        "SELECT d.position, m.id, m.topic, m.made_at, d.state, d.attempts, d.tried_at, d.due_at,"
        " d.status, d.trouble FROM webhook_delivery d JOIN webhook_message m USING (position)"
        " WHERE d.endpoint_id = $1 AND d.position > $2 ORDER BY d.position LIMIT $3",
        endpoint,
        after,
        limit,
    )
    return [
        Delivery(
            position=row["position"],
            message=row["id"],
            topic=Topic(row["topic"]),
            made_at=row["made_at"],
            state=row["state"],
            attempts=row["attempts"],
            tried_at=row["tried_at"],
            due_at=row["due_at"],
            status=row["status"],
            trouble=row["trouble"],
        )
        for row in rows
    ]


async def replay(change: Change, endpoint: uuid.UUID, after: int, states: Collection[str]) -> int:
    """Send messages behind a position again, those in one of these states; how many.

    The receiver is not left alone any more: somebody says that it is there.
    """
    await change.connection.execute(
        "UPDATE webhook_endpoint SET troubles = 0, rests_until = NULL WHERE id = $1", endpoint
    )
    return await change.connection.execute(
        "UPDATE webhook_delivery SET state = 'waiting', due_at = $4::timestamptz, attempts = 0"
        " WHERE endpoint_id = $1 AND position > $2 AND state = ANY($3::text[])",
        endpoint,
        after,
        list(states),
        change.now,
    )
