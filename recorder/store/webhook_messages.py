"""Messages for other systems, written with the facts themselves. Below change.py."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from recorder.domain.events import CustodyEvent, SubjectKind
from recorder.domain.ids import new_uuid
from recorder.domain.webhook import body_of, topic_of
from recorder.store.connection import Connection


async def tell(connection: Connection, events: Sequence[CustodyEvent], now: datetime) -> None:
    """Write a message, and a delivery for each endpoint that wants it, with the facts."""
    told = [(event, topic) for event in events if (topic := topic_of(event)) is not None]
    if not told:
        return
    cases = {event.subject for event, _ in told if event.SUBJECT is SubjectKind.CASE}
    numbers = await _numbers(connection, cases) if cases else {}
    await connection.execute(
        "WITH told AS (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[])"
        "   AS t (id, agency_id, topic, body)),"
        " wanted AS (SELECT t.*, w.id AS endpoint_id FROM told t JOIN webhook_endpoint w"
        "   ON w.stopped_at IS NULL AND t.topic = ANY(w.topics)"
        "   AND (w.city OR w.agency_id = t.agency_id)),"
        " written AS (INSERT INTO webhook_message (id, agency_id, topic, body, made_at)"
        "   SELECT DISTINCT ON (id) id, agency_id, topic, body, $5::timestamptz FROM wanted"
        "   RETURNING id, position)"
        " INSERT INTO webhook_delivery (endpoint_id, position, due_at)"
        " SELECT w.endpoint_id, m.position, $5::timestamptz FROM wanted w"
        " JOIN written m ON m.id = w.id",
        [new_uuid(now) for _ in told],
        [event.agency for event, _ in told],
        [topic.value for _, topic in told],
        [body_of(event, topic, now, numbers.get(event.subject)) for event, topic in told],
        now,
    )


async def _numbers(
    connection: Connection, cases: Collection[uuid.UUID]
) -> dict[uuid.UUID, list[str]]:
    """The numbers of these cases, the first one first; of none where nobody is told anything."""
    rows = await connection.fetch(
        "SELECT case_id, array_agg(norm ORDER BY created_at, id) AS numbers FROM case_identifier"
        " WHERE case_id = ANY($1)"
        " AND EXISTS (SELECT FROM webhook_endpoint WHERE stopped_at IS NULL) GROUP BY case_id",
        list(cases),
    )
    return {row["case_id"]: row["numbers"] for row in rows}
