"""What the audit reads: rows in pages by key, and which objects they claim. Reads only."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import RecordingId, UploadId
from recorder.store.connection import Connection, Row


@dataclass(frozen=True, slots=True)
class OriginalClaim:
    """What the rows say about one key of an original."""

    #: Its upload is under way: whatever lies there is claimed.
    intended: bool
    versions: frozenset[str]
    sidecar_versions: frozenset[str]


@dataclass(frozen=True, slots=True)
class AuditedObject:
    """One object of an original, as its row and the custody event know it."""

    n: int
    key: str
    version: str
    length: int
    sha256: bytes | None
    lock_until: datetime
    sidecar_key: str
    sidecar_version: str
    #: Whether its lock is kept ahead: not that of a live copy that was released.
    lock_kept: bool
    #: Of a volume: the index beside it.
    index: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class AuditedRecording:
    id: RecordingId
    integrity: str
    length: int
    links: int
    links_counted: int
    sha256: bytes | None
    sm3: bytes | None
    #: Whether an event says how it came to be.
    has_origin: bool
    #: Facts of its RecordingSealed event.
    sealed: Mapping[str, object] | None
    #: Facts of its newest RecordingCompacted event.
    compacted: Mapping[str, object] | None
    objects: tuple[AuditedObject, ...]


@dataclass(frozen=True, slots=True)
class AuditedEvent:
    position: int
    id: uuid.UUID
    at: datetime
    name: str
    actor: tuple[str, str, str]
    agency: uuid.UUID | None
    subject_kind: str
    subject_id: uuid.UUID
    facts: Mapping[str, object]
    leaf: bytes


@dataclass(frozen=True, slots=True)
class AuditedUpload:
    id: UploadId
    has_recording: bool
    #: Whether its parts and pieces add up to the offset that was answered.
    adds_up: bool


@dataclass(frozen=True, slots=True)
class ClaimedObject:
    """An object that a row says is there: a rendition, a piece or a duplicate."""

    owner: uuid.UUID
    key: str
    version: str
    length: int
    sha256: bytes | None


async def recordings_page(
    connection: Connection, after: uuid.UUID | None, limit: int
) -> list[AuditedRecording]:
    """Recordings by id with their objects and what the custody events say of them."""
    rows = await connection.fetch(
        "SELECT r.id, r.integrity, r.length_bytes, r.links, r.sha256, r.sm3,"
        " (SELECT count(*) FROM case_link l WHERE l.recording_id = r.id"
        "   AND l.unlinked_at IS NULL) AS links_counted,"
        " EXISTS (SELECT FROM custody_event e WHERE e.subject_kind = 'recording'"
        "   AND e.subject_id = r.id AND e.name IN"
        "   ('UploadCompleted', 'RecordingRebuilt', 'RecordingAssembled'))"
        "   AS has_origin,"
        " (SELECT e.facts FROM custody_event e WHERE e.subject_kind = 'recording'"
        "   AND e.subject_id = r.id AND e.name = 'RecordingSealed'"
        "   ORDER BY e.position DESC LIMIT 1) AS sealed,"
        " CASE WHEN r.livestream_id IS NOT NULL THEN (SELECT e.facts FROM custody_event e"
        "   WHERE e.subject_kind = 'recording' AND e.subject_id = r.id"
        "   AND e.name = 'RecordingCompacted' ORDER BY e.position DESC LIMIT 1) END AS compacted"
        " FROM recording r WHERE $1::uuid IS NULL OR r.id > $1 ORDER BY r.id LIMIT $2",
        after,
        limit,
    )
    objects = await _objects_of(connection, [row["id"] for row in rows])
    return [
        AuditedRecording(
            id=row["id"],
            integrity=row["integrity"],
            length=row["length_bytes"],
            links=row["links"],
            links_counted=row["links_counted"],
            sha256=row["sha256"],
            sm3=row["sm3"],
            has_origin=row["has_origin"],
            sealed=row["sealed"],
            compacted=row["compacted"],
            objects=tuple(objects.get(row["id"], ())),
        )
        for row in rows
    ]


async def _objects_of(
    connection: Connection, recordings: Sequence[uuid.UUID]
) -> dict[uuid.UUID, list[AuditedObject]]:
    rows = await connection.fetch(
        "SELECT recording_id, n, object_key, version, length_bytes, sha256, lock_until,"
        " sidecar_key, sidecar_version, lock_kept, index_key, index_version FROM original_object"
        " WHERE recording_id = ANY($1) ORDER BY recording_id, n",
        recordings,
    )
    found: dict[uuid.UUID, list[AuditedObject]] = {}
    for row in rows:
        found.setdefault(row["recording_id"], []).append(
            AuditedObject(
                row["n"],
                row["object_key"],
                row["version"],
                row["length_bytes"],
                row["sha256"],
                row["lock_until"],
                row["sidecar_key"],
                row["sidecar_version"],
                row["lock_kept"],
                (row["index_key"], row["index_version"]) if row["index_key"] else None,
            )
        )
    return found


async def events_page(connection: Connection, after: int, limit: int) -> list[AuditedEvent]:
    """Custody events by position."""
    rows = await connection.fetch(
        "SELECT position, id, at, name, actor_kind, actor_id, actor_name, agency_id,"
        " subject_kind, subject_id, facts, leaf FROM custody_event"
        " WHERE position > $1 ORDER BY position LIMIT $2",
        after,
        limit,
    )
    return [
        AuditedEvent(
            row["position"],
            row["id"],
            row["at"],
            row["name"],
            (row["actor_kind"], row["actor_id"], row["actor_name"]),
            row["agency_id"],
            row["subject_kind"],
            row["subject_id"],
            row["facts"],
            row["leaf"],
        )
        for row in rows
    ]


async def recordings_that_exist(
    connection: Connection, recordings: Sequence[uuid.UUID]
) -> dict[uuid.UUID, str]:
    """Of these ids, those that are recordings, with their integrity."""
    rows = await connection.fetch(
        "SELECT id, integrity FROM recording WHERE id = ANY($1)", recordings
    )
    return {row["id"]: row["integrity"] for row in rows}


async def uploads_page(
    connection: Connection, after: uuid.UUID | None, limit: int
) -> list[AuditedUpload]:
    """Uploads by id: what became of the finished ones, whether the others add up."""
    rows = await connection.fetch(
        "SELECT u.id, u.state <> 'finished' OR EXISTS (SELECT FROM recording r"
        "   WHERE r.id = u.recording_id) AS has_recording,"
        " u.state NOT IN ('open', 'completing') OR u.offset_bytes ="
        "   (SELECT coalesce(sum(p.length_bytes), 0) FROM upload_part p WHERE p.upload_id = u.id)"
        " + (SELECT coalesce(sum(p.length_bytes), 0) FROM upload_piece p"
        "     WHERE p.upload_id = u.id AND p.state = 'durable') AS adds_up"
        " FROM upload u WHERE $1::uuid IS NULL OR u.id > $1 ORDER BY u.id LIMIT $2",
        after,
        limit,
    )
    return [AuditedUpload(r["id"], r["has_recording"], r["adds_up"]) for r in rows]


async def segments_page(connection: Connection, after: str, limit: int) -> list[ClaimedObject]:
    """Segments that are in no recording, second bodies among them, by key."""
    rows = await connection.fetch(
        "SELECT livestream_id AS owner, object_key, version, length_bytes, sha256"
        " FROM livestream_segment WHERE recording_id IS NULL AND state <> 'intended'"
        " AND object_key > $1 ORDER BY object_key LIMIT $2",
        after,
        limit,
    )
    return [_claimed(row) for row in rows]


async def superseded_page(connection: Connection, after: str, limit: int) -> list[ClaimedObject]:
    """Objects that are no original any more and are not let go yet, by key."""
    rows = await connection.fetch(
        "SELECT recording_id AS owner, object_key, version, length_bytes, sha256"
        " FROM superseded_object WHERE object_key > $1 ORDER BY object_key LIMIT $2",
        after,
        limit,
    )
    return [_claimed(row) for row in rows]


async def renditions_page(connection: Connection, after: str, limit: int) -> list[ClaimedObject]:
    """Renditions by key."""
    rows = await connection.fetch(
        "SELECT recording_id AS owner, object_key, version, length_bytes, sha256 FROM rendition"
        " WHERE object_key > $1 ORDER BY object_key LIMIT $2",
        after,
        limit,
    )
    return [_claimed(row) for row in rows]


async def pieces_page(connection: Connection, after: str, limit: int) -> list[ClaimedObject]:
    """Durable pieces of uploads under way, by key."""
    rows = await connection.fetch(
        "SELECT upload_id AS owner, object_key, version, length_bytes, sha256 FROM upload_piece"
        " WHERE state = 'durable' AND removed_at IS NULL AND object_key > $1"
        " ORDER BY object_key LIMIT $2",
        after,
        limit,
    )
    return [_claimed(row) for row in rows]


async def duplicates_page(
    connection: Connection, after: uuid.UUID | None, limit: int
) -> list[ClaimedObject]:
    """Duplicate objects that are still kept, by upload."""
    rows = await connection.fetch(
        "SELECT d.upload_id AS owner, d.object_key, d.version, d.length_bytes,"
        " CASE WHEN r.integrity = 'sealed' THEN r.sha256 END AS sha256"
        " FROM duplicate_object d LEFT JOIN recording r ON r.id = d.recording_id"
        " WHERE d.released_at IS NULL AND ($1::uuid IS NULL OR d.upload_id > $1)"
        " ORDER BY d.upload_id LIMIT $2",
        after,
        limit,
    )
    return [_claimed(row) for row in rows]


def _claimed(row: Row) -> ClaimedObject:
    return ClaimedObject(
        row["owner"], row["object_key"], row["version"], row["length_bytes"], row["sha256"]
    )


async def claims_on_originals(
    connection: Connection, keys: Sequence[str]
) -> dict[str, OriginalClaim]:
    """What the rows claim of these keys of originals; keys that nothing claims are left out."""
    rows = await connection.fetch(
        "SELECT given.key, u.state IN ('open', 'completing') AS intended, o.version,"
        " o.sidecar_version, d.version AS again, d.sidecar_version AS again_sidecar"
        " FROM unnest($1::text[]) AS given (key)"
        " LEFT JOIN upload u ON u.object_key = given.key"
        " LEFT JOIN original_object o ON o.object_key = given.key"
        " LEFT JOIN duplicate_object d ON d.upload_id = u.id AND d.released_at IS NULL",
        keys,
    )
    return {
        row["key"]: OriginalClaim(
            bool(row["intended"]),
            frozenset(v for v in (row["version"], row["again"]) if v),
            frozenset(v for v in (row["sidecar_version"], row["again_sidecar"]) if v),
        )
        for row in rows
        if row["intended"] or row["version"] or row["again"]
    }


async def claims_of_livestreams(
    connection: Connection, keys: Sequence[str]
) -> dict[str, str | None]:
    """Of these keys, those of livestreams with their versions; None where any version is meant.

    That is what is just being written.
    """
    rows = await connection.fetch(
        "SELECT s.object_key AS key, s.version FROM livestream_segment s"
        " WHERE s.object_key = ANY($1) AND (s.state <> 'stored' OR NOT EXISTS (SELECT"
        "  FROM livestream_place p WHERE p.livestream_id = s.livestream_id"
        "  AND p.number = s.number))"
        " UNION ALL SELECT object_key, version FROM superseded_object WHERE object_key = ANY($1)"
        " UNION ALL SELECT object_key, NULL FROM volume_intent WHERE object_key = ANY($1)"
        " UNION ALL SELECT o.index_key, o.index_version FROM original_object o"
        " JOIN unnest($1::text[]) AS given (key) ON o.n = 0"
        " AND key LIKE '%/volumes-%/index-%.json' AND o.index_key = key"
        " AND o.recording_id = substring(key FROM '/volumes-(.{36})/index-')::uuid"
        " UNION ALL SELECT o.sidecar_key, o.sidecar_version FROM original_object o"
        " JOIN unnest($1::text[]) AS given (key) ON o.n = 0"
        " AND key LIKE '%/sealed-%.json' AND o.sidecar_key = key"
        " AND o.recording_id = substring(key FROM 'sealed-(.{36})[.]json$')::uuid"
        " UNION ALL SELECT key, NULL FROM unnest($1::text[]) AS given (key)"
        " JOIN livestream l ON l.key_prefix || '/sealed-' || l.sealing_id || '.json' = key"
        " AND l.key_prefix = regexp_replace(key, '/[^/]+$', '') WHERE key LIKE '%/sealed-%.json'"
        " UNION ALL SELECT key, l.opening_version FROM unnest($1::text[]) AS given (key)"
        " JOIN livestream l ON l.key_prefix || '/opened.json' = given.key"
        " AND l.key_prefix = regexp_replace(key, '/opened[.]json$', '')"
        " WHERE key LIKE '%/opened.json'",
        list(keys),
    )
    return {row["key"]: row["version"] for row in rows}


async def claimed_pieces(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Of these staged keys, those that a row still answers for."""
    rows = await connection.fetch(
        "SELECT object_key FROM upload_piece WHERE object_key = ANY($1) AND removed_at IS NULL",
        keys,
    )
    return {row["object_key"] for row in rows}


