"""The last levels of figures: officers and devices one by one, and scenes with their holes."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from recorder.domain.ids import AgencyId, CaseId
from recorder.domain.organisation import OrganisationKind
from recorder.domain.organisation_tree import Holding, Standing
from recorder.domain.people import Scope
from recorder.store.connection import Connection, Row
from recorder.store.coverage.days import SceneCount
from recorder.store.coverage.sums import HELD, SUMS, held


async def standings(connection: Connection) -> list[Standing]:
    """Where every organisation stands and stood; a city has some hundred."""
    rows = await connection.fetch(
        "SELECT agency_id, parent_id, kind, predecessors, valid_from, valid_to"
        " FROM organisation WHERE superseded_at IS NULL"
    )
    return [
        Standing(
            agency=row["agency_id"],
            parent=row["parent_id"],
            kind=OrganisationKind(row["kind"]),
            begins=row["valid_from"],
            ends=row["valid_to"],
            predecessors=tuple(row["predecessors"]),
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class OfficerLine:
    """An officer's scenes and footage over some days."""

    number: str
    #: '' where no register knows the number.
    name: str
    count: SceneCount
    footage_ms: int
    recordings: int
    #: Those of the recordings that bear marks.
    marked: int
    #: Those without a mark although their term is over.
    unmarked_overdue: int = 0


async def officers(
    connection: Connection, scope: Scope, holdings: Sequence[Holding], limit: int
) -> list[OfficerLine]:
    """Officers with scenes or footage, who has most to mend first."""
    rows = await connection.fetch(
        f"{HELD}, acted AS (SELECT d.officer AS who, {SUMS} FROM held h JOIN officer_day d"  # noqa: S608 - constant text
        "  ON d.agency_id = h.agency AND d.day BETWEEN h.first AND h.last GROUP BY d.officer),"
        " filmed AS (SELECT d.officer AS by, sum(footage_ms)::bigint AS footage_ms,"
        "  sum(d.recordings)::bigint AS filmed, sum(d.marked)::bigint AS marked FROM held h"
        "  JOIN device_day d ON d.agency_id = h.agency AND d.day BETWEEN h.first AND h.last"
        "  WHERE d.officer <> '' GROUP BY d.officer)"
        " SELECT coalesce(a.who, f.by) AS officer, coalesce((SELECT o.name FROM officer o"
        # Figures keep numbers byte by byte, the index of officers does not.
        '  WHERE o.number = coalesce(a.who, f.by) COLLATE "default" AND o.superseded_at IS NULL'
        "  ORDER BY o.valid_from DESC LIMIT 1), '') AS name,"
        " coalesce(f.footage_ms, 0) AS footage_ms, coalesce(f.filmed, 0) AS filmed,"
        " coalesce(f.marked, 0) AS marked, a.*"
        " FROM acted a FULL JOIN filmed f ON f.by = a.who"
        " WHERE coalesce(a.scenes, 0) <> 0 OR f.footage_ms <> 0"
        " ORDER BY coalesce(a.missing_ms, 0) DESC, coalesce(a.late, 0) DESC, officer LIMIT $6",
        *held(scope, holdings),
        limit,
    )
    return [
        OfficerLine(
            row["officer"],
            row["name"],
            SceneCount.of(row),
            row["footage_ms"],
            row["filmed"],
            row["marked"],
        )
        for row in rows
    ]


async def officer_named(
    connection: Connection, scope: Scope, number: str
) -> tuple[str, AgencyId] | None:
    """Name and agency of an officer in scope, as last noted."""
    row = await connection.fetchrow(
        "SELECT name, agency_id FROM officer WHERE number = $2 AND superseded_at IS NULL"
        " AND in_scope(agency_id, $1) ORDER BY valid_from DESC LIMIT 1",
        scope.agencies,
        number,
    )
    return (row["name"], row["agency_id"]) if row else None


async def filmed_by(
    connection: Connection, scope: Scope, officer: str, first: date, last: date
) -> tuple[int, int, int]:
    """Recordings, milliseconds of footage, and recordings with marks, of one officer."""
    row = await connection.fetchrow(
        "SELECT coalesce(sum(d.recordings), 0)::bigint AS recordings,"
        " coalesce(sum(d.footage_ms), 0)::bigint AS footage_ms,"
        " coalesce(sum(d.marked), 0)::bigint AS marked FROM device_day d"
        " WHERE d.officer = $2 AND d.day BETWEEN $3 AND $4 AND in_scope(d.agency_id, $1)",
        scope.agencies,
        officer,
        first,
        last,
    )
    return (row["recordings"], row["footage_ms"], row["marked"]) if row else (0, 0, 0)


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """A device's footage over some days."""

    number: str
    #: active, suspended or lost; None: not on the register here.
    state: str | None
    days: int
    workdays: int
    recordings: int
    footage_ms: int
    unlinked: int
    #: The last day with footage in the span.
    last_day: date | None


