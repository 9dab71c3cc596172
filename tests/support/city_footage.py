"""Rows of tables for the footage of a simulated city."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from recorder.domain.ids import AgencyId, RecordingId
from tests.support.city import name_of, when

#: A clock that is this far off is flagged, as ingest does.
_CLOCK_LIMIT = timedelta(seconds=60)
#: The officers' words (recorder/simulation/footage.py) as causes.
_CAUSES = {"电池": "battery", "天气": "weather", "存储": "storage", "现场": "obstruction"}


def footage_row(row: dict[str, Any], home: str, *, links: int) -> tuple[object, ...]:
    received = when(row["received_at"])
    clock = when(row["device_clock_at"]) if row["device_clock_at"] else None
    offset = clock - received if clock else None
    is_off = offset is not None and abs(offset) > _CLOCK_LIMIT
    digest = bytes.fromhex(row["sha256"])
    return (
        RecordingId(name_of(row["recording"])),
        AgencyId(name_of(home)),
        name_of(row["device"]),
        row["device"],
        row["file_name"].split("_")[1],
        "sealed",
        "admitted",
        row["length_bytes"],
        "city",
        digest,
        digest,
        digest,
        row["file_name"],
        clock,
        received,
        _ms(offset),
        when(row["started_at"]),
        when(row["ended_at"]),
        "metadata",
        row["latitude"],
        row["longitude"],
        ["clock_offset"] if is_off else [],
        links,
        received,
        received,
    )


def reason_rows(row: dict[str, Any]) -> list[tuple[object, ...]]:
    """Why the camera stood still before this file, as its officer said."""
    said = row["interruption"]
    if said is None:
        return []
    return [
        (
            name_of(f"g/{row['recording']}"),
            name_of(row["agency"]),
            name_of(row["recording"]),
            "begin",
            when(said["from"]),
            when(said["to"]),
            _CAUSES[said["reason"][:2]],
            said["reason"],
            when(said["reported_at"]),
            when(row["received_at"]),
            "person",
            row["device"],
            row["device"],
        )
    ]


def _ms(length: timedelta | None) -> int | None:
    return None if length is None else int(length / timedelta(milliseconds=1))
