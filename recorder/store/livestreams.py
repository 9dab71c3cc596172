"""Livestreams: their rows and states. Their segments are in ``livestream_segments``."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from recorder.domain.ids import DeviceId, LivestreamId, RecordingId
from recorder.domain.livestream import Form, Livestream, LivestreamState
from recorder.domain.people import Scope
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

_COLUMNS = (
    "l.id, l.agency_id, a.code AS agency_code, l.device_id, l.device_number, l.dock_id,"
    " l.officer, l.title, l.stage, l.case_numbers, l.opened_by, l.source, l.quarantine_reasons,"
    " l.flags, l.form, l.state, l.key_prefix, l.opening_version, l.device_clock_at,"
    " l.clock_offset_ms, l.created_at, l.first_arrival_at, l.last_arrival_at, l.highest_number,"
    " l.segments, l.length_bytes, l.interrupted_at, l.closing_at, l.last_number, l.closed_at,"
    " l.recording_id, l.sealing_id, l.holder, l.fence, l.held_until,"
    " l.media_type, l.latitude, l.longitude, l.accuracy_m, l.promised_period, l.promised_number,"
    " l.left_out,"
    " l.heard_at, l.continues_id,"
    " (SELECT count(*) FROM livestream_loss x WHERE x.livestream_id = l.id"
    "  AND x.number BETWEEN 1 AND greatest(l.highest_number, l.promised_number, l.last_number)"
    "  AND NOT EXISTS (SELECT FROM livestream_segment s WHERE s.livestream_id = l.id"
    "   AND s.number = x.number AND s.state = 'stored')) AS lost,"
    " EXISTS (SELECT 1 FROM livestream_source s WHERE s.livestream_id = l.id) AS is_pulled,"
    " (EXISTS (SELECT FROM recording r WHERE r.livestream_id = l.id AND r.restrictions <> '{}')"
    "  OR EXISTS (SELECT FROM recording r WHERE r.copy_of = l.id AND r.restrictions <> '{}')"
    "  OR EXISTS (SELECT FROM livestream_restriction s WHERE s.livestream_id = l.id"
    "   AND s.lifted_at IS NULL)) AS is_restricted"
)
_SCOPE = (
    " in_scope(l.agency_id, $1) AND ($2::uuid IS NULL OR l.device_id = $2)"
    " AND ($3::uuid IS NULL OR l.dock_id = $3) AND ($4::text IS NULL OR l.officer = $4)"
)


def _from_row(row: Row) -> Livestream:
    return Livestream(
        id=row["id"],
        agency=row["agency_id"],
        agency_code=row["agency_code"],
        device=row["device_id"],
        device_number=row["device_number"],
        dock=row["dock_id"],
        officer=row["officer"],
        title=row["title"],
        stage=row["stage"],
        case_numbers=tuple(row["case_numbers"]),
        opened_by=row["opened_by"],
        source=row["source"],
        quarantine_reasons=tuple(row["quarantine_reasons"]),
        flags=tuple(row["flags"]),
        form=Form(row["form"]),
        state=LivestreamState(row["state"]),
        key_prefix=row["key_prefix"],
        opening_version=row["opening_version"],
        device_clock_at=row["device_clock_at"],
        clock_offset_ms=row["clock_offset_ms"],
        created_at=row["created_at"],
        first_arrival_at=row["first_arrival_at"],
        last_arrival_at=row["last_arrival_at"],
        highest_number=row["highest_number"],
        segments=row["segments"],
        length=row["length_bytes"],
        interrupted_at=row["interrupted_at"],
        closing_at=row["closing_at"],
        last_number=row["last_number"],
        closed_at=row["closed_at"],
        recording=row["recording_id"],
        sealing=row["sealing_id"],
        holder=row["holder"],
        fence=row["fence"],
        held_until=row["held_until"],
        media_type=row["media_type"],
        latitude=row["latitude"],
        longitude=row["longitude"],
        accuracy_m=row["accuracy_m"],
        is_pulled=row["is_pulled"],
        is_restricted=row["is_restricted"],
        promised_period=row["promised_period"],
        promised_number=row["promised_number"],
        left_out=tuple(row["left_out"]),
        lost=row["lost"],
        heard_at=row["heard_at"],
        continues=row["continues_id"],
    )


async def insert(change: Change, livestream: Livestream) -> None:
    """Write a livestream that has just been opened."""
    await change.connection.execute(
        "INSERT INTO livestream (id, agency_id, device_id, device_number, dock_id, officer, title,"
        " stage, case_numbers, opened_by, source, quarantine_reasons, flags, form, key_prefix,"
        " device_clock_at, clock_offset_ms, created_at, media_type, latitude, longitude,"
        " accuracy_m, left_out, continues_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,"
        " $19, $20, $21, $22, $23, $24)",
        livestream.id,
        livestream.agency,
        livestream.device,
        livestream.device_number,
        livestream.dock,
        livestream.officer,
        livestream.title,
        livestream.stage,
        list(livestream.case_numbers),
        livestream.opened_by,
        livestream.source,
        list(livestream.quarantine_reasons),
        list(livestream.flags),
        livestream.form.value,
        livestream.key_prefix,
        livestream.device_clock_at,
        livestream.clock_offset_ms,
        livestream.created_at,
        livestream.media_type,
        livestream.latitude,
        livestream.longitude,
        livestream.accuracy_m,
        list(livestream.left_out),
        livestream.continues,
    )


async def set_opening(
    connection: Connection, livestream: LivestreamId, version: str, lock_until: datetime | None
) -> None:
    """Pin the description beside its segments; the first one stays."""
    await connection.execute(
        "UPDATE livestream SET opening_version = $2, opening_lock_until = $3"
        " WHERE id = $1 AND opening_version IS NULL",
        livestream,
        version,
        lock_until,
    )


async def find(connection: Connection, livestream: LivestreamId, scope: Scope) -> Livestream | None:
    """One livestream, if the scope reaches it."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM livestream l JOIN agency a ON a.id = l.agency_id"  # noqa: S608 - constant text
        f" WHERE {_SCOPE} AND l.id = $5",
        scope.agencies,
        scope.device,
        scope.dock,
        scope.officer,
        livestream,
    )
    return _from_row(row) if row else None