async def devices(
    connection: Connection,
    scope: Scope,
    holdings: Sequence[Holding],
    working: Sequence[date],
    limit: int,
) -> list[DeviceLine]:
    """Devices of these agencies, the most silent first; ``working``: the working days."""
    rows = await connection.fetch(
        f"{HELD}, used AS (SELECT d.device, count(DISTINCT d.day) AS days,"  # noqa: S608 - constant text
        "  count(DISTINCT d.day) FILTER (WHERE d.day = ANY($6)) AS workdays,"
        "  sum(d.recordings)::bigint AS recordings, sum(d.footage_ms)::bigint AS footage_ms,"
        "  sum(d.unlinked)::bigint AS unlinked, max(d.day) AS last_day"
        "  FROM held h JOIN device_day d ON d.agency_id = h.agency"
        "  AND d.day BETWEEN h.first AND h.last AND d.recordings > 0 AND d.device <> ''"
        "  GROUP BY d.device),"
        " listed AS (SELECT DISTINCT d.number, d.state FROM held h"
        "  JOIN device d ON d.agency_id = h.agency)"
        " SELECT coalesce(l.number, u.device) AS number, l.state, coalesce(u.days, 0) AS days,"
        " coalesce(u.workdays, 0) AS workdays, coalesce(u.recordings, 0) AS recordings,"
        " coalesce(u.footage_ms, 0) AS footage_ms, coalesce(u.unlinked, 0) AS unlinked,"
        " u.last_day FROM used u FULL JOIN listed l ON l.number = u.device"
        " ORDER BY coalesce(u.workdays, 0), coalesce(u.days, 0), number LIMIT $7",
        *held(scope, holdings),
        list(working),
        limit,
    )
    return [DeviceLine(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class SceneWithHoles:
    """A scene of a case that is not wholly recorded."""

    case: CaseId
    #: The first number of its case.
    number: str
    agency_code: str
    key: str
    kind: str
    stage: str | None
    state: str
    officers: tuple[str, ...]
    began_at: datetime
    ended_at: datetime | None
    expected_ms: int
    covered_ms: int
    #: begin, end, place and reason of each, as rows keep them.
    holes: tuple[Mapping[str, str | None], ...]
    recordings: tuple[uuid.UUID, ...]
    late: int


_SCENE = (
    "s.case_id, coalesce((SELECT i.norm FROM case_identifier i WHERE i.case_id = s.case_id"
    " ORDER BY i.created_at, i.id LIMIT 1), '') AS number, a.code, s.key, s.kind, s.stage,"
    " s.state, s.officers, s.began_at, s.ended_at, s.expected_ms, s.covered_ms, s.holes,"
    " s.recordings, s.late"
)
_WORST_FIRST = (
    "(s.state IN ('holes', 'unrecorded') OR s.late > 0)"
    " ORDER BY CASE WHEN s.state IN ('holes', 'unrecorded') THEN s.expected_ms - s.covered_ms"
    " ELSE 0 END DESC, s.began_at DESC, s.key"
)


def _scene(row: Row) -> SceneWithHoles:
    return SceneWithHoles(
        case=row["case_id"],
        number=row["number"],
        agency_code=row["code"],
        key=row["key"],
        kind=row["kind"],
        stage=row["stage"],
        state=row["state"],
        officers=tuple(row["officers"]),
        began_at=row["began_at"],
        ended_at=row["ended_at"],
        expected_ms=row["expected_ms"],
        covered_ms=row["covered_ms"],
        holes=tuple(row["holes"]),
        recordings=tuple(row["recordings"]),
        late=row["late"],
    )


async def scenes(
    connection: Connection, scope: Scope, holdings: Sequence[Holding], limit: int
) -> list[SceneWithHoles]:
    """Scenes whose time has passed with something missing or late, the most missing first."""
    rows = await connection.fetch(
        f"{HELD} SELECT {_SCENE} FROM held h"  # noqa: S608 - constant text
        " JOIN coverage_scene s ON s.agency_id = h.agency AND s.day BETWEEN h.first AND h.last"
        f" JOIN agency a ON a.id = s.agency_id WHERE {_WORST_FIRST} LIMIT $6",
        *held(scope, holdings),
        limit,
    )
    return [_scene(row) for row in rows]


async def scenes_of_officer(
    connection: Connection, scope: Scope, officer: str, first: date, last: date, limit: int
) -> list[SceneWithHoles]:
    """As ``scenes``, of one officer, wherever in scope."""
    rows = await connection.fetch(
        f"SELECT {_SCENE} FROM coverage_scene s"  # noqa: S608 - constant text
        " JOIN agency a ON a.id = s.agency_id"
        " WHERE s.officers @> ARRAY[$2] AND s.day BETWEEN $3 AND $4"
        f" AND in_scope(s.agency_id, $1) AND {_WORST_FIRST} LIMIT $5",
        scope.agencies,
        officer,
        first,
        last,
        limit,
    )
    return [_scene(row) for row in rows]
