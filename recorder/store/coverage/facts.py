"""Facts of many cases as the coverage engine looks at them."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from recorder.domain.case import Stage
from recorder.domain.coverage import Footage, FootageMark, Handover, Interval
from recorder.domain.ids import AgencyId, CaseId, RecordingId
from recorder.domain.instant import is_plausible
from recorder.store.connection import Connection, Row


@dataclass(frozen=True, slots=True)
class LinkedFootage:
    """A recording that belongs to a case, before its gaps and marks."""

    case: CaseId
    footage: Footage
    #: The livestream it was: marks may hang on it.
    livestream: uuid.UUID | None


def _from_row(row: Row) -> LinkedFootage:
    times = row["started_at"], row["ended_at"]
    # What no camera can have meant is no time: nothing is counted from it.
    began_at, ended_at = (at if at is not None and is_plausible(at) else None for at in times)
    return LinkedFootage(
        row["case_id"],
        Footage(
            recording=row["id"],
            device=row["device_number"],
            officer=row["officer"],
            stage=Stage(row["stage"]) if row["stage"] else None,
            began_at=began_at,
            ended_at=ended_at,
            clock_offset_ms=row["clock_offset_ms"],
            clock_doubtful=row["clock_doubtful"],
            received_at=row["received_at"],
            admitted=row["admitted"],
            latitude=row["latitude"],
            longitude=row["longitude"],
        ),
        row["livestream_id"],
    )


async def of_cases(
    connection: Connection, cases: Collection[CaseId], as_of: datetime | None
) -> list[LinkedFootage]:
    """The recordings linked to these cases: now, or those linked and received at a moment."""
    rows = await connection.fetch(
        "SELECT l.case_id, r.id, r.device_number, r.officer, l.stage, r.started_at, r.ended_at,"
        " r.clock_offset_ms, 'clock_offset' = ANY (r.flags) AS clock_doubtful, r.received_at,"
        " r.admission = 'admitted' AND r.integrity <> 'mismatched' AS admitted, r.latitude,"
        " r.longitude, r.livestream_id"
        " FROM case_link l JOIN recording r ON r.id = l.recording_id"
        " WHERE l.case_id = ANY($1) AND (CASE WHEN $2::timestamptz IS NULL"
        " THEN l.unlinked_at IS NULL ELSE l.linked_at <= $2"
        " AND (l.unlinked_at IS NULL OR l.unlinked_at > $2) AND r.received_at <= $2 END)",
        list(cases),
        as_of,
    )
    return [_from_row(row) for row in rows]


async def gaps_of(
    connection: Connection, recordings: Collection[RecordingId]
) -> dict[RecordingId, list[Interval]]:
    """Where media of these recordings are missing, as far as their times are known."""
    rows = await connection.fetch(
        "SELECT recording_id, begins_at, ends_at FROM livestream_gap"
        " WHERE recording_id = ANY($1) AND begins_at < ends_at ORDER BY recording_id, n",
        list(recordings),
    )
    found: dict[RecordingId, list[Interval]] = {}
    for row in rows:
        found.setdefault(row["recording_id"], []).append(Interval(row["begins_at"], row["ends_at"]))
    return found


async def marks_of(
    connection: Connection,
    recordings: Sequence[RecordingId],
    livestreams: Sequence[uuid.UUID],
    as_of: datetime | None,
) -> dict[uuid.UUID, list[FootageMark]]:
    """Marks that stand, by recording, or by the livestream where they have no recording yet."""
    rows = await connection.fetch(
        "SELECT coalesce(m.recording_id, m.livestream_id) AS footage, m.kind,"
        " coalesce(m.shown_at, r.started_at + m.media_ms * interval '1 millisecond') AS at"
        " FROM mark m LEFT JOIN recording r ON r.id = m.recording_id"
        " WHERE (m.recording_id = ANY($1) OR (m.recording_id IS NULL"
        " AND m.livestream_id = ANY($2))) AND CASE WHEN $3::timestamptz IS NULL"
        " THEN m.withdrawn_at IS NULL ELSE m.made_at <= $3"
        " AND (m.withdrawn_at IS NULL OR m.withdrawn_at > $3) END",
        list(recordings),
        list(livestreams),
        as_of,
    )
    found: dict[uuid.UUID, list[FootageMark]] = {}
    for row in rows:
        if row["at"] is not None:
            found.setdefault(row["footage"], []).append(FootageMark(row["kind"], row["at"]))
    return found


async def logs_of(
    connection: Connection, asked: Collection[tuple[str, datetime, datetime]]
) -> dict[str, tuple[Handover, ...]]:
    """Of the hand-over logs of devices the lines that count from a moment to another.

    By number; a device without a log is absent, one that nobody had had by then has no line.
    """
    rows = await connection.fetch(
        "SELECT DISTINCT q.number, h.at, h.officer"
        " FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) AS q (number, began, ended)"
        " JOIN device d ON d.number = q.number LEFT JOIN LATERAL ((SELECT at, officer"
        "  FROM device_handover WHERE device_id = d.id AND at <= q.began ORDER BY at DESC LIMIT 1)"
        "  UNION ALL SELECT at, officer FROM device_handover"
        "  WHERE device_id = d.id AND at > q.began AND at <= q.ended) h ON true"
        " WHERE EXISTS (SELECT FROM device_handover WHERE device_id = d.id) ORDER BY h.at",
        [number for number, _, _ in asked],
        [began for _, began, _ in asked],
        [ended for _, _, ended in asked],
    )
    found: dict[str, list[Handover]] = {}
    for row in rows:
        log = found.setdefault(row["number"], [])
        if row["at"] is not None:
            log.append(Handover(row["at"], row["officer"]))
    return {device: tuple(log) for device, log in found.items()}


async def sizes_of(
    connection: Connection, cases: Collection[CaseId], most: int, as_of: datetime | None
) -> dict[CaseId, int]:
    """How many events, officers that they name, documents and recordings these cases have.

    Of each sort no more than one above ``most`` are counted; for a past day all are that ever
    belonged to the case.
    """
    rows = await connection.fetch(
        "SELECT c AS case_id,"
        " (SELECT coalesce(sum(1 + jsonb_array_length(officers)), 0)"
        "  FROM (SELECT officers FROM case_event WHERE case_id = c"
        "  AND ($3 OR withdrawn_at IS NULL) LIMIT $2) e)"
        " + (SELECT count(*) FROM (SELECT FROM case_document WHERE case_id = c"
        "  AND ($3 OR withdrawn_at IS NULL) LIMIT $2) d)"
        " + (SELECT count(*) FROM (SELECT FROM case_link WHERE case_id = c"
        "  AND ($3 OR unlinked_at IS NULL) LIMIT $2) l)"
        " + (SELECT count(*) FROM (SELECT FROM feed_past WHERE $3 AND case_id = c"
        "  AND kind IN ('event', 'document') LIMIT $2) p) AS size"
        " FROM unnest($1::uuid[]) AS c",
        list(cases),
        most + 1,
        as_of is not None,
    )
    return {row["case_id"]: int(row["size"]) for row in rows}


@dataclass(frozen=True, slots=True)
class CaseHead:
    """What is said of a case as a whole."""

    case: CaseId
    agency: AgencyId
    act_type: str | None
    matter: str | None
    #: When it was opened, by the source that says the earliest day.
    opened_on: date | None
    #: Its numbers, the first one first.
    numbers: tuple[str, ...]


async def heads_of(
    connection: Connection, cases: Collection[CaseId], as_of: datetime | None
) -> list[CaseHead]:
    """These cases with what their sources say last of act type and matter, or said then."""
    rows = await connection.fetch(
        "SELECT c.id, c.agency_id, f.act_type, f.matter, f.opened_on,"
        " ARRAY(SELECT i.norm FROM case_identifier i WHERE i.case_id = c.id"
        "  ORDER BY i.created_at, i.id) AS numbers FROM case_file c"
        " LEFT JOIN LATERAL (SELECT act_type, matter, min(opened_on) OVER () AS opened_on"
        "  FROM (SELECT * FROM feed_case"
        "   WHERE case_id = c.id AND ($2::timestamptz IS NULL"
        "   OR coalesce(changed_at, received_at) <= $2)"
        "  UNION ALL SELECT (jsonb_populate_record(NULL::feed_case, p.said)).* FROM feed_past p"
        "   WHERE p.kind = 'case' AND p.case_id = c.id AND p.since <= $2 AND p.until > $2) f"
        "  WHERE f.withdrawn_at IS NULL ORDER BY f.received_at DESC, f.key LIMIT 1) f ON true"
        " WHERE c.id = ANY($1)",
        list(cases),
        as_of,
    )
    return [
        CaseHead(
            row["id"],
            row["agency_id"],
            row["act_type"],
            row["matter"],
            row["opened_on"],
            tuple(row["numbers"]),
        )
        for row in rows
    ]


async def agencies_with_officers(
    connection: Connection, agencies: Collection[AgencyId]
) -> set[AgencyId]:
    """Those of these agencies that keep officers here."""
    rows = await connection.fetch(
        "SELECT a FROM unnest($1::uuid[]) a WHERE EXISTS (SELECT FROM officer o"
        " WHERE o.agency_id = a AND o.superseded_at IS NULL)",
        list(agencies),
    )
    return {row["a"] for row in rows}
