"""Which cases must be evaluated again. No evidence; no case that was touched is forgotten.

Whoever commits what a case's evaluation rests on touches the case in the same transaction. A
touch waits for an evaluation of the case that is under way, so that none is lost between
reading the facts and removing the row; an evaluation never waits for a touch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from recorder.domain.ids import AgencyId, CaseId, LivestreamId, RecordingId
from recorder.store.connection import Connection, Row
from recorder.store.registry import handovers

#: One of our advisory locks: evaluations under way share it; who looks for cases by what
#: evaluations wrote holds it alone, since one under way has not written it yet.
_EVALUATING = 0x434F5645


@dataclass(frozen=True, slots=True)
class DueCase:
    """A case that is to be evaluated, held until the transaction ends."""

    case: CaseId
    #: When it was first touched since it was last evaluated.
    since: datetime
    because: str


def _from_row(row: Row) -> DueCase:
    return DueCase(case=row["case_id"], since=row["since"], because=row["because"])


async def touch(
    connection: Connection, cases: Iterable[CaseId], because: str, *, bulk: bool = False
) -> None:
    """Have these cases evaluated again after this transaction, whatever is due already.

    ``because`` is one word: link, footage, mark, reason, event, document, list, certificate,
    handover, roster, holiday, number, elsewhere, powers. ``bulk`` ones, such as all cases of an
    agency, come after others.
    """
    touched = list(cases)
    if not touched:
        return
    # In the order of ids, so that two who touch the same cases wait in line. A case that is due
    # already is only locked: whoever evaluates it must see what this transaction commits.
    await connection.execute(
        "INSERT INTO coverage_due AS d (case_id, since, due_at, bulk, because)"
        " SELECT DISTINCT c, now(), '-infinity'::timestamptz, $3::boolean, $2::text"
        " FROM unnest($1::uuid[]) c ORDER BY c"
        " ON CONFLICT (case_id) DO UPDATE SET since = least(d.since, excluded.since),"
        " due_at = '-infinity', because = excluded.because,"
        # What only waits for its time is no news.
        " bulk = excluded.bulk AND (d.bulk OR d.due_at > '-infinity')"
        " WHERE d.due_at > '-infinity' OR (d.bulk AND NOT excluded.bulk)",
        touched,
        because,
        bulk,
    )


async def note_partners(connection: Connection, cases: Collection[CaseId]) -> None:
    """Have these cases touched behind this transaction, which waits for nobody's evaluation."""
    if cases:
        await connection.execute(
            "INSERT INTO coverage_partner (case_id) SELECT unnest($1::uuid[])", list(cases)
        )


async def touch_partners(connection: Connection) -> bool:
    """Touch cases that were noted; True when there were any. Not within an evaluation."""
    rows = await connection.fetch(
        "DELETE FROM coverage_partner WHERE id IN (SELECT id FROM coverage_partner"
        " LIMIT 1000 FOR UPDATE SKIP LOCKED) RETURNING case_id"
    )
    await touch(connection, [row["case_id"] for row in rows], "elsewhere")
    return bool(rows)


async def touch_footage(
    connection: Connection, recordings: Iterable[RecordingId], because: str
) -> None:
    """As ``touch``, the cases that these recordings are linked to."""
    await touch(
        connection,
        await _cases(
            connection,
            "SELECT DISTINCT case_id FROM case_link WHERE recording_id = ANY($1)"
            " AND unlinked_at IS NULL",
            list(recordings),
        ),
        because,
    )


async def touch_livestream(connection: Connection, livestream: LivestreamId, because: str) -> None:
    """As ``touch``, the cases of what was recorded of a livestream."""
    await touch(
        connection,
        await _cases(
            connection,
            "SELECT DISTINCT l.case_id FROM case_link l JOIN recording r ON r.id = l.recording_id"
            " WHERE r.livestream_id = $1 AND l.unlinked_at IS NULL",
            livestream,
        ),
        because,
    )


async def touch_devices(connection: Connection, lines: handovers.Lines) -> None:
    """As ``touch``, the cases of footage for which these lines of hand-over logs count."""
    await touch(
        connection,
        await _cases(
            connection,
            f"SELECT DISTINCT l.case_id FROM {handovers.FOOTAGE} JOIN case_link l"  # noqa: S608 - constant text
            " ON l.recording_id = r.id AND l.unlinked_at IS NULL",
            *handovers.arguments(lines),
        ),
        "handover",
        bulk=True,
    )


async def touch_rosters(
    connection: Connection, officers: Collection[str], first: datetime, last: datetime
) -> None:
    """As ``touch``, every case with footage of these officers that began in that time."""
    await touch(
        connection,
        await _cases(
            connection,
            "SELECT DISTINCT l.case_id FROM recording r JOIN case_link l"
            " ON l.recording_id = r.id AND l.unlinked_at IS NULL WHERE r.officer = ANY($1)"
            " AND coalesce(r.started_at, r.received_at) BETWEEN $2 AND $3",
            list(officers),
            first,
            last,
        ),
        "roster",
        bulk=True,
    )


