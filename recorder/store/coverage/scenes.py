"""Scenes as they were evaluated last, and the figures of days that are made of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from recorder.domain.coverage import SceneCoverage
from recorder.domain.ids import AgencyId, CaseId
from recorder.domain.instant import format_utc
from recorder.domain.people import Scope
from recorder.store.change import Change
from recorder.store.connection import Connection, Row


@dataclass(frozen=True, slots=True)
class CountedScene:
    """What of a scene its day's figures are made of."""

    case: CaseId
    agency: AgencyId
    day: date
    kind: str
    state: str
    must: bool
    expected_ms: int
    covered_ms: int


def _counted(row: Row) -> CountedScene:
    return CountedScene(
        row["case_id"],
        row["agency_id"],
        row["day"],
        row["kind"],
        row["state"],
        row["level"] in ("full_uninterrupted", "required"),
        row["expected_ms"],
        row["covered_ms"],
    )


async def answers(connection: Connection, cases: Collection[CaseId]) -> dict[CaseId, bytes]:
    """The digests of the answers that were written of these cases last."""
    rows = await connection.fetch(
        "SELECT case_id, answer FROM coverage_case WHERE case_id = ANY($1)", list(cases)
    )
    return {row["case_id"]: row["answer"] for row in rows}


async def counted_of(connection: Connection, cases: Collection[CaseId]) -> list[CountedScene]:
    rows = await connection.fetch(
        "SELECT case_id, agency_id, day, kind, state, level, expected_ms, covered_ms"
        " FROM coverage_scene WHERE case_id = ANY($1)",
        list(cases),
    )
    return [_counted(row) for row in rows]


async def cases_of_agency(connection: Connection, agency: AgencyId, since: date) -> list[CaseId]:
    """Cases with an event of the agency on a day or after it: those whose duties a list changes."""
    rows = await connection.fetch(
        "SELECT DISTINCT case_id FROM case_event WHERE agency_id = $1"
        " AND began_at >= ($2::date)::timestamp AT TIME ZONE interval '8 hours' ORDER BY case_id",
        agency,
        since,
    )
    return [row["case_id"] for row in rows]


# --- writing -----------------------------------------------------------------------------------


async def write_answers(change: Change, answered: Sequence[tuple[CaseId, bytes, bool]]) -> None:
    """Note the digest of each case's answer, and whether a deadline in it is provisional."""
    await change.connection.execute(
        "INSERT INTO coverage_case (case_id, answer, provisional, evaluated_at)"
        " SELECT *, $4::timestamptz FROM unnest($1::uuid[], $2::bytea[], $3::boolean[])"
        " ON CONFLICT (case_id) DO UPDATE SET answer = excluded.answer,"
        " provisional = excluded.provisional, evaluated_at = excluded.evaluated_at",
        [each[0] for each in answered],
        [each[1] for each in answered],
        [each[2] for each in answered],
        change.now,
    )


async def remove(change: Change, cases: Collection[CaseId]) -> None:
    """Make room for what these cases' scenes are now."""
    await change.connection.execute(
        "DELETE FROM coverage_scene WHERE case_id = ANY($1)", list(cases)
    )


async def insert(change: Change, scenes: Sequence[tuple[CaseId, date, SceneCoverage]]) -> None:
    """Write scenes with their days."""
    await change.connection.executemany(
        "INSERT INTO coverage_scene (case_id, key, agency_id, day, kind, act_type, stage, matter,"
        " officers, state, level, rule, legal_basis, began_at, ended_at, expected_ms, covered_ms,"
        " holes, recordings, due_at, provisional, confidence) VALUES ($1, $2, $3, $4, $5, $6, $7,"
        " $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)",
        [
            (
                case,
                scene.key,
                scene.agency,
                day,
                scene.kind.value,
                scene.act_type.value if scene.act_type else None,
                scene.stage.value if scene.stage else None,
                scene.matter,
                list(scene.officers),
                scene.state.value,
                scene.level.value,
                scene.rule,
                scene.legal_basis,
                scene.began_at,
                scene.ended_at,
                scene.expected_ms,
                scene.covered_ms,
                [
                    {
                        "began_at": format_utc(hole.span.began_at),
                        "ended_at": format_utc(hole.span.ended_at),
                        "place": hole.place.value,
                        "reason": hole.reason,
                    }
                    for hole in scene.holes
                ],
                list(scene.recordings),
                scene.due_at,
                scene.provisional,
                scene.confidence.value,
            )
            for case, day, scene in scenes
        ],
    )


# --- figures -----------------------------------------------------------------------------------


