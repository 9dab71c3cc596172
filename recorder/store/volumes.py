"""Originals of closed livestreams in a few large objects: claims, the switch, what is left behind.

Claims are no evidence and take a plain Connection. The switch, and letting superseded objects go,
change where evidence lies: they take a Change (docs/design/live-compaction.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.compaction import Member, Volume
from recorder.domain.ids import AgencyId, LivestreamId, RecordingId
from recorder.store.change import Change
from recorder.store.connection import Connection

#: The place of the index among the claims of a recording.
INDEX = -1


@dataclass(frozen=True, slots=True)
class Claim:
    """A volume, or the index, that is claimed and not yet an original."""

    volume: Volume
    attempt: int
    lock_until: datetime


@dataclass(frozen=True, slots=True)
class PlacedVolume:
    """A volume that is in the store and was read back."""

    volume: Volume
    version: str
    sha256: bytes
    sm3: bytes
    lock_until: datetime


@dataclass(frozen=True, slots=True)
class Pinned:
    """Key and version of one object."""

    key: str
    version: str


@dataclass(frozen=True, slots=True)
class SupersededObject:
    """An object that is no original any more."""

    recording: RecordingId
    agency: AgencyId
    key: str
    version: str
    length: int


async def members(connection: Connection, recording: RecordingId) -> list[Member]:
    """The small objects of an original in order; empty where it lies in volumes already."""
    rows = await connection.fetch(
        "SELECT s.number, o.object_key, o.version, o.length_bytes, s.sha256"
        " FROM original_object o JOIN livestream_segment s ON s.object_key = o.object_key"
        " WHERE o.recording_id = $1 ORDER BY o.n",
        recording,
    )
    return [Member(*row) for row in rows]


async def may_be_compacted(connection: Connection, recording: RecordingId) -> bool:
    """Whether its locks are kept ahead and no reading back of it ever failed."""
    allowed: bool = await connection.fetchval(
        "SELECT NOT EXISTS (SELECT FROM original_object WHERE recording_id = $1 AND NOT lock_kept)"
        " AND NOT EXISTS (SELECT FROM fixity WHERE recording_id = $1 AND failed_at IS NOT NULL)",
        recording,
    )
    return allowed


async def claim(
    connection: Connection,
    recording: RecordingId,
    volumes: Sequence[Volume],
    lock_until: datetime,
    now: datetime,
) -> None:
    """Claim keys before their bytes are written; places that are claimed stay as they are."""
    await connection.execute(
        "INSERT INTO volume_intent (object_key, recording_id, n, first_member, members,"
        " length_bytes, lock_until, created_at)"
        " SELECT key, $1, n, first, members, length, $7, $8 FROM unnest($2::text[], $3::int[],"
        " $4::int[], $5::int[], $6::bigint[]) AS given (key, n, first, members, length)"
        " ON CONFLICT (recording_id, n) DO NOTHING",
        recording,
        [each.key for each in volumes],
        [each.n for each in volumes],
        [each.first for each in volumes],
        [each.members for each in volumes],
        [each.length for each in volumes],
        lock_until,
        now,
    )


async def claims(connection: Connection, recording: RecordingId) -> list[Claim]:
    """What is claimed for a recording in order, the index first."""
    rows = await connection.fetch(
        "SELECT n, object_key, length_bytes, first_member, members, attempt, lock_until"
        " FROM volume_intent WHERE recording_id = $1 ORDER BY n",
        recording,
    )
    return [Claim(Volume(*row[:5]), row["attempt"], row["lock_until"]) for row in rows]


async def give_up(
    connection: Connection,
    recording: RecordingId,
    key: str,
    version: str,
    length: int,
    now: datetime,
) -> bool:
    """A claimed object is not what it should be: it waits as superseded until its lock ends."""
    touched = await connection.execute(
        "INSERT INTO superseded_object (object_key, version, recording_id, length_bytes,"
        " lock_until, superseded_at) SELECT object_key, $3, recording_id, $4,"
        " lock_until, $5 FROM volume_intent WHERE recording_id = $1 AND object_key = $2"
        " ON CONFLICT DO NOTHING",
        recording,
        key,
        version,
        length,
        now,
    )
    return touched == 1


async def claim_again(
    connection: Connection, recording: RecordingId, key: str, other: str, lock_until: datetime
) -> None:
    """In the place of what was given up another key is claimed."""
    await connection.execute(
        "UPDATE volume_intent SET object_key = $3, attempt = attempt + 1, lock_until = $4"
        " WHERE recording_id = $1 AND object_key = $2",
        recording,
        key,
        other,
        lock_until,
    )


async def reclaim(connection: Connection, keys: Sequence[str]) -> None:
    """What is claimed now is superseded no more: volumes that a lost database was at."""
    await connection.execute("DELETE FROM superseded_object WHERE object_key = ANY($1)", list(keys))


async def leave(
    connection: Connection,
    recording: RecordingId,
    stored: Sequence[tuple[str, str, int, datetime]],
    now: datetime,
) -> None:
    """Volumes and indexes that nothing names: key, version, length, lock; let go like the rest."""
    await connection.execute(
        "INSERT INTO superseded_object (object_key, version, recording_id, length_bytes,"
        " lock_until, superseded_at) SELECT key, version, $1, length, lock_until, $6"
        " FROM unnest($2::text[], $3::text[], $4::bigint[], $5::timestamptz[])"
        " AS given (key, version, length, lock_until) ON CONFLICT DO NOTHING",
        recording,
        [key for key, _, _, _ in stored],
        [version for _, version, _, _ in stored],
        [length for _, _, length, _ in stored],
        [lock_until for _, _, _, lock_until in stored],
        now,
    )


async def set_lock(
    connection: Connection, recording: RecordingId, key: str, until: datetime
) -> None:
    """Note until when the store has locked a claimed object."""
    await connection.execute(
        "UPDATE volume_intent SET lock_until = $3 WHERE recording_id = $1 AND object_key = $2",
        recording,
        key,
        until,
    )


async def hold(connection: Connection, recording: RecordingId) -> None:
    """Until the commit nobody else plans, switches or releases this live copy."""
    await connection.execute("SELECT FROM recording WHERE id = $1 FOR NO KEY UPDATE", recording)


async def end_claims(change: Change, recording: RecordingId, keys: Sequence[str]) -> bool:
    """Drop the claims of what becomes an original; False when others are claimed by now."""
    touched = await change.connection.execute(
        "DELETE FROM volume_intent WHERE recording_id = $1 AND object_key = ANY($2)",
        recording,
        list(keys),
    )
    return touched == len(keys)


async def supersede(change: Change, recording: RecordingId) -> int:
    """The objects of the original become superseded ones; only while its index is claimed."""
    moved: int = await change.connection.fetchval(
        "SELECT supersede_originals($1, $2)", recording, change.now
    )
    return moved


async def insert_volumes(
    change: Change,
    recording: RecordingId,
    volumes: Sequence[PlacedVolume],
    sidecar: Pinned,
    index: Pinned,
) -> None:
    """Volumes are the original; what a person decided of its locks stays so."""
    await change.connection.execute(
        "INSERT INTO original_object (recording_id, n, object_key, version, length_bytes, sha256,"
        " sm3, lock_until, sidecar_key, sidecar_version, index_key, index_version, lock_kept)"
        " SELECT $1, n, key, version, length, sha256, sm3, lock_until, $9, $10, $11, $12,"
        " NOT coalesce((SELECT released FROM live_copy_release WHERE recording_id = $1), false)"
        " FROM unnest($2::int[], $3::text[], $4::text[], $5::bigint[], $6::bytea[], $7::bytea[],"
        " $8::timestamptz[]) AS given (n, key, version, length, sha256, sm3, lock_until)",
        recording,
        [each.volume.n for each in volumes],
        [each.volume.key for each in volumes],
        [each.version for each in volumes],
        [each.volume.length for each in volumes],
        [each.sha256 for each in volumes],
        [each.sm3 for each in volumes],
        [each.lock_until for each in volumes],
        sidecar.key,
        sidecar.version,
        index.key,
        index.version,
    )


async def begin_fixity(change: Change, recording: RecordingId) -> None:
    """The volumes of a sealed recording were read back just now."""
    await change.connection.execute(
        "INSERT INTO fixity (recording_id, n, agreed_at, looked_at)"
        " SELECT o.recording_id, o.n, $2, $2 FROM original_object o"
        " JOIN recording r ON r.id = o.recording_id AND r.integrity = 'sealed'"
        " WHERE o.recording_id = $1",
        recording,
        change.now,
    )


async def insert_places(
    change: Change,
    livestream: LivestreamId,
    recording: RecordingId,
    numbers: Sequence[int],
    ns: Sequence[int],
    offsets: Sequence[int],
) -> None:
    """Say for each number in which volume its bytes begin, and where."""
    await change.connection.execute(
        "INSERT INTO livestream_place (livestream_id, number, recording_id, n, offset_bytes)"
        " SELECT $1, number, $2, n, at"
        " FROM unnest($3::bigint[], $4::int[], $5::bigint[]) AS given (number, n, at)",
        livestream,
        recording,
        list(numbers),
        list(ns),
        list(offsets),
    )


async def place_of(
    connection: Connection, livestream: LivestreamId, number: int
) -> tuple[str, str, int] | None:
    """Key and version of the volume that holds a number, and where it begins; None: in none."""
    row = await connection.fetchrow(
        "SELECT o.object_key, o.version, p.offset_bytes FROM livestream_place p"
        " JOIN original_object o ON o.recording_id = p.recording_id AND o.n = p.n"
        " WHERE p.livestream_id = $1 AND p.number = $2",
        livestream,
        number,
    )
    return (row["object_key"], row["version"], row["offset_bytes"]) if row else None


# --- what is left behind ----------------------------------------------------------------------


async def releasable(
    connection: Connection, now: datetime, before: datetime, limit: int
) -> list[SupersededObject]:
    """Superseded objects past their lock, superseded before then, by recording.

    Where a volume ever failed a reading back, its small objects may be all that is left.
    """
    rows = await connection.fetch(
        "SELECT s.recording_id, r.agency_id, s.object_key, s.version, s.length_bytes"
        " FROM superseded_object s JOIN recording r ON r.id = s.recording_id"
        " WHERE s.lock_until < $1 AND s.superseded_at < $2 AND r.integrity = 'sealed'"
        " AND NOT EXISTS (SELECT FROM fixity f"
        "  WHERE f.recording_id = s.recording_id AND f.failed_at IS NOT NULL)"
        " AND NOT EXISTS (SELECT FROM original_object o WHERE o.object_key = s.object_key)"
        " AND NOT EXISTS (SELECT FROM volume_intent v WHERE v.object_key = s.object_key)"
        " ORDER BY s.lock_until LIMIT $3",
        now,
        before,
        limit,
    )
    return [SupersededObject(*row) for row in rows]


async def forget(
    change: Change, recording: RecordingId, keys: Sequence[str]
) -> list[SupersededObject]:
    """Drop the rows of superseded objects that are gone from the store, by key; each only once."""
    rows = await change.connection.fetch(
        "DELETE FROM superseded_object s USING recording r WHERE s.recording_id = $1"
        " AND s.object_key = ANY($2) AND r.id = s.recording_id"
        " RETURNING s.recording_id, r.agency_id, s.object_key, s.version, s.length_bytes",
        recording,
        list(keys),
    )
    return sorted((SupersededObject(*row) for row in rows), key=lambda each: each.key)


async def later(connection: Connection, keys: Sequence[str], until: datetime) -> None:
    """The store still keeps these locked: they are looked at again then."""
    await connection.execute(
        "UPDATE superseded_object SET lock_until = greatest(lock_until, $2)"
        " WHERE object_key = ANY($1)",
        list(keys),
        until,
    )
