"""What figures of days add up to for an organisation, and for those directly below it.

Which agency's days count, and by way of whom, the tree has said (``Holding``); an agency out of
scope counts nowhere, whatever it said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from recorder.domain.ids import AgencyId
from recorder.domain.organisation_tree import Holding
from recorder.domain.people import Scope
from recorder.store.connection import Connection, Row
from recorder.store.coverage.days import SceneCount

#: The days of holdings in scope: arguments 1 to 5.
HELD = (
    "WITH held AS (SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::date[], $5::date[])"
    " AS h (agency, way, first, last) WHERE in_scope(h.agency, $1))"
)
#: Ages in days at which another class begins.
AGES = (3, 8, 31, 91)
SUMS = (
    "sum(scenes)::bigint AS scenes, sum(must)::bigint AS must, sum(recorded)::bigint AS recorded,"
    " sum(holes)::bigint AS holes, sum(unrecorded)::bigint AS unrecorded,"
    " sum(awaited)::bigint AS awaited, sum(gaps)::bigint AS gaps,"
    " sum(explained)::bigint AS explained, sum(recordings)::bigint AS recordings,"
    " sum(late)::bigint AS late, sum(expected_ms)::bigint AS expected_ms,"
    " sum(covered_ms)::bigint AS covered_ms, sum(missing_ms)::bigint AS missing_ms"
)


def held(scope: Scope, holdings: Sequence[Holding]) -> tuple[object, ...]:
    return (
        scope.agencies,
        [each.agency for each in holdings],
        [each.by_way_of for each in holdings],
        [each.first for each in holdings],
        [each.last for each in holdings],
    )


@dataclass(frozen=True, slots=True)
class SceneLine:
    """Scenes by one thing."""

    #: way, stage, act_type or since.
    by: str
    way: AgencyId | None
    #: A stage or an act type, '' where unknown.
    word: str
    since: date | None
    count: SceneCount


_BY = {7: "way", 11: "stage", 13: "act_type", 14: "since"}


def scene_line(row: Row) -> SceneLine:
    by = _BY[row["which"]]
    word = row[by] if by in ("stage", "act_type") else ""
    return SceneLine(by, row["way"], word, row["since"], SceneCount.of(row))


async def scenes(
    connection: Connection, scope: Scope, holdings: Sequence[Holding], unit: str
) -> list[SceneLine]:
    """Scenes by way, stage, act type and time; ``unit`` of time: day, week or month."""
    rows = await connection.fetch(
        f"{HELD}, rough AS (SELECT h.way, d.stage, d.act_type,"  # noqa: S608 - constant text
        f" date_trunc($6, d.day::timestamp)::date AS since, {SUMS}"
        " FROM held h JOIN scene_day d ON d.agency_id = h.agency"
        # The whole span besides, for the index by day.
        " AND d.day BETWEEN h.first AND h.last AND d.day BETWEEN $7 AND $8 GROUP BY 1, 2, 3, 4)"
        f" SELECT way, stage, act_type, since, grouping(way, stage, act_type, since) AS which,"
        f" {SUMS} FROM rough GROUP BY GROUPING SETS ((way), (stage), (act_type), (since))"
        " ORDER BY since",
        *held(scope, holdings),
        unit,
        min((each.first for each in holdings), default=date.max),
        max((each.last for each in holdings), default=date.min),
    )
    return [scene_line(row) for row in rows]


async def officer_scenes(
    connection: Connection, scope: Scope, officer: str, first: date, last: date, unit: str
) -> list[SceneLine]:
    """As ``scenes``, of one officer, by way of the agencies that the scenes belong to."""
    rows = await connection.fetch(
        "WITH rough AS (SELECT agency_id AS way, stage, act_type,"  # noqa: S608 - constant text
        f" date_trunc($5, day::timestamp)::date AS since, {SUMS} FROM counted_scene"
        " WHERE officers @> ARRAY[$2] AND day BETWEEN $3 AND $4 AND in_scope(agency_id, $1)"
        " GROUP BY 1, 2, 3, 4)"
        f" SELECT way, stage, act_type, since, grouping(way, stage, act_type, since) AS which,"
        f" {SUMS} FROM rough GROUP BY GROUPING SETS ((way), (stage), (act_type), (since))"
        " ORDER BY since",
        scope.agencies,
        officer,
        first,
        last,
        unit,
    )
    return [scene_line(row) for row in rows]


async def lateness(
    connection: Connection, scope: Scope, holdings: Sequence[Holding]
) -> dict[AgencyId, dict[int, int]]:
    """By way: how many recordings came in which hour behind their term."""
    rows = await connection.fetch(
        f"{HELD} SELECT h.way, d.hours, sum(d.recordings)::bigint AS recordings"  # noqa: S608 - constant text
        " FROM held h JOIN late_day d ON d.agency_id = h.agency"
        " AND d.day BETWEEN h.first AND h.last GROUP BY 1, 2 HAVING sum(d.recordings) <> 0",
        *held(scope, holdings),
    )
    return by_hours(rows)


def by_hours(rows: Sequence[Row]) -> dict[AgencyId, dict[int, int]]:
    """Way, hours and recordings of each row as a count of each way."""
    found: dict[AgencyId, dict[int, int]] = {}
    for row in rows:
        found.setdefault(row["way"], {})[row["hours"]] = row["recordings"]
    return found


async def officer_lateness(
    connection: Connection, scope: Scope, officer: str, first: date, last: date
) -> dict[int, int]:
    """The same of one officer's scenes, wherever in scope."""
    rows = await connection.fetch(
        "SELECT hours, count(*) AS recordings FROM counted_late WHERE officers @> ARRAY[$2]"
        " AND day BETWEEN $3 AND $4 AND in_scope(agency_id, $1) GROUP BY 1",
        scope.agencies,
        officer,
        first,
        last,
    )
    return {row["hours"]: row["recordings"] for row in rows}


