"""Which recordings belong to which cases. A link that ends keeps its row: that is the history.

Who links or unlinks first keeps the cases still (``cases.share`` or ``cases.lock``), then the
recordings (``lock_recordings``), each in the order of ids; so the counter ``recording.links``
always equals the number of active links, and nobody waits crosswise.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.case import CaseLink, CaseState, LinkOrigin, Stage
from recorder.domain.ids import AgencyId, CaseId, CaseLinkId, RecordingId
from recorder.domain.people import Scope
from recorder.domain.provenance import review_of
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

_COLUMNS = (
    "l.id, l.recording_id, l.case_id, l.stage, l.origin, l.linked_at, l.linked_by, l.reason,"
    " l.unlinked_at, l.unlinked_by, l.unlink_reason"
)
#: Which recordings a scope lets its holder see; arguments 2 to 5.
_IN_SCOPE = (
    "in_scope(r.agency_id, $2) AND ($3::uuid IS NULL OR r.device_id = $3)"
    " AND ($4::uuid IS NULL OR r.dock_id = $4) AND ($5::text IS NULL OR r.officer = $5)"
)


def _from_row(row: Row) -> CaseLink:
    return CaseLink(
        id=row["id"],
        recording=row["recording_id"],
        case=row["case_id"],
        stage=Stage(row["stage"]) if row["stage"] else None,
        origin=LinkOrigin(row["origin"]),
        linked_at=row["linked_at"],
        linked_by=row["linked_by"],
        reason=row["reason"],
        unlinked_at=row["unlinked_at"],
        unlinked_by=row["unlinked_by"],
        unlink_reason=row["unlink_reason"],
    )


# --- writing ---------------------------------------------------------------------------------


async def lock_recordings(
    change: Change, recordings: list[RecordingId], scope: Scope
) -> dict[RecordingId, AgencyId]:
    """Keep the links of these recordings from change by others; names those in scope."""
    rows = await change.connection.fetch(
        "SELECT r.id, r.agency_id FROM recording r"  # noqa: S608 - constant text
        f" WHERE r.id = ANY($1) AND {_IN_SCOPE} ORDER BY r.id FOR NO KEY UPDATE",
        recordings,
        scope.agencies,
        scope.device,
        scope.dock,
        scope.officer,
    )
    return {row["id"]: row["agency_id"] for row in rows}


async def insert(change: Change, link: CaseLink) -> None:
    """Write an active link and count it. Raises Conflict when the two are linked already."""
    await change.connection.execute(
        "WITH made AS (INSERT INTO case_link (id, recording_id, case_id, stage, origin,"
        " linked_at, linked_by, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        " RETURNING recording_id)"
        " UPDATE recording SET links = links + 1 WHERE id = (SELECT recording_id FROM made)",
        link.id,
        link.recording,
        link.case,
        link.stage.value if link.stage else None,
        link.origin.value,
        link.linked_at,
        link.linked_by,
        link.reason,
    )


async def end(change: Change, link: CaseLinkId, reason: str) -> bool:
    """End an active link and count it; False when it has ended."""
    touched = await change.connection.execute(
        "WITH ended AS (UPDATE case_link SET unlinked_at = $2, unlinked_by = $3,"
        " unlink_reason = $4 WHERE id = $1 AND unlinked_at IS NULL RETURNING recording_id)"
        " UPDATE recording SET links = links - 1 WHERE id = (SELECT recording_id FROM ended)",
        link,
        change.now,
        change.actor.name,
        reason,
    )
    return touched == 1


# --- one pair --------------------------------------------------------------------------------


async def active(connection: Connection, recording: RecordingId, case: CaseId) -> CaseLink | None:
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM case_link l"  # noqa: S608 - constant text
        " WHERE l.recording_id = $1 AND l.case_id = $2 AND l.unlinked_at IS NULL",
        recording,
        case,
    )
    return _from_row(row) if row else None


async def find(connection: Connection, link: CaseLinkId) -> CaseLink | None:
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM case_link l WHERE l.id = $1",  # noqa: S608 - constant text
        link,
    )
    return _from_row(row) if row else None


async def ever(connection: Connection, recording: RecordingId, case: CaseId) -> bool:
    """Whether the two are or were linked."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM case_link WHERE recording_id = $1 AND case_id = $2)",
        recording,
        case,
    )
    return found


async def is_linked(connection: Connection, recording: RecordingId) -> bool:
    """Whether the recording is linked to any case now."""
    found: bool = await connection.fetchval(
        "SELECT links > 0 FROM recording WHERE id = $1", recording
    )
    return found


async def recording_agency(
    connection: Connection, recording: RecordingId, scope: Scope
) -> AgencyId | None:
    """The agency of a recording in scope."""
    agency: AgencyId | None = await connection.fetchval(
        f"SELECT r.agency_id FROM recording r WHERE r.id = $1 AND {_IN_SCOPE}",  # noqa: S608 - constant text
        recording,
        scope.agencies,
        scope.device,
        scope.dock,
        scope.officer,
    )
    return agency


# --- lists -----------------------------------------------------------------------------------


async def active_of_case(connection: Connection, case: CaseId) -> list[CaseLink]:
    """Every active link of the case, whoever may see it, in the order of recordings."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM case_link l"  # noqa: S608 - constant text
        " WHERE l.case_id = $1 AND l.unlinked_at IS NULL ORDER BY l.recording_id",
        case,
    )
    return [_from_row(row) for row in rows]


async def of_case(
    connection: Connection, case: CaseId, scope: Scope, *, ended: bool, limit: int
) -> list[CaseLink]:
    """The newest active, or ended, links of the case to recordings in scope."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM case_link l JOIN recording r ON r.id = l.recording_id"  # noqa: S608 - constant text
        f" WHERE l.case_id = $1 AND {_IN_SCOPE} AND (l.unlinked_at IS NOT NULL) = $6"
        " ORDER BY coalesce(l.unlinked_at, l.linked_at) DESC, l.id DESC LIMIT $7",
        case,
        scope.agencies,
        scope.device,
        scope.dock,
        scope.officer,
        ended,
        limit,
    )
    return [_from_row(row) for row in rows]


