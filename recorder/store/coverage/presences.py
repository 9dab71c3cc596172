"""Where officers and devices were: the question whether they were elsewhere at that time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.coverage import Presence
from recorder.domain.ids import CaseId, RecordingId
from recorder.store.connection import Connection, Row

#: First half of the keys of our advisory locks: one officer's whereabouts.
_OFFICERS = 0x4F464643


@dataclass(frozen=True, slots=True)
class CasePresence:
    """A presence with the case that says so."""

    case: CaseId
    presence: Presence


def _from_row(row: Row) -> CasePresence:
    return CasePresence(
        row["case_id"],
        Presence(
            who=row["who"],
            about=row["about"],
            scene=row["scene"],
            began_at=row["began_at"],
            ended_at=row["ended_at"],
            latitude=row["latitude"],
            longitude=row["longitude"],
        ),
    )


async def of_cases(connection: Connection, cases: Collection[CaseId]) -> list[CasePresence]:
    """What was written of these cases last."""
    rows = await connection.fetch(
        "SELECT case_id, officer AS who, scene AS about, scene, began_at, ended_at, latitude,"
        " longitude FROM coverage_presence WHERE case_id = ANY($1)",
        list(cases),
    )
    return [_from_row(row) for row in rows]


async def take_turns(connection: Connection, officers: Collection[str]) -> None:
    """Until this transaction ends nobody else says where these officers were.

    Of two cases that put one officer at two places, whoever comes second sees the first.
    """
    await connection.execute(
        "SELECT pg_advisory_xact_lock($1, turn) FROM"
        " (SELECT DISTINCT hashtext(o) AS turn FROM unnest($2::text[]) o ORDER BY 1) AS turns",
        _OFFICERS,
        list(officers),
    )


async def replace(
    connection: Connection, cases: Collection[CaseId], presences: Sequence[CasePresence]
) -> None:
    """These and no others are the presences of these cases."""
    await connection.execute("DELETE FROM coverage_presence WHERE case_id = ANY($1)", list(cases))
    await connection.execute(
        "INSERT INTO coverage_presence (case_id, scene, officer, began_at, ended_at, latitude,"
        " longitude) SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[],"
        " $4::timestamptz[], $5::timestamptz[], $6::float8[], $7::float8[])",
        [each.case for each in presences],
        [each.presence.about for each in presences],
        [each.presence.who for each in presences],
        [each.presence.began_at for each in presences],
        [each.presence.ended_at for each in presences],
        [each.presence.latitude for each in presences],
        [each.presence.longitude for each in presences],
    )


async def officers_elsewhere(
    connection: Connection, here: Sequence[CasePresence]
) -> list[tuple[CaseId, CasePresence]]:
    """For each case the presences of its officers in other cases at the same time."""
    rows = await connection.fetch(
        "SELECT DISTINCT q.case_id AS asked, p.case_id, p.officer AS who, p.scene AS about,"
        " p.scene, p.began_at, p.ended_at, p.latitude, p.longitude"
        " FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[])"
        " AS q (case_id, officer, began_at, ended_at)"
        " JOIN coverage_presence p ON p.officer = q.officer AND p.case_id <> q.case_id"
        # A scene of more than two days is none that somebody is at.
        " AND p.began_at < q.ended_at AND p.began_at > q.began_at - interval '2 days'"
        " AND p.ended_at > q.began_at",
        [each.case for each in here],
        [each.presence.who for each in here],
        [each.presence.began_at for each in here],
        [each.presence.ended_at for each in here],
    )
    return [(row["asked"], _from_row(row)) for row in rows]


@dataclass(frozen=True, slots=True)
class PlacedRecording:
    """A recording with a place, of a case."""

    case: CaseId
    recording: RecordingId
    device: str
    began_at: datetime
    ended_at: datetime


async def devices_elsewhere(
    connection: Connection, here: Sequence[PlacedRecording]
) -> list[tuple[CaseId, CasePresence]]:
    """For each case the other recordings of its devices at the same time, with their places."""
    rows = await connection.fetch(
        "SELECT DISTINCT q.case_id AS asked, q.case_id, r.device_number AS who,"
        " r.id::text AS about, NULL AS scene, r.started_at AS began_at, r.ended_at, r.latitude,"
        " r.longitude FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[],"
        " $5::timestamptz[]) AS q (case_id, recording, device, began_at, ended_at)"
        " JOIN recording r ON r.device_number = q.device AND r.id <> q.recording"
        " AND r.started_at < q.ended_at AND r.started_at > q.began_at - interval '2 days'"
        " AND r.ended_at > q.began_at AND r.latitude IS NOT NULL AND r.longitude IS NOT NULL"
        " AND r.admission = 'admitted'",
        [each.case for each in here],
        [each.recording for each in here],
        [each.device for each in here],
        [each.began_at for each in here],
        [each.ended_at for each in here],
    )
    return [(row["asked"], _from_row(row)) for row in rows]