async def overdue(
    connection: Connection, scope: Scope, holdings: Sequence[Holding], now: datetime
) -> dict[AgencyId, int]:
    """By way: findings of these days that nobody has answered and whose time for it is over."""
    rows = await connection.fetch(
        f"{HELD} SELECT h.way, count(*) AS findings FROM held h JOIN finding f"  # noqa: S608 - constant text
        " ON f.agency_id = h.agency AND f.state = 'open' AND f.answer_by < $6"
        " AND f.day BETWEEN h.first AND h.last GROUP BY 1",
        *held(scope, holdings),
        now,
    )
    return {row["way"]: row["findings"] for row in rows}


@dataclass(frozen=True, slots=True)
class FindingLine:
    """How many findings of a state there are, by way or by kind."""

    way: AgencyId | None
    kind: str | None
    state: str
    findings: int


async def findings(
    connection: Connection, scope: Scope, holdings: Sequence[Holding]
) -> list[FindingLine]:
    """Findings by way and by kind, each with state; none of those that were withdrawn."""
    rows = await connection.fetch(
        f"{HELD} SELECT way, kind, state, sum(findings)::bigint AS findings"  # noqa: S608 - constant text
        " FROM held h JOIN finding_day d ON d.agency_id = h.agency"
        " AND d.day BETWEEN h.first AND h.last"
        " GROUP BY GROUPING SETS ((way, state), (kind, state)) HAVING sum(findings) <> 0",
        *held(scope, holdings),
    )
    return [FindingLine(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class UnlinkedLine:
    """Footage that belongs to no case, by way or by class of age."""

    way: AgencyId | None
    age: int | None
    recordings: int
    footage_ms: int


@dataclass(frozen=True, slots=True)
class DeviceUse:
    """Devices of an organisation over some days."""

    #: On the register now, and not lost or suspended.
    registered: int = 0
    #: That made footage, on the register or not.
    used: int = 0
    #: On the register, without any footage.
    idle: int = 0
    #: Days on which a device made footage, added up over devices; and working days of those
    #: that are on the register.
    days: int = 0
    workdays: int = 0

    def plus(self, other: DeviceUse) -> DeviceUse:
        return DeviceUse(
            self.registered + other.registered,
            self.used + other.used,
            self.idle + other.idle,
            self.days + other.days,
            self.workdays + other.workdays,
        )


@dataclass(frozen=True, slots=True)
class YearOfSpan:
    """Days of one year that lie in a span of holdings, as bits of ``device_year.days``."""

    first: date
    last: date
    year: int
    days: str
    working: str


async def devices(
    connection: Connection,
    scope: Scope,
    holdings: Sequence[Holding],
    last: date,
    years: Sequence[YearOfSpan],
) -> dict[AgencyId, DeviceUse]:
    """Use of devices by way; ``years``: those of all spans of the holdings."""
    rows = await connection.fetch(
        f"{HELD}, span AS MATERIALIZED (SELECT first, last, year, days::bit(384) AS days,"  # noqa: S608 - constant text
        "  working::bit(384) AS working FROM unnest($7::date[], $8::date[], $9::int[],"
        "  $10::text[], $11::text[]) AS s (first, last, year, days, working)),"
        " used AS (SELECT h.way, y.device, sum(bit_count(y.days & s.days)) AS days,"
        "  sum(bit_count(y.days & s.working)) AS workdays"
        "  FROM held h JOIN span s ON s.first = h.first AND s.last = h.last"
        "  JOIN device_year y ON y.agency_id = h.agency AND y.year = s.year"
        # All years besides, for the index.
        "  AND y.year = ANY ($9) GROUP BY 1, 2),"
        " listed AS (SELECT h.way, d.number FROM held h JOIN device d ON d.agency_id = h.agency"
        "  AND d.state = 'active' WHERE h.last = $6)"
        " SELECT coalesce(l.way, u.way) AS way, count(l.number) AS registered,"
        " count(*) FILTER (WHERE u.days > 0) AS used,"
        " count(l.number) FILTER (WHERE coalesce(u.days, 0) = 0) AS idle,"
        " coalesce(sum(u.days), 0)::bigint AS days,"
        " coalesce(sum(u.workdays) FILTER (WHERE l.number IS NOT NULL), 0)::bigint AS workdays"
        " FROM used u FULL JOIN listed l ON l.way = u.way AND l.number = u.device GROUP BY 1",
        *held(scope, holdings),
        last,
        *([getattr(each, name) for each in years] for name in YearOfSpan.__slots__),
    )
    return {row["way"]: DeviceUse(*tuple(row)[1:]) for row in rows}


async def footage(
    connection: Connection, scope: Scope, holdings: Sequence[Holding]
) -> dict[AgencyId, tuple[int, int, int]]:
    """Recordings, milliseconds of footage, and recordings with marks, by way."""
    rows = await connection.fetch(
        f"{HELD} SELECT h.way, sum(recordings)::bigint AS recordings,"  # noqa: S608 - constant text
        " sum(footage_ms)::bigint AS footage_ms, sum(marked)::bigint AS marked FROM held h"
        " JOIN footage_day d ON d.agency_id = h.agency AND d.day BETWEEN h.first AND h.last"
        " GROUP BY h.way",
        *held(scope, holdings),
    )
    return {row["way"]: (row["recordings"], row["footage_ms"], row["marked"]) for row in rows}


async def officers_there(
    connection: Connection, scope: Scope, holdings: Sequence[Holding], day: date
) -> int:
    """How many officers these agencies have on the day."""
    found: int = await connection.fetchval(
        f"{HELD} SELECT count(DISTINCT o.number) FROM held h JOIN officer o"  # noqa: S608 - constant text
        " ON o.agency_id = h.agency AND o.superseded_at IS NULL"
        " AND $6 BETWEEN o.valid_from AND o.valid_to WHERE $6 BETWEEN h.first AND h.last",
        *held(scope, holdings),
        day,
    )
    return found
