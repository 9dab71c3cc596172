"""Findings and what people said about them. Rows never go; the evaluation withdraws them."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from recorder.domain.coverage.differences import Changed, KnownFinding
from recorder.domain.finding import Confidence, Finding, FindingKind, FindingState, Severity
from recorder.domain.ids import AgencyId, CaseId
from recorder.domain.people import Scope
from recorder.store.change import Change
from recorder.store.connection import Connection, Row

_COLUMNS = (
    "f.id, f.case_id, f.agency_id, f.kind, f.severity, f.confidence, f.rule, f.scene, f.about,"
    " f.began_at, f.ended_at, f.recordings, f.officers, f.facts, f.state"
)
_NUMBER = (
    "coalesce((SELECT i.norm FROM case_identifier i WHERE i.case_id = f.case_id"
    " ORDER BY i.created_at, i.id LIMIT 1), '') AS number"
)
#: Who is to answer is on file, and today neither with the agency nor with one that sees it.
_OWNER_LEFT = (
    "(f.owner IS NOT NULL AND EXISTS (SELECT FROM officer o WHERE o.number = f.owner"
    "  AND o.superseded_at IS NULL) AND NOT EXISTS (SELECT FROM officer o"
    "  WHERE o.number = f.owner AND o.superseded_at IS NULL"
    "  AND (now() AT TIME ZONE interval '8 hours')::date BETWEEN o.valid_from AND o.valid_to"
    "  AND (o.agency_id = f.agency_id OR EXISTS (SELECT FROM agency_reach r"
    "   WHERE r.agency_id = o.agency_id AND r.seen_id = f.agency_id)))) AS owner_left"
)
_TOLD = (
    _COLUMNS + ", a.code AS agency_code, f.day, f.raised_at, f.changed_at, f.owner,"
    " f.answer_by, " + _OWNER_LEFT + ", " + _NUMBER
)
#: What a scope lets its holder see; arguments 1 and 2.
_IN_SCOPE = "in_scope(f.agency_id, $1) AND ($2::text IS NULL OR f.officers @> ARRAY[$2])"


def _known(row: Row) -> KnownFinding:
    return KnownFinding(
        row["id"],
        FindingState(row["state"]),
        Finding(
            case=row["case_id"],
            agency=row["agency_id"],
            kind=FindingKind(row["kind"]),
            severity=Severity(row["severity"]),
            confidence=Confidence(row["confidence"]),
            rule=row["rule"],
            scene=row["scene"],
            about=row["about"],
            began_at=row["began_at"],
            ended_at=row["ended_at"],
            recordings=tuple(row["recordings"]),
            officers=tuple(row["officers"]),
            facts=row["facts"],
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldFinding:
    """A finding as lists and pages show it."""

    id: uuid.UUID
    state: FindingState
    finding: Finding
    agency_code: str
    #: The first number of its case.
    number: str
    day: date
    raised_at: datetime
    changed_at: datetime
    owner: str | None
    #: Who is to answer belongs to another agency by now.
    owner_left: bool
    answer_by: datetime | None


def _from_row(row: Row) -> ToldFinding:
    known = _known(row)
    return ToldFinding(
        id=known.id,
        state=known.state,
        finding=known.finding,
        agency_code=row["agency_code"],
        number=row["number"],
        day=row["day"],
        raised_at=row["raised_at"],
        changed_at=row["changed_at"],
        owner=row["owner"],
        owner_left=row["owner_left"],
        answer_by=row["answer_by"],
    )


# --- reading ---------------------------------------------------------------------------------


async def known_of(
    connection: Connection, cases: Collection[CaseId]
) -> dict[CaseId, list[KnownFinding]]:
    """Everything that was ever found of these cases, kept until the transaction ends."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM finding f WHERE f.case_id = ANY($1)"  # noqa: S608 - constant text
        " ORDER BY f.id FOR NO KEY UPDATE",
        list(cases),
    )
    found: dict[CaseId, list[KnownFinding]] = {}
    for row in rows:
        found.setdefault(row["case_id"], []).append(_known(row))
    return found


async def find(connection: Connection, finding: uuid.UUID, scope: Scope) -> ToldFinding | None:
    row = await connection.fetchrow(
        f"SELECT {_TOLD} FROM finding f JOIN agency a ON a.id = f.agency_id"  # noqa: S608 - constant text
        f" WHERE {_IN_SCOPE} AND f.id = $3",
        scope.agencies,
        scope.officer,
        finding,
    )
    return _from_row(row) if row else None


