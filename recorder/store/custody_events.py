"""Custody events: append only. Below change.py, which alone appends."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.events import CustodyEvent, SubjectKind
from recorder.domain.ids import EventId, new_uuid
from recorder.domain.people import Actor
from recorder.ledger import canonical
from recorder.store.connection import Connection, Row

#: First half of the keys of our advisory locks: turns among events of one subject.
_TURNS = 0x43555354
#: A change of thousands of subjects holds no more locks than this.
_BUCKETS = 1024


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event as it stands in the table."""

    position: int
    id: EventId
    at: datetime
    name: str
    actor_kind: str
    actor_id: str
    actor_name: str
    subject_kind: str
    subject_id: uuid.UUID
    facts: dict[str, object]
    leaf: bytes


def _from_row(row: Row) -> RecordedEvent:
    return RecordedEvent(
        position=row["position"],
        id=row["id"],
        at=row["at"],
        name=row["name"],
        actor_kind=row["actor_kind"],
        actor_id=row["actor_id"],
        actor_name=row["actor_name"],
        subject_kind=row["subject_kind"],
        subject_id=row["subject_id"],
        facts=row["facts"],
        leaf=row["leaf"],
    )


async def append(
    connection: Connection, actor: Actor, at: datetime, events: Sequence[CustodyEvent]
) -> None:
    """Write the events in order, with their canonical bytes, inside the open transaction.

    Until its end nobody else appends to the same subjects: a sequence hands out positions before
    commits, and a reader of one subject must never find a smaller one behind a larger one. So
    this is to be the transaction's last statement.
    """
    ids = [new_uuid(at) for _ in events]
    bodies = [
        event.body(event_id=event_id, at=at, actor=actor)
        for event_id, event in zip(ids, events, strict=True)
    ]
    await connection.execute(
        # Every turn is taken, in one order for everybody, before the first position is: of a
        # join, each side is there before its first row.
        "WITH turns AS MATERIALIZED (SELECT count(*) FROM"
        "   (SELECT pg_advisory_xact_lock($1, bucket) FROM unnest($2::int[]) AS bucket) AS turn)"
        " INSERT INTO custody_event (id, at, name, actor_kind, actor_id, actor_name, agency_id,"
        " subject_kind, subject_id, facts, leaf)"
        " SELECT e.id, $3::timestamptz, e.name, $4::text, $5::text, $6::text, e.agency_id,"
        " e.subject_kind, e.subject_id, e.facts, e.leaf FROM turns,"
        " unnest($7::uuid[], $8::text[], $9::uuid[], $10::text[], $11::uuid[], $12::jsonb[],"
        " $13::bytea[]) WITH ORDINALITY AS e (id, name, agency_id, subject_kind, subject_id, facts,"
        " leaf, n) ORDER BY e.n",
        _TURNS,
        sorted({event.subject.int % _BUCKETS for event in events}),
        at,
        actor.kind.value,
        actor.id,
        actor.name,
        ids,
        [event.name for event in events],
        [event.agency for event in events],
        [event.SUBJECT.value for event in events],
        [event.subject for event in events],
        [body["facts"] for body in bodies],
        [canonical.encode(body) for body in bodies],
    )


async def of_subject(
    connection: Connection,
    kind: SubjectKind,
    subject: uuid.UUID,
    *,
    after: int,
    limit: int,
) -> list[RecordedEvent]:
    """Events of one subject in their order, beginning behind position ``after``.

    A position seen once is never followed by a smaller one (``append``).
    """
    rows = await connection.fetch(
        "SELECT position, id, at, name, actor_kind, actor_id, actor_name, subject_kind,"
        " subject_id, facts, leaf FROM custody_event"
        " WHERE subject_kind = $1 AND subject_id = $2 AND position > $3"
        " ORDER BY position LIMIT $4",
        kind.value,
        subject,
        after,
        limit,
    )
    return [_from_row(row) for row in rows]


async def newest(
    connection: Connection, kind: SubjectKind, subject: uuid.UUID, name: str
) -> RecordedEvent | None:
    """The newest event of that name about the subject."""
    row = await connection.fetchrow(
        "SELECT position, id, at, name, actor_kind, actor_id, actor_name, subject_kind,"
        " subject_id, facts, leaf FROM custody_event"
        " WHERE subject_kind = $1 AND subject_id = $2 AND name = $3"
        " ORDER BY position DESC LIMIT 1",
        kind.value,
        subject,
        name,
    )
    return _from_row(row) if row else None


async def last_of_subject(
    connection: Connection, kind: SubjectKind, subject: uuid.UUID, *, without: str, limit: int
) -> list[RecordedEvent]:
    """The newest events of one subject in their order, but for those of one name."""
    rows = await connection.fetch(
        "SELECT * FROM (SELECT position, id, at, name, actor_kind, actor_id, actor_name,"
        " subject_kind, subject_id, facts, leaf FROM custody_event"
        " WHERE subject_kind = $1 AND subject_id = $2 AND name <> $3"
        " ORDER BY position DESC LIMIT $4) AS last ORDER BY position",
        kind.value,
        subject,
        without,
        limit,
    )
    return [_from_row(row) for row in rows]
