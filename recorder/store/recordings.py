"""Recordings with the objects of their originals: evidence, so every write takes a Change."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from recorder.domain.events import MediaProbed, RecordingMismatched, RecordingSealed
from recorder.domain.ids import AgencyId, RecordingId, UploadId
from recorder.domain.people import Scope
from recorder.domain.recording import Admission, Integrity, OriginalObject, Recording
from recorder.store import sealed_segments
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

#: What ``from_row`` reads, of ``recording r JOIN agency a``.
COLUMNS = (
    "r.id, r.agency_id, a.code AS agency_code, r.device_id, r.device_number, r.dock_id, r.officer,"
    " r.integrity, r.admission, r.quarantine_reasons, r.length_bytes, r.declared_sha256, r.sha256,"
    " r.sm3, r.original_name, r.stage, r.device_clock_at, r.received_at, r.clock_offset_ms,"
    " r.started_at, r.ended_at, r.started_at_source, r.latitude, r.longitude, r.accuracy_m,"
    " r.key_file, r.note, r.flags, r.media, r.showable, r.links, r.created_at, r.sealed_at,"
    " r.livestream_id, r.continues, r.copy_of, r.restrictions,"
    " r.provenance, r.camera, r.classes, r.content_review"
)

#: ``Recording.began`` and ``Recording.state``, of ``recording r``.
BEGAN = "coalesce(r.started_at, r.received_at)"
STATE = "CASE WHEN r.admission = 'quarantined' THEN 'quarantined' ELSE r.integrity END"


def from_row(row: Row) -> Recording:
    """A row of COLUMNS."""
    return Recording(
        id=row["id"],
        agency=row["agency_id"],
        agency_code=row["agency_code"],
        device=row["device_id"],
        device_number=row["device_number"],
        dock=row["dock_id"],
        officer=row["officer"],
        integrity=Integrity(row["integrity"]),
        admission=Admission(row["admission"]),
        quarantine_reasons=tuple(row["quarantine_reasons"]),
        length=row["length_bytes"],
        declared_sha256=row["declared_sha256"],
        sha256=row["sha256"],
        sm3=row["sm3"],
        original_name=row["original_name"],
        stage=row["stage"],
        device_clock_at=row["device_clock_at"],
        received_at=row["received_at"],
        clock_offset_ms=row["clock_offset_ms"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        started_at_source=row["started_at_source"],
        latitude=row["latitude"],
        longitude=row["longitude"],
        accuracy_m=row["accuracy_m"],
        key_file=row["key_file"],
        note=row["note"],
        flags=tuple(row["flags"]),
        media=row["media"],
        showable=row["showable"],
        links=row["links"],
        created_at=row["created_at"],
        sealed_at=row["sealed_at"],
        livestream=row["livestream_id"],
        continues=row["continues"],
        copy_of=row["copy_of"],
        restrictions=tuple(row["restrictions"]),
        provenance=row["provenance"],
        camera=row["camera"],
        classes=tuple(row["classes"]),
        content_review=row["content_review"],
    )


async def insert(
    change: Change, recording: Recording, *, source: str, arrival_sha256: bytes
) -> None:
    """Write a new recording; Conflict ``already-exists`` when its content is there already."""
    await change.connection.execute(
        "INSERT INTO recording (id, agency_id, device_id, device_number, dock_id, officer,"
        " integrity, admission, quarantine_reasons, length_bytes, source, arrival_sha256,"
        " declared_sha256, original_name, stage, device_clock_at, received_at, clock_offset_ms,"
        " started_at, ended_at, started_at_source, latitude, longitude, accuracy_m, key_file,"
        " note, flags, created_at, livestream_id, continues, copy_of, provenance, camera)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,"
        " $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33)",
        recording.id,
        recording.agency,
        recording.device,
        recording.device_number,
        recording.dock,
        recording.officer,
        recording.integrity.value,
        recording.admission.value,
        list(recording.quarantine_reasons),
        recording.length,
        source,
        arrival_sha256,
        recording.declared_sha256,
        recording.original_name,
        recording.stage,
        recording.device_clock_at,
        recording.received_at,
        recording.clock_offset_ms,
        recording.started_at,
        recording.ended_at,
        recording.started_at_source,
        recording.latitude,
        recording.longitude,
        recording.accuracy_m,
        recording.key_file,
        recording.note,
        list(recording.flags),
        recording.created_at,
        recording.livestream,
        recording.continues,
        recording.copy_of,
        recording.provenance,
        recording.camera,
    )


async def insert_object(
    change: Change,
    recording: RecordingId,
    n: int,
    *,
    key: str,
    version: str,
    length: int,
    lock_until: datetime,
    sidecar_key: str,
    sidecar_version: str,
) -> None:
    """Name the n-th object of the original, pinned to its version."""
    await change.connection.execute(
        "INSERT INTO original_object (recording_id, n, object_key, version, length_bytes,"
        " lock_until, sidecar_key, sidecar_version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        recording,
        n,
        key,
        version,
        length,
        lock_until,
        sidecar_key,
        sidecar_version,
    )


async def insert_duplicate(
    change: Change,
    upload: UploadId,
    recording: RecordingId,
    *,
    key: str,
    version: str,
    length: int,
    sidecar_key: str,
    sidecar_version: str,
    lock_until: datetime,
    original_name: str,
) -> None:
    """Note an object that repeats a recording's content, to be let go when its lock has ended."""
    await change.connection.execute(
        "INSERT INTO duplicate_object (upload_id, recording_id, object_key, version,"
        " length_bytes, sidecar_key, sidecar_version, lock_until, original_name, received_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        upload,
        recording,
        key,
        version,
        length,
        sidecar_key,
        sidecar_version,
        lock_until,
        original_name,
        change.now,
    )


