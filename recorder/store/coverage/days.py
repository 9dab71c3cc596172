"""Figures of days that are made of scenes: of agencies and of officers, changed by differences."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import date

from recorder.domain.ids import AgencyId, CaseId
from recorder.store.change import Change
from recorder.store.connection import Connection, Row


@dataclass(slots=True)
class SceneCount:
    """What figures are made of; columns of the same names hold it."""

    scenes: int = 0
    #: That must be recorded; each of them is recorded, has holes, is unrecorded, awaited or open.
    must: int = 0
    recorded: int = 0
    holes: int = 0
    unrecorded: int = 0
    awaited: int = 0
    #: Holes of scenes whose term has passed, and those of them that somebody explained.
    gaps: int = 0
    explained: int = 0
    #: Recordings that show the scenes, and those of them that were handed in late.
    recordings: int = 0
    late: int = 0
    expected_ms: int = 0
    covered_ms: int = 0
    #: Expected, not there, and its term has passed.
    missing_ms: int = 0

    def add(self, other: SceneCount, sign: int = 1) -> None:
        for name in NAMES:
            setattr(self, name, getattr(self, name) + sign * getattr(other, name))

    @property
    def permille(self) -> int | None:
        """How much of the time that is due was recorded, rounded down; None: nothing was due."""
        due = self.covered_ms + self.missing_ms
        return 1000 * self.covered_ms // due if due else None

    @property
    def late_permille(self) -> int | None:
        """How many of the recordings came late."""
        return 1000 * self.late // self.recordings if self.recordings else None

    @classmethod
    def of(cls, row: Row) -> SceneCount:
        return cls(*(row[name] or 0 for name in NAMES))


NAMES = tuple(field.name for field in fields(SceneCount))


@dataclass(frozen=True, slots=True)
class CountedScene:
    """A scene and where it counts."""

    agency: AgencyId
    day: date
    kind: str
    act_type: str
    stage: str
    officers: tuple[str, ...]
    count: SceneCount


#: Agency, day, kind, act type, stage.
SceneKey = tuple[AgencyId, date, str, str, str]
#: Agency, day, officer.
OfficerKey = tuple[AgencyId, date, str]
#: Agency, day, hours behind the term.
LateKey = tuple[AgencyId, date, int]


async def counted_of(connection: Connection, cases: Collection[CaseId]) -> list[CountedScene]:
    """The scenes of these cases as figures count them now."""
    rows = await connection.fetch(
        "SELECT agency_id, day, kind, act_type, stage, officers, scenes, must, recorded, holes,"
        " unrecorded, awaited, gaps, explained, recordings, late, expected_ms, covered_ms,"
        " missing_ms FROM counted_scene WHERE case_id = ANY($1)",
        list(cases),
    )
    return [
        CountedScene(
            row["agency_id"],
            row["day"],
            row["kind"],
            row["act_type"],
            row["stage"],
            tuple(row["officers"]),
            SceneCount.of(row),
        )
        for row in rows
    ]


async def late_of(connection: Connection, cases: Collection[CaseId]) -> dict[LateKey, int]:
    """Late recordings of these cases' scenes as figures count them now."""
    rows = await connection.fetch(
        "SELECT agency_id, day, hours, count(*) AS recordings FROM counted_late"
        " WHERE case_id = ANY($1) GROUP BY 1, 2, 3",
        list(cases),
    )
    return {(row["agency_id"], row["day"], row["hours"]): row["recordings"] for row in rows}


async def count_late(change: Change, by: dict[LateKey, int]) -> None:
    """Change the figures of late recordings by these differences."""
    ordered = sorted((key for key in by if by[key]), key=lambda key: (str(key[0]), *key[1:]))
    await change.connection.execute(
        "INSERT INTO late_day AS d"
        " SELECT * FROM unnest($1::uuid[], $2::date[], $3::int[], $4::int[])"
        " ON CONFLICT (agency_id, day, hours)"
        " DO UPDATE SET recordings = d.recordings + excluded.recordings",
        *([key[n] for key in ordered] for n in range(3)),
        [by[key] for key in ordered],
    )


async def count_scenes(change: Change, by: dict[SceneKey, SceneCount]) -> None:
    """Change the figures of agencies' days by these differences."""
    nothing = SceneCount()
    ordered = sorted((k for k in by if by[k] != nothing), key=lambda k: (str(k[0]), *k[1:]))
    await change.connection.execute(
        "INSERT INTO scene_day AS d SELECT * FROM unnest($1::uuid[], $2::date[], $3::text[],"
        " $4::text[], $5::text[], $6::int[], $7::int[], $8::int[], $9::int[], $10::int[],"
        " $11::int[], $12::int[], $13::int[], $14::int[], $15::int[], $16::bigint[],"
        " $17::bigint[], $18::bigint[]) ON CONFLICT (agency_id, day, kind, act_type, stage)"
        " DO UPDATE SET scenes = d.scenes + excluded.scenes, must = d.must + excluded.must,"
        " recorded = d.recorded + excluded.recorded, holes = d.holes + excluded.holes,"
        " unrecorded = d.unrecorded + excluded.unrecorded,"
        " awaited = d.awaited + excluded.awaited, gaps = d.gaps + excluded.gaps,"
        " explained = d.explained + excluded.explained,"
        " recordings = d.recordings + excluded.recordings, late = d.late + excluded.late,"
        " expected_ms = d.expected_ms + excluded.expected_ms,"
        " covered_ms = d.covered_ms + excluded.covered_ms,"
        " missing_ms = d.missing_ms + excluded.missing_ms",
        *([key[n] for key in ordered] for n in range(5)),
        *([getattr(by[key], name) for key in ordered] for name in NAMES),
    )


