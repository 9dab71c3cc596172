"""Uploads: opening, taking, ending. What arrives of them is in ``upload_arrivals``.

Offsets, parts, pieces and leases are no evidence.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from recorder.domain.ids import RecordingId, UploadId
from recorder.domain.upload import Part, Upload, UploadState
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

_COLUMNS = (
    "id, agency_id, state, length_bytes, offset_bytes, part_bytes, object_key, multipart_id,"
    " fence, holder, holder_seen_at, lock_until, recording_id, ended_early, created_at, expires_at"
)


@dataclass(frozen=True, slots=True)
class Transfer:
    """All that is known of an upload: what a completion makes its recording of."""

    upload: Upload
    opened_by: str
    #: The sender's Upload-Metadata header as it came.
    raw_metadata: str
    agency_code: str
    #: What the sender said, as resolved at creation.
    facts: dict[str, object]
    #: Stored parts in the order of their offsets.
    parts: tuple[Part, ...]
    #: The device, or the one that sends in its name, is suspended or lost by now.
    is_suspended: bool


def _from_row(row: Row) -> Upload:
    return Upload(
        id=row["id"],
        agency=row["agency_id"],
        state=UploadState(row["state"]),
        length=row["length_bytes"],
        offset=row["offset_bytes"],
        part_bytes=row["part_bytes"],
        key=row["object_key"],
        multipart_id=row["multipart_id"],
        fence=row["fence"],
        holder=row["holder"],
        holder_seen_at=row["holder_seen_at"],
        lock_until=row["lock_until"],
        recording=row["recording_id"],
        ended_early=row["ended_early"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )


async def insert(
    connection: Connection,
    upload: Upload,
    *,
    opened_by: str,
    facts: dict[str, object],
    raw_metadata: str,
) -> None:
    """Write the intent row of a new upload."""
    await connection.execute(
        "INSERT INTO upload (id, agency_id, opened_by, length_bytes, part_bytes, object_key,"
        " lock_until, recording_id, facts, raw_metadata, created_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        upload.id,
        upload.agency,
        opened_by,
        upload.length,
        upload.part_bytes,
        upload.key,
        upload.lock_until,
        upload.recording,
        facts,
        raw_metadata,
        upload.created_at,
        upload.expires_at,
    )


async def find(connection: Connection, upload_id: UploadId) -> Upload | None:
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM upload WHERE id = $1",  # noqa: S608 - constant text
        upload_id,
    )
    return _from_row(row) if row else None


async def find_with_opener(
    connection: Connection, upload_id: UploadId
) -> tuple[Upload, str] | None:
    """The upload and who opened it; nobody else may continue it."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS}, opened_by FROM upload WHERE id = $1",  # noqa: S608 - constant text
        upload_id,
    )
    return (_from_row(row), row["opened_by"]) if row else None


async def find_transfer(connection: Connection, upload_id: UploadId) -> Transfer | None:
    """The upload with its sender's words and its parts, as they are at one moment."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS}, opened_by, raw_metadata, facts,"  # noqa: S608 - constant text
        " (SELECT a.code FROM agency a WHERE a.id = upload.agency_id) AS agency_code,"
        " ARRAY(SELECT ROW(p.part_number, p.offset_bytes, p.length_bytes, p.sha256, p.etag)"
        "  FROM upload_part p WHERE p.upload_id = upload.id ORDER BY p.offset_bytes) AS parts,"
        " EXISTS (SELECT FROM device d WHERE d.state <> 'active' AND d.id IN"
        "  ((facts ->> 'device_id')::uuid, CASE WHEN opened_by ~ '^device:[0-9a-f-]{36}$'"
        "  THEN substr(opened_by, 8)::uuid END)) AS is_suspended"
        " FROM upload WHERE id = $1",
        upload_id,
    )
    if row is None:
        return None
    return Transfer(
        _from_row(row),
        row["opened_by"],
        row["raw_metadata"],
        row["agency_code"],
        row["facts"],
        tuple(Part(*part) for part in row["parts"]),
        row["is_suspended"],
    )


async def words_of(connection: Connection, upload_id: UploadId) -> tuple[str, str]:
    """Who opened the upload, and the sender's Upload-Metadata header as it came."""
    row = await connection.fetchrow(
        "SELECT opened_by, raw_metadata FROM upload WHERE id = $1", upload_id
    )
    return (row["opened_by"], row["raw_metadata"]) if row else ("", "")


