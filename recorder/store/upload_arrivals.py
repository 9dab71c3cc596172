"""What has arrived of an upload: its parts, and the pieces of a tail that is no part yet.

Whatever moves the offset is one statement that also names the bytes behind it, under the fence:
all of it holds, or nothing. No evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from recorder.domain.ids import UploadId
from recorder.domain.upload import Part, Piece
from recorder.store.connection import Connection


async def add_parts(
    connection: Connection,
    upload_id: UploadId,
    fence: int,
    parts: Sequence[Part],
    now: datetime,
    expires_at: datetime | None,
    *,
    ends: bool,
) -> bool:
    """Name parts that lie one behind the other, and the offset behind them; False if taken over.

    Pieces that they cover are absorbed. ``ends``: no byte comes behind them; the completion begins,
    of all bytes or early, unless some are in another piece still. The expiry slides with the
    offset; None: no byte came, only its place changes. Again after an uncertain commit is harmless.
    """
    moved = await connection.execute(
        "WITH ending AS (SELECT $7::boolean AND NOT EXISTS (SELECT FROM upload_piece p"
        "   WHERE p.upload_id = $1 AND p.state = 'durable'"
        "   AND (p.offset_bytes < $3 OR p.offset_bytes >= $4)) AS begins),"
        " moved AS (UPDATE upload SET offset_bytes = greatest(offset_bytes, $4::bigint),"
        "   last_byte_at = $5, holder_seen_at = $5, expires_at = coalesce($6, expires_at),"
        "   state = CASE WHEN e.begins THEN 'completing' ELSE state END,"
        "   ended_early = e.begins AND $4 < length_bytes"
        "   FROM ending e WHERE id = $1 AND fence = $2 AND state = 'open' RETURNING id),"
        " arrived AS (INSERT INTO upload_part"
        "   (upload_id, offset_bytes, length_bytes, part_number, sha256, etag)"
        "   SELECT m.id, p.* FROM moved m,"
        "   unnest($8::bigint[], $9::bigint[], $10::int[], $11::bytea[], $12::text[]) AS p"
        "   ON CONFLICT (upload_id, offset_bytes) DO NOTHING),"
        " absorbed AS (UPDATE upload_piece p SET state = 'absorbed' FROM moved m"
        "   WHERE p.upload_id = m.id AND p.state = 'durable'"
        "   AND p.offset_bytes >= $3 AND p.offset_bytes < $4)"
        " SELECT FROM moved",
        upload_id, fence, parts[0].offset, parts[-1].offset + parts[-1].length,
        now, expires_at, ends,
        [part.offset for part in parts],
        [part.length for part in parts],
        [part.number for part in parts],
        [part.sha256 for part in parts],
        [part.etag for part in parts],
    )  # fmt: skip
    return moved == 1


async def intend_piece(
    connection: Connection, upload_id: UploadId, key: str, offset: int, length: int, now: datetime
) -> None:
    """Claim a staging key before its bytes are written."""
    await connection.execute(
        "INSERT INTO upload_piece (object_key, upload_id, offset_bytes, length_bytes, created_at)"
        " VALUES ($1, $2, $3, $4, $5)",
        key,
        upload_id,
        offset,
        length,
        now,
    )


async def confirm_piece(
    connection: Connection,
    upload_id: UploadId,
    fence: int,
    piece: Piece,
    now: datetime,
    expires_at: datetime | None,
) -> bool:
    """Intended → durable: its bytes are in staging, and the offset is behind them.

    Pieces that it holds as well are absorbed. False when it was swept, or somebody has taken over.
    """
    moved = await connection.execute(
        # Locked first: a piece that is swept in this moment must not move the offset.
        "WITH intended AS (SELECT object_key FROM upload_piece"
        "   WHERE object_key = $6 AND removed_at IS NULL FOR UPDATE),"
        " moved AS (UPDATE upload SET offset_bytes = greatest(offset_bytes, $8::bigint),"
        "   last_byte_at = $4, holder_seen_at = $4, expires_at = coalesce($5, expires_at)"
        "   WHERE id = $1 AND fence = $2 AND state = 'open' AND EXISTS (SELECT FROM intended)"
        "   RETURNING id),"
        " confirmed AS (UPDATE upload_piece p SET state = 'durable', sha256 = $7, version = $9"
        "   FROM moved m WHERE p.object_key = $6 AND p.upload_id = m.id),"
        " absorbed AS (UPDATE upload_piece p SET state = 'absorbed' FROM moved m"
        "   WHERE p.upload_id = m.id AND p.state = 'durable' AND p.object_key <> $6"
        "   AND p.offset_bytes >= $3 AND p.offset_bytes < $8)"
        " SELECT FROM moved",
        upload_id, fence, piece.offset, now, expires_at,
        piece.key, piece.sha256, piece.offset + piece.length, piece.version,
    )  # fmt: skip
    return moved == 1


async def place_piece(
    connection: Connection,
    upload_id: UploadId,
    fence: int,
    piece: Piece,
    now: datetime,
    expires_at: datetime | None,
) -> bool:
    """Name durable bytes in their writer's file, and the offset behind them; False if taken over.

    Again with more of them, it names those as well. Pieces that it holds are absorbed. It has no
    object in staging, so it counts as removed from there at once.
    """
    moved = await connection.execute(
        "WITH ours AS (UPDATE upload SET offset_bytes = greatest(offset_bytes, $8::bigint),"
        "   last_byte_at = $4, holder_seen_at = $4, expires_at = coalesce($5, expires_at)"
        "   WHERE id = $1 AND fence = $2 AND state = 'open' RETURNING id),"
        " placed AS (INSERT INTO upload_piece (object_key, upload_id, state, offset_bytes,"
        "   length_bytes, sha256, version, fence, created_at, removed_at)"
        "   SELECT $6::text, m.id, 'durable', $3::bigint, $8::bigint - $3::bigint, $7::bytea,"
        "   $9::text, $10::bigint, $4, $4 FROM ours m"
        "   ON CONFLICT (object_key) DO UPDATE SET length_bytes = excluded.length_bytes,"
        "   sha256 = excluded.sha256 WHERE upload_piece.state = 'durable'),"
        " absorbed AS (UPDATE upload_piece p SET state = 'absorbed' FROM ours m"
        "   WHERE p.upload_id = m.id AND p.state = 'durable' AND p.object_key <> $6"
        "   AND p.offset_bytes >= $3 AND p.offset_bytes < $8)"
        " SELECT FROM ours",
        upload_id, fence, piece.offset, now, expires_at,
        piece.key, piece.sha256, piece.offset + piece.length, piece.version, piece.writer,
    )  # fmt: skip
    return moved == 1


async def absorb_pieces(connection: Connection, upload_id: UploadId, end: int) -> None:
    """Durable pieces that begin before ``end`` → absorbed: an original holds their bytes."""
    await connection.execute(
        "UPDATE upload_piece SET state = 'absorbed' WHERE upload_id = $1 AND state = 'durable'"
        " AND offset_bytes < $2",
        upload_id,
        end,
    )


async def parts(connection: Connection, upload_id: UploadId) -> list[Part]:
    """Stored parts in the order of their offsets."""
    rows = await connection.fetch(
        "SELECT part_number, offset_bytes, length_bytes, sha256, etag FROM upload_part"
        " WHERE upload_id = $1 ORDER BY offset_bytes",
        upload_id,
    )
    return [Part(*row) for row in rows]


async def pieces(connection: Connection, upload_id: UploadId) -> list[Piece]:
    """The durable tail that is in no part yet, in the order of offsets."""
    rows = await connection.fetch(
        "SELECT offset_bytes, length_bytes, sha256, object_key, version, fence FROM upload_piece"
        " WHERE upload_id = $1 AND state = 'durable' ORDER BY offset_bytes",
        upload_id,
    )
    return [Piece(*row) for row in rows]
