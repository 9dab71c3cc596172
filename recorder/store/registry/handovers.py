"""The hand-over log of devices, many lines at once; single lines are in ``devices``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from recorder.domain.ids import DeviceId
from recorder.store.change import Change
from recorder.store.connection import Connection
from recorder.store.devices import Handover
from recorder.store.registry.entries import new_ids

#: Device, moment, and the officer who wears it from then on; None: handed back.
Line = tuple[DeviceId, datetime, str | None]

#: Of devices the first and the last moment of lines that came.
Lines = Mapping[DeviceId, tuple[datetime, datetime]]
#: Recordings ``r`` for which such lines count, for ``arguments``: from the first of them until the
#: next one behind the last, by the device's clock as far as it was compared. Before a device's
#: first line nobody kept its log, and then all of its footage is without a wearer.
FOOTAGE = (
    "(SELECT d.number, CASE WHEN EXISTS (SELECT FROM device_handover o"
    "  WHERE o.device_id = d.id AND (o.at < n.first OR o.at > n.last))"
    "  THEN n.first - interval '2 minutes' ELSE '-infinity' END AS since,"
    " coalesce((SELECT min(o.at) FROM device_handover o WHERE o.device_id = d.id"
    "  AND o.at > n.last) + interval '2 minutes', 'infinity') AS until"
    " FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) AS n (device, first, last)"
    # Looked up once for a device, not for each of its recordings.
    " JOIN device d ON d.id = n.device OFFSET 0) AS h"
    # Footage is written here after it was made.
    " JOIN recording r ON r.device_number = h.number AND r.created_at >= h.since - interval '1 day'"
    " AND coalesce(r.ended_at, r.received_at)"
    "  - coalesce(r.clock_offset_ms, 0) * interval '1 millisecond' >= h.since"
    " AND coalesce(r.started_at, r.received_at)"
    "  - coalesce(r.clock_offset_ms, 0) * interval '1 millisecond' < h.until"
)


def arguments(lines: Lines) -> tuple[list[DeviceId], list[datetime], list[datetime]]:
    """What FOOTAGE is asked with."""
    return (
        list(lines),
        [first for first, _ in lines.values()],
        [last for _, last in lines.values()],
    )


async def worn(
    connection: Connection, device: DeviceId, from_: datetime, to: datetime
) -> list[Handover]:
    """The lines of the device's log in force at some moment of ``[from_, to]``, in order."""
    rows = await connection.fetch(
        "SELECT officer, at, noted_by FROM device_handover WHERE device_id = $1 AND at <= $3"
        " AND at >= coalesce((SELECT max(at) FROM device_handover"
        "  WHERE device_id = $1 AND at <= $2), $2) ORDER BY at",
        device,
        from_,
        to,
    )
    return [Handover(row["officer"], row["at"], row["noted_by"]) for row in rows]


async def at_moments(
    connection: Connection, moments: Collection[tuple[DeviceId, datetime]]
) -> dict[tuple[DeviceId, datetime], str | None]:
    """The officer of each line that begins at just this moment."""
    rows = await connection.fetch(
        "SELECT h.device_id, h.at, h.officer FROM device_handover h"
        " JOIN unnest($1::uuid[], $2::timestamptz[]) AS m (device, at)"
        " ON m.device = h.device_id AND m.at = h.at",
        [moment[0] for moment in moments],
        [moment[1] for moment in moments],
    )
    return {(row["device_id"], row["at"]): row["officer"] for row in rows}


async def insert(change: Change, lines: Sequence[Line]) -> None:
    """Add lines of moments at which the log has none."""
    await change.connection.execute(
        "INSERT INTO device_handover (id, device_id, at, officer, noted_by, created_at)"
        " SELECT n.*, $5, $6 FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[])"
        " AS n",
        new_ids(len(lines), change.now),
        [line[0] for line in lines],
        [line[1] for line in lines],
        [line[2] for line in lines],
        change.actor.name,
        change.now,
    )
