"""What the audit reads of unfinished uploads whose bytes lie at their places. Reads only."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from recorder.domain.ids import UploadId
from recorder.store.connection import Connection


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """An unfinished upload that has a multipart upload."""

    id: UploadId
    key: str
    multipart_id: str
    #: No writer of it ever had a greater one.
    fence: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """Acknowledged bytes: a part, or a tail in place."""

    offset: int
    length: int
    sha256: bytes
    #: Whose file they lie in; None when the row does not say.
    writer: int | None


async def unfinished_page(
    connection: Connection, after: uuid.UUID | None, limit: int
) -> list[OpenUpload]:
    """Unfinished uploads with a multipart upload, by id."""
    rows = await connection.fetch(
        "SELECT id, object_key, multipart_id, fence FROM upload"
        " WHERE state IN ('open', 'completing') AND multipart_id IS NOT NULL"
        " AND ($1::uuid IS NULL OR id > $1) ORDER BY id LIMIT $2",
        after,
        limit,
    )
    return [OpenUpload(*row) for row in rows]


async def arrived(connection: Connection, upload: UploadId) -> list[Arrived]:
    """What an unfinished upload has in its writers' files, by offset; nothing of a finished one."""
    rows = await connection.fetch(
        "SELECT a.offset_bytes, a.length_bytes, a.sha256, a.writer FROM upload u,"
        " LATERAL (SELECT offset_bytes, length_bytes, sha256, etag AS writer FROM upload_part"
        "   WHERE upload_id = u.id"
        "  UNION ALL SELECT offset_bytes, length_bytes, sha256, fence::text FROM upload_piece"
        "   WHERE upload_id = u.id AND state = 'durable' AND fence IS NOT NULL) AS a"
        " WHERE u.id = $1 AND u.state IN ('open', 'completing') ORDER BY a.offset_bytes",
        upload,
    )
    return [
        Arrived(
            row["offset_bytes"],
            row["length_bytes"],
            row["sha256"],
            int(row["writer"]) if row["writer"].isdecimal() else None,
        )
        for row in rows
    ]


async def newest_fence(connection: Connection, upload: UploadId) -> int | None:
    """The fence of an unfinished upload as it is now; None when it is finished."""
    fence: int | None = await connection.fetchval(
        "SELECT fence FROM upload WHERE id = $1 AND state IN ('open', 'completing')", upload
    )
    return fence
