"""Figures of days, changed by differences: of scenes, of agencies and officers, and of findings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, TypeVar

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

    @property
    def figures(self) -> tuple[int, ...]:
        """In the order of NAMES."""
        return tuple(getattr(self, name) for name in NAMES)

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
#: Agency, day, kind, state.
FindingKey = tuple[AgencyId, date, str, str]
_Key = TypeVar("_Key", bound=tuple[Any, ...])


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


async def count(
    change: Change,
    table: str,
    words: Mapping[str, str],
    figures: Sequence[str],
    by: Mapping[_Key, Sequence[int]],
) -> None:
    """Change a table's figures of agencies' days by these differences.

    ``words``: what tells its rows apart beside agency and day, with the types of these columns.
    """
    # All in one order: two that change the same rows wait for each other and never in a circle.
    ordered = sorted((key for key in by if any(by[key])), key=lambda k: (str(k[0]), *k[1:]))
    if not ordered:
        return
    keys = {"agency_id": "uuid", "day": "date", **words}
    types = [*keys.values(), *("bigint" for _ in figures)]
    await change.connection.execute(
        f"INSERT INTO {table} AS d ({', '.join((*keys, *figures))}) SELECT * FROM unnest("  # noqa: S608 - constant text
        f"{', '.join(f'${n}::{kind}[]' for n, kind in enumerate(types, 1))})"
        f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET"
        f" {', '.join(f'{name} = d.{name} + excluded.{name}' for name in figures)}",
        *([key[n] for key in ordered] for n in range(len(keys))),
        *([by[key][n] for key in ordered] for n in range(len(figures))),
    )


async def count_late(change: Change, by: Mapping[LateKey, int]) -> None:
    """Change the figures of late recordings by these differences."""
    one_each = {key: (number,) for key, number in by.items()}
    await count(change, "late_day", {"hours": "int"}, ["recordings"], one_each)


async def count_scenes(change: Change, by: Mapping[SceneKey, SceneCount]) -> None:
    """Change the figures of agencies' days by these differences."""
    words = {"kind": "text", "act_type": "text", "stage": "text"}
    await count(change, "scene_day", words, NAMES, {key: by[key].figures for key in by})


async def count_officers(change: Change, by: Mapping[OfficerKey, SceneCount]) -> None:
    """Change the figures of officers' days by these differences."""
    words = {"officer": "text"}
    await count(change, "officer_day", words, NAMES, {key: by[key].figures for key in by})


async def count_findings(change: Change, by: Mapping[FindingKey, int]) -> None:
    """Change the figures of findings by these differences."""
    one_each = {key: (number,) for key, number in by.items()}
    words = {"kind": "text", "state": "text"}
    await count(change, "finding_day", words, ["findings"], one_each)


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


async def miscounted_findings(connection: Connection) -> int:
    """How many counts of days differ from counting the findings anew; none ever should."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM (SELECT agency_id, day, kind, state, count(*) AS n FROM finding"
        " WHERE state <> 'withdrawn' GROUP BY 1, 2, 3, 4) AS real"
        " FULL JOIN (SELECT agency_id, day, kind, state, findings AS n FROM finding_day"
        " WHERE findings <> 0) AS kept USING (agency_id, day, kind, state)"
        " WHERE real.n IS DISTINCT FROM kept.n"
    )
    return found
