"""Restrictions of who may watch livestreams: imposed and lifted, never removed."""

from __future__ import annotations

import uuid
from datetime import datetime

from recorder.domain.ids import LivestreamId, RecordingId
from recorder.domain.restriction import LivestreamRestriction, RestrictionGround
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

_COLUMNS = (
    "act, agency_id, livestream_id, ground, basis, imposed_at, imposed_by, lifted_at, lifted_by,"
    " lift_reason"
)


def _from_row(row: Row) -> LivestreamRestriction:
    return LivestreamRestriction(
        act=row["act"],
        agency=row["agency_id"],
        livestream=row["livestream_id"],
        ground=RestrictionGround(row["ground"]),
        basis=row["basis"],
        imposed_at=row["imposed_at"],
        imposed_by=row["imposed_by"],
        lifted_at=row["lifted_at"],
        lifted_by=row["lifted_by"],
        lift_reason=row["lift_reason"],
    )


async def lock_of_event(change: Change, recording: RecordingId) -> list[LivestreamId]:
    """The livestreams a recording is of or copies, which nobody restricts until the Change ends."""
    rows = await change.connection.fetch(
        "SELECT l.id FROM livestream l JOIN recording r"
        " ON r.id = $1 AND l.id IN (r.livestream_id, r.copy_of)"
        " ORDER BY l.id FOR NO KEY UPDATE OF l",
        recording,
    )
    return [row["id"] for row in rows]


async def insert(change: Change, imposed: LivestreamRestriction) -> None:
    """Write a restriction of a livestream that is locked."""
    await change.connection.execute(
        "INSERT INTO livestream_restriction (act, agency_id, livestream_id, ground, basis,"
        " imposed_at, imposed_by) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        imposed.act,
        imposed.agency,
        imposed.livestream,
        imposed.ground.value,
        imposed.basis,
        imposed.imposed_at,
        imposed.imposed_by,
    )


async def lift(change: Change, act: uuid.UUID, reason: str) -> LivestreamRestriction | None:
    """Lift what the act imposed on a livestream; None where it imposed or left nothing."""
    row = await change.connection.fetchrow(
        "UPDATE livestream_restriction SET lifted_at = $2, lifted_by = $3, lift_reason = $4"  # noqa: S608 - constant text
        f" WHERE act = $1 AND lifted_at IS NULL RETURNING {_COLUMNS}",
        act,
        change.now,
        change.actor.name,
        reason,
    )
    return _from_row(row) if row else None


async def of_livestreams(
    connection: Connection, livestreams: list[LivestreamId]
) -> list[LivestreamRestriction]:
    """Their restrictions in the order of time, lifted ones among them."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM livestream_restriction WHERE livestream_id = ANY($1::uuid[])"  # noqa: S608 - constant text
        " ORDER BY imposed_at, act",
        livestreams,
    )
    return [_from_row(row) for row in rows]


async def recordings_of(connection: Connection, livestream: LivestreamId) -> list[RecordingId]:
    """Recordings that it became, and copies of it by a gateway."""
    rows = await connection.fetch(
        "SELECT id FROM recording WHERE livestream_id = $1 OR copy_of = $1 ORDER BY id", livestream
    )
    return [row["id"] for row in rows]


async def unnoted(connection: Connection, limit: int) -> list[LivestreamRestriction]:
    """Restrictions that the store does not tell of as they are, the oldest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM livestream_restriction WHERE noted_at IS NULL"  # noqa: S608 - constant text
        " OR (lifted_at IS NOT NULL AND lift_noted_at IS NULL) ORDER BY imposed_at LIMIT $1",
        limit,
    )
    return [_from_row(row) for row in rows]


async def noted(connection: Connection, restriction: LivestreamRestriction, at: datetime) -> None:
    """The store tells of it as it was read."""
    await connection.execute(
        "UPDATE livestream_restriction SET noted_at = coalesce(noted_at, $2),"
        " lift_noted_at = CASE WHEN $3::boolean THEN $2 END WHERE act = $1",
        restriction.act,
        at,
        restriction.lifted_at is not None,
    )


async def is_known(connection: Connection, act: uuid.UUID) -> bool:
    """Whether such a restriction was ever written."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM livestream_restriction WHERE act = $1)", act
    )
    return found