async def claimed_renditions(
    connection: Connection, keys: Sequence[str], runs: Sequence[uuid.UUID]
) -> tuple[dict[str, str], set[uuid.UUID]]:
    """Of these keys, those of renditions with their versions; of these runs, the unfinished."""
    rows = await connection.fetch(
        "SELECT object_key, version FROM rendition WHERE object_key = ANY($1)", keys
    )
    running = await connection.fetch(
        "SELECT id FROM task_run WHERE id = ANY($1) AND state IN ('pending', 'claimed')", runs
    )
    return {row["object_key"]: row["version"] for row in rows}, {row["id"] for row in running}


async def intended_keys(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Of these keys, those that an open intent claims."""
    rows = await connection.fetch(
        "SELECT object_key FROM store_intent WHERE object_key = ANY($1)"
        " UNION ALL SELECT object_key FROM volume_intent WHERE object_key = ANY($1)",
        keys,
    )
    return {row["object_key"] for row in rows}


async def named_multiparts(connection: Connection, keys: Sequence[str]) -> set[tuple[str, str]]:
    """Key and id of the multipart uploads of these keys that unfinished uploads name."""
    rows = await connection.fetch(
        "SELECT object_key, multipart_id FROM upload WHERE object_key = ANY($1)"
        " AND multipart_id IS NOT NULL AND state IN ('open', 'completing')",
        keys,
    )
    return {(row["object_key"], row["multipart_id"]) for row in rows}


async def unfinished_keys(connection: Connection) -> list[str]:
    """The keys of all unfinished uploads and claimed volumes."""
    rows = await connection.fetch(
        "SELECT object_key FROM upload WHERE state IN ('open', 'completing')"
        " UNION ALL SELECT object_key FROM volume_intent ORDER BY object_key"
    )
    return [row["object_key"] for row in rows]


async def piece_is_durable(connection: Connection, key: str) -> bool:
    """Whether acknowledged bytes lie in this staged object and nowhere else."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM upload_piece WHERE object_key = $1 AND state = 'durable')", key
    )
    return found
