"""Cases of a bureau with events and footage, as the feed and the uploads would leave them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from recorder.domain.case_event import EventKind
from recorder.domain.ids import AgencyId, CaseId, RecordingId, new_uuid
from recorder.domain.people import OPERATOR
from recorder.services import casework, coverage
from recorder.store import coverage_due
from tests.support.bureau import Bureau

#: A Monday, 09:00 in China; the bureau's clock stands later that day.
NINE = datetime(2026, 2, 23, 1, 0, tzinfo=UTC)
OFFICERS = ("A1", "A2")


def at(minutes: float) -> datetime:
    return NINE + timedelta(minutes=minutes)


async def a_source(bureau: Bureau) -> None:
    """The system that events come from."""
    token = new_uuid(bureau.clock.now())
    async with bureau.deps.database.acquire() as connection:
        await connection.execute(
            "INSERT INTO token (id, secret_hash, agency_id, name, role)"
            " VALUES ($1, sha256($3), $2, 'feed', 'officer')",
            token,
            bureau.ours,
            token.bytes,
        )
        await connection.execute(
            "INSERT INTO feed_source (id, agency_id, name, token_id, rows_per_minute, created_at)"
            " VALUES ($1, $2, 'system', $1, 1000, now())",
            token,
            bureau.ours,
        )


async def a_case(bureau: Bureau, number: str) -> CaseId:
    return (await casework.open_case(bureau.deps, OPERATOR, number=number)).id


async def happened(
    bureau: Bureau,
    case: CaseId,
    *,
    kind: EventKind = EventKind.SEIZURE,
    began: float = 0,
    ended: float | None = 60,
    key: str | None = None,
    officers: Sequence[str] = OFFICERS,
    place: tuple[float, float] | None = None,
    agency: AgencyId | None = None,
) -> None:
    """An event of the case, with the touch that comes with it."""
    now = bureau.clock.now()
    async with bureau.deps.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO case_event (id, source_id, key, case_id, agency_id, revision, kind,"
            " act_type, stage, began_at, ended_at, officers, latitude, longitude, received_at,"
            " changed_at) SELECT $1, s.id, $2, $3, $4, 1, $5, 'coercion', 'investigation', $6,"
            " $7, $8, $9, $10, $11, $11 FROM feed_source s WHERE s.name = 'system'",
            new_uuid(now),
            key or str(new_uuid(now)),
            case,
            agency or bureau.ours,
            kind.value,
            at(began),
            None if ended is None else at(ended),
            json.loads(json.dumps([{"number": n, "certificate": f"19{n}"} for n in officers])),
            place[0] if place else None,
            place[1] if place else None,
            now,
        )
        await coverage_due.touch(connection, [case], "event")


async def footage(bureau: Bureau, case: CaseId, began: float, ended: float) -> RecordingId:
    """A recording from minute to minute, linked to the case."""
    recording = await bureau.recording(officer="A1", started_at=at(began))
    async with bureau.deps.database.transaction() as connection:
        await connection.execute(
            "UPDATE recording SET ended_at = $2, received_at = $2::timestamptz"
            " + interval '1 hour', clock_offset_ms = 0 WHERE id = $1",
            recording,
            at(ended),
        )
    await casework.link(bureau.deps, bureau.actor(), recording=recording, case_id=case)
    return recording


async def evaluated(bureau: Bureau) -> None:
    """Everything that is due now has been evaluated."""
    while await coverage.evaluate_due(bureau.deps):
        pass