async def lock(change: Change, finding: uuid.UUID, scope: Scope) -> ToldFinding | None:
    """The finding, kept as it is until the transaction ends."""
    row = await change.connection.fetchrow(
        f"SELECT {_TOLD} FROM finding f JOIN agency a ON a.id = f.agency_id"  # noqa: S608 - constant text
        f" WHERE {_IN_SCOPE} AND f.id = $3 FOR NO KEY UPDATE OF f",
        scope.agencies,
        scope.officer,
        finding,
    )
    return _from_row(row) if row else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a list of findings is narrowed by; None means everything."""

    #: The code of an organisation, with all below it today; who asks puts them into ``within``.
    agency: str | None = None
    within: tuple[AgencyId, ...] | None = None
    case: CaseId | None = None
    kind: FindingKind | None = None
    severity: Severity | None = None
    state: FindingState | None = None
    unsettled: bool = False  # open, replied or appealed
    officer: str | None = None
    owner: str | None = None
    #: The scene's days, both included.
    first: date | None = None
    last: date | None = None
    #: Those whose answer is overdue at this moment.
    overdue_at: datetime | None = None
    #: Those that had been raised by then: what somebody has not seen is not among them.
    raised_until: datetime | None = None


#: What is wanted of what is in scope; arguments 1 to 14. Withdrawn ones only if asked for.
_WANTED = _IN_SCOPE + (
    " AND in_scope(f.agency_id, $3::uuid[])"
    " AND ($4::uuid IS NULL OR f.case_id = $4) AND ($5::text IS NULL OR f.kind = $5)"
    " AND ($6::text IS NULL OR f.severity = $6)"
    " AND CASE WHEN $7::text IS NULL THEN f.state <> 'withdrawn' ELSE f.state = $7 END"
    " AND ($8::text IS NULL OR f.officers @> ARRAY[$8]) AND ($9::text IS NULL OR f.owner = $9)"
    " AND ($10::date IS NULL OR f.day >= $10) AND ($11::date IS NULL OR f.day <= $11)"
    " AND ($12::timestamptz IS NULL OR (f.answer_by < $12 AND f.state = 'open'))"
    " AND ($13::timestamptz IS NULL OR f.raised_at <= $13)"
    " AND (NOT $14::boolean OR f.state IN ('open', 'replied', 'appealed'))"
)


def _arguments(scope: Scope, wanted: Wanted) -> tuple[object, ...]:
    if wanted.agency is not None and wanted.within is None:
        raise ValueError("nobody has looked which organisations that are")
    return (
        scope.agencies,
        scope.officer,
        None if wanted.within is None else list(wanted.within),
        wanted.case,
        wanted.kind.value if wanted.kind else None,
        wanted.severity.value if wanted.severity else None,
        wanted.state.value if wanted.state else None,
        wanted.officer,
        wanted.owner,
        wanted.first,
        wanted.last,
        wanted.overdue_at,
        wanted.raised_until,
        wanted.unsettled,
    )


async def listed(
    connection: Connection,
    scope: Scope,
    wanted: Wanted,
    after: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> list[ToldFinding]:
    """Findings in scope, newest first; withdrawn ones only where they are asked for."""
    at, last = after or (None, None)
    rows = await connection.fetch(
        f"SELECT {_TOLD} FROM finding f JOIN agency a ON a.id = f.agency_id"  # noqa: S608 - constant text
        f" WHERE {_WANTED} AND ($15::timestamptz IS NULL OR (f.raised_at, f.id) < ($15, $16))"
        " ORDER BY f.raised_at DESC, f.id DESC LIMIT $17",
        *_arguments(scope, wanted),
        at,
        last,
        limit,
    )
    return [_from_row(row) for row in rows]


async def ids(connection: Connection, scope: Scope, wanted: Wanted, limit: int) -> list[uuid.UUID]:
    """The newest ones that are wanted, by id."""
    rows = await connection.fetch(
        "SELECT f.id FROM finding f JOIN agency a ON a.id = f.agency_id"  # noqa: S608 - constant text
        f" WHERE {_WANTED} ORDER BY f.raised_at DESC, f.id DESC LIMIT $15",
        *_arguments(scope, wanted),
        limit,
    )
    return [row["id"] for row in rows]


@dataclass(frozen=True, slots=True)
class FindingAct:
    """One line of what people said about a finding."""

    #: reply, assign, appeal, close; or withdraw, by a source.
    act: str
    text: str
    at: datetime
    by_name: str


async def open_by_case(connection: Connection, cases: Sequence[CaseId]) -> dict[CaseId, int]:
    """How many findings of each case are open; cases without any are left out."""
    rows = await connection.fetch(
        "SELECT case_id, count(*) AS number FROM finding"
        " WHERE case_id = ANY($1::uuid[]) AND state = 'open' GROUP BY case_id",
        list(cases),
    )
    return {row["case_id"]: row["number"] for row in rows}


async def acts_of(connection: Connection, finding: uuid.UUID) -> list[FindingAct]:
    """The lines in their order."""
    rows = await connection.fetch(
        "SELECT act, text, at, by_name FROM finding_act WHERE finding_id = $1 ORDER BY n", finding
    )
    return [FindingAct(row["act"], row["text"], row["at"], row["by_name"]) for row in rows]


# --- writing by the evaluation -----------------------------------------------------------------


async def insert(
    change: Change, raised: Sequence[tuple[uuid.UUID, Finding, date, datetime | None]]
) -> None:
    """Write new findings, open: id, finding, its day, and until when an answer is expected."""
    await change.connection.executemany(
        "INSERT INTO finding (id, identity, case_id, agency_id, kind, severity, confidence, rule,"
        " scene, about, began_at, ended_at, recordings, officers, facts, day, state, raised_at,"
        " changed_at, answer_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
        " $14, $15, $16, 'open', $17, $17, $18)",
        [
            (
                finding_id,
                finding.identity,
                finding.case,
                finding.agency,
                finding.kind.value,
                finding.severity.value,
                finding.confidence.value,
                finding.rule,
                finding.scene,
                finding.about,
                finding.began_at,
                finding.ended_at,
                list(finding.recordings),
                list(finding.officers),
                dict(finding.facts),
                day,
                change.now,
                answer_by,
            )
            for finding_id, finding, day, answer_by in raised
        ],
    )


async def amend(change: Change, changed: Sequence[tuple[Changed, date, datetime | None]]) -> None:
    """Give known findings their new facts, states and days; what is open again has a new term."""
    await change.connection.executemany(
        "UPDATE finding SET identity = $2, severity = $3, confidence = $4, rule = $5, about = $6,"
        " began_at = $7, ended_at = $8, recordings = $9, officers = $10, facts = $11,"
        " state = $12, changed_at = $13, day = $14, agency_id = $15,"
        " answer_by = coalesce($16, answer_by) WHERE id = $1",
        [
            (
                each.before.id,
                each.after.identity,
                each.after.severity.value,
                each.after.confidence.value,
                each.after.rule,
                each.after.about,
                each.after.began_at,
                each.after.ended_at,
                list(each.after.recordings),
                list(each.after.officers),
                dict(each.after.facts),
                each.state.value,
                change.now,
                day,
                each.after.agency,
                answer_by,
            )
            for each, day, answer_by in changed
        ],
    )


async def withdraw(change: Change, findings: Collection[uuid.UUID]) -> None:
    """The facts they rested on are no more."""
    await change.connection.execute(
        "UPDATE finding SET state = 'withdrawn', changed_at = $2 WHERE id = ANY($1)",
        list(findings),
        change.now,
    )


async def move(change: Change, source: CaseId, into: CaseId) -> list[KnownFinding]:
    """Findings of a merged case are the other one's, with what people said of them; gives them.

    One that the other case has too stays behind.
    """
    known = await known_of(change.connection, [source, into])
    there = {each.finding.identity for each in known.get(into, ())}
    moved = [
        replace(each, finding=replace(each.finding, case=into)) for each in known.get(source, ())
    ]
    moved = [each for each in moved if each.finding.identity not in there]
    await change.connection.execute(
        "UPDATE finding f SET case_id = $3, identity = m.identity, changed_at = $4"
        " FROM unnest($1::uuid[], $2::uuid[]) AS m (id, identity) WHERE f.id = m.id",
        [each.id for each in moved],
        [each.finding.identity for each in moved],
        into,
        change.now,
    )
    return moved


async def insert_grounds(change: Change, told: Collection[tuple[uuid.UUID, str, str]]) -> None:
    """Say of findings that are withdrawn (finding, source, words) which source took them back."""
    await change.connection.executemany(
        "INSERT INTO finding_act (finding_id, n, act, text, at, by_id, by_name)"
        " SELECT $1, count(*), 'withdraw', $2, $3, $4, $5 FROM finding_act WHERE finding_id = $1",
        [(finding, words, change.now, f"source:{name}", name) for finding, name, words in told],
    )


# --- writing by people -------------------------------------------------------------------------


async def set_state(
    change: Change,
    finding: uuid.UUID,
    state: FindingState,
    owner: str | None,
    answer_by: datetime | None,
) -> None:
    await change.connection.execute(
        "UPDATE finding SET state = $2, owner = $3, answer_by = $4, changed_at = $5 WHERE id = $1",
        finding,
        state.value,
        owner,
        answer_by,
        change.now,
    )


async def insert_act(change: Change, finding: uuid.UUID, act: str, text: str) -> None:
    """Add a line by the actor of the change; the finding's row is locked."""
    await change.connection.execute(
        "INSERT INTO finding_act (finding_id, n, act, text, at, by_id, by_name)"
        " SELECT $1, count(*), $2, $3, $4, $5, $6 FROM finding_act WHERE finding_id = $1",
        finding,
        act,
        text,
        change.now,
        change.actor.id,
        change.actor.name,
    )