async def find_by_content(
    connection: Connection, source: str, length: int, arrival_sha256: bytes
) -> RecordingId | None:
    """The recording of this source that has this content already."""
    found: RecordingId | None = await connection.fetchval(
        "SELECT id FROM recording WHERE source = $1 AND length_bytes = $2"
        " AND arrival_sha256 = $3 AND integrity <> 'mismatched'",
        source,
        length,
        arrival_sha256,
    )
    return found


async def find(connection: Connection, recording: RecordingId, scope: Scope) -> Recording | None:
    """One recording, if the scope reaches it."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM recording r JOIN agency a ON a.id = r.agency_id"  # noqa: S608 - constant text
        " WHERE r.id = $1 AND in_scope(r.agency_id, $2)"
        " AND ($3::uuid IS NULL OR r.device_id = $3) AND ($4::uuid IS NULL OR r.dock_id = $4)"
        " AND ($5::text IS NULL OR r.officer = $5)",
        recording,
        scope.agencies,
        scope.device,
        scope.dock,
        scope.officer,
    )
    return from_row(row) if row else None


async def names(
    connection: Connection, scope: Scope, recordings: Sequence[RecordingId]
) -> dict[RecordingId, str]:
    """The names of those in scope, as their devices gave them."""
    rows = await connection.fetch(
        "SELECT id, original_name FROM recording WHERE id = ANY($1::uuid[])"
        " AND in_scope(agency_id, $2) AND ($3::text IS NULL OR officer = $3)"
        " AND ($4::uuid IS NULL OR device_id = $4) AND ($5::uuid IS NULL OR dock_id = $5)",
        recordings,
        scope.agencies,
        scope.officer,
        scope.device,
        scope.dock,
    )
    return {row["id"]: row["original_name"] for row in rows}


async def find_sent(
    connection: Connection, recording: RecordingId, opened_by: str
) -> Recording | None:
    """One recording, if an upload that this sender opened became it or repeats it."""
    row = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM recording r JOIN agency a ON a.id = r.agency_id"  # noqa: S608 - constant text
        " WHERE r.id = $1 AND EXISTS (SELECT FROM upload u WHERE u.recording_id = r.id"
        "  AND u.opened_by = $2 AND u.state = 'finished')",
        recording,
        opened_by,
    )
    return from_row(row) if row else None


async def objects_of(connection: Connection, recording: RecordingId) -> list[OriginalObject]:
    """The objects of the original in order."""
    rows = await connection.fetch(
        "SELECT n, object_key, version, length_bytes, sha256, sm3 FROM original_object"
        " WHERE recording_id = $1 ORDER BY n",
        recording,
    )
    return [
        OriginalObject(
            r["n"], r["object_key"], r["version"], r["length_bytes"], r["sha256"], r["sm3"]
        )
        for r in rows
    ]


async def sidecar_of(connection: Connection, recording: RecordingId) -> tuple[str, str]:
    """Key and version of what describes the first object: a livestream's manifest."""
    row = await connection.fetchrow(
        "SELECT sidecar_key, sidecar_version FROM original_object"
        " WHERE recording_id = $1 ORDER BY n LIMIT 1",
        recording,
    )
    return (row["sidecar_key"], row["sidecar_version"]) if row else ("", "")