async def facts_of(connection: Connection, upload_id: UploadId) -> dict[str, object]:
    """What the sender said, as resolved at creation."""
    facts: dict[str, object] = await connection.fetchval(
        "SELECT facts FROM upload WHERE id = $1", upload_id
    )
    return facts


async def take(
    connection: Connection,
    upload_id: UploadId,
    holder: str,
    now: datetime,
    *,
    offset: int | None = None,
    expired_by: datetime | None = None,
) -> Upload | None:
    """Become the holder of an open upload; the fence grows when another one may still be at it.

    One that has let go writes no more, and what it left is gone on with under its fence.

    None, and nobody is disturbed, when the upload is not open, does not stand at ``offset`` or
    was not past its expiry at ``expired_by`` (any more).
    """
    row = await connection.fetchrow(
        "UPDATE upload SET fence = fence + coalesce(holder <> $2, false)::int, holder = $2,"  # noqa: S608 - constant text
        " holder_seen_at = $3 WHERE id = $1 AND state = 'open'"
        " AND ($4::bigint IS NULL OR offset_bytes = $4)"
        " AND ($5::timestamptz IS NULL OR expires_at <= $5)"
        f" RETURNING {_COLUMNS}",
        upload_id,
        holder,
        now,
        offset,
        expired_by,
    )
    return _from_row(row) if row else None


async def let_go(connection: Connection, upload_id: UploadId, fence: int) -> None:
    """Say that the holder under this fence holds nothing any more."""
    await connection.execute(
        "UPDATE upload SET holder = NULL WHERE id = $1 AND fence = $2", upload_id, fence
    )


async def notify_holder(connection: Connection, channel: str, upload_id: UploadId) -> None:
    """Ask whoever holds the upload to make its buffers durable."""
    await connection.execute("SELECT pg_notify($1, $2)", channel, str(upload_id))


async def touch(
    connection: Connection, held: Sequence[tuple[UploadId, int]], now: datetime
) -> set[UploadId]:
    """Show that the holder of these uploads lives, each with its fence; says which are its own."""
    rows = await connection.fetch(
        "UPDATE upload u SET holder_seen_at = $3"
        " FROM unnest($1::uuid[], $2::bigint[]) AS held (id, fence)"
        " WHERE u.id = held.id AND u.fence = held.fence AND u.state = 'open' RETURNING u.id",
        [upload_id for upload_id, _ in held],
        [fence for _, fence in held],
        now,
    )
    return {row["id"] for row in rows}


async def name_multipart(
    connection: Connection, upload_id: UploadId, fence: int, multipart_id: str, intent: uuid.UUID
) -> int | None:
    """Name the multipart upload before the first byte is sent under it; its intent is fulfilled.

    The number of its first part: most uploads have no other. None, and the intent stays, when it
    is somebody else's turn by now, there is one already, or the intent was swept.
    """
    first: int | None = await connection.fetchval(
        "WITH mine AS (SELECT id FROM upload WHERE id = $1 AND fence = $2 AND state = 'open'"
        "   AND multipart_id IS NULL FOR UPDATE),"
        " fulfilled AS (DELETE FROM store_intent i USING mine"
        "   WHERE i.id = $4 AND i.swept_at IS NULL RETURNING mine.id)"
        " UPDATE upload u SET multipart_id = $3, next_part = u.next_part + 1"
        " FROM fulfilled f WHERE u.id = f.id RETURNING u.next_part - 1",
        upload_id,
        fence,
        multipart_id,
        intent,
    )
    return first