@dataclass(frozen=True, slots=True)
class LinkedCase:
    """A case as the page of a recording names it, with the link that ties it."""

    case: CaseId
    agency_code: str
    state: CaseState
    title: str | None
    #: Its first number, in normal form.
    number: str
    link: CaseLink


async def of_recording(
    connection: Connection, recording: RecordingId, scope: Scope, *, ended: bool
) -> list[LinkedCase]:
    """The active, or ended, links of a recording to cases in scope, in the order of linking."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS}, a.code AS agency_code, c.state, c.title,"  # noqa: S608 - constant text
        " coalesce((SELECT i.norm FROM case_identifier i WHERE i.case_id = c.id"
        " ORDER BY i.created_at, i.id LIMIT 1), '') AS number"
        " FROM case_link l JOIN case_file c ON c.id = l.case_id"
        " JOIN agency a ON a.id = c.agency_id"
        " WHERE l.recording_id = $1 AND in_scope(c.agency_id, $2)"
        " AND (l.unlinked_at IS NOT NULL) = $3 ORDER BY l.linked_at, l.id",
        recording,
        scope.agencies,
        ended,
    )
    return [
        LinkedCase(
            row["case_id"],
            row["agency_code"],
            CaseState(row["state"]),
            row["title"],
            row["number"],
            _from_row(row),
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRecording:
    """A recording as the timeline of a case shows it."""

    id: RecordingId
    agency: AgencyId
    agency_code: str
    device_number: str | None
    officer: str | None
    integrity: str
    admission: str
    length: int
    original_name: str
    #: The stage of this link; a recording may show another stage in another case.
    stage: Stage | None
    linked_at: datetime
    linked_by: str
    origin: LinkOrigin
    #: When it begins as far as anybody said so, else when it was received: the timeline's order.
    at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    received_at: datetime
    key_file: bool
    flags: tuple[str, ...]
    #: domain/media.MediaFacts as plain values; None until probed.
    media: dict[str, object] | None
    #: How it can be shown: as_is, remux, transcode, picture, audio, none; None until probed.
    showable: str | None
    #: Profiles of the renditions that exist.
    renditions: tuple[str, ...]
    #: failing when last read back, restored after a failure, or None.
    fixity: str | None
    #: Grounds on which only some may watch it.
    restrictions: tuple[str, ...] = ()
    #: Of fixed monitoring: awaited, passed or refused (R14).
    review: str | None = None

    @property
    def state(self) -> str:
        """The one word the API shows."""
        return "quarantined" if self.admission == "quarantined" else self.integrity


def _recording_from_row(row: Row) -> CaseRecording:
    return CaseRecording(
        id=row["id"],
        agency=row["agency_id"],
        agency_code=row["agency_code"],
        device_number=row["device_number"],
        officer=row["officer"],
        integrity=row["integrity"],
        admission=row["admission"],
        length=row["length_bytes"],
        original_name=row["original_name"],
        stage=Stage(row["stage"]) if row["stage"] else None,
        linked_at=row["linked_at"],
        linked_by=row["linked_by"],
        origin=LinkOrigin(row["origin"]),
        at=row["at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        received_at=row["received_at"],
        key_file=row["key_file"],
        flags=tuple(row["flags"]),
        media=row["media"],
        showable=row["showable"],
        renditions=tuple(row["renditions"]),
        fixity=row["fixity"],
        restrictions=tuple(row["restrictions"]),
        review=review_of(row["camera"], row["provenance"], row["content_review"]),
    )


async def timeline(
    connection: Connection,
    case: CaseId,
    scope: Scope,
    after: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> list[CaseRecording]:
    """Recordings of the case in scope, earliest first, by key ``(at, id)``."""
    at, recording = after or (None, None)
    rows = await connection.fetch(
        "SELECT r.id, r.agency_id, a.code AS agency_code, r.device_number, r.officer, r.integrity,"  # noqa: S608 - constant text
        " r.admission, r.length_bytes, r.original_name, l.stage, l.linked_at, l.linked_by,"
        " l.origin, coalesce(r.started_at, r.received_at) AS at, r.started_at, r.ended_at,"
        " r.received_at, r.key_file, r.flags, r.media, r.showable, r.restrictions,"
        " r.camera, r.provenance, r.content_review,"
        " ARRAY(SELECT profile FROM rendition n WHERE n.recording_id = r.id ORDER BY profile)"
        " AS renditions,"
        " (SELECT min(CASE WHEN f.looked_at > f.agreed_at THEN 'failing' ELSE 'restored' END)"
        "  FROM fixity f WHERE f.recording_id = r.id AND f.failed_at IS NOT NULL) AS fixity"
        " FROM case_link l JOIN recording r ON r.id = l.recording_id"
        " JOIN agency a ON a.id = r.agency_id"
        f" WHERE l.case_id = $1 AND l.unlinked_at IS NULL AND {_IN_SCOPE}"
        " AND ($6::timestamptz IS NULL OR (coalesce(r.started_at, r.received_at), r.id) > ($6, $7))"
        " ORDER BY coalesce(r.started_at, r.received_at), r.id LIMIT $8",
        case,
        scope.agencies,
        scope.device,
        scope.dock,
        scope.officer,
        at,
        recording,
        limit,
    )
    return [_recording_from_row(row) for row in rows]
