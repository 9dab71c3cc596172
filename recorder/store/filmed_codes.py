"""QR codes that were read from the beginning of footage. Facts: written once, never changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from recorder.domain.filmed_code import FilmedCode
from recorder.domain.ids import RecordingId
from recorder.store.change import Change
from recorder.store.connection import Connection


async def insert(
    change: Change, recording: RecordingId, codes: Iterable[FilmedCode], read_at: datetime
) -> None:
    """Keep what was read; what is known of the recording already stays as it is."""
    await change.connection.executemany(
        "INSERT INTO filmed_code (recording_id, key, text, media_ms, read_at)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (recording_id, key) DO NOTHING",
        [(recording, code.key, code.text, code.media_ms, read_at) for code in codes],
    )


async def of_recording(connection: Connection, recording: RecordingId) -> list[FilmedCode]:
    """The codes of a recording in the order in which they are seen."""
    rows = await connection.fetch(
        "SELECT text, key, media_ms FROM filmed_code WHERE recording_id = $1"
        " ORDER BY media_ms, key",
        recording,
    )
    return [FilmedCode(row["text"], row["key"], row["media_ms"]) for row in rows]


async def attribute_anew(change: Change, recording: RecordingId) -> None:
    """Have its case looked for once more."""
    await change.connection.execute(
        "UPDATE recording SET attributed_at = NULL WHERE id = $1 AND links = 0", recording
    )
