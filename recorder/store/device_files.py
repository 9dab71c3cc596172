"""Files of one device around a moment, as its clock tells them. Reads only."""

from __future__ import annotations

from datetime import timedelta

from recorder.domain.continuation import Piece
from recorder.domain.people import Scope
from recorder.domain.recording import Recording
from recorder.store.connection import Connection

#: No shift is longer; and what belongs to it comes within some days of it.
_AROUND = timedelta(days=1)
_ARRIVES_WITHIN = timedelta(days=7)
_MOST = 500


async def around(connection: Connection, scope: Scope, recording: Recording) -> list[Piece]:
    """Files in scope of the device that made the recording, those of its livestreams left out."""
    rows = await connection.fetch(
        "SELECT r.id, r.original_name, r.started_at, r.ended_at FROM recording r"
        " WHERE r.device_number = $1 AND r.created_at BETWEEN $2::timestamptz - $4::interval"
        " AND $2::timestamptz + $4::interval"
        " AND r.started_at BETWEEN $3::timestamptz - $5::interval"
        " AND $3::timestamptz + $5::interval"
        " AND r.ended_at > r.started_at AND r.livestream_id IS NULL AND r.copy_of IS NULL"
        " AND in_scope(r.agency_id, $6) AND ($7::text IS NULL OR r.officer = $7)"
        " AND ($8::uuid IS NULL OR r.device_id = $8) AND ($9::uuid IS NULL OR r.dock_id = $9)"
        " ORDER BY r.started_at, r.id LIMIT $10",
        recording.device_number,
        recording.created_at,
        recording.started_at,
        _ARRIVES_WITHIN,
        _AROUND,
        scope.agencies,
        scope.officer,
        scope.device,
        scope.dock,
        _MOST,
    )
    return [Piece(*row) for row in rows]