async def locked(change: Change, livestream: LivestreamId) -> Livestream | None:
    """One livestream, that nobody else changes until the Change ends."""
    row = await change.connection.fetchrow(
        f"SELECT {_COLUMNS} FROM livestream l JOIN agency a ON a.id = l.agency_id"  # noqa: S608 - constant text
        " WHERE l.id = $1 FOR UPDATE OF l",
        livestream,
    )
    return _from_row(row) if row else None


async def continuing(connection: Connection, first: LivestreamId) -> list[Livestream]:
    """Livestreams that go on with this one, the first of them first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM livestream l JOIN agency a ON a.id = l.agency_id"  # noqa: S608 - constant text
        " WHERE l.continues_id = $1 ORDER BY l.created_at, l.id",
        first,
    )
    return [_from_row(row) for row in rows]


async def of_device_at(connection: Connection, device: DeviceId, at: datetime) -> Livestream | None:
    """The device's livestream at that time by our clock, the latest opened of several.

    A minute is left for clocks that disagree and for a media server that began to write before it
    was opened here.
    """
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM livestream l JOIN agency a ON a.id = l.agency_id"  # noqa: S608 - constant text
        " WHERE l.device_id = $1 AND l.created_at <= $2::timestamptz + interval '1 minute'"
        " AND (l.closed_at IS NULL OR coalesce(l.last_arrival_at, l.closed_at) >= $2)"
        " ORDER BY l.created_at DESC, l.id DESC LIMIT 1",
        device,
        at,
    )
    return _from_row(row) if row else None


async def listed(
    connection: Connection,
    scope: Scope,
    running: bool | None,
    before: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> list[Livestream]:
    """Livestreams newest first; ``running`` narrows to those that are closed, or are not."""
    at, last = before or (None, None)
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM livestream l JOIN agency a ON a.id = l.agency_id"  # noqa: S608 - constant text
        f" WHERE {_SCOPE} AND ($5::boolean IS NULL OR (l.state <> 'closed') = $5)"
        " AND ($6::timestamptz IS NULL OR (l.created_at, l.id) < ($6, $7::uuid))"
        " ORDER BY l.created_at DESC, l.id DESC LIMIT $8",
        scope.agencies,
        scope.device,
        scope.dock,
        scope.officer,
        running,
        at,
        last,
        limit,
    )
    return [_from_row(row) for row in rows]


async def add_arrival(
    change: Change, livestream: LivestreamId, number: int, length: int, arrived: datetime
) -> None:
    """Count a segment, or an init segment (negative number), that is stored now."""
    await change.connection.execute(
        "UPDATE livestream SET first_arrival_at = least(first_arrival_at, $4),"
        " last_arrival_at = greatest(last_arrival_at, $4),"
        " highest_number = greatest(highest_number, $2::bigint),"
        " segments = segments + CASE WHEN $2::bigint > 0 THEN 1 ELSE 0 END,"
        " length_bytes = length_bytes + $3 WHERE id = $1",
        livestream,
        number,
        length,
        arrived,
    )


async def go_live(change: Change, livestream: LivestreamId) -> None:
    """Open or interrupted → live."""
    await change.connection.execute(
        "UPDATE livestream SET state = 'live', interrupted_at = NULL"
        " WHERE id = $1 AND state IN ('open', 'interrupted')",
        livestream,
    )


async def begin_closing(change: Change, livestream: LivestreamId, last: int | None) -> None:
    """Any state before it → closing; a last number that is given replaces an earlier one."""
    await change.connection.execute(
        "UPDATE livestream SET state = 'closing', closing_at = coalesce(closing_at, $2),"
        " last_number = coalesce($3, last_number) WHERE id = $1 AND state <> 'closed'",
        livestream,
        change.now,
        last,
    )


async def interrupt(change: Change, livestream: LivestreamId, silent_since: datetime) -> bool:
    """Live → interrupted, if nothing has come since the moment."""
    touched = await change.connection.execute(
        "UPDATE livestream SET state = 'interrupted', interrupted_at = last_arrival_at"
        " WHERE id = $1 AND state = 'live' AND last_arrival_at < $2",
        livestream,
        silent_since,
    )
    return touched == 1


async def running(connection: Connection) -> list[Livestream]:
    """Every livestream that is not closed."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM livestream l JOIN agency a ON a.id = l.agency_id"  # noqa: S608 - constant text
        " WHERE l.state <> 'closed' ORDER BY l.id"
    )
    return [_from_row(row) for row in rows]


