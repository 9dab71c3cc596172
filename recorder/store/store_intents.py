"""Intents: what is about to be made in the object store. Not evidence; rows that go when done."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from recorder.domain.ids import TaskRunId, UploadId
from recorder.store.connection import Connection, Row


@dataclass(frozen=True, slots=True)
class StoreIntent:
    """One thing that was going to be made under ``key`` and that no other row names."""

    id: uuid.UUID
    kind: Literal["multipart", "rendition"]
    key: str


async def intend_multipart(
    connection: Connection, intent: uuid.UUID, upload_id: UploadId, key: str, now: datetime
) -> None:
    """Say that a multipart upload of this key is about to be made, or to be aborted."""
    await connection.execute(
        "INSERT INTO store_intent (id, kind, object_key, upload_id, created_at)"
        " VALUES ($1, 'multipart', $2, $3, $4)",
        intent,
        key,
        upload_id,
        now,
    )


async def intend_rendition(
    connection: Connection,
    intent: uuid.UUID,
    run: TaskRunId,
    attempt: int,
    key: str,
    now: datetime,
) -> bool:
    """Say that this attempt is about to write this object; False when it is no longer its turn."""
    written = await connection.execute(
        "INSERT INTO store_intent (id, kind, object_key, run_id, attempt, created_at)"
        " SELECT $1, 'rendition', $2, r.id, r.attempt, $5 FROM task_run r"
        " WHERE r.id = $3 AND r.attempt = $4 AND r.state = 'claimed'",
        intent,
        key,
        run,
        attempt,
        now,
    )
    return written == 1


async def fulfil(connection: Connection, intent: uuid.UUID) -> bool:
    """Drop an intent, in the transaction that names what was made; False when it was swept."""
    dropped = await connection.execute(
        "DELETE FROM store_intent WHERE id = $1 AND swept_at IS NULL", intent
    )
    return dropped == 1


async def fulfil_key(connection: Connection, key: str) -> None:
    """Drop the intents of a key that a row has just adopted."""
    await connection.execute("DELETE FROM store_intent WHERE object_key = $1", key)


async def claim_leftover(
    connection: Connection, before: datetime, now: datetime, limit: int
) -> list[StoreIntent]:
    """Intents older than ``before`` whose writer is gone, claimed for the sweep, oldest first.

    From now on nobody fulfils them. The intent of an attempt that still has its run is left
    alone; one that was claimed earlier and not dropped is given again.
    """
    rows = await connection.fetch(
        "UPDATE store_intent SET swept_at = $2 WHERE id IN (SELECT i.id FROM store_intent i"
        " LEFT JOIN task_run r ON r.id = i.run_id WHERE i.created_at < $1"
        " AND (i.kind = 'multipart' OR r.state <> 'claimed' OR r.attempt <> i.attempt)"
        " ORDER BY i.created_at LIMIT $3 FOR UPDATE OF i SKIP LOCKED)"
        " RETURNING id, kind, object_key",
        before,
        now,
        limit,
    )
    return [_from_row(row) for row in rows]


async def drop_swept(connection: Connection, intents: Sequence[uuid.UUID]) -> None:
    """Forget intents whose leftovers are gone from the store."""
    await connection.execute(
        "DELETE FROM store_intent WHERE id = ANY($1) AND swept_at IS NOT NULL", list(intents)
    )


async def named_multipart(connection: Connection, key: str) -> str | None:
    """The multipart upload of this key that an unfinished upload still needs."""
    found: str | None = await connection.fetchval(
        "SELECT multipart_id FROM upload WHERE object_key = $1 AND state IN ('open', 'completing')",
        key,
    )
    return found


async def is_adopted(connection: Connection, key: str) -> bool:
    """Whether a rendition is this object."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM rendition WHERE object_key = $1)", key
    )
    return found


def _from_row(row: Row) -> StoreIntent:
    return StoreIntent(row["id"], row["kind"], row["object_key"])
