"""Audits and where they have come to. No evidence: what one says is its custody event."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from recorder.store.connection import Connection, Row

_COLUMNS = "id, level, state, started_at, saved_at, finished_at, step, cursor, looked_at, counts"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRun:
    """One audit: running, completed, or abandoned for a new one."""

    id: uuid.UUID
    level: str
    state: str
    started_at: datetime
    #: When its place was last written.
    saved_at: datetime
    finished_at: datetime | None
    step: str
    cursor: str | None
    looked_at: Mapping[str, int]
    counts: Mapping[str, int]


#: Code, kind of what it is about, what it is about, detail.
FindingRow = tuple[str, str, str, str]


def _from_row(row: Row) -> AuditRun:
    return AuditRun(
        id=row["id"],
        level=row["level"],
        state=row["state"],
        started_at=row["started_at"],
        saved_at=row["saved_at"],
        finished_at=row["finished_at"],
        step=row["step"],
        cursor=row["cursor"],
        looked_at=row["looked_at"],
        counts=row["counts"],
    )


async def running(connection: Connection, level: str) -> AuditRun | None:
    """The audit of this level that is not at its end."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM audit_run"  # noqa: S608 - constant text
        " WHERE level = $1 AND state = 'running'",
        level,
    )
    return _from_row(row) if row else None


async def begin(
    connection: Connection, run: uuid.UUID, level: str, step: str, now: datetime
) -> None:
    """Write a new audit; Conflict ``already-exists`` while another of its level is running."""
    await connection.execute(
        "INSERT INTO audit_run (id, level, step, started_at, saved_at) VALUES ($1, $2, $3, $4, $4)",
        run,
        level,
        step,
        now,
    )


async def abandon(connection: Connection, run: uuid.UUID) -> None:
    """It is never gone on with, and says nothing."""
    await connection.execute(
        "UPDATE audit_run SET state = 'abandoned' WHERE id = $1 AND state = 'running'", run
    )


async def save(
    connection: Connection,
    run: uuid.UUID,
    now: datetime,
    *,
    step: str,
    cursor: str | None,
    looked_at: Mapping[str, int],
    counts: Mapping[str, int],
) -> bool:
    """Write where it has come to; False when it is not running any more."""
    touched = await connection.execute(
        "UPDATE audit_run SET saved_at = $2, step = $3, cursor = $4, looked_at = $5, counts = $6"
        " WHERE id = $1 AND state = 'running'",
        run,
        now,
        step,
        cursor,
        dict(looked_at),
        dict(counts),
    )
    return touched == 1


async def complete(
    connection: Connection,
    run: uuid.UUID,
    now: datetime,
    *,
    looked_at: Mapping[str, int],
    counts: Mapping[str, int],
) -> bool:
    """It has come to its end, with these figures; False when it was not running any more."""
    touched = await connection.execute(
        "UPDATE audit_run SET state = 'completed', saved_at = $2, finished_at = $2,"
        " looked_at = $3, counts = $4 WHERE id = $1 AND state = 'running'",
        run,
        now,
        dict(looked_at),
        dict(counts),
    )
    return touched == 1


async def add_findings(
    connection: Connection, run: uuid.UUID, first: int, found: Sequence[FindingRow]
) -> None:
    """Write further findings, the first of them with this number."""
    await connection.executemany(
        "INSERT INTO audit_finding (run_id, n, code, about_kind, about, detail)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        [(run, n, *each) for n, each in enumerate(found, first)],
    )


async def findings(connection: Connection, run: uuid.UUID, limit: int) -> list[FindingRow]:
    """Its findings in the order in which they were found."""
    rows = await connection.fetch(
        "SELECT code, about_kind, about, detail FROM audit_finding WHERE run_id = $1"
        " ORDER BY n LIMIT $2",
        run,
        limit,
    )
    return [(row["code"], row["about_kind"], row["about"], row["detail"]) for row in rows]


async def newest(connection: Connection, limit: int) -> list[AuditRun]:
    """The last audits of every level, newest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM audit_run ORDER BY started_at DESC, id DESC LIMIT $1",  # noqa: S608 - constant text
        limit,
    )
    return [_from_row(row) for row in rows]
