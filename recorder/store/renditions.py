"""Renditions: derived forms of a recording, adopted once for each profile."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from recorder.domain.events import RenditionMade
from recorder.domain.ids import RecordingId, RenditionId
from recorder.store.change import Change
from recorder.store.connection import Connection, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One derived form and how it was made (R32)."""

    id: RenditionId
    recording: RecordingId
    profile: str
    key: str
    version: str
    length: int
    media_type: str
    sha256: bytes
    sm3: bytes
    parent_sha256: bytes | None
    parent_arrival_sha256: bytes
    tool: str
    tool_version: str
    arguments: tuple[str, ...]
    worker: str
    width: int | None
    height: int | None
    started_at: datetime
    finished_at: datetime


def _from_row(row: Row) -> Rendition:
    return Rendition(
        id=row["id"],
        recording=row["recording_id"],
        profile=row["profile"],
        key=row["object_key"],
        version=row["version"],
        length=row["length_bytes"],
        media_type=row["media_type"],
        sha256=row["sha256"],
        sm3=row["sm3"],
        parent_sha256=row["parent_sha256"],
        parent_arrival_sha256=row["parent_arrival_sha256"],
        tool=row["tool"],
        tool_version=row["tool_version"],
        arguments=tuple(row["arguments"]),
        worker=row["worker"],
        width=row["width"],
        height=row["height"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )


async def adopt(change: Change, event: RenditionMade) -> bool:
    """Make the rendition the one of its profile; False when there is one already."""
    touched = await change.connection.execute(
        "INSERT INTO rendition (id, recording_id, profile, object_key, version, length_bytes,"
        " media_type, sha256, sm3, parent_sha256, parent_arrival_sha256, tool, tool_version,"
        " arguments, worker, width, height, started_at, finished_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, decode($8, 'hex'), decode($9, 'hex'),"
        " decode($10, 'hex'), decode($11, 'hex'), $12, $13, $14, $15, $16, $17, $18, $19)"
        " ON CONFLICT (recording_id, profile) DO NOTHING",
        event.rendition,
        event.subject,
        event.profile,
        event.key,
        event.version,
        event.length,
        event.media_type,
        event.sha256,
        event.sm3,
        event.parent_sha256,
        event.parent_arrival_sha256,
        event.tool,
        event.tool_version,
        list(event.arguments),
        event.worker,
        event.width,
        event.height,
        event.started_at,
        event.finished_at,
    )
    return touched == 1


async def of_recording(connection: Connection, recording: RecordingId) -> list[Rendition]:
    """Every rendition of the recording, by profile."""
    rows = await connection.fetch(
        "SELECT id, recording_id, profile, object_key, version, length_bytes, media_type, sha256,"
        " sm3, parent_sha256, parent_arrival_sha256, tool, tool_version, arguments, worker, width,"
        " height, started_at, finished_at FROM rendition WHERE recording_id = $1 ORDER BY profile",
        recording,
    )
    return [_from_row(row) for row in rows]


async def find(connection: Connection, recording: RecordingId, profile: str) -> Rendition | None:
    """The rendition of this profile."""
    found = [r for r in await of_recording(connection, recording) if r.profile == profile]
    return found[0] if found else None
