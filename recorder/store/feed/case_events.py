"""Events of cases: the winning state of what sources say happened. Withdrawn ones are not read."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache

from recorder.domain.case import Stage
from recorder.domain.case_event import (
    ActType,
    CaseEvent,
    EventKind,
    EventOfficer,
    Exemption,
    Place,
)
from recorder.domain.feed.statements import EventStatement
from recorder.domain.ids import CaseId, new_uuid
from recorder.store.change import Change
from recorder.store.connection import Connection, Row
from recorder.store.feed.feed_cases import Standing

_COLUMNS = (
    "e.id, e.case_id, e.agency_id, s.name AS source, e.key, e.kind, e.stage,"
    " coalesce(e.act_type, c.act_type) AS act_type, coalesce(e.matter, c.matter) AS matter,"
    " e.began_at, e.ended_at, e.visit, e.officers, e.latitude, e.longitude, e.place,"
    " e.scan, e.exempt_reason, e.exempt_approver, e.received_at"
)


def officers_of(listed: list[dict[str, str | None]]) -> tuple[EventOfficer, ...]:
    """Officers as the column holds them; those named by a certificate alone are told by it."""
    return tuple(
        EventOfficer(one["number"] or one.get("certificate") or "", one.get("certificate"))
        for one in listed
    )


def _from_row(row: Row) -> CaseEvent:
    place = Place(row["latitude"], row["longitude"], row["place"])
    return CaseEvent(
        id=row["id"],
        case=row["case_id"],
        agency=row["agency_id"],
        source=row["source"],
        key=row["key"],
        kind=EventKind(row["kind"]),
        act_type=ActType(row["act_type"]) if row["act_type"] else None,
        stage=Stage(row["stage"]) if row["stage"] else None,
        began_at=row["began_at"],
        ended_at=row["ended_at"],
        visit=row["visit"],
        officers=officers_of(row["officers"]),
        place=None if place == Place() else place,
        matter=row["matter"],
        scan=row["scan"],
        exemption=(
            Exemption(row["exempt_reason"], row["exempt_approver"])
            if row["exempt_reason"] is not None
            else None
        ),
        received_at=row["received_at"],
    )


async def of_cases(
    connection: Connection, case_ids: Sequence[CaseId]
) -> dict[CaseId, list[CaseEvent]]:
    """Events of these cases that count, each case's in the order of time; a case may be absent."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM case_event e JOIN feed_source s ON s.id = e.source_id"  # noqa: S608 - constant text
        # What an event leaves unsaid, the row of its case may say.
        " LEFT JOIN feed_case c ON c.source_id = e.source_id AND c.key = e.case_key"
        " WHERE e.case_id = ANY($1) AND e.withdrawn_at IS NULL"
        " ORDER BY e.case_id, e.began_at, e.id",
        list(case_ids),
    )
    found: dict[CaseId, list[CaseEvent]] = {}
    for row in rows:
        found.setdefault(row["case_id"], []).append(_from_row(row))
    return found


