"""Marks on livestreams and recordings; added, placed once and withdrawn, never removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.ids import CaseId, LivestreamId, MarkId, RecordingId
from recorder.domain.mark import Mark, MarkKind, MarkOrigin
from recorder.domain.people import Scope
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

_COLUMNS = (
    "id, agency_id, livestream_id, recording_id, kind, note, shown_at, media_ms, made_at,"
    " made_by_kind, made_by_id, made_by_name, origin, withdrawn_at, withdrawn_by, withdraw_reason"
)


def _from_row(row: Row) -> Mark:
    return Mark(
        id=row["id"],
        agency=row["agency_id"],
        livestream=row["livestream_id"],
        recording=row["recording_id"],
        kind=MarkKind(row["kind"]),
        note=row["note"],
        shown_at=row["shown_at"],
        media_ms=row["media_ms"],
        made_at=row["made_at"],
        made_by_kind=row["made_by_kind"],
        made_by_id=row["made_by_id"],
        made_by_name=row["made_by_name"],
        origin=MarkOrigin(row["origin"]),
        withdrawn_at=row["withdrawn_at"],
        withdrawn_by=row["withdrawn_by"],
        withdraw_reason=row["withdraw_reason"],
    )


async def insert(change: Change, mark: Mark) -> None:
    """Write a mark."""
    await change.connection.execute(
        "INSERT INTO mark (id, agency_id, livestream_id, recording_id, kind, note, shown_at,"
        " media_ms, made_at, made_by_kind, made_by_id, made_by_name, origin)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        mark.id,
        mark.agency,
        mark.livestream,
        mark.recording,
        mark.kind.value,
        mark.note,
        mark.shown_at,
        mark.media_ms,
        mark.made_at,
        mark.made_by_kind,
        mark.made_by_id,
        mark.made_by_name,
        mark.origin.value,
    )
    if mark.recording is not None:
        await _count(change, mark.recording)


async def _count(change: Change, recording: RecordingId) -> None:
    """How many live marks the recording bears: figures count from it."""
    await change.connection.execute(
        "UPDATE recording SET marks = (SELECT count(*) FROM mark WHERE recording_id = $1"
        " AND withdrawn_at IS NULL) WHERE id = $1",
        recording,
    )


async def same(connection: Connection, mark: Mark) -> Mark | None:
    """The mark of the same kind that its maker has set at the same time of this livestream."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM mark WHERE livestream_id = $1 AND shown_at = $2"  # noqa: S608 - constant text
        " AND kind = $3 AND made_by_kind = $4 AND made_by_id = $5 ORDER BY id LIMIT 1",
        mark.livestream,
        mark.shown_at,
        mark.kind.value,
        mark.made_by_kind,
        mark.made_by_id,
    )
    return _from_row(row) if row else None


async def of_livestream(connection: Connection, livestream: LivestreamId, limit: int) -> list[Mark]:
    """The newest marks of a livestream, in the order of its time; no withdrawn ones."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM mark WHERE livestream_id = $1"  # noqa: S608 - constant text
        " AND withdrawn_at IS NULL ORDER BY shown_at DESC, id DESC LIMIT $2",
        livestream,
        limit,
    )
    return [_from_row(row) for row in reversed(rows)]


async def of_recording(connection: Connection, recording: RecordingId, limit: int) -> list[Mark]:
    """The first marks of a recording by media time, withdrawn ones among them."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM mark WHERE recording_id = $1"  # noqa: S608 - constant text
        " ORDER BY media_ms, id LIMIT $2",
        recording,
        limit,
    )
    return [_from_row(row) for row in rows]


async def of_recordings(connection: Connection, recordings: Sequence[RecordingId]) -> list[Mark]:
    """All live marks of these recordings, of each by media time."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM mark"  # noqa: S608 - constant text
        " WHERE recording_id = ANY($1::uuid[]) AND withdrawn_at IS NULL"
        " ORDER BY recording_id, media_ms, id",
        list(recordings),
    )
    return [_from_row(row) for row in rows]


@dataclass(frozen=True, slots=True)
class ShownKind:
    """What the footage of a case shows, by its marks: how often, and where first."""

    kind: MarkKind
    number: int
    recording: RecordingId
    #: None where no clock of that recording is known.
    shown_at: datetime | None


async def kinds_in_case(connection: Connection, case: CaseId, scope: Scope) -> list[ShownKind]:
    """Each kind of live marks on the case's recordings in scope, in no order."""
    rows = await connection.fetch(
        "SELECT DISTINCT ON (m.kind) m.kind, m.recording_id, m.shown_at,"
        " count(*) OVER (PARTITION BY m.kind) AS number"
        " FROM case_link l JOIN recording r ON r.id = l.recording_id"
        " JOIN mark m ON m.recording_id = r.id AND m.withdrawn_at IS NULL"
        " WHERE l.case_id = $1 AND l.unlinked_at IS NULL"
        " AND in_scope(r.agency_id, $2) AND ($3::text IS NULL OR r.officer = $3)"
        " ORDER BY m.kind, m.shown_at, m.id",
        case,
        scope.agencies,
        scope.officer,
    )
    return [
        ShownKind(MarkKind(row["kind"]), row["number"], row["recording_id"], row["shown_at"])
        for row in rows
    ]


async def unplaced(change: Change, livestream: LivestreamId) -> list[Mark]:
    """Marks of a livestream that belong to no recording yet; nobody else places them."""
    rows = await change.connection.fetch(
        f"SELECT {_COLUMNS} FROM mark WHERE livestream_id = $1"  # noqa: S608 - constant text
        " AND recording_id IS NULL ORDER BY id FOR UPDATE",
        livestream,
    )
    return [_from_row(row) for row in rows]


async def place(
    change: Change, recording: RecordingId, places: Mapping[MarkId, int | None]
) -> None:
    """Say where in its recording each mark of a livestream is, in milliseconds of media."""
    await change.connection.execute(
        "UPDATE mark m SET recording_id = $1, media_ms = p.media_ms"
        " FROM unnest($2::uuid[], $3::bigint[]) AS p (id, media_ms)"
        " WHERE m.id = p.id AND m.recording_id IS NULL",
        recording,
        list(places),
        list(places.values()),
    )
    await _count(change, recording)


async def withdraw(
    change: Change, recording: RecordingId, mark: MarkId, by: str, reason: str
) -> Mark | None:
    """Withdraw a mark of this recording; None where no such mark stands."""
    row = await change.connection.fetchrow(
        "UPDATE mark SET withdrawn_at = $3, withdrawn_by = $4,"  # noqa: S608 - constant text
        " withdraw_reason = $5 WHERE id = $2 AND recording_id = $1 AND withdrawn_at IS NULL"
        f" RETURNING {_COLUMNS}",
        recording,
        mark,
        change.now,
        by,
        reason,
    )
    await _count(change, recording)
    return _from_row(row) if row else None