async def touch_officers(connection: Connection, officers: Collection[str]) -> None:
    """As ``touch``, cases of acts and footage of these officers: their certificates changed."""
    await _alone(connection)
    await touch(
        connection,
        await _cases(
            connection,
            "SELECT case_id FROM coverage_scene WHERE officers && $1::text[]"
            " UNION SELECT l.case_id FROM recording r JOIN case_link l"
            " ON l.recording_id = r.id AND l.unlinked_at IS NULL WHERE r.officer = ANY($1)",
            list(officers),
        ),
        "certificate",
        bulk=True,
    )


async def touch_agencies(connection: Connection, agencies: Collection[AgencyId]) -> None:
    """As ``touch``, every case with acts of these agencies: they keep their officers here now."""
    await _alone(connection)
    await touch(
        connection,
        await _cases(
            connection,
            "SELECT DISTINCT case_id FROM coverage_scene WHERE agency_id = ANY($1)",
            list(agencies),
        ),
        "certificate",
        bulk=True,
    )


async def touch_holidays(connection: Connection, days: Collection[date]) -> None:
    """As ``touch``, the cases with a deadline that these days may move.

    Those that rest on a year that was not announced; those whose term ran over one of the days;
    and those of footage of the two weeks before.
    """
    await _alone(connection)
    await touch(
        connection,
        await _cases(
            connection,
            "SELECT case_id FROM coverage_case WHERE provisional"
            " UNION SELECT case_id FROM coverage_scene WHERE day <= $2::date"
            " AND due_at >= $1::date"
            " UNION SELECT l.case_id FROM recording r JOIN case_link l"
            " ON l.recording_id = r.id AND l.unlinked_at IS NULL"
            " WHERE coalesce(r.started_at, r.received_at)"
            " BETWEEN $1::date - interval '15 days' AND $2::date + interval '1 day'",
            min(days),
            max(days),
        ),
        "holiday",
        bulk=True,
    )


async def _alone(connection: Connection) -> None:
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _EVALUATING)


async def _cases(connection: Connection, sql: str, *arguments: object) -> list[CaseId]:
    return [row["case_id"] for row in await connection.fetch(sql, *arguments)]


async def claim(
    connection: Connection,
    now: datetime,
    limit: int,
    *,
    bulk: bool | None = False,
    only: CaseId | None = None,
) -> list[DueCase]:
    """Hold some due cases until the transaction ends, passing over those others hold.

    ``bulk`` None: of both sorts.
    """
    await connection.execute("SELECT pg_advisory_xact_lock_shared($1)", _EVALUATING)
    rows = await connection.fetch(
        "SELECT d.case_id, d.since, d.because FROM coverage_due d"
        " JOIN case_file c ON c.id = d.case_id WHERE ($1::boolean IS NULL OR d.bulk = $1)"
        " AND d.due_at <= $2 AND ($4::uuid IS NULL OR d.case_id = $4)"
        " ORDER BY d.due_at, d.since LIMIT $3"
        # The case too: findings refer to it, and must not wait for a merge that waits for us.
        " FOR UPDATE OF d SKIP LOCKED FOR KEY SHARE OF c SKIP LOCKED",
        bulk,
        now,
        limit,
        only,
    )
    return [_from_row(row) for row in rows]


async def settle(connection: Connection, looked_at: dict[CaseId, datetime | None]) -> None:
    """Held cases were evaluated: their rows go, or wait for the moment that changes the answer."""
    await connection.execute(
        "WITH looked AS (SELECT * FROM unnest($1::uuid[], $2::timestamptz[]) AS l (case_id, at)),"
        " kept AS (UPDATE coverage_due d SET due_at = l.at, since = l.at, bulk = false,"
        " because = 'time' FROM looked l WHERE d.case_id = l.case_id AND l.at IS NOT NULL)"
        " DELETE FROM coverage_due d USING looked l"
        " WHERE d.case_id = l.case_id AND l.at IS NULL",
        list(looked_at),
        list(looked_at.values()),
    )


@dataclass(frozen=True, slots=True)
class Backlog:
    """How far evaluation is behind."""

    cases: int
    oldest_since: datetime | None


async def backlog(connection: Connection, now: datetime) -> Backlog:
    """Cases that are due now, and since when the first of them waits."""
    row = await connection.fetchrow(
        "SELECT count(*) AS cases, min(since) AS oldest FROM coverage_due WHERE due_at <= $1", now
    )
    return Backlog(row["cases"], row["oldest"]) if row else Backlog(0, None)
