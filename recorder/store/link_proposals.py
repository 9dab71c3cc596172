"""Cases that footage may belong to, for a person to decide about. No evidence: links are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from recorder.domain.attribution import Candidate, Evidence
from recorder.domain.ids import AgencyId, CaseId, RecordingId
from recorder.domain.people import Scope
from recorder.store.connection import Connection, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkProposal:
    """A case with what speaks for it, and the scene that it would show."""

    recording: RecordingId
    #: Whose recording it is.
    agency: AgencyId
    recording_name: str
    case: CaseId
    #: The first number of the case, in normal form.
    number: str
    case_title: str | None
    event: UUID | None
    event_kind: str | None
    stage: str | None
    began_at: datetime | None
    ended_at: datetime | None
    points: int
    evidence: tuple[Evidence, ...]
    proposed_at: datetime


def _from_row(row: Row) -> LinkProposal:
    known = set(Evidence)
    return LinkProposal(
        recording=row["recording_id"],
        agency=row["agency_id"],
        recording_name=row["original_name"],
        case=row["case_id"],
        number=row["number"],
        case_title=row["title"],
        event=row["event_id"],
        event_kind=row["kind"],
        stage=row["stage"],
        began_at=row["began_at"],
        ended_at=row["ended_at"],
        points=row["points"],
        evidence=tuple(Evidence(word) for word in row["evidence"] if word in known),
        proposed_at=row["proposed_at"],
    )


async def replace(
    connection: Connection,
    recording: RecordingId,
    candidates: Sequence[Candidate],
    now: datetime,
) -> None:
    """These are the undecided proposals of the recording from now on; decided ones stay."""
    await connection.execute(
        "WITH wanted AS (SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::int[], $5::text[])"
        "  AS w (case_id, event_id, points, evidence)),"
        " gone AS (DELETE FROM link_proposal p WHERE p.recording_id = $1"
        "  AND p.decision IS NULL AND p.case_id NOT IN (SELECT case_id FROM wanted))"
        " INSERT INTO link_proposal AS p"
        " (recording_id, case_id, event_id, points, evidence, proposed_at)"
        " SELECT $1, w.case_id, w.event_id, w.points, string_to_array(w.evidence, ' '), $6"
        " FROM wanted w ON CONFLICT (recording_id, case_id) DO UPDATE"
        " SET event_id = excluded.event_id, points = excluded.points,"
        " evidence = excluded.evidence WHERE p.decision IS NULL",
        recording,
        [one.scene.case for one in candidates],
        [one.scene.event for one in candidates],
        [one.points for one in candidates],
        [" ".join(one.evidence) for one in candidates],
        now,
    )


async def decide(
    connection: Connection,
    recording: RecordingId,
    case: CaseId,
    decision: str,
    by: str,
    now: datetime,
) -> bool:
    """A person has decided; False when nothing was open."""
    touched = await connection.execute(
        "UPDATE link_proposal SET decision = $3, decided_by = $4, decided_at = $5"
        " WHERE recording_id = $1 AND case_id = $2 AND decision IS NULL",
        recording,
        case,
        decision,
        by,
        now,
    )
    return touched == 1


async def undecided(
    connection: Connection,
    scope: Scope,
    *,
    recording: RecordingId | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int,
) -> list[LinkProposal]:
    """Undecided proposals for unlinked recordings in scope, the newest recordings first.

    ``before``: creation and id of the last recording of the page before.
    """
    at, last = before or (None, None)
    rows = await connection.fetch(
        "SELECT p.recording_id, r.agency_id, r.original_name, p.case_id, c.title, p.event_id,"
        " e.kind, e.stage,"
        " e.began_at, e.ended_at, p.points, p.evidence, p.proposed_at,"
        " coalesce((SELECT i.norm FROM case_identifier i WHERE i.case_id = c.id"
        "  ORDER BY i.created_at, i.id LIMIT 1), '') AS number"
        " FROM link_proposal p JOIN recording r ON r.id = p.recording_id"
        " JOIN case_file c ON c.id = p.case_id LEFT JOIN case_event e ON e.id = p.event_id"
        " WHERE p.decision IS NULL AND r.links = 0 AND c.state <> 'merged'"
        " AND in_scope(r.agency_id, $1) AND ($2::text IS NULL OR r.officer = $2)"
        " AND ($3::uuid IS NULL OR r.id = $3)"
        " AND ($4::timestamptz IS NULL OR (p.proposed_at, p.recording_id) < ($4, $5::uuid))"
        " ORDER BY p.proposed_at DESC, p.recording_id DESC, p.points DESC, p.case_id LIMIT $6",
        scope.agencies,
        scope.officer,
        recording,
        at,
        last,
        limit,
    )
    return [_from_row(row) for row in rows]
