"""Documents of cases: the winning state of what sources say. Withdrawn ones are not read."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from recorder.domain.case_event import CaseDocument
from recorder.domain.feed.statements import DocumentStatement
from recorder.domain.ids import CaseId, new_uuid
from recorder.store.change import Change
from recorder.store.connection import Connection, Row
from recorder.store.feed.case_events import officers_of, officers_text
from recorder.store.feed.feed_cases import Standing

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


async def of_cases_at(
    connection: Connection, case_ids: Sequence[CaseId], moment: datetime
) -> dict[CaseId, list[CaseDocument]]:
    """As ``of_cases``, by what the sources had said at a moment."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM (SELECT * FROM case_document"  # noqa: S608 - constant text
        "  WHERE case_id = ANY($1) AND changed_at <= $2"
        "  UNION ALL SELECT (jsonb_populate_record(NULL::case_document, p.said)).*"
        "  FROM feed_past p WHERE p.kind = 'document' AND p.case_id = ANY($1)"
        "  AND p.since <= $2 AND p.until > $2) d JOIN feed_source s ON s.id = d.source_id"
        " WHERE d.withdrawn_at IS NULL ORDER BY d.case_id, d.occurred_at, d.id",
        list(case_ids),
        moment,
    )
    found: dict[CaseId, list[CaseDocument]] = {}
    for row in rows:
        found.setdefault(row["case_id"], []).append(_from_row(row))
    return found


# --- writing -------------------------------------------------------------------------------------


async def write(
    change: Change, source: uuid.UUID, documents: Sequence[tuple[Standing, DocumentStatement]]
) -> None:
    """What these keys say from now on."""
    await change.connection.execute(
        "INSERT INTO case_document (id, source_id, key, case_id, case_key, agency_id, revision,"
        " document, event, occurred_at, began_at, ended_at, officers, received_at, changed_at,"
        " withdrawn_at)"
        " SELECT d.id, $1, d.key, d.case_id, d.case_key, d.agency_id, d.revision, d.document,"
        " d.event, d.occurred_at, d.began_at, d.ended_at, d.officers::jsonb,"
        " $2::timestamptz, $2,"
        " CASE WHEN d.withdrawn THEN $2 END"
        " FROM unnest($3::uuid[], $4::text[], $5::uuid[], $6::text[], $7::uuid[], $8::bigint[],"
        " $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[],"
        " $14::text[], $15::boolean[])"
        " AS d (id, key, case_id, case_key, agency_id, revision, document, event, occurred_at,"
        " began_at, ended_at, officers, withdrawn)"
        " ON CONFLICT (source_id, key) DO UPDATE SET case_id = excluded.case_id,"
        " case_key = excluded.case_key, agency_id = excluded.agency_id,"
        " revision = excluded.revision, document = excluded.document, event = excluded.event,"
        " occurred_at = excluded.occurred_at, began_at = excluded.began_at,"
        " ended_at = excluded.ended_at, officers = excluded.officers,"
        " changed_at = excluded.changed_at, withdrawn_at = excluded.withdrawn_at",
        source,
        change.now,
        [new_uuid(change.now) for _ in documents],
        [at.key for at, _ in documents],
        [at.case for at, _ in documents],
        [said.case for _, said in documents],
        [at.agency for at, _ in documents],
        [at.revision for at, _ in documents],
        [said.document for _, said in documents],
        [said.event for _, said in documents],
        [said.told_at for _, said in documents],
        [said.began_at for _, said in documents],
        [said.ended_at for _, said in documents],
        [officers_text(said.officers) for _, said in documents],
        [at.withdrawn for at, _ in documents],
    )


async def cases_of(
    connection: Connection, source: uuid.UUID, keys: Collection[str]
) -> list[CaseId]:
    """The cases to which the documents under these keys belong now."""
    rows = await connection.fetch(
        "SELECT case_id FROM case_document WHERE source_id = $1 AND key = ANY($2::text[])",
        source,
        list(keys),
    )
    return [row["case_id"] for row in rows]


async def set_withdrawn(
    change: Change, source: uuid.UUID, keys: Collection[str], withdrawn: bool
) -> list[CaseId]:
    """Take these back, or bring them back; the cases for which that is news."""
    rows = await change.connection.fetch(
        "UPDATE case_document SET withdrawn_at = CASE WHEN $3::boolean THEN $4::timestamptz END,"
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
    """Documents go where the keys of their cases lead now; the cases that lost some."""
    rows = await change.connection.fetch(
        "WITH moved AS (SELECT d.id, d.case_id, c.case_id AS into_id FROM case_document d"
        "  JOIN unnest($2::text[], $3::uuid[]) AS c (key, case_id) ON d.case_key = c.key"
        "  WHERE d.source_id = $1 AND d.case_id <> c.case_id FOR UPDATE OF d)"
        " UPDATE case_document d SET case_id = m.into_id, changed_at = $4::timestamptz FROM moved m"
        " WHERE d.id = m.id RETURNING m.case_id",
        source,
        [key for key, _ in cases],
        [case for _, case in cases],
        change.now,
    )
    return [row["case_id"] for row in rows]


async def move(change: Change, source: CaseId, into: CaseId) -> None:
    """Documents of a merged case are the other one's."""
    await change.connection.execute(
        "UPDATE case_document SET case_id = $2, changed_at = $3 WHERE case_id = $1",
        source,
        into,
        change.now,
    )
