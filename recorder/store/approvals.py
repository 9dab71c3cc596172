"""Proposals that need a second person, and what became of them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.approval import Approval, ApprovalState, Hand
from recorder.domain.ids import ApprovalId
from recorder.domain.people import ActorKind, Scope
from recorder.store.change import Change
from recorder.store.connection import Connection, Row


@dataclass(frozen=True, slots=True)
class Sought:
    """Which proposals; None does not narrow."""

    #: Who asks, for ``is_own``.
    hand: Hand
    kind: str | None = None
    #: The code of an agency.
    agency: str | None = None
    #: It waits for a second person and its time has not run out.
    is_open: bool | None = None
    #: Whoever asks proposed it.
    is_own: bool | None = None


@dataclass(frozen=True, slots=True)
class ListedApproval:
    """A proposal with the code of its agency."""

    approval: Approval
    agency_code: str


_COLUMNS = (
    "id, agency_id, kind, subject_id, title, digest, proposed_by_kind, proposed_by_id,"
    " proposed_by_name, proposed_by_officer, proposed_at, expires_at, state, decided_by_kind,"
    " decided_by_id, decided_by_name, decided_by_officer, decided_at, reason"
)


def _hand(row: Row, of: str) -> Hand:
    kind = ActorKind(row[f"{of}_kind"])
    return Hand(kind, row[f"{of}_id"], row[f"{of}_name"], row[f"{of}_officer"])


def _from_row(row: Row) -> Approval:
    return Approval(
        id=row["id"],
        agency=row["agency_id"],
        kind=row["kind"],
        subject=row["subject_id"],
        title=row["title"],
        digest=row["digest"],
        proposed_by=_hand(row, "proposed_by"),
        proposed_at=row["proposed_at"],
        expires_at=row["expires_at"],
        state=ApprovalState(row["state"]),
        decided_by=_hand(row, "decided_by") if row["decided_by_kind"] else None,
        decided_at=row["decided_at"],
        reason=row["reason"],
    )


async def insert(change: Change, approval: Approval) -> bool:
    """Write an open proposal; False when its subject has one."""
    touched = await change.connection.execute(
        "INSERT INTO approval (id, agency_id, kind, subject_id, title, digest, proposed_by_kind,"
        " proposed_by_id, proposed_by_name, proposed_by_officer, proposed_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        " ON CONFLICT (kind, subject_id) WHERE state = 'proposed' DO NOTHING",
        approval.id,
        approval.agency,
        approval.kind,
        approval.subject,
        approval.title,
        approval.digest,
        approval.proposed_by.kind.value,
        approval.proposed_by.id,
        approval.proposed_by.name,
        approval.proposed_by.officer,
        approval.proposed_at,
        approval.expires_at,
    )
    return touched == 1


async def lock(change: Change, approval: ApprovalId, scope: Scope) -> Approval | None:
    """The proposal in scope; nobody else decides about it until the end of the change."""
    row = await change.connection.fetchrow(
        f"SELECT {_COLUMNS} FROM approval"  # noqa: S608 - constant text
        " WHERE id = $1 AND in_scope(agency_id, $2) FOR UPDATE",
        approval,
        scope.agencies,
    )
    return _from_row(row) if row else None


async def set_decided(change: Change, decided: Approval) -> None:
    """Write how an open proposal ended."""
    by = decided.decided_by
    await change.connection.execute(
        "UPDATE approval SET state = $2, decided_by_kind = $3, decided_by_id = $4,"
        " decided_by_name = $5, decided_by_officer = $6, decided_at = $7, reason = $8"
        " WHERE id = $1 AND state = 'proposed'",
        decided.id,
        decided.state.value,
        by.kind.value if by else None,
        by.id if by else None,
        by.name if by else None,
        by.officer if by else None,
        decided.decided_at,
        decided.reason,
    )


async def find(connection: Connection, approval: ApprovalId, scope: Scope) -> ListedApproval | None:
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS}, agency_code FROM approval"  # noqa: S608 - constant text
        " JOIN (SELECT id AS agency, code AS agency_code FROM agency) a ON agency = agency_id"
        " WHERE id = $1 AND in_scope(agency_id, $2)",
        approval,
        scope.agencies,
    )
    return ListedApproval(_from_row(row), row["agency_code"]) if row else None


async def of_subject(connection: Connection, kind: str, subject: uuid.UUID) -> list[Approval]:
    """All proposals about one thing, oldest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM approval WHERE kind = $1 AND subject_id = $2"  # noqa: S608 - constant text
        " ORDER BY proposed_at, id",
        kind,
        subject,
    )
    return [_from_row(row) for row in rows]


async def listed(
    connection: Connection,
    scope: Scope,
    sought: Sought,
    *,
    now: datetime,
    before: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> list[ListedApproval]:
    """Proposals in scope, newest first, by key ``(proposed_at, id)``."""
    at, last = before or (None, None)
    rows = await connection.fetch(
        f"SELECT {_COLUMNS}, agency_code FROM approval"  # noqa: S608 - constant text
        " JOIN (SELECT id AS agency, code AS agency_code FROM agency) a ON agency = agency_id"
        " WHERE in_scope(agency_id, $1) AND ($2::text IS NULL OR kind = $2)"
        " AND ($3::text IS NULL OR agency_code = $3)"
        " AND ($4::boolean IS NULL OR (state = 'proposed' AND expires_at > $5) = $4)"
        " AND ($6::boolean IS NULL OR ((proposed_by_kind = $7 AND proposed_by_id = $8)"
        " OR coalesce(proposed_by_officer = $9, false)) = $6)"
        " AND ($10::timestamptz IS NULL OR (proposed_at, id) < ($10, $11::uuid))"
        " ORDER BY proposed_at DESC, id DESC LIMIT $12",
        scope.agencies,
        sought.kind,
        sought.agency,
        sought.is_open,
        now,
        sought.is_own,
        sought.hand.kind.value,
        sought.hand.id,
        sought.hand.officer,
        at,
        last,
        limit,
    )
    return [ListedApproval(_from_row(row), row["agency_code"]) for row in rows]


async def lock_overdue(change: Change, now: datetime, limit: int) -> list[Approval]:
    """Open proposals whose time has run out and that nobody decides about at this moment."""
    rows = await change.connection.fetch(
        f"SELECT {_COLUMNS} FROM approval WHERE state = 'proposed' AND expires_at <= $1"  # noqa: S608 - constant text
        " ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED",
        now,
        limit,
    )
    return [_from_row(row) for row in rows]
