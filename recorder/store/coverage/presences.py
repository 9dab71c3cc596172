"""Where officers and devices were: the question whether they were elsewhere at that time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import sin

from recorder.domain.coverage import Presence
from recorder.domain.coverage.rules_of_people import APART_M, AT_ONCE, EARTH_M
from recorder.domain.ids import CaseId, RecordingId
from recorder.store.connection import Connection, Row

#: Of one presence so many others are looked at, the earliest: a number that is at a hundred places
#: at once is no person's, and a city writes some such number into thousands of scenes a day.
MOST = 100
#: Two places are told apart by the engine; here a metre before that, as the haversine of it.
_FAR = sin((APART_M - 1) / (2 * EARTH_M)) ** 2
_IS_FAR = (
    "power(sind((p.latitude - q.latitude) / 2), 2) + cosd(q.latitude) * cosd(p.latitude)"
    " * power(sind((p.longitude - q.longitude) / 2), 2) > "
)
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
    """For each case where its officers were at the same time by other cases, and far from there.

    MOST of each presence, the earliest.
    """
    rows = await connection.fetch(
        "SELECT DISTINCT q.case_id AS asked, p.case_id, p.officer AS who, p.scene AS about,"  # noqa: S608 - constant text
        " p.scene, p.began_at, p.ended_at, p.latitude, p.longitude"
        " FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[],"
        " $5::float8[], $6::float8[])"
        " AS q (case_id, officer, began_at, ended_at, latitude, longitude)"
        " CROSS JOIN LATERAL (SELECT p.case_id, p.officer, p.scene, p.began_at,"
        "  p.ended_at, p.latitude, p.longitude FROM coverage_presence p"
        "  WHERE p.officer = q.officer AND p.case_id <> q.case_id"
        # A scene of more than two days is none that somebody is at.
        "  AND p.began_at < q.ended_at AND p.began_at > q.began_at - interval '2 days'"
        "  AND least(p.ended_at, q.ended_at) - greatest(p.began_at, q.began_at) > $7"
        f"  AND {_IS_FAR} $8 ORDER BY p.began_at, p.case_id, p.scene LIMIT $9) p",
        [each.case for each in here],
        [each.presence.who for each in here],
        [each.presence.began_at for each in here],
        [each.presence.ended_at for each in here],
        [each.presence.latitude for each in here],
        [each.presence.longitude for each in here],
        AT_ONCE,
        _FAR,
        MOST,
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
    latitude: float
    longitude: float


async def devices_elsewhere(
    connection: Connection, here: Sequence[PlacedRecording]
) -> list[tuple[CaseId, CasePresence]]:
    """For each case the other recordings of its devices at the same time, far from there.

    MOST of each recording, the earliest. At the same time by the device's clock; told as footage is
    placed, with a clock that was wrong corrected.
    """
    rows = await connection.fetch(
        "SELECT DISTINCT q.case_id AS asked, q.case_id, p.device_number AS who,"  # noqa: S608 - constant text
        " p.id::text AS about, NULL AS scene, p.started_at - p.ahead AS began_at,"
        " p.ended_at - p.ahead AS ended_at, p.latitude, p.longitude"
        " FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[],"
        " $5::timestamptz[], $6::float8[], $7::float8[])"
        " AS q (case_id, recording, device, began_at, ended_at, latitude, longitude)"
        " CROSS JOIN LATERAL (SELECT p.id, p.device_number, p.started_at, p.ended_at,"
        "  p.latitude, p.longitude, CASE WHEN 'clock_offset' = ANY (p.flags)"
        "  THEN coalesce(p.clock_offset_ms, 0) ELSE 0 END * interval '1 millisecond' AS ahead"
        "  FROM recording p"
        "  WHERE p.device_number = q.device AND p.id <> q.recording"
        "  AND p.started_at < q.ended_at AND p.started_at > q.began_at - interval '2 days'"
        "  AND p.ended_at > q.began_at AND p.latitude IS NOT NULL AND p.longitude IS NOT NULL"
        f"  AND p.admission = 'admitted' AND p.integrity <> 'mismatched' AND {_IS_FAR} $8"
        "  ORDER BY p.started_at, p.id LIMIT $9) p",
        [each.case for each in here],
        [each.recording for each in here],
        [each.device for each in here],
        [each.began_at for each in here],
        [each.ended_at for each in here],
        [each.latitude for each in here],
        [each.longitude for each in here],
        _FAR,
        MOST,
    )
    return [(row["asked"], _from_row(row)) for row in rows]
