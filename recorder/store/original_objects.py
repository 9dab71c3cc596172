"""Locks of originals, and duplicate objects that may go.

Extending a lock adds to what is promised and changes no evidence: a plain Connection. Letting a
duplicate go takes bytes away, though a sealed recording holds the same: that takes a Change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import AgencyId, RecordingId, UploadId
from recorder.store.change import Change
from recorder.store.connection import Connection


@dataclass(frozen=True, slots=True)
class LockedObject:
    key: str
    version: str
    sidecar_key: str
    sidecar_version: str
    lock_until: datetime
    recording: RecordingId


@dataclass(frozen=True, slots=True)
class DuplicateObject:
    upload: UploadId
    recording: RecordingId
    agency: AgencyId
    key: str
    version: str
    sidecar_key: str
    sidecar_version: str


async def with_lock_before(
    connection: Connection, moment: datetime, after: tuple[datetime, str] | None, limit: int
) -> list[LockedObject]:
    """Objects whose lock ends before the moment, the most urgent first, by ``(lock, key)``."""
    lock_until, key = after or (None, None)
    rows = await connection.fetch(
        "SELECT object_key, version, sidecar_key, sidecar_version, lock_until, recording_id"
        " FROM original_object WHERE lock_until < $1 AND lock_kept"
        " AND ($2::timestamptz IS NULL OR (lock_until, object_key) > ($2, $3))"
        " ORDER BY lock_until, object_key LIMIT $4",
        moment,
        lock_until,
        key,
        limit,
    )
    return [
        LockedObject(
            r["object_key"],
            r["version"],
            r["sidecar_key"],
            r["sidecar_version"],
            r["lock_until"],
            r["recording_id"],
        )
        for r in rows
    ]


async def set_locks(connection: Connection, ends: Mapping[str, datetime]) -> None:
    """Note until when the store has locked each key; a lock never goes back."""
    await connection.execute(
        "UPDATE original_object o SET lock_until = greatest(o.lock_until, e.until)"
        " FROM unnest($1::text[], $2::timestamptz[]) AS e (key, until) WHERE o.object_key = e.key",
        list(ends),
        list(ends.values()),
    )


async def releasable_duplicates(
    connection: Connection, now: datetime, limit: int
) -> list[DuplicateObject]:
    """Duplicates past their lock whose recording is sealed and is not the object itself.

    Where the original ever failed a reading back, its duplicate may be all that is left.
    """
    rows = await connection.fetch(
        "SELECT d.upload_id, d.recording_id, r.agency_id, d.object_key, d.version,"
        " d.sidecar_key, d.sidecar_version"
        " FROM duplicate_object d"
        " JOIN recording r ON r.id = d.recording_id AND r.integrity = 'sealed'"
        " WHERE d.released_at IS NULL AND d.lock_until < $1 AND NOT EXISTS"
        " (SELECT FROM original_object o WHERE o.object_key = d.object_key)"
        " AND NOT EXISTS (SELECT FROM fixity f"
        "  WHERE f.recording_id = d.recording_id AND f.failed_at IS NOT NULL)"
        " ORDER BY d.lock_until LIMIT $2",
        now,
        limit,
    )
    return [
        DuplicateObject(
            r["upload_id"],
            r["recording_id"],
            r["agency_id"],
            r["object_key"],
            r["version"],
            r["sidecar_key"],
            r["sidecar_version"],
        )
        for r in rows
    ]


async def mark_released(change: Change, upload: UploadId) -> bool:
    """Note that the objects of a duplicate are gone; False when that is noted already."""
    touched = await change.connection.execute(
        "UPDATE duplicate_object SET released_at = $2 WHERE upload_id = $1 AND released_at IS NULL",
        upload,
        change.now,
    )
    return touched == 1
