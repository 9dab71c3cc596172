"""When sealed originals were last read back, and which comes next. No evidence: plain Connections.

What a look found is a custody event, written by ``services/fixity.py``. Rows begin with the
sealing, by a trigger.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import AgencyId, RecordingId
from recorder.store.connection import Connection, Row

_COLUMNS = (
    "f.recording_id, f.n, r.agency_id, o.object_key, o.version, o.length_bytes, o.sha256, o.sm3,"
    " f.agreed_at, f.looked_at, f.failed_at, f.failure, f.attempts"
)
_JOINED = (
    " FROM fixity f JOIN original_object o USING (recording_id, n)"
    " JOIN recording r ON r.id = f.recording_id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedObject:
    """One object of a sealed original: what was sealed, and what the last looks found."""

    recording: RecordingId
    n: int
    agency: AgencyId
    key: str
    version: str
    length: int
    sha256: bytes | None
    sm3: bytes | None
    agreed_at: datetime
    looked_at: datetime
    #: The beginning of its last failure, past or present.
    failed_at: datetime | None
    failure: str | None
    attempts: int

    @property
    def failing(self) -> bool:
        """Whether the last look found it not as it was sealed."""
        return self.failed_at is not None and self.looked_at > self.agreed_at


def _from_row(row: Row) -> SealedObject:
    return SealedObject(
        recording=row["recording_id"],
        n=row["n"],
        agency=row["agency_id"],
        key=row["object_key"],
        version=row["version"],
        length=row["length_bytes"],
        sha256=row["sha256"],
        sm3=row["sm3"],
        agreed_at=row["agreed_at"],
        looked_at=row["looked_at"],
        failed_at=row["failed_at"],
        failure=row["failure"],
        attempts=row["attempts"],
    )


async def oldest(connection: Connection, before: datetime, now: datetime) -> SealedObject | None:
    """The object whose last look is the longest ago, if it was before then."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS}{_JOINED}"
        " WHERE f.looked_at < $1 AND (f.not_before IS NULL OR f.not_before <= $2)"
        " ORDER BY f.looked_at LIMIT 1",
        before,
        now,
    )
    return _from_row(row) if row else None


async def failing(connection: Connection, before: datetime, now: datetime) -> SealedObject | None:
    """An object that failed at its last look, if that was before then."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS}{_JOINED}"
        " WHERE f.failed_at IS NOT NULL AND f.looked_at > f.agreed_at AND f.looked_at < $1"
        " AND (f.not_before IS NULL OR f.not_before <= $2) ORDER BY f.failed_at LIMIT 1",
        before,
        now,
    )
    return _from_row(row) if row else None


async def from_the_future(
    connection: Connection, after: datetime, now: datetime
) -> SealedObject | None:
    """An object that somebody whose clock was wrong looked at after then."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS}{_JOINED}"
        " WHERE f.looked_at > $1 AND (f.not_before IS NULL OR f.not_before <= $2)"
        " ORDER BY f.looked_at DESC LIMIT 1",
        after,
        now,
    )
    return _from_row(row) if row else None


async def agreed(connection: Connection, found: SealedObject, now: datetime) -> None:
    """It was read whole and is what was sealed; a failure before stays written."""
    await connection.execute(
        "UPDATE fixity SET agreed_at = $3, looked_at = $3, attempts = 0, not_before = NULL,"
        " untold = true WHERE recording_id = $1 AND n = $2",
        found.recording,
        found.n,
        now,
    )


async def failed(connection: Connection, found: SealedObject, failure: str, now: datetime) -> None:
    """It is not what was sealed; ``failed_at`` is when that began.

    Of two looks in one microsecond, or after a clock was wrong, the failing one counts as later.
    """
    await connection.execute(
        "UPDATE fixity SET looked_at = $3,"
        " agreed_at = least(agreed_at, $3::timestamptz - interval '1 microsecond'),"
        " attempts = 0, not_before = NULL, untold = true, failure = $4,"
        " failed_at = CASE WHEN failed_at IS NOT NULL AND looked_at > agreed_at"
        "  THEN failed_at ELSE $3 END"
        " WHERE recording_id = $1 AND n = $2",
        found.recording,
        found.n,
        now,
        failure,
    )


async def postpone(connection: Connection, found: SealedObject, until: datetime) -> None:
    """The store cut the look short: others come first until then."""
    await connection.execute(
        "UPDATE fixity SET attempts = attempts + 1, not_before = $3"
        " WHERE recording_id = $1 AND n = $2",
        found.recording,
        found.n,
        until,
    )


async def untold(connection: Connection, limit: int) -> tuple[int, datetime | None]:
    """How many looks are in no event yet, at most ``limit``, and when the first of them was."""
    (row,) = await connection.fetch(
        "SELECT count(*) AS number, min(looked_at) AS first FROM"
        " (SELECT looked_at FROM fixity WHERE untold ORDER BY looked_at LIMIT $1) bounded",
        limit,
    )
    return row["number"], row["first"]


async def tell(connection: Connection, limit: int) -> list[SealedObject]:
    """Mark up to ``limit`` looks as told and give them, oldest first.

    Of two who do this at once each gets looks of its own, so none is told twice.
    """
    rows = await connection.fetch(
        "UPDATE fixity f SET untold = false"  # noqa: S608 - constant text
        " FROM original_object o, recording r"
        " WHERE o.recording_id = f.recording_id AND o.n = f.n AND r.id = f.recording_id"
        " AND (f.recording_id, f.n) IN (SELECT recording_id, n FROM fixity WHERE untold"
        "  ORDER BY looked_at LIMIT $1 FOR UPDATE SKIP LOCKED)"
        f" RETURNING {_COLUMNS}",
        limit,
    )
    return sorted((_from_row(row) for row in rows), key=lambda each: (each.looked_at, each.key))


async def tell_recording(connection: Connection, recording: RecordingId) -> list[SealedObject]:
    """Mark all looks at one recording as told and give them, oldest first."""
    rows = await connection.fetch(
        "UPDATE fixity f SET untold = false"  # noqa: S608 - constant text
        " FROM original_object o, recording r"
        " WHERE f.recording_id = $1 AND f.untold"
        " AND o.recording_id = f.recording_id AND o.n = f.n AND r.id = f.recording_id"
        f" RETURNING {_COLUMNS}",
        recording,
    )
    return sorted((_from_row(row) for row in rows), key=lambda each: (each.looked_at, each.key))


async def of_recording(connection: Connection, recording: RecordingId) -> list[SealedObject]:
    """The objects of one recording in order; empty before it is sealed."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS}{_JOINED} WHERE f.recording_id = $1 ORDER BY f.n",
        recording,
    )
    return [_from_row(row) for row in rows]


async def oldest_look(connection: Connection) -> datetime | None:
    """When the object was looked at that has waited the longest; None without any."""
    found: datetime | None = await connection.fetchval(
        "SELECT looked_at FROM fixity ORDER BY looked_at LIMIT 1"
    )
    return found


async def count_failing(connection: Connection, limit: int) -> int:
    """How many objects failed at their last look, ``limit`` at most."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM (SELECT FROM fixity WHERE failed_at IS NOT NULL"
        " AND looked_at > agreed_at ORDER BY failed_at LIMIT $1) bounded",
        limit,
    )
    return found
