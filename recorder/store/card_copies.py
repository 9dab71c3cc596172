"""Pairs of a livestream's recording and the device's own file, and live copies let go.

What a pair is decided to be is evidence: a Change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from recorder.domain.card_copy import Overlap, Side
from recorder.domain.ids import RecordingId
from recorder.domain.people import Scope
from recorder.store import volumes
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

#: Recordings of one device that may be looked at for one.
_MOST = 500
_REACH = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CardCopy:
    """One pair and what was decided about it."""

    live: RecordingId
    card: RecordingId
    #: proposed, matched or rejected.
    state: str
    #: rule or person.
    origin: str
    overlap_ms: int
    share_permille: int
    clock_shift_ms: int | None
    decided_at: datetime
    decided_by: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Release:
    """Whether the live copy's locks may end, by whom and why."""

    released: bool
    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Preferred:
    """The card copy that is watched in place of a live copy."""

    card: RecordingId
    #: How much further ahead the device's clock was for the card copy; None where unknown.
    clock_shift_ms: int | None


def _side(row: Row) -> Side | None:
    """None for what has no length in time."""
    if row["started_at"] and row["ended_at"]:
        return Side(row["id"], row["started_at"], row["ended_at"], row["clock_offset_ms"])
    if row["first_arrival_at"] and row["last_arrival_at"]:
        return Side(row["id"], row["first_arrival_at"], row["last_arrival_at"], 0)
    return None


async def sides(connection: Connection, recording: RecordingId) -> tuple[list[Side], list[Side]]:
    """The recording with what its device recorded on the other side near that time.

    Livestreams first, then files; both empty where it is neither, or has no known device. What a
    gateway wrote is no file of the device: it is as good as the livestream, and no better.
    """
    rows = await connection.fetch(
        "SELECT o.id, o.livestream_id, o.started_at, o.ended_at, o.clock_offset_ms,"
        " l.first_arrival_at, l.last_arrival_at FROM recording r"
        " JOIN recording o ON o.device_number = r.device_number AND o.device_id = r.device_id"
        "  AND o.agency_id = r.agency_id AND NOT o.flags @> '{supplementary}'"
        "  AND NOT EXISTS (SELECT FROM gateway g WHERE g.dock_id = o.dock_id)"
        "  AND (o.id = r.id OR (o.livestream_id IS NULL) <> (r.livestream_id IS NULL))"
        "  AND coalesce(o.started_at, o.received_at) <"
        "      coalesce(r.ended_at, r.received_at) + $2::interval"
        "  AND coalesce(o.ended_at, o.received_at) >"
        "      coalesce(r.started_at, r.received_at) - $2::interval"
        " LEFT JOIN livestream l ON l.id = o.livestream_id"
        " WHERE r.id = $1 AND NOT r.flags @> '{supplementary}'"
        " ORDER BY o.id = r.id DESC, o.id LIMIT $3",
        recording,
        _REACH,
        _MOST,
    )
    found: tuple[list[Side], list[Side]] = ([], [])
    for row in rows:
        side = _side(row)
        if side is not None:
            found[row["livestream_id"] is None].append(side)
    return found


async def lives_beside(connection: Connection, card: RecordingId) -> list[Side]:
    """The livestreams of the device that may be those of this file."""
    return (await sides(connection, card))[0]


async def propose(change: Change, fit: Overlap) -> bool:
    """Note what the rule says of a pair; False when the pair stands already, whoever decided."""
    touched = await change.connection.execute(
        "INSERT INTO card_copy (live_id, card_id, state, origin, overlap_ms, share_permille,"
        " clock_shift_ms, decided_at, decided_by)"
        " VALUES ($1, $2, $3, 'rule', $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        fit.live,
        fit.card,
        "matched" if fit.sure else "proposed",
        fit.overlap_ms,
        fit.share_permille,
        fit.clock_shift_ms,
        change.now,
        change.actor.name,
    )
    return touched == 1


async def decide(
    change: Change, live: RecordingId, card: RecordingId, state: str, reason: str
) -> bool:
    """A person's word about a pair; False when it is that already, or no pair."""
    touched = await change.connection.execute(
        "UPDATE card_copy SET state = $3, origin = 'person', reason = $4, decided_at = $5,"
        " decided_by = $6 WHERE live_id = $1 AND card_id = $2 AND state <> $3",
        live,
        card,
        state,
        reason,
        change.now,
        change.actor.name,
    )
    return touched == 1


async def of_recording(connection: Connection, recording: RecordingId) -> list[CardCopy]:
    """The pairs a recording stands in, on either side, by their best fit."""
    rows = await connection.fetch(
        "SELECT live_id, card_id, state, origin, overlap_ms, share_permille, clock_shift_ms,"
        " decided_at, decided_by, reason FROM card_copy WHERE live_id = $1 OR card_id = $1"
        " ORDER BY state <> 'matched', state = 'rejected', overlap_ms DESC, card_id",
        recording,
    )
    return [CardCopy(*row) for row in rows]


async def preferred(
    connection: Connection, recordings: Sequence[RecordingId], scope: Scope
) -> dict[RecordingId, Preferred]:
    """Of live copies with a matched card copy that stands and is in scope: that one.

    It stands when it is sealed and admitted; of several, the one with most in common.
    """
    rows = await connection.fetch(
        "SELECT DISTINCT ON (p.live_id) p.live_id, p.card_id, p.clock_shift_ms FROM card_copy p"
        " JOIN recording r ON r.id = p.card_id AND r.integrity = 'sealed'"
        "  AND r.admission = 'admitted' AND in_scope(r.agency_id, $2)"
        "  AND ($3::uuid IS NULL OR r.device_id = $3) AND ($4::uuid IS NULL OR r.dock_id = $4)"
        "  AND ($5::text IS NULL OR r.officer = $5)"
        " WHERE p.live_id = ANY($1) AND p.state = 'matched'"
        " ORDER BY p.live_id, p.overlap_ms DESC, p.card_id",
        list(recordings),
        scope.agencies,
        scope.device,
        scope.dock,
        scope.officer,
    )
    return {row["live_id"]: Preferred(row["card_id"], row["clock_shift_ms"]) for row in rows}


async def release_of(connection: Connection, recording: RecordingId) -> Release | None:
    """What was last decided about letting the live copy go."""
    row = await connection.fetchrow(
        "SELECT released, at, decided_by, reason FROM live_copy_release WHERE recording_id = $1",
        recording,
    )
    return Release(*row) if row else None


async def set_release(change: Change, recording: RecordingId, released: bool, reason: str) -> bool:
    """Stop, or take up again, keeping the locks ahead; False when it is so already."""
    # A compaction would put other objects in the place of those that are marked below.
    await volumes.hold(change.connection, recording)
    touched = await change.connection.execute(
        "INSERT INTO live_copy_release (recording_id, released, at, decided_by, reason)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (recording_id) DO UPDATE SET released = $2,"
        " at = $3, decided_by = $4, reason = $5 WHERE live_copy_release.released <> $2",
        recording,
        released,
        change.now,
        change.actor.name,
        reason,
    )
    if touched:
        await change.connection.execute(
            "UPDATE original_object SET lock_kept = NOT $2::boolean WHERE recording_id = $1",
            recording,
            released,
        )
    return touched == 1