async def of_cases_at(
    connection: Connection, case_ids: Sequence[CaseId], moment: datetime
) -> dict[CaseId, list[CaseEvent]]:
    """As ``of_cases``, by what the sources had said at a moment."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM (SELECT * FROM case_event"  # noqa: S608 - constant text
        "  WHERE case_id = ANY($1) AND changed_at <= $2"
        "  UNION ALL SELECT (jsonb_populate_record(NULL::case_event, p.said)).* FROM feed_past p"
        "  WHERE p.kind = 'event' AND p.case_id = ANY($1) AND p.since <= $2 AND p.until > $2) e"
        " JOIN feed_source s ON s.id = e.source_id"
        " LEFT JOIN LATERAL (SELECT c.act_type, c.matter FROM feed_case c"
        "   WHERE c.source_id = e.source_id AND c.key = e.case_key"
        "   AND coalesce(c.changed_at, c.received_at) <= $2"
        "  UNION ALL SELECT p.said ->> 'act_type', p.said ->> 'matter' FROM feed_past p"
        "   WHERE p.kind = 'case' AND p.source_id = e.source_id AND p.key = e.case_key"
        "   AND p.since <= $2 AND p.until > $2) c ON true"
        " WHERE e.withdrawn_at IS NULL ORDER BY e.case_id, e.began_at, e.id",
        list(case_ids),
        moment,
    )
    found: dict[CaseId, list[CaseEvent]] = {}
    for row in rows:
        found.setdefault(row["case_id"], []).append(_from_row(row))
    return found


# --- writing -------------------------------------------------------------------------------------


async def write(
    change: Change, source: uuid.UUID, events: Sequence[tuple[Standing, EventStatement]]
) -> None:
    """What these keys say from now on."""
    kinds = [said.kind.value for _, said in events if said.kind is not None]
    await change.connection.execute(
        "INSERT INTO case_event (id, source_id, key, case_id, case_key, agency_id, revision, kind,"
        " act_type, stage, began_at, ended_at, visit, officers, latitude, longitude, place, matter,"
        " scan, exempt_reason, exempt_approver, received_at, changed_at, withdrawn_at)"
        " SELECT e.id, $1, e.key, e.case_id, e.case_key, e.agency_id, e.revision, e.kind,"
        " e.act_type, e.stage, e.began_at, e.ended_at, e.visit, e.officers::jsonb, e.latitude,"
        " e.longitude, e.place, e.matter, e.scan, e.exempt_reason, e.exempt_approver,"
        " $2::timestamptz, $2,"
        " CASE WHEN e.withdrawn THEN $2 END"
        " FROM unnest($3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::uuid[], $8::bigint[],"
        " $9::text[], $10::text[], $11::text[], $12::timestamptz[], $13::timestamptz[],"
        " $14::text[], $15::text[], $16::float8[], $17::float8[], $18::text[], $19::text[],"
        " $20::text[], $21::text[], $22::text[], $23::boolean[])"
        " AS e (id, key, case_id, case_key, agency_id, revision, kind, act_type, stage, began_at,"
        " ended_at, visit, officers, latitude, longitude, place, matter, scan, exempt_reason,"
        " exempt_approver, withdrawn)"
        " ON CONFLICT (source_id, key) DO UPDATE SET case_id = excluded.case_id,"
        " case_key = excluded.case_key, agency_id = excluded.agency_id,"
        " revision = excluded.revision, kind = excluded.kind, act_type = excluded.act_type,"
        " stage = excluded.stage, began_at = excluded.began_at, ended_at = excluded.ended_at,"
        " visit = excluded.visit, officers = excluded.officers, latitude = excluded.latitude,"
        " longitude = excluded.longitude, place = excluded.place, matter = excluded.matter,"
        " scan = excluded.scan, exempt_reason = excluded.exempt_reason,"
        " exempt_approver = excluded.exempt_approver, changed_at = excluded.changed_at,"
        " withdrawn_at = excluded.withdrawn_at",
        source,
        change.now,
        [new_uuid(change.now) for _ in events],
        [at.key for at, _ in events],
        [at.case for at, _ in events],
        [said.case for _, said in events],
        [at.agency for at, _ in events],
        [at.revision for at, _ in events],
        kinds,
        [said.act_type.value if said.act_type else None for _, said in events],
        [said.stage.value if said.stage else None for _, said in events],
        [said.began_at for _, said in events],
        [said.ended_at for _, said in events],
        [said.visit for _, said in events],
        [officers_text(said.officers) for _, said in events],
        [said.place.latitude for _, said in events],
        [said.place.longitude for _, said in events],
        [said.place.text for _, said in events],
        [said.matter for _, said in events],
        [said.scan for _, said in events],
        [said.exemption.reason if said.exemption else None for _, said in events],
        [said.exemption.approver if said.exemption else None for _, said in events],
        [at.withdrawn for at, _ in events],
    )


@lru_cache(maxsize=4096)
def officers_text(officers: tuple[EventOfficer, ...]) -> str:
    """Officers as JSON."""
    if not officers:
        return "[]"
    return json.dumps(
        [{"number": one.number, "certificate": one.certificate} for one in officers],
        ensure_ascii=False,
    )


async def cases_of(
    connection: Connection, source: uuid.UUID, keys: Collection[str]
) -> list[CaseId]:
    """The cases to which the events under these keys belong now."""
    rows = await connection.fetch(
        "SELECT case_id FROM case_event WHERE source_id = $1 AND key = ANY($2::text[])",
        source,
        list(keys),
    )
    return [row["case_id"] for row in rows]


async def set_withdrawn(
    change: Change, source: uuid.UUID, keys: Collection[str], withdrawn: bool
) -> list[CaseId]:
    """Take these back, or bring them back; the cases for which that is news."""
    rows = await change.connection.fetch(
        "UPDATE case_event SET withdrawn_at = CASE WHEN $3::boolean THEN $4::timestamptz END,"
        " changed_at = $4::timestamptz WHERE source_id = $1 AND key = ANY($2::text[])"
        " AND (withdrawn_at IS NULL) = $3::boolean RETURNING case_id",
        source,
        list(keys),
        withdrawn,
        change.now,
    )
    return [row["case_id"] for row in rows]


async def follow(
    change: Change, source: uuid.UUID, cases: Sequence[tuple[str, CaseId]]
) -> list[CaseId]:
    """Events go where the keys of their cases lead now; the cases that lost some."""
    rows = await change.connection.fetch(
        "WITH moved AS (SELECT e.id, e.case_id, c.case_id AS into_id FROM case_event e"
        "  JOIN unnest($2::text[], $3::uuid[]) AS c (key, case_id) ON e.case_key = c.key"
        "  WHERE e.source_id = $1 AND e.case_id <> c.case_id FOR UPDATE OF e)"
        " UPDATE case_event e SET case_id = m.into_id, changed_at = $4::timestamptz FROM moved m"
        " WHERE e.id = m.id RETURNING m.case_id",
        source,
        [key for key, _ in cases],
        [case for _, case in cases],
        change.now,
    )
    return [row["case_id"] for row in rows]


async def move(change: Change, source: CaseId, into: CaseId) -> None:
    """Events of a merged case are the other one's."""
    await change.connection.execute(
        "UPDATE case_event SET case_id = $2, changed_at = $3 WHERE case_id = $1",
        source,
        into,
        change.now,
    )
