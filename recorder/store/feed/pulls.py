"""What we fetch for sources, where each stands, and which files were taken."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from recorder.store.change import Change
from recorder.store.connection import Connection, Row

#: A worker that dies in the middle of a pull keeps it for so long.
LEASE = timedelta(minutes=5)
_COLUMNS = (
    "id, source_id, kind, place, every_s, due_at, watermark, pulled_at, trouble, stopped_at,"
    " files, refused, refused_in, behind, behind_at"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    id: uuid.UUID
    source: uuid.UUID
    #: sql, folder or bucket.
    kind: str
    #: Sealed: it may hold a password.
    place: bytes
    every_s: int
    #: When it is looked at next; of one in hand, when others may take it.
    due_at: datetime
    watermark: str
    pulled_at: datetime | None
    trouble: str | None
    stopped_at: datetime | None
    #: Taken until now, and lines of them that hold no row; the last file with such lines.
    files: int = 0
    refused: int = 0
    refused_in: str | None = None
    #: Where the watermark of a query stood a while ago, and since when this is noted.
    behind: str = ""
    behind_at: datetime | None = None


def _from_row(row: Row) -> Pull:
    return Pull(
        id=row["id"],
        source=row["source_id"],
        kind=row["kind"],
        place=row["place"],
        every_s=row["every_s"],
        due_at=row["due_at"],
        watermark=row["watermark"],
        pulled_at=row["pulled_at"],
        trouble=row["trouble"],
        stopped_at=row["stopped_at"],
        files=row["files"],
        refused=row["refused"],
        refused_in=row["refused_in"],
        behind=row["behind"],
        behind_at=row["behind_at"],
    )


async def insert(change: Change, pull: Pull) -> None:
    await change.connection.execute(
        "INSERT INTO feed_pull (id, source_id, kind, place, every_s, due_at, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        pull.id,
        pull.source,
        pull.kind,
        pull.place,
        pull.every_s,
        pull.due_at,
        change.now,
    )


async def stop(change: Change, source: uuid.UUID) -> int:
    """Fetch nothing for this source any more; how many pulls that ends."""
    return await change.connection.execute(
        "UPDATE feed_pull SET stopped_at = $2 WHERE source_id = $1 AND stopped_at IS NULL",
        source,
        change.now,
    )


async def claim(connection: Connection, now: datetime) -> Pull | None:
    """Take one due pull in hand; nobody else does until its lease ends or it is settled."""
    row = await connection.fetchrow(
        f"UPDATE feed_pull SET due_at = $2 WHERE id = (SELECT id FROM feed_pull"  # noqa: S608 - constant text
        f" WHERE stopped_at IS NULL AND due_at <= $1 ORDER BY due_at LIMIT 1"
        f" FOR UPDATE SKIP LOCKED) RETURNING {_COLUMNS}",
        now,
        now + LEASE,
    )
    return _from_row(row) if row else None


async def keep(connection: Connection, pull: Pull, now: datetime) -> Pull | None:
    """The pull, held for another lease; None when it was stopped or somebody else has it now."""
    row = await connection.fetchrow(
        f"UPDATE feed_pull SET due_at = $3 WHERE id = $1 AND due_at = $2"  # noqa: S608 - constant text
        f" AND stopped_at IS NULL RETURNING {_COLUMNS}",
        pull.id,
        pull.due_at,
        now + LEASE,
    )
    return _from_row(row) if row else None


async def settle(
    connection: Connection,
    pull: Pull,
    now: datetime,
    *,
    next_at: datetime,
    watermark: str | None = None,
    behind: str | None = None,
    trouble: str | None = None,
) -> None:
    """Note how it went and when it is due again, unless somebody else has it now."""
    await connection.execute(
        "UPDATE feed_pull SET due_at = $2, watermark = coalesce($3, watermark),"
        " pulled_at = CASE WHEN $4::text IS NULL THEN $5::timestamptz ELSE pulled_at END,"
        " trouble = $4, trouble_at = CASE WHEN $4 IS NULL THEN NULL ELSE $5 END,"
        " behind = coalesce($7::text, behind),"
        " behind_at = CASE WHEN $7 IS NULL THEN behind_at ELSE $5 END"
        " WHERE id = $1 AND due_at = $6",
        pull.id,
        next_at,
        watermark,
        trouble,
        now,
        pull.due_at,
        behind,
    )


async def of_source(connection: Connection, source: uuid.UUID) -> list[Pull]:
    """What is fetched for the source now, and was before."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM feed_pull WHERE source_id = $1 ORDER BY created_at, id",  # noqa: S608 - constant text
        source,
    )
    return [_from_row(row) for row in rows]


async def taken_files(
    connection: Connection, pull: uuid.UUID, digests: Collection[bytes]
) -> set[bytes]:
    """Which of these files were taken already."""
    rows = await connection.fetch(
        "SELECT digest FROM feed_file WHERE pull_id = $1 AND digest = ANY($2::bytea[])",
        pull,
        list(digests),
    )
    return {row["digest"] for row in rows}


@dataclass(frozen=True, slots=True)
class TakenFile:
    """A file whose rows were all taken."""

    digest: bytes
    name: str
    rows: int
    #: Lines that hold no row: nothing was kept of them.
    refused: int


async def note_file(
    connection: Connection, pull: uuid.UUID, file: TakenFile, now: datetime
) -> None:
    """It is taken from now on, and counted once."""
    await connection.execute(
        "WITH taken AS (INSERT INTO feed_file (pull_id, digest, name, rows, taken_at)"
        "  VALUES ($1, $2, $3::text, $4, $6) ON CONFLICT DO NOTHING RETURNING name)"
        " UPDATE feed_pull p SET files = files + 1, refused = refused + $5::bigint,"
        " refused_in = CASE WHEN $5 > 0 THEN t.name ELSE refused_in END"
        " FROM taken t WHERE p.id = $1",
        pull,
        file.digest,
        file.name,
        file.rows,
        file.refused,
        now,
    )


async def note_look(
    connection: Connection, pull: uuid.UUID, look: bytes, name: str, now: datetime
) -> None:
    """A file of a folder that looks so was taken, or its contents were; it is not counted."""
    await connection.execute(
        "INSERT INTO feed_file (pull_id, digest, name, rows, taken_at) VALUES ($1, $2, $3, 0, $4)"
        " ON CONFLICT DO NOTHING",
        pull,
        look,
        name,
        now,
    )
