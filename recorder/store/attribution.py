"""What the attribution of footage reads: recordings that are due, and scenes they may belong to.

When a recording was last looked at is no evidence: it is written on a plain connection.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from recorder.domain import case_number, device_file_name
from recorder.domain.attribution import Clue, PossibleScene
from recorder.domain.case import Stage
from recorder.domain.case_event import EventKind
from recorder.domain.ids import AgencyId, CaseId
from recorder.store import coverage_due
from recorder.store.connection import Connection, Row
from recorder.store.registry import handovers, officers

#: An arrival without a scene of its own is the inspection that it began.
_SCENES = [kind.value for kind in EventKind if kind.is_scene or kind is EventKind.ARRIVAL]
#: Footage that begins this long around an event is looked at again when it comes.
_BEFORE, _AFTER = timedelta(hours=2), timedelta(minutes=30)
#: Whoever hands in later than this is not looked for by a clock that was wrong.
_HANDED_IN = timedelta(days=60)
#: Agencies whose cases footage of an agency may belong to: its own, and those of the body whose
#: branch it is, or of its branches.
_FAMILY = (
    "SELECT {one} UNION SELECT agency_id FROM agency_reach WHERE seen_id = {one} AND acts"
    " UNION SELECT seen_id FROM agency_reach WHERE agency_id = {one} AND acts"
)
_IN_FAMILY = f"r.agency_id IN ({_FAMILY.format(one='n.agency_id')})"


async def _named(connection: Connection, row: Row) -> str | None:
    """The officer whom the camera names, by the own number."""
    said = device_file_name.parse(row["original_name"])
    name = said.officer_number if said else None
    if name is None or row["started_at"] is None:
        return name
    at = row["started_at"]
    return await officers.of_user_number(connection, row["agency_id"], name, at) or name


def _clue(row: Row, named: str | None) -> Clue:
    officer = row["officer"]
    if named is None and officer != row["wearer"]:
        # Without a word of the log it is the sender's own.
        named = officer
    texts = (row["original_name"], row["note"] or "")
    has_place = row["latitude"] is not None and row["longitude"] is not None
    return Clue(
        recording=row["id"],
        began_at=row["started_at"],
        ended_at=row["ended_at"],
        clock_offset_ms=row["clock_offset_ms"],
        wearer=row["wearer"],
        officer=named,
        place=(row["latitude"], row["longitude"]) if has_place else None,
        filmed=frozenset(row["filmed"]),
        named=frozenset(key for text in texts for key in case_number.numbers_within(text)),
        refused=frozenset(CaseId(case) for case in row["refused"]),
    )


async def take_due(connection: Connection) -> tuple[Clue, AgencyId] | None:
    """The newest recording whose case is to be looked for, kept still until the transaction ends.

    Sealed, admitted and linked to nothing; how long it is must be known, and its codes be read.
    None when there is none that others do not hold.
    """
    row = await connection.fetchrow(
        "SELECT r.id, r.agency_id, r.officer, r.original_name, r.note, r.started_at,"
        " coalesce(r.ended_at, r.started_at"
        "  + (r.media->>'length_ms')::bigint * interval '1 millisecond') AS ended_at,"
        " r.clock_offset_ms, r.latitude, r.longitude,"
        " (SELECT h.officer FROM device_handover h WHERE h.device_id = r.device_id"
        "   AND h.at <= r.started_at"
        "    - coalesce(r.clock_offset_ms, 0) * interval '1 millisecond'"
        "   ORDER BY h.at DESC LIMIT 1) AS wearer,"
        # Of a case that was merged since, the one that it is now.
        " ARRAY(SELECT coalesce(c.merged_into, c.id) FROM case_file c WHERE c.id IN"
        "  (SELECT l.case_id FROM case_link l WHERE l.recording_id = r.id UNION"
        "  SELECT p.case_id FROM link_proposal p"
        "  WHERE p.recording_id = r.id AND p.decision = 'rejected')) AS refused,"
        " ARRAY(SELECT c.key FROM filmed_code c WHERE c.recording_id = r.id) AS filmed"
        " FROM recording r WHERE r.links = 0 AND r.attributed_at IS NULL"
        " AND r.integrity = 'sealed' AND r.admission = 'admitted'"
        " AND (r.ended_at IS NOT NULL OR r.media IS NOT NULL)"
        " AND NOT EXISTS (SELECT FROM task_run t WHERE t.subject_kind = 'recording'"
        "  AND t.subject_id = r.id AND t.task IN ('probe', 'codes')"
        "  AND t.state IN ('pending', 'claimed'))"
        " ORDER BY r.created_at DESC LIMIT 1 FOR NO KEY UPDATE OF r SKIP LOCKED"
    )
    return (_clue(row, await _named(connection, row)), row["agency_id"]) if row else None


async def settle(connection: Connection, clue: Clue, now: datetime) -> None:
    """The recording was looked at, with what is known now."""
    await connection.execute(
        "UPDATE recording SET attributed_at = $2 WHERE id = $1", clue.recording, now
    )


async def scenes_around(
    connection: Connection,
    agency: AgencyId,
    span: tuple[datetime, datetime] | None,
    keys: frozenset[str],
) -> list[PossibleScene]:
    """Scenes of the agency, its branches or its body in that time, and those of named cases."""
    began, ended = span or (None, None)
    rows = await connection.fetch(
        f"WITH family (id) AS ({_FAMILY.format(one='$1::uuid')}),"  # noqa: S608 - constant text
        " named (id) AS (SELECT i.case_id FROM case_identifier i"
        "  WHERE i.key = ANY($4::text[]) AND i.agency_id IN (SELECT id FROM family)),"
        " possible (id) AS (SELECT e.id FROM case_event e JOIN family f ON f.id = e.agency_id"
        "   WHERE e.began_at BETWEEN $2 AND $3 UNION"
        "  SELECT e.id FROM case_event e JOIN named n ON n.id = e.case_id)"
        " SELECT e.id AS event_id, e.case_id, e.stage, e.began_at, coalesce(e.ended_at,"
        "  (SELECT min(l.began_at) FROM case_event l WHERE l.case_id = e.case_id"
        "    AND l.source_id = e.source_id AND l.visit = e.visit AND l.kind = 'leaving'"
        "    AND l.withdrawn_at IS NULL AND l.began_at >= e.began_at)) AS ended_at,"
        # Some systems name certificates alone: as ``officers.holders`` has it.
        "  ARRAY(SELECT coalesce((SELECT min(c.officer) FROM officer_certificate c"
        "    WHERE c.number = o->>'number' AND o->>'number' = o->>'certificate'"
        "    AND c.superseded_at IS NULL AND NOT EXISTS (SELECT FROM officer p"
        "     WHERE p.number = c.number AND p.superseded_at IS NULL)"
        "    HAVING count(DISTINCT c.officer) = 1), o->>'number')"
        "   FROM jsonb_array_elements(e.officers) o) AS officers,"
        "  e.latitude, e.longitude, ARRAY(SELECT i.key FROM case_identifier i"
        "   WHERE i.case_id = e.case_id) AS numbers,"
        "  (SELECT max(s.began_at) FROM case_event s WHERE s.case_id = e.case_id"
        "    AND s.kind = 'scan' AND s.withdrawn_at IS NULL) AS scanned_at"
        " FROM possible p JOIN case_event e ON e.id = p.id"
        " WHERE e.withdrawn_at IS NULL AND e.kind = ANY($5)"
        " UNION ALL SELECT NULL, n.id, NULL, NULL, NULL, '{}', NULL, NULL,"
        "  ARRAY(SELECT i.key FROM case_identifier i WHERE i.case_id = n.id), NULL"
        " FROM named n WHERE NOT EXISTS (SELECT FROM case_event e WHERE e.case_id = n.id"
        "  AND e.withdrawn_at IS NULL AND e.kind = ANY($5))",
        agency,
        began,
        ended,
        list(keys),
        _SCENES,
    )
    return [_scene(row) for row in rows]


def _scene(row: Row) -> PossibleScene:
    has_place = row["latitude"] is not None and row["longitude"] is not None
    return PossibleScene(
        case=row["case_id"],
        event=row["event_id"],
        stage=Stage(row["stage"]) if row["stage"] else None,
        began_at=row["began_at"],
        ended_at=row["ended_at"],
        officers=frozenset(row["officers"]),
        place=(row["latitude"], row["longitude"]) if has_place else None,
        numbers=frozenset(row["numbers"]),
        scanned_at=row["scanned_at"],
    )


async def send_to_look(connection: Connection, now: datetime, limit: int) -> int:
    """Footage around events that came or changed is looked at again; how many events there were.

    Whoever looks at a recording holds it, so this waits and the look that follows sees the event.
    """
    taken: int = await connection.fetchval(
        "WITH news AS (SELECT e.id, e.agency_id, e.began_at, e.ended_at FROM case_event e"  # noqa: S608 - constant text
        "  WHERE e.attributed_at IS NULL OR e.attributed_at < e.changed_at"
        "  ORDER BY e.changed_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED),"
        " told AS (UPDATE case_event e SET attributed_at = greatest($1, e.changed_at)"
        "  FROM news n WHERE e.id = n.id),"
        " around AS (SELECT r.id FROM recording r WHERE r.id IN (SELECT o.id FROM news n,"
        "   LATERAL (SELECT r.id FROM recording r WHERE r.links = 0"
        f"    AND {_IN_FAMILY}"
        "    AND coalesce(r.started_at, r.received_at)"
        "     BETWEEN n.began_at - $3::interval AND coalesce(n.ended_at, n.began_at)"
        "     + $4::interval"
        # By a clock that was found to be wrong it may lie anywhere.
        "    UNION ALL SELECT r.id FROM recording r WHERE r.links = 0"
        f"    AND 'clock_offset' = ANY (r.flags) AND {_IN_FAMILY}"
        "    AND r.received_at BETWEEN n.began_at AND n.began_at + $5::interval"
        "    AND r.started_at - r.clock_offset_ms * interval '1 millisecond'"
        "     BETWEEN n.began_at - $3::interval AND coalesce(n.ended_at, n.began_at)"
        "     + $4::interval) o) ORDER BY r.id FOR NO KEY UPDATE),"
        # By their ids, whatever is thought of their number: never by reading all footage.
        " sent AS (UPDATE recording r SET attributed_at = NULL"
        "  WHERE r.id = ANY(ARRAY(SELECT id FROM around)))"
        " SELECT count(*) FROM news",
        now,
        limit,
        _BEFORE,
        _AFTER,
        _HANDED_IN,
    )
    return taken


async def look_again(
    connection: Connection, officers: Collection[str], first: datetime, last: datetime
) -> None:
    """Unlinked footage of these officers in that time is looked at again: their roster changed."""
    await connection.execute(
        "UPDATE recording SET attributed_at = NULL WHERE id = ANY(ARRAY("
        "SELECT r.id FROM recording r"
        " WHERE r.links = 0 AND r.officer = ANY($1) AND r.attributed_at IS NOT NULL"
        " AND coalesce(r.started_at, r.received_at) BETWEEN $2 AND $3"
        " ORDER BY r.id FOR NO KEY UPDATE))",
        list(officers),
        first,
        last,
    )


async def log_changed(connection: Connection, lines: handovers.Lines) -> None:
    """Footage for which these lines of hand-over logs count is judged and looked at again."""
    # Recordings before what is due, as whoever links one keeps them.
    await connection.execute(
        "UPDATE recording SET attributed_at = NULL WHERE id = ANY(ARRAY("  # noqa: S608 - constant text
        "SELECT r.id FROM recording r WHERE r.id = ANY(ARRAY("
        f"SELECT r.id FROM {handovers.FOOTAGE} WHERE r.links = 0 AND r.attributed_at IS NOT NULL))"
        " ORDER BY r.id FOR NO KEY UPDATE))",
        *handovers.arguments(lines),
    )
    await coverage_due.touch_devices(connection, lines)
