"""What the audit reads of unfinished uploads and their parts. Reads only."""

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
    #: The number of the part; None for a tail.
    number: int | None
    #: The store's own word for the part; of bytes in a folder, whose file they lie in.
    etag: str

    @property
    def writer(self) -> int | None:
        """Whose file they lie in; None when the row does not say."""
        return int(self.etag) if self.etag.isdecimal() else None


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


async def arrived(
    connection: Connection, upload: UploadId, *, completing: bool = True
) -> list[Arrived]:
    """What an unfinished upload has in its parts and its writers' files, by offset; nothing of a
    finished one, nor, unless asked for, of one whose completion has begun.
    """
    rows = await connection.fetch(
        "SELECT a.* FROM upload u,"
        " LATERAL (SELECT offset_bytes, length_bytes, sha256, part_number, etag FROM upload_part"
        "   WHERE upload_id = u.id"
        "  UNION ALL SELECT offset_bytes, length_bytes, sha256, NULL, fence::text"
        "   FROM upload_piece"
        "   WHERE upload_id = u.id AND state = 'durable' AND fence IS NOT NULL) AS a"
        " WHERE u.id = $1 AND (u.state = 'open' OR ($2 AND u.state = 'completing'))"
        " ORDER BY a.offset_bytes",
        upload,
        completing,
    )
    return [Arrived(*row) for row in rows]


async def newest_given(connection: Connection, upload: UploadId) -> tuple[int, int] | None:
    """The last fence and part number that an unfinished upload has given out by now; None when
    it is finished.
    """
    row = await connection.fetchrow(
        "SELECT fence, next_part - 1 FROM upload WHERE id = $1 AND state IN ('open', 'completing')",
        upload,
    )
    return (row[0], row[1]) if row else None
