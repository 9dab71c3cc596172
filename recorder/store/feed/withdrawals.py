"""Which rows of cases their sources took back, and what they said of it."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from recorder.domain.feed.problems import storable
from recorder.domain.ids import AgencyId, CaseId
from recorder.store.connection import Connection, Row


@dataclass(frozen=True, slots=True)
class TakenBack:
    """An event or document that counts no more, by a withdrawal of its source."""

    case: CaseId
    source: str
    key: str
    agency: AgencyId
    visit: str | None
    #: The key of the withdrawal, and its reason as far as it names one.
    by: str
    reason: str | None


def _from_row(row: Row) -> TakenBack:
    said = json.loads(row["body"]).get("reason")
    reason = storable(said).strip() if isinstance(said, str) else ""
    return TakenBack(
        row["case_id"],
        row["source"],
        row["key"],
        row["agency_id"],
        row["visit"],
        row["by"],
        reason or None,
    )


async def of_cases(connection: Connection, cases: Collection[CaseId]) -> list[TakenBack]:
    """What was taken back of these cases, the newest last."""
    rows = await connection.fetch(
        "SELECT t.case_id, s.name AS source, t.key, t.agency_id, t.visit, w.key AS by, w.body"
        " FROM (SELECT case_id, source_id, key, agency_id, visit, withdrawn_at FROM case_event"
        "   WHERE case_id = ANY($1) AND withdrawn_at IS NOT NULL"
        "  UNION ALL SELECT case_id, source_id, key, agency_id, NULL, withdrawn_at"
        "   FROM case_document WHERE case_id = ANY($1) AND withdrawn_at IS NOT NULL) t"
        " JOIN feed_source s ON s.id = t.source_id"
        # A withdrawal under the key of what it takes back is taken back with it.
        " JOIN LATERAL (SELECT key, body FROM feed_row r WHERE r.source_id = t.source_id"
        "  AND r.about = t.key AND (r.state = 'winning' OR (r.state = 'withdrawn'"
        "  AND r.key = t.key)) ORDER BY r.received_at DESC, r.key LIMIT 1) w ON true"
        " ORDER BY t.withdrawn_at, t.key",
        list(cases),
    )
    return [_from_row(row) for row in rows]