async def reserve_parts(
    connection: Connection, upload_id: UploadId, fence: int, count: int
) -> int | None:
    """Take so many part numbers that were never used: the first of them; None if taken over."""
    first: int | None = await connection.fetchval(
        "UPDATE upload SET next_part = next_part + $3"
        " WHERE id = $1 AND fence = $2 AND state = 'open' RETURNING next_part - $3",
        upload_id,
        fence,
        count,
    )
    return first


async def begin_completion(
    connection: Connection, upload_id: UploadId, *, fence: int | None
) -> bool:
    """Stop taking bytes: open → completing, when all of them are in parts.

    An upload that is not full needs the ``fence`` of its holder and ends early. False when bytes
    are missing, in pieces, or somebody else's by now.
    """
    touched = await connection.execute(
        "UPDATE upload SET state = 'completing', ended_early = offset_bytes < length_bytes"
        " WHERE id = $1 AND state = 'open' AND (offset_bytes = length_bytes OR fence = $2)"
        " AND NOT EXISTS (SELECT FROM upload_piece p WHERE p.upload_id = $1"
        "  AND p.state = 'durable')",
        upload_id,
        fence,
    )
    return touched == 1


async def finish(change: Change, upload_id: UploadId, recording: RecordingId) -> bool:
    """Completing → finished, naming the recording that stands for it; False if it was finished."""
    touched = await change.connection.execute(
        "UPDATE upload SET state = 'finished', recording_id = $2, finished_at = $3, holder = NULL"
        " WHERE id = $1 AND state = 'completing'",
        upload_id,
        recording,
        change.now,
    )
    return touched == 1


async def remove_empty(
    connection: Connection, upload_id: UploadId, now: datetime, *, expired_by: datetime | None
) -> bool:
    """End an upload that has no byte; False when it has one, or was not expired by then."""
    touched = await connection.execute(
        "UPDATE upload SET state = 'removed', finished_at = $2"
        " WHERE id = $1 AND state = 'open' AND offset_bytes = 0"
        " AND ($3::timestamptz IS NULL OR expires_at <= $3)",
        upload_id,
        now,
        expired_by,
    )
    return touched == 1


async def postpone(
    connection: Connection, upload_id: UploadId, now: datetime, first: timedelta, longest: timedelta
) -> datetime | None:
    """Let others come first: this one could not be ended. Says when it is tried again.

    The pause is twice as long each time, from ``first`` to ``longest``.
    """
    next_try: datetime | None = await connection.fetchval(
        "UPDATE upload SET end_tries = end_tries + 1, next_try_at = $2::timestamptz"
        " + least($3::interval * power(2, least(end_tries, 20)), $4::interval)"
        " WHERE id = $1 AND state IN ('open', 'completing') RETURNING next_try_at",
        upload_id,
        now,
        first,
        longest,
    )
    return next_try


async def overdue(connection: Connection, now: datetime, limit: int) -> list[UploadId]:
    """Open uploads past their expiry, and completions that nobody seems to carry on."""
    rows = await connection.fetch(
        "SELECT id FROM upload WHERE state IN ('open', 'completing')"
        " AND (next_try_at IS NULL OR next_try_at <= $1)"
        " AND ((state = 'open' AND expires_at <= $1)"
        " OR ((state = 'completing' OR offset_bytes = length_bytes)"
        "     AND coalesce(last_byte_at, created_at) < $1 - interval '60 seconds'))"
        " ORDER BY expires_at LIMIT $2",
        now,
        limit,
    )
    return [row["id"] for row in rows]


def object_key(recording: uuid.UUID, received: datetime) -> str:
    """Where an original lies: by day and recording; a key carries no personal data."""
    return f"{received:%Y/%m/%d}/{recording}/original"
