"""What a report says of footage: recordings in the order of time, and what stands beside them."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from recorder.domain.case import Scheme, Stage
from recorder.domain.case_event import ActType, EventKind, EventOfficer
from recorder.domain.ids import AgencyId, CaseId, RecordingId
from recorder.domain.people import Scope
from recorder.domain.recording import Recording
from recorder.store.connection import Connection
from recorder.store.feed.case_events import officers_of
from recorder.store.recordings import BEGAN, COLUMNS, STATE, from_row

Key = tuple[datetime, uuid.UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which footage is meant."""

    #: When it began, or else was received: from, and before.
    begins: datetime
    ends: datetime
    #: None: of every agency in scope.
    agencies: list[AgencyId] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InReport:
    """A recording with its agency as it was called on that day."""

    recording: Recording
    agency_name: str
    uscc: str

    @property
    def key(self) -> Key:
        return (self.recording.began, self.recording.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedCase:
    """A case of a recording with its numbers, as far as the case is in scope."""

    id: CaseId
    stage: Stage | None
    numbers: tuple[tuple[Scheme, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An event of a case while a recording of it ran."""

    kind: EventKind
    act_type: ActType | None
    matter: str | None
    officers: tuple[EventOfficer, ...]


#: Footage of an invented city is never reported.
_MEANT = (
    f" WHERE {BEGAN} >= $1 AND {BEGAN} < $2 AND in_scope(r.agency_id, $3)"
    " AND in_scope(r.agency_id, $4) AND ($5::uuid IS NULL OR r.device_id = $5)"
    " AND ($6::uuid IS NULL OR r.dock_id = $6) AND ($7::text IS NULL OR r.officer = $7)"
    " AND r.integrity <> 'simulated'"
)


def _meant(scope: Scope, span: Span) -> list[object]:
    return [
        span.begins,
        span.ends,
        span.agencies,
        scope.agencies,
        scope.device,
        scope.dock,
        scope.officer,
    ]


async def page(
    connection: Connection,
    scope: Scope,
    span: Span,
    states: Sequence[str],
    after: Key | None,
    limit: int,
) -> list[InReport]:
    """The next recordings in scope behind a key, earliest first, that are in these states."""
    at, last = after or (None, None)
    # No page reads again what lies before it, whatever the planner makes of the key.
    span = replace(span, begins=at) if at else span
    rows = await connection.fetch(
        f"SELECT {COLUMNS}, coalesce(o.name, a.name) AS agency_name,"  # noqa: S608 - constant text
        " coalesce(o.uscc, '') AS uscc FROM recording r JOIN agency a ON a.id = r.agency_id"
        # At most one row: days of an organisation do not overlap.
        " LEFT JOIN organisation o ON o.agency_id = r.agency_id AND o.superseded_at IS NULL"
        f" AND ({BEGAN} AT TIME ZONE interval '8 hours')::date BETWEEN o.valid_from AND o.valid_to"
        f"{_MEANT} AND {STATE} = ANY($8)"
        f" AND ($9::timestamptz IS NULL OR ({BEGAN}, r.id) > ($9, $10::uuid))"
        f" ORDER BY {BEGAN}, r.id LIMIT $11",
        *_meant(scope, span),
        list(states),
        at,
        last,
        limit,
    )
    return [
        InReport(recording=from_row(row), agency_name=row["agency_name"], uscc=row["uscc"])
        for row in rows
    ]


async def left_out(
    connection: Connection, scope: Scope, span: Span, states: Sequence[str]
) -> dict[str, int]:
    """State → how many recordings of the span are in another one than these."""
    rows = await connection.fetch(
        f"SELECT {STATE} AS state, count(*) AS many FROM recording r{_MEANT}"  # noqa: S608 - constant text
        f" AND {STATE} <> ALL($8) GROUP BY 1 ORDER BY 1",
        *_meant(scope, span),
        list(states),
    )
    return {row["state"]: row["many"] for row in rows}


async def cases(
    connection: Connection, scope: Scope, recordings: Collection[RecordingId]
) -> dict[RecordingId, list[NumberedCase]]:
    """The cases in scope that these recordings are linked to, in the order of linking."""
    rows = await connection.fetch(
        "SELECT l.recording_id, l.case_id, l.stage,"
        " ARRAY(SELECT i.scheme FROM case_identifier i WHERE i.case_id = l.case_id"
        "  ORDER BY i.created_at, i.id) AS schemes,"
        " ARRAY(SELECT i.raw FROM case_identifier i WHERE i.case_id = l.case_id"
        "  ORDER BY i.created_at, i.id) AS numbers"
        " FROM case_link l JOIN case_file c ON c.id = l.case_id"
        " WHERE l.recording_id = ANY($1) AND l.unlinked_at IS NULL AND in_scope(c.agency_id, $2)"
        " ORDER BY l.linked_at, l.id",
        list(recordings),
        scope.agencies,
    )
    found: dict[RecordingId, list[NumberedCase]] = defaultdict(list)
    for row in rows:
        numbers = zip(row["schemes"], row["numbers"], strict=True)
        found[row["recording_id"]].append(
            NumberedCase(
                id=row["case_id"],
                stage=Stage(row["stage"]) if row["stage"] else None,
                numbers=tuple((Scheme(scheme), number) for scheme, number in numbers),
            )
        )
    return found


async def happened(
    connection: Connection, recordings: Collection[RecordingId]
) -> dict[tuple[RecordingId, CaseId], list[Happened]]:
    """What happened in the cases of these recordings while each ran, in the order of time."""
    rows = await connection.fetch(
        "SELECT l.recording_id, l.case_id, e.kind, coalesce(e.act_type, f.act_type) AS act_type,"
        " coalesce(e.matter, f.matter) AS matter, e.officers FROM case_link l"
        " JOIN recording r ON r.id = l.recording_id JOIN case_event e ON e.case_id = l.case_id"
        " LEFT JOIN feed_case f ON f.source_id = e.source_id AND f.key = e.case_key"
        " WHERE l.recording_id = ANY($1) AND l.unlinked_at IS NULL AND e.withdrawn_at IS NULL"
        " AND e.began_at <= coalesce(r.ended_at, r.started_at)"
        " AND coalesce(e.ended_at, e.began_at) >= r.started_at ORDER BY e.began_at, e.id",
        list(recordings),
    )
    found: dict[tuple[RecordingId, CaseId], list[Happened]] = defaultdict(list)
    for row in rows:
        found[(row["recording_id"], row["case_id"])].append(
            Happened(
                kind=EventKind(row["kind"]),
                act_type=ActType(row["act_type"]) if row["act_type"] else None,
                matter=row["matter"],
                officers=officers_of(row["officers"]),
            )
        )
    return found
