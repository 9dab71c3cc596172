"""Scenes as they were evaluated last; ``days`` has the figures that are made of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from recorder.domain.coverage import SceneCoverage
from recorder.domain.ids import AgencyId, CaseId
from recorder.domain.instant import format_utc
from recorder.store.change import Change
from recorder.store.connection import Connection


async def answers(connection: Connection, cases: Collection[CaseId]) -> dict[CaseId, bytes]:
    """The digests of the answers that were written of these cases last."""
    rows = await connection.fetch(
        "SELECT case_id, answer FROM coverage_case WHERE case_id = ANY($1)", list(cases)
    )
    return {row["case_id"]: row["answer"] for row in rows}


async def cases_of_agencies(
    connection: Connection, agencies: Collection[AgencyId], since: date
) -> list[CaseId]:
    """Cases with an event of one of them on a day or after it: whose duties a list changes."""
    rows = await connection.fetch(
        "SELECT DISTINCT case_id FROM case_event WHERE agency_id = ANY($1)"
        " AND began_at >= ($2::date)::timestamp AT TIME ZONE interval '8 hours' ORDER BY case_id",
        list(agencies),
        since,
    )
    return [row["case_id"] for row in rows]


async def cases_of_matters(
    connection: Connection, agencies: Collection[AgencyId], matters: Collection[str]
) -> list[CaseId]:
    """Cases with an event of one of them in one of these matters, by its own word or the case's."""
    rows = await connection.fetch(
        "SELECT DISTINCT e.case_id FROM case_event e WHERE e.agency_id = ANY($1)"
        " AND (e.matter = ANY($2) OR (coalesce(e.matter, '') = '' AND EXISTS (SELECT"
        "  FROM feed_case f WHERE f.case_id = e.case_id AND f.matter = ANY($2))))"
        " ORDER BY e.case_id",
        list(agencies),
        list(matters),
    )
    return [row["case_id"] for row in rows]


async def evaluated_at(connection: Connection, case: CaseId) -> datetime | None:
    """When the case was evaluated last with another answer than before."""
    found: datetime | None = await connection.fetchval(
        "SELECT evaluated_at FROM coverage_case WHERE case_id = $1", case
    )
    return found


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


async def insert(
    change: Change, scenes: Sequence[tuple[CaseId, date, SceneCoverage, Sequence[int]]]
) -> None:
    """Write scenes with their days, and by how many milliseconds which recordings came late."""
    await change.connection.executemany(
        "INSERT INTO coverage_scene (case_id, key, agency_id, day, kind, act_type, stage, matter,"
        " officers, state, level, rule, legal_basis, began_at, ended_at, expected_ms, covered_ms,"
        " holes, recordings, due_at, provisional, confidence, late, late_ms, counted)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
        " $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, true)",
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
                len(late),
                list(late),
            )
            for case, day, scene, late in scenes
        ],
    )
