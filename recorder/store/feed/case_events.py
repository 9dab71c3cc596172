"""Events of cases: the winning state of what sources say happened. Withdrawn ones are not read."""

from __future__ import annotations

from collections.abc import Sequence

from recorder.domain.case import Stage
from recorder.domain.case_event import (
    ActType,
    CaseEvent,
    EventKind,
    EventOfficer,
    Exemption,
    Place,
)
from recorder.domain.ids import CaseId
from recorder.store.connection import Connection, Row

_COLUMNS = (
    "e.id, e.case_id, e.agency_id, s.name AS source, e.key, e.kind, e.act_type, e.stage,"
    " e.began_at, e.ended_at, e.visit, e.officers, e.latitude, e.longitude, e.place, e.matter,"
    " e.scan, e.exempt_reason, e.exempt_approver, e.received_at"
)


def officers_of(listed: list[dict[str, str | None]]) -> tuple[EventOfficer, ...]:
    """Officers as the column holds them."""
    return tuple(EventOfficer(one["number"] or "", one.get("certificate")) for one in listed)


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
        " WHERE e.case_id = ANY($1) AND e.withdrawn_at IS NULL"
        " ORDER BY e.case_id, e.began_at, e.id",
        list(case_ids),
    )
    found: dict[CaseId, list[CaseEvent]] = {}
    for row in rows:
        found.setdefault(row["case_id"], []).append(_from_row(row))
    return found
