"""Documents of cases: the winning state of what sources say. Withdrawn ones are not read."""

from __future__ import annotations

from collections.abc import Sequence

from recorder.domain.case_event import CaseDocument
from recorder.domain.ids import CaseId
from recorder.store.connection import Connection, Row
from recorder.store.feed.case_events import officers_of

_COLUMNS = (
    "d.id, d.case_id, d.agency_id, s.name AS source, d.key, d.document, d.event, d.occurred_at,"
    " d.began_at, d.ended_at, d.officers, d.received_at"
)


def _from_row(row: Row) -> CaseDocument:
    return CaseDocument(
        id=row["id"],
        case=row["case_id"],
        agency=row["agency_id"],
        source=row["source"],
        key=row["key"],
        document=row["document"],
        event=row["event"],
        occurred_at=row["occurred_at"],
        began_at=row["began_at"],
        ended_at=row["ended_at"],
        officers=officers_of(row["officers"]),
        received_at=row["received_at"],
    )


async def of_cases(
    connection: Connection, case_ids: Sequence[CaseId]
) -> dict[CaseId, list[CaseDocument]]:
    """Documents of these cases that count, each case's in the order of time."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM case_document d JOIN feed_source s ON s.id = d.source_id"  # noqa: S608 - constant text
        " WHERE d.case_id = ANY($1) AND d.withdrawn_at IS NULL"
        " ORDER BY d.case_id, d.occurred_at, d.id",
        list(case_ids),
    )
    found: dict[CaseId, list[CaseDocument]] = {}
    for row in rows:
        found.setdefault(row["case_id"], []).append(_from_row(row))
    return found
