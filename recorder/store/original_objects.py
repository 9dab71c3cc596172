"""What an original consists of in the store, its locks, and duplicate objects that may go.

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


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOriginal:
    """All objects of an original in figures: a day of a livestream has 43,200 of them."""

    objects: int
    length: int
    #: What describes the first one, or, of a livestream, lists all of them.
    sidecar_key: str
    sidecar_version: str
    #: The first lock to end, and the last one.
    first_lock_until: datetime
    last_lock_until: datetime
    #: Of those that are read back again and again: all once it is sealed, none before.
    watched: int
    looked_at: datetime | None
    first_agreed_at: datetime | None
    last_agreed_at: datetime | None
    #: Not as they were sealed when read back last, or once.
    failing: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One object of an original, and how its last readings were."""

    n: int
    key: str
    version: str
    length: int
    lock_until: datetime
    agreed_at: datetime | None
    failed_at: datetime | None
    failure: str | None
    failing: bool


@dataclass(frozen=True, slots=True)
class LockedObject:
    key: str
    version: str
    sidecar_key: str
    sidecar_version: str
    lock_until: datetime
    recording: RecordingId
    #: Of a volume: the index beside it.
    index: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class DuplicateObject:
    upload: UploadId
    recording: RecordingId
    agency: AgencyId
    key: str
    version: str
    sidecar_key: str
    sidecar_version: str


async def stored_original(connection: Connection, recording: RecordingId) -> StoredOriginal | None:
    """The original of a recording in figures; None while it has none."""
    row = await connection.fetchrow(
        "SELECT count(*) AS objects, sum(o.length_bytes)::bigint AS length,"
        " (array_agg(o.sidecar_key ORDER BY o.n))[1] AS sidecar_key,"
        " (array_agg(o.sidecar_version ORDER BY o.n))[1] AS sidecar_version,"
        " min(o.lock_until) AS first_lock_until, max(o.lock_until) AS last_lock_until,"
        " count(f.n) AS watched, min(f.looked_at) AS looked_at,"
        " min(f.agreed_at) AS first_agreed_at, max(f.agreed_at) AS last_agreed_at,"
        " count(*) FILTER (WHERE f.failed_at IS NOT NULL AND f.looked_at > f.agreed_at) AS failing,"
        " count(*) FILTER (WHERE f.failed_at IS NOT NULL) AS failed"
        " FROM original_object o LEFT JOIN fixity f USING (recording_id, n)"
        " WHERE o.recording_id = $1",
        recording,
    )
    return StoredOriginal(**dict(row)) if row and row["objects"] else None


async def objects_behind(
    connection: Connection, recording: RecordingId, n: int, limit: int
) -> list[StoredObject]:
    """The objects of an original behind place ``n``, in their order."""
    rows = await connection.fetch(
        "SELECT o.n, o.object_key AS key, o.version, o.length_bytes AS length, o.lock_until,"
        " f.agreed_at, f.failed_at, f.failure,"
        " coalesce(f.failed_at IS NOT NULL AND f.looked_at > f.agreed_at, false) AS failing"
        " FROM original_object o LEFT JOIN fixity f USING (recording_id, n)"
        " WHERE o.recording_id = $1 AND o.n > $2 ORDER BY o.n LIMIT $3",
        recording,
        n,
        limit,
    )
    return [StoredObject(**dict(row)) for row in rows]


async def first_objects(
    connection: Connection, recording: RecordingId, limit: int
) -> list[StoredObject]:
    """So many objects of an original by their place, before them those that failed when read."""
    rows = await connection.fetch(
        "SELECT o.n, o.object_key AS key, o.version, o.length_bytes AS length, o.lock_until,"
        " f.agreed_at, f.failed_at, f.failure,"
        " coalesce(f.failed_at IS NOT NULL AND f.looked_at > f.agreed_at, false) AS failing"
        " FROM original_object o LEFT JOIN fixity f USING (recording_id, n)"
        " WHERE o.recording_id = $1"
        " ORDER BY (f.failed_at IS NOT NULL AND f.looked_at > f.agreed_at) IS TRUE DESC,"
        " f.failed_at IS NULL, o.n LIMIT $2",
        recording,
        limit,
    )
    return [StoredObject(**dict(row)) for row in rows]


async def with_lock_before(
    connection: Connection, moment: datetime, after: tuple[datetime, str] | None, limit: int
) -> list[LockedObject]:
    """Objects whose lock ends before the moment, the most urgent first, by ``(lock, key)``."""
    lock_until, key = after or (None, None)
    rows = await connection.fetch(
        "SELECT object_key, version, sidecar_key, sidecar_version, lock_until, recording_id,"
        " index_key, index_version"
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
            (r["index_key"], r["index_version"]) if r["index_key"] else None,
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
