"""Restrictions of who may watch recordings: imposed and lifted, never removed.

``recording.restrictions`` says the grounds that stand, so that every look at a recording knows
them; it is written here and nowhere else, under the lock of the recording's row.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from recorder.domain.ids import AgencyId, RecordingId, RestrictionId
from recorder.domain.restriction import Restriction, RestrictionGround
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

_COLUMNS = (
    "id, act, agency_id, recording_id, ground, basis, imposed_at, imposed_by, lifted_at,"
    " lifted_by, lift_reason"
)


def _from_row(row: Row) -> Restriction:
    return Restriction(
        id=row["id"],
        act=row["act"],
        agency=row["agency_id"],
        recording=row["recording_id"],
        ground=RestrictionGround(row["ground"]),
        basis=row["basis"],
        imposed_at=row["imposed_at"],
        imposed_by=row["imposed_by"],
        lifted_at=row["lifted_at"],
        lifted_by=row["lifted_by"],
        lift_reason=row["lift_reason"],
    )


async def copies_of_event(
    connection: Connection, recording: RecordingId
) -> dict[RecordingId, AgencyId]:
    """The recording and the others of its event with agencies: of one livestream, or a pair."""
    rows = await connection.fetch(
        "WITH told AS (SELECT id, livestream_id, copy_of FROM recording WHERE id = $1)"
        " SELECT r.id, r.agency_id FROM recording r WHERE r.id IN ("
        "  SELECT id FROM told"
        "  UNION SELECT o.id FROM told t JOIN recording o"
        "   ON o.livestream_id IN (t.livestream_id, t.copy_of)"
        "  UNION SELECT o.id FROM told t JOIN recording o"
        "   ON o.copy_of IN (t.livestream_id, t.copy_of)"
        "  UNION SELECT card_id FROM card_copy WHERE live_id = $1 AND state = 'matched'"
        "  UNION SELECT live_id FROM card_copy WHERE card_id = $1 AND state = 'matched')"
        " ORDER BY r.id",
        recording,
    )
    return {row["id"]: row["agency_id"] for row in rows}


async def lock(change: Change, recordings: Sequence[RecordingId]) -> None:
    """Nobody else restricts these until the Change ends."""
    await change.connection.fetch(
        "SELECT FROM recording WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE",
        list(recordings),
    )


async def insert(change: Change, restrictions: Sequence[Restriction]) -> None:
    """Write restrictions of recordings that are locked."""
    for each in restrictions:
        await change.connection.execute(
            "INSERT INTO restriction (id, act, agency_id, recording_id, ground, basis, imposed_at,"
            " imposed_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            each.id,
            each.act,
            each.agency,
            each.recording,
            each.ground.value,
            each.basis,
            each.imposed_at,
            each.imposed_by,
        )
    await _settle(change, [each.recording for each in restrictions])


async def lift(change: Change, act: uuid.UUID, reason: str) -> list[Restriction]:
    """Lift what one act imposed on recordings that are locked; empty where none of it stands."""
    rows = await change.connection.fetch(
        "UPDATE restriction SET lifted_at = $2, lifted_by = $3, lift_reason = $4"  # noqa: S608 - constant text
        f" WHERE act = $1 AND lifted_at IS NULL RETURNING {_COLUMNS}",
        act,
        change.now,
        change.actor.name,
        reason,
    )
    lifted = [_from_row(row) for row in rows]
    await _settle(change, [each.recording for each in lifted])
    return lifted


async def _settle(change: Change, recordings: Sequence[RecordingId]) -> None:
    await change.connection.execute(
        "UPDATE recording r SET restrictions = ARRAY(SELECT DISTINCT ground FROM restriction s"
        " WHERE s.recording_id = r.id AND s.lifted_at IS NULL ORDER BY ground)"
        " WHERE r.id = ANY($1::uuid[])",
        list(recordings),
    )


async def of_recordings(
    connection: Connection, recordings: Sequence[RecordingId]
) -> list[Restriction]:
    """Their restrictions in the order of time, lifted ones among them."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM restriction WHERE recording_id = ANY($1::uuid[])"  # noqa: S608 - constant text
        " ORDER BY imposed_at, id",
        list(recordings),
    )
    return [_from_row(row) for row in rows]


#: Of which the store holds no note yet, or none of their end.
_UNNOTED = " WHERE noted_at IS NULL OR (lifted_at IS NOT NULL AND lift_noted_at IS NULL)"


async def unnoted(connection: Connection, limit: int) -> list[Restriction]:
    """Restrictions that the store does not tell of as they are, the oldest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM restriction{_UNNOTED} ORDER BY imposed_at LIMIT $1",  # noqa: S608 - constant text
        limit,
    )
    return [_from_row(row) for row in rows]


async def noted(connection: Connection, restriction: Restriction, at: datetime) -> None:
    """The store tells of it as it was read."""
    await connection.execute(
        "UPDATE restriction SET noted_at = coalesce(noted_at, $2),"
        " lift_noted_at = CASE WHEN $3::boolean THEN $2 END WHERE id = $1",
        restriction.id,
        at,
        restriction.lifted_at is not None,
    )


async def is_known(connection: Connection, restriction: RestrictionId) -> bool:
    """Whether such a restriction was ever written."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM restriction WHERE id = $1)", restriction
    )
    return found