async def count_officers(change: Change, by: dict[OfficerKey, SceneCount]) -> None:
    """Change the figures of officers' days by these differences."""
    nothing = SceneCount()
    ordered = sorted((k for k in by if by[k] != nothing), key=lambda k: (str(k[0]), *k[1:]))
    await change.connection.execute(
        "INSERT INTO officer_day AS d SELECT * FROM unnest($1::uuid[], $2::date[], $3::text[],"
        " $4::int[], $5::int[], $6::int[], $7::int[], $8::int[], $9::int[], $10::int[],"
        " $11::int[], $12::int[], $13::int[], $14::bigint[], $15::bigint[], $16::bigint[])"
        " ON CONFLICT (agency_id, day, officer)"
        " DO UPDATE SET scenes = d.scenes + excluded.scenes, must = d.must + excluded.must,"
        " recorded = d.recorded + excluded.recorded, holes = d.holes + excluded.holes,"
        " unrecorded = d.unrecorded + excluded.unrecorded,"
        " awaited = d.awaited + excluded.awaited, gaps = d.gaps + excluded.gaps,"
        " explained = d.explained + excluded.explained,"
        " recordings = d.recordings + excluded.recordings, late = d.late + excluded.late,"
        " expected_ms = d.expected_ms + excluded.expected_ms,"
        " covered_ms = d.covered_ms + excluded.covered_ms,"
        " missing_ms = d.missing_ms + excluded.missing_ms",
        *([key[n] for key in ordered] for n in range(3)),
        *([getattr(by[key], name) for key in ordered] for name in NAMES),
    )


# --- proofs ------------------------------------------------------------------------------------


async def miscounted_scenes(connection: Connection) -> int:
    """How many figures of agencies' days differ from counting anew; none ever should."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM (SELECT agency_id, day, kind, act_type, stage,"
        " (sum(scenes), sum(must), sum(recorded), sum(holes), sum(unrecorded), sum(awaited),"
        " sum(gaps), sum(explained), sum(recordings), sum(late), sum(expected_ms),"
        " sum(covered_ms), sum(missing_ms))::text AS told"
        " FROM counted_scene GROUP BY 1, 2, 3, 4, 5) AS real"
        " FULL JOIN (SELECT agency_id, day, kind, act_type, stage, (scenes, must, recorded, holes,"
        " unrecorded, awaited, gaps, explained, recordings, late, expected_ms, covered_ms,"
        " missing_ms)::text AS told FROM scene_day WHERE scenes <> 0) AS kept"
        " USING (agency_id, day, kind, act_type, stage) WHERE real.told IS DISTINCT FROM kept.told"
    )
    return found


async def miscounted_officers(connection: Connection) -> int:
    """How many figures of officers' days differ from counting anew; none ever should."""
    found: int = await connection.fetchval(
        'SELECT count(*) FROM (SELECT agency_id, day, o.officer COLLATE "C" AS officer,'
        " (sum(scenes), sum(must), sum(recorded), sum(holes), sum(unrecorded), sum(awaited),"
        " sum(gaps), sum(explained), sum(recordings), sum(late), sum(expected_ms),"
        " sum(covered_ms), sum(missing_ms))::text AS told"
        " FROM counted_scene s, LATERAL (SELECT DISTINCT unnest(s.officers)) AS o (officer)"
        " GROUP BY 1, 2, 3) AS real"
        " FULL JOIN (SELECT agency_id, day, officer, (scenes, must, recorded, holes,"
        " unrecorded, awaited, gaps, explained, recordings, late, expected_ms, covered_ms,"
        " missing_ms)::text AS told FROM officer_day WHERE scenes <> 0) AS kept"
        " USING (agency_id, day, officer) WHERE real.told IS DISTINCT FROM kept.told"
    )
    return found


async def miscounted_late(connection: Connection) -> int:
    """How many figures of late recordings differ from counting anew; none ever should."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM (SELECT agency_id, day, hours, count(*)::int AS recordings"
        " FROM counted_late GROUP BY 1, 2, 3) AS real"
        " FULL JOIN (SELECT * FROM late_day WHERE recordings <> 0) AS kept"
        " USING (agency_id, day, hours) WHERE real.recordings IS DISTINCT FROM kept.recordings"
    )
    return found