async def name_sealing(
    change: Change, livestream: LivestreamId, recording: RecordingId
) -> RecordingId:
    """Name the recording that is about to be made; the one of an earlier try stays."""
    named: RecordingId = await change.connection.fetchval(
        "UPDATE livestream SET sealing_id = coalesce(sealing_id, $2) WHERE id = $1"
        " RETURNING sealing_id",
        livestream,
        recording,
    )
    return named


async def close(change: Change, livestream: LivestreamId, sealing: RecordingId | None) -> bool:
    """Closing → closed with its recording, or a closed one with one more; ends the sealing.

    False when another process was quicker.
    """
    touched = await change.connection.execute(
        "UPDATE livestream SET state = 'closed', closed_at = coalesce(closed_at, $2),"
        " recording_id = coalesce(recording_id, $3), sealing_id = NULL, holder = NULL,"
        " held_until = NULL WHERE id = $1 AND state IN ('closing', 'closed')"
        " AND sealing_id IS NOT DISTINCT FROM $3",
        livestream,
        change.now,
        sealing,
    )
    return touched == 1


async def supplementable(
    connection: Connection, quiet_since: datetime, limit: int
) -> list[LivestreamId]:
    """Closed livestreams with segments that belong to no recording, the newest of them old."""
    rows = await connection.fetch(
        # From one livestream to the next: of those that run millions of segments wait.
        "WITH RECURSIVE waiting AS ((SELECT livestream_id AS id FROM livestream_segment"
        "  WHERE recording_id IS NULL AND state = 'stored' ORDER BY livestream_id LIMIT 1)"
        " UNION ALL SELECT (SELECT s.livestream_id FROM livestream_segment s"
        "  WHERE s.recording_id IS NULL AND s.state = 'stored' AND s.livestream_id > w.id"
        "  ORDER BY s.livestream_id LIMIT 1) FROM waiting w WHERE w.id IS NOT NULL)"
        " SELECT l.id FROM waiting w JOIN livestream l ON l.id = w.id AND l.state = 'closed'"
        " WHERE (SELECT max(s.arrived_at) FROM livestream_segment s WHERE s.livestream_id = l.id"
        "  AND s.recording_id IS NULL AND s.state = 'stored') < $1 LIMIT $2",
        quiet_since,
        limit,
    )
    return [row["id"] for row in rows]


async def add_flag(connection: Connection, livestream: LivestreamId, fence: int, flag: str) -> None:
    """Remember what is odd about it; nothing under an old fence."""
    await connection.execute(
        "UPDATE livestream SET flags = array_append(flags, $3::text) WHERE id = $1 AND fence = $2"
        " AND NOT flags @> ARRAY[$3::text]",
        livestream,
        fence,
        flag,
    )


async def set_clock_offset(
    connection: Connection, livestream: LivestreamId, fence: int, offset_ms: int
) -> None:
    """By how much the clock of its source is ahead; nothing under an old fence."""
    await connection.execute(
        "UPDATE livestream SET clock_offset_ms = $3 WHERE id = $1 AND fence = $2",
        livestream,
        fence,
        offset_ms,
    )


async def leave_out(
    change: Change, livestream: LivestreamId, fence: int, names: Sequence[str], flag: str
) -> bool:
    """Remember by name what is not taken; False, and nothing changed, under an old fence."""
    touched = await change.connection.execute(
        "UPDATE livestream SET left_out = left_out || $3::text[],"
        " flags = CASE WHEN flags @> ARRAY[$4::text] THEN flags"
        " ELSE array_append(flags, $4::text) END"
        " WHERE id = $1 AND fence = $2",
        livestream,
        fence,
        list(names),
        flag,
    )
    return touched == 1