async def upload_of(connection: Connection, recording: RecordingId) -> UploadId | None:
    """The upload that became this recording."""
    found: UploadId | None = await connection.fetchval(
        "SELECT u.id FROM upload u WHERE u.recording_id = $1 AND NOT EXISTS"
        " (SELECT FROM duplicate_object d WHERE d.upload_id = u.id)",
        recording,
    )
    return found


async def seal(change: Change, event: RecordingSealed) -> bool:
    """Received → sealed with its digests; False when it was not waiting for that."""
    touched = await change.connection.execute(
        "UPDATE recording SET integrity = 'sealed', sha256 = decode($2, 'hex'),"
        " sm3 = decode($3, 'hex'), sealed_at = $4 WHERE id = $1 AND integrity = 'received'",
        event.subject,
        event.sha256,
        event.sm3,
        change.now,
    )
    if touched and "listed" in event.objects[0]:
        await sealed_segments.confirm(change, RecordingId(event.subject))
    elif touched:
        await _set_object_digests(change, event.subject, event.objects)
    return touched == 1


async def mismatch(change: Change, event: RecordingMismatched) -> bool:
    """Received → mismatched: kept as it is, never sealed."""
    touched = await change.connection.execute(
        "UPDATE recording SET integrity = 'mismatched', sha256 = decode($2, 'hex'),"
        " sm3 = decode($3, 'hex') WHERE id = $1 AND integrity = 'received'",
        event.subject,
        event.sha256,
        event.sm3,
    )
    if touched:
        await _set_object_digests(change, event.subject, event.objects)
    return touched == 1


async def _set_object_digests(
    change: Change, recording: uuid.UUID, objects: Sequence[dict[str, object]]
) -> None:
    await change.connection.executemany(
        "UPDATE original_object SET sha256 = decode($3, 'hex'), sm3 = decode($4, 'hex')"
        " WHERE recording_id = $1 AND n = $2",
        [(recording, o.get("n", n), o["sha256"], o["sm3"]) for n, o in enumerate(objects)],
    )


async def set_media(
    change: Change, event: MediaProbed, started_at: datetime | None, duration_ms: int | None
) -> None:
    """What the prober found; times that nobody else said are taken from the media."""
    await change.connection.execute(
        "UPDATE recording SET media = $2, showable = $3,"
        " flags = ARRAY(SELECT DISTINCT unnest(flags || $4::text[]) ORDER BY 1),"
        " started_at_source = CASE WHEN started_at IS NULL AND $5::timestamptz IS NOT NULL"
        "   THEN 'media' ELSE started_at_source END,"
        " started_at = coalesce(started_at, $5),"
        " ended_at = coalesce(ended_at, coalesce(started_at, $5)"
        "   + make_interval(secs => $6::double precision / 1000))"
        " WHERE id = $1",
        event.subject,
        event.media,
        event.showable,
        list(event.flags),
        started_at,
        duration_ms,
    )


async def admit(change: Change, recording: RecordingId, agency: AgencyId | None) -> bool:
    """Quarantined → admitted, into another agency if one is named."""
    touched = await change.connection.execute(
        "UPDATE recording SET admission = 'admitted', agency_id = coalesce($2, agency_id)"
        " WHERE id = $1 AND admission = 'quarantined'",
        recording,
        agency,
    )
    return touched == 1


async def set_classes(change: Change, recording: RecordingId, classes: Sequence[str]) -> None:
    """Of these classes by itself, whatever its cases are of."""
    await change.connection.execute(
        "UPDATE recording SET classes = $2 WHERE id = $1", recording, list(classes)
    )


async def set_review(change: Change, recording: RecordingId, outcome: str) -> str | None:
    """What became of the review of its content; what was said before."""
    before: str | None = await change.connection.fetchval(
        "UPDATE recording r SET content_review = $2 FROM"
        " (SELECT id, content_review FROM recording WHERE id = $1 FOR NO KEY UPDATE) o"
        " WHERE r.id = o.id RETURNING o.content_review",
        recording,
        outcome,
    )
    return before


async def quarantined_by_agency(connection: Connection, before: datetime) -> dict[AgencyId, int]:
    """How many recordings that came before the moment still wait in quarantine, by agency."""
    rows = await connection.fetch(
        "SELECT agency_id, count(*) AS n FROM recording"
        " WHERE admission = 'quarantined' AND created_at < $1 GROUP BY agency_id",
        before,
    )
    return {row["agency_id"]: row["n"] for row in rows}


async def arrival_of(connection: Connection, recording: RecordingId) -> bytes:
    """The digest over what arrived."""
    found: bytes = await connection.fetchval(
        "SELECT arrival_sha256 FROM recording WHERE id = $1", recording
    )
    return found
