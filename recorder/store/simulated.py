"""Rows of footage that never was: an invented city's recordings, without a byte."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.gap_reason import InterruptionCause
from recorder.domain.ids import AgencyId, CaseId, RecordingId
from recorder.domain.mark import MarkKind
from recorder.store.change import Change
from recorder.store.connection import Connection
from recorder.store.registry.entries import new_ids


@dataclass(frozen=True, slots=True)
class SimulatedReason:
    """Why the camera stood still before this file."""

    begins_at: datetime
    ends_at: datetime
    cause: InterruptionCause
    note: str
    reported_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedFootage:
    """What a camera's file would say, and the case it belongs to."""

    id: RecordingId
    device: str
    officer: str
    file_name: str
    started_at: datetime
    ended_at: datetime
    device_clock_at: datetime | None
    clock_offset_ms: int | None
    flags: tuple[str, ...]
    received_at: datetime
    latitude: float | None
    longitude: float | None
    case: CaseId | None
    #: Kind, and milliseconds behind the beginning.
    marks: tuple[tuple[MarkKind, int], ...]
    reason: SimulatedReason | None


async def real_footage_beside(connection: Connection, devices: Collection[str]) -> list[str]:
    """Codes of agencies of these devices that have footage which was not invented."""
    rows = await connection.fetch(
        "SELECT a.code FROM agency a WHERE a.id IN (SELECT agency_id FROM device"
        "  WHERE number = ANY($1)) AND EXISTS (SELECT FROM recording r"
        "  WHERE r.agency_id = a.id AND r.integrity <> 'simulated') ORDER BY a.code",
        list(devices),
    )
    return [row["code"] for row in rows]


async def there(connection: Connection, recordings: Collection[RecordingId]) -> set[RecordingId]:
    """Which of these are written already."""
    rows = await connection.fetch(
        "SELECT id FROM recording WHERE id = ANY($1::uuid[])", list(recordings)
    )
    return {row["id"] for row in rows}


async def insert(
    change: Change, footage: Sequence[SimulatedFootage]
) -> dict[AgencyId, list[RecordingId]]:
    """Write them as recordings of their devices' agencies; counts links and marks that come next.

    Unknown devices have no agency, and their files are left out.
    """
    rows = await change.connection.fetch(
        "INSERT INTO recording (id, agency_id, device_id, device_number, officer, integrity,"
        " admission, length_bytes, source, arrival_sha256, original_name, device_clock_at,"
        " received_at, clock_offset_ms, started_at, ended_at, started_at_source, latitude,"
        " longitude, flags, links, marks, attributed_at, created_at)"
        " SELECT n.id, d.agency_id, d.id, n.device, n.officer, 'simulated', 'admitted', 0,"
        " 'simulated', sha256(convert_to(n.id::text, 'UTF8')), n.name, n.clock_at,"
        " n.received_at, n.offset_ms, n.started_at, n.ended_at, 'metadata', n.latitude,"
        " n.longitude, string_to_array(n.flags, ' '), n.links, n.marks, $15, n.received_at"
        " FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[],"
        " $6::timestamptz[], $7::bigint[], $8::timestamptz[], $9::timestamptz[], $10::float8[],"
        " $11::float8[], $12::text[], $13::int[], $14::int[]) AS n (id, device, officer, name,"
        " clock_at, received_at, offset_ms, started_at, ended_at, latitude, longitude, flags,"
        " links, marks) JOIN device d ON d.number = n.device RETURNING id, agency_id",
        [one.id for one in footage],
        [one.device for one in footage],
        [one.officer for one in footage],
        [one.file_name for one in footage],
        [one.device_clock_at for one in footage],
        [one.received_at for one in footage],
        [one.clock_offset_ms for one in footage],
        [one.started_at for one in footage],
        [one.ended_at for one in footage],
        [one.latitude for one in footage],
        [one.longitude for one in footage],
        [" ".join(one.flags) for one in footage],
        [int(one.case is not None) for one in footage],
        [len(one.marks) for one in footage],
        change.now,
    )
    written: dict[AgencyId, list[RecordingId]] = {}
    for row in rows:
        written.setdefault(row["agency_id"], []).append(row["id"])
    return written


async def insert_links(change: Change, footage: Sequence[SimulatedFootage]) -> None:
    """Link them to their cases; ``insert`` has counted that."""
    linked = [one for one in footage if one.case is not None]
    await change.connection.execute(
        "INSERT INTO case_link (id, recording_id, case_id, origin, linked_at, linked_by)"
        " SELECT n.*, 'upload', $4, $5 FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS n",
        new_ids(len(linked), change.now),
        [one.id for one in linked],
        [one.case for one in linked],
        change.now,
        change.actor.name,
    )


async def insert_marks(change: Change, footage: Sequence[SimulatedFootage]) -> None:
    """Write what the cameras marked."""
    said = [(one, kind, at) for one in footage for kind, at in one.marks]
    await change.connection.execute(
        "INSERT INTO mark (id, agency_id, recording_id, kind, shown_at, media_ms, made_at,"
        " made_by_kind, made_by_id, made_by_name, origin)"
        " SELECT n.id, r.agency_id, r.id, n.kind, r.started_at + n.at * interval '1 millisecond',"
        " n.at, r.received_at, 'device', r.device_number, r.device_number, 'device'"
        " FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[])"
        " AS n (id, recording, kind, at) JOIN recording r ON r.id = n.recording",
        new_ids(len(said), change.now),
        [one.id for one, _, _ in said],
        [kind.value for _, kind, _ in said],
        [at for _, _, at in said],
    )


async def insert_reasons(change: Change, footage: Sequence[SimulatedFootage]) -> None:
    """Write why cameras stood still, as their officers said."""
    said = [(one, one.reason) for one in footage if one.reason is not None]
    await change.connection.execute(
        "INSERT INTO gap_reason (id, agency_id, recording_id, place, begins_at, ends_at, cause,"
        " note, reported_at, made_at, made_by_kind, made_by_id, made_by_name)"
        " SELECT n.id, r.agency_id, r.id, 'begin', n.begins_at, n.ends_at, n.cause, n.note,"
        " n.reported_at, r.received_at, 'device', r.device_number, r.device_number"
        " FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::text[],"
        " $6::text[], $7::timestamptz[]) AS n (id, recording, begins_at, ends_at, cause, note,"
        " reported_at) JOIN recording r ON r.id = n.recording",
        new_ids(len(said), change.now),
        [one.id for one, _ in said],
        [reason.begins_at for _, reason in said],
        [reason.ends_at for _, reason in said],
        [reason.cause.value for _, reason in said],
        [reason.note for _, reason in said],
        [reason.reported_at for _, reason in said],
    )