@dataclass(slots=True)
class DayCount:
    """What a day's figures change by."""

    scenes: int = 0
    must: int = 0
    recorded: int = 0
    holes: int = 0
    unrecorded: int = 0
    awaited: int = 0
    expected_ms: int = 0
    covered_ms: int = 0

    def add(self, scene: CountedScene, sign: int) -> None:
        self.scenes += sign
        self.must += sign * scene.must
        self.recorded += sign * (scene.state == "recorded")
        self.holes += sign * (scene.state == "holes")
        self.unrecorded += sign * (scene.state == "unrecorded")
        self.awaited += sign * (scene.state == "awaited")
        self.expected_ms += sign * scene.expected_ms
        self.covered_ms += sign * scene.covered_ms


#: Agency, day, kind of scene.
DayKey = tuple[AgencyId, date, str]
_FIGURES = (
    "scenes", "must", "recorded", "holes", "unrecorded", "awaited", "expected_ms", "covered_ms",
)  # fmt: skip


async def count(change: Change, by: dict[DayKey, DayCount]) -> None:
    """Change the figures of days by these differences."""
    nothing = DayCount()
    ordered = sorted((k for k in by if by[k] != nothing), key=lambda k: (str(k[0]), *k[1:]))
    await change.connection.execute(
        "INSERT INTO coverage_day AS d (agency_id, day, kind, scenes, must, recorded, holes,"
        " unrecorded, awaited, expected_ms, covered_ms) SELECT * FROM unnest($1::uuid[],"
        " $2::date[], $3::text[], $4::int[], $5::int[], $6::int[], $7::int[], $8::int[],"
        " $9::int[], $10::bigint[], $11::bigint[]) ON CONFLICT (agency_id, day, kind) DO UPDATE"
        " SET scenes = d.scenes + excluded.scenes, must = d.must + excluded.must,"
        " recorded = d.recorded + excluded.recorded, holes = d.holes + excluded.holes,"
        " unrecorded = d.unrecorded + excluded.unrecorded,"
        " awaited = d.awaited + excluded.awaited,"
        " expected_ms = d.expected_ms + excluded.expected_ms,"
        " covered_ms = d.covered_ms + excluded.covered_ms",
        [key[0] for key in ordered],
        [key[1] for key in ordered],
        [key[2] for key in ordered],
        *([getattr(by[key], name) for key in ordered] for name in _FIGURES),
    )


async def miscounted(connection: Connection) -> int:
    """How many figures of days differ from counting the scenes anew; none ever should."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM (SELECT agency_id, day, kind, count(*) AS scenes,"
        " count(*) FILTER (WHERE level IN ('full_uninterrupted', 'required')) AS must,"
        " count(*) FILTER (WHERE state = 'recorded') AS recorded,"
        " count(*) FILTER (WHERE state = 'holes') AS holes,"
        " count(*) FILTER (WHERE state = 'unrecorded') AS unrecorded,"
        " count(*) FILTER (WHERE state = 'awaited') AS awaited,"
        " sum(expected_ms) AS expected_ms, sum(covered_ms) AS covered_ms"
        " FROM coverage_scene GROUP BY 1, 2, 3) AS real"
        " FULL JOIN (SELECT * FROM coverage_day WHERE scenes <> 0) AS kept"
        " USING (agency_id, day, kind)"
        " WHERE (real.scenes, real.must, real.recorded, real.holes, real.unrecorded,"
        " real.awaited, real.expected_ms, real.covered_ms) IS DISTINCT FROM (kept.scenes,"
        " kept.must, kept.recorded, kept.holes, kept.unrecorded, kept.awaited,"
        " kept.expected_ms, kept.covered_ms)"
    )
    return found


@dataclass(frozen=True, slots=True)
class DayFigures:
    """The figures of one agency over some days."""

    agency: AgencyId
    agency_code: str
    count: DayCount


async def figures(
    connection: Connection, scope: Scope, first: date, last: date
) -> list[DayFigures]:
    """Each agency in scope with its figures from the first to the last day."""
    rows = await connection.fetch(
        "SELECT d.agency_id, a.code, sum(scenes) AS scenes, sum(must) AS must,"
        " sum(recorded) AS recorded, sum(holes) AS holes, sum(unrecorded) AS unrecorded,"
        " sum(awaited) AS awaited, sum(expected_ms)::bigint AS expected_ms,"
        " sum(covered_ms)::bigint AS covered_ms"
        " FROM coverage_day d JOIN agency a ON a.id = d.agency_id"
        " WHERE in_scope(d.agency_id, $1) AND d.day BETWEEN $2 AND $3"
        " GROUP BY d.agency_id, a.code ORDER BY a.code",
        scope.agencies,
        first,
        last,
    )
    return [
        DayFigures(
            row["agency_id"], row["code"], DayCount(**{name: row[name] for name in _FIGURES})
        )
        for row in rows
    ]


async def evaluated_at(connection: Connection, case: CaseId) -> datetime | None:
    """When the case was evaluated last with another answer than before."""
    found: datetime | None = await connection.fetchval(
        "SELECT evaluated_at FROM coverage_case WHERE case_id = $1", case
    )
    return found
