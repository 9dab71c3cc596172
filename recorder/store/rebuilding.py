"""Rows written anew from sidecars, and what the database knows of the store's originals."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from recorder.domain.ids import DockId
from recorder.domain.upload import Part, Upload
from recorder.store.change import Change
from recorder.store.connection import Connection


async def claimed(connection: Connection, keys: Sequence[str]) -> dict[str, bool]:
    """Which of these originals an upload or a livestream claims; True for what is finished.

    Every original came by one of them, duplicates too, and no row of either is ever removed.
    """
    rows = await connection.fetch(
        "SELECT object_key, state = 'finished' AS finished FROM upload"
        " WHERE object_key = ANY($1) AND state <> 'removed'"
        " UNION ALL SELECT object_key, true FROM livestream_segment WHERE object_key = ANY($1)"
        " UNION ALL SELECT object_key, true FROM volume_intent WHERE object_key = ANY($1)"
        " UNION ALL SELECT object_key, true FROM superseded_object WHERE object_key = ANY($1)"
        " UNION ALL SELECT object_key, true FROM original_object WHERE object_key = ANY($1)"
        " AND index_key IS NOT NULL"
        " UNION ALL SELECT o.index_key, true FROM original_object o"
        " JOIN unnest($1::text[]) AS given (key) ON o.n = 0"
        " AND key LIKE '%/volumes-%/index-%.json' AND o.index_key = key"
        " AND o.recording_id = substring(key FROM '/volumes-(.{36})/index-')::uuid"
        " UNION ALL SELECT key, true FROM unnest($1::text[]) AS given (key)"
        " JOIN livestream l ON l.key_prefix = regexp_replace(key, '/[^/]+[.]json$', '')"
        " WHERE key ~ '/live-[^/]+/[^/]+[.]json$'",
        list(keys),
    )
    return {row["object_key"]: row["finished"] for row in rows}


async def has_recordings(connection: Connection) -> bool:
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM recording WHERE integrity <> 'simulated')"
    )
    return found


async def dock_of(connection: Connection, dock: uuid.UUID) -> DockId | None:
    """The dock, if it is (still) there."""
    found: DockId | None = await connection.fetchval("SELECT id FROM dock WHERE id = $1", dock)
    return found


async def restore_upload(
    change: Change,
    upload: Upload,
    *,
    opened_by: str,
    facts: dict[str, object],
    raw_metadata: str,
) -> bool:
    """Write the upload as finished, or finish the one that an older database still has open.

    False when it is finished by now.
    """
    touched = await change.connection.execute(
        "INSERT INTO upload AS u (id, agency_id, opened_by, state, length_bytes, offset_bytes,"
        " part_bytes, object_key, lock_until, recording_id, ended_early, facts, raw_metadata,"
        " created_at, expires_at, finished_at)"
        " VALUES ($1, $2, $3, 'finished', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
        " ON CONFLICT (id) DO UPDATE SET state = 'finished', offset_bytes = $5, holder = NULL,"
        " recording_id = $9, ended_early = $10, finished_at = $15"
        " WHERE u.state IN ('open', 'completing')",
        upload.id,
        upload.agency,
        opened_by,
        upload.length,
        upload.offset,
        upload.part_bytes,
        upload.key,
        upload.lock_until,
        upload.recording,
        upload.ended_early,
        facts,
        raw_metadata,
        upload.created_at,
        upload.expires_at,
        change.now,
    )
    return touched == 1


async def restore_parts(change: Change, upload: Upload, parts: Sequence[Part]) -> None:
    """Write the list of what arrived as far as it is not there; numbers go on behind used ones."""
    await change.connection.execute(
        "INSERT INTO upload_part (upload_id, offset_bytes, length_bytes, part_number, sha256, etag)"
        " SELECT $1, p.at, p.length, p.n + coalesce((SELECT max(part_number) FROM upload_part"
        "   WHERE upload_id = $1), 0), p.sha256, ''"
        " FROM (SELECT at, length, sha256, row_number() OVER (ORDER BY at) AS n"
        "  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[]) AS said (at, length, sha256)"
        "  WHERE NOT EXISTS (SELECT FROM upload_part"
        "   WHERE upload_id = $1 AND offset_bytes = said.at)) AS p",
        upload.id,
        [part.offset for part in parts],
        [part.length for part in parts],
        [part.sha256 for part in parts],
    )


async def newest_event(connection: Connection) -> tuple[int, uuid.UUID] | None:
    """Position and id of the custody event with the highest position."""
    row = await connection.fetchrow(
        "SELECT position, id FROM custody_event ORDER BY position DESC LIMIT 1"
    )
    return (row["position"], row["id"]) if row else None


async def has_event(connection: Connection, position: int, event: uuid.UUID) -> bool:
    """Whether exactly this event stands at this position."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM custody_event WHERE position = $1 AND id = $2)",
        position,
        event,
    )
    return found


async def leave_behind(
    connection: Connection, bucket: str, objects: Sequence[tuple[str, str]], now: datetime
) -> None:
    """Note keys and versions that belong to no row of this database; no evidence."""
    await connection.executemany(
        "INSERT INTO left_behind (bucket, object_key, version, noted_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING",
        [(bucket, key, version, now) for key, version in objects],
    )


async def left_behind(
    connection: Connection, bucket: str, keys: Sequence[str]
) -> set[tuple[str, str]]:
    """Of these keys, the versions that a lost database left behind."""
    rows = await connection.fetch(
        "SELECT object_key, version FROM left_behind WHERE bucket = $1 AND object_key = ANY($2)",
        bucket,
        list(keys),
    )
    return {(row["object_key"], row["version"]) for row in rows}
