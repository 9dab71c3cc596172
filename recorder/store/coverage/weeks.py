"""Figures of days added up by weeks, for questions over many days. No evidence: all of it is sums.

A week is cut where a month ends, so that it lies in one month. Triggers of the tables of days mark
the weeks that change (``figure_stale``); a marked week is read day by day until it is added up
again, so an answer is that of the days, whatever the clock has come to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from recorder.domain.ids import AgencyId
from recorder.domain.organisation_tree import Holding
from recorder.domain.people import Scope
from recorder.store.connection import Connection
from recorder.store.coverage.days import NAMES
from recorder.store.coverage.sums import (
    AGES,
    HELD,
    SUMS,
    FindingLine,
    SceneLine,
    UnlinkedLine,
    by_hours,
    held,
    scene_line,
)


@dataclass(frozen=True, slots=True)
class WholeWeeks:
    """The weeks that lie wholly in a span: first day of the first and the last, and its last."""

    first: date
    last: date
    until: date


@dataclass(frozen=True, slots=True)
class _Kept:
    """A table of weeks: what tells its rows apart beside agency and week, and what is added up."""

    what: str
    words: tuple[str, ...]
    names: tuple[str, ...]
    #: The table of its marks.
    marks: str = "figure_stale"


_SCENES = _Kept("scene", ("kind", "act_type", "stage"), tuple(NAMES))
_FINDINGS = _Kept("finding", ("kind", "state"), ("findings",))
_LATE = _Kept("late", ("hours",), ("recordings",))
_FOOTAGE = _Kept(
    "footage",
    (),
    ("recordings", "footage_ms", "unlinked", "unlinked_ms", "marked"),
    # Of its own, since it came with a later release.
    "footage_stale",
)
_ALL = (_SCENES, _FINDINGS, _LATE, _FOOTAGE)
#: Tables of marks; each is taken by itself.
MARKS = ("figure_stale", "footage_stale")

#: As HELD, of holdings that are whole spans, each agency once: PostgreSQL is told so, since else
#: it takes a tenth of them for one agency and hashes the weeks instead of the holdings.
_HELD = HELD.replace("SELECT *", "SELECT DISTINCT ON (agency) *")


# --- reading -----------------------------------------------------------------------------------


def _told(kept: _Kept, columns: str) -> str:
    """Rows of whole weeks ($6 to $7), and of days before (from $9), behind ($8 to $10) and marked.

    Marks come and go in a minute, so that statistics of them are always wrong: NOT IN, since an
    anti-join would be taken for one row, and be joined with each of some hundred holdings in turn.
    """
    what, marks = kept.what, kept.marks
    return (
        f"{_HELD}, told AS (SELECT h.way, w.since AS day, {columns} FROM held h"  # noqa: S608 - constant text
        f" JOIN {what}_week w ON w.agency_id = h.agency AND w.since BETWEEN $6 AND $7"
        "  WHERE (w.agency_id, w.since) NOT IN"
        f"   (SELECT agency_id, since FROM {marks} WHERE since BETWEEN $6 AND $7)"
        f" UNION ALL SELECT h.way, d.day, {columns} FROM held h JOIN {what}_day d"
        "  ON d.agency_id = h.agency AND d.day >= $9 AND d.day < $6"
        f" UNION ALL SELECT h.way, d.day, {columns} FROM held h JOIN {what}_day d"
        "  ON d.agency_id = h.agency AND d.day > $8 AND d.day <= $10"
        f" UNION ALL SELECT h.way, d.day, {columns} FROM held h JOIN (SELECT DISTINCT agency_id,"
        f"  since, until FROM {marks} WHERE since BETWEEN $6 AND $7) s"
        f"  ON s.agency_id = h.agency JOIN {what}_day d ON d.agency_id = s.agency_id"
        "  AND d.day BETWEEN s.since AND s.until)"
    )


def _arguments(scope: Scope, holdings: Sequence[Holding], weeks: WholeWeeks) -> tuple[object, ...]:
    # Holdings are whole spans.
    first, last = holdings[0].first, holdings[0].last
    return (*held(scope, holdings), weeks.first, weeks.last, weeks.until, first, last)


async def scenes(
    connection: Connection,
    scope: Scope,
    holdings: Sequence[Holding],
    unit: str,
    weeks: WholeWeeks,
) -> list[SceneLine]:
    """As ``sums.scenes``, by weeks; ``unit`` of time: week or month. Holdings are whole spans."""
    columns = f"stage, act_type, {', '.join(NAMES)}"
    rows = await connection.fetch(
        f"{_told(_SCENES, columns)}, rough AS (SELECT way, stage, act_type,"  # noqa: S608 - constant text
        f" date_trunc($11, day::timestamp)::date AS since, {SUMS} FROM told GROUP BY 1, 2, 3, 4)"
        " SELECT way, stage, act_type, since, grouping(way, stage, act_type, since) AS which,"
        f" {SUMS} FROM rough GROUP BY GROUPING SETS ((way), (stage), (act_type), (since))"
        " ORDER BY since",
        *_arguments(scope, holdings, weeks),
        unit,
    )
    return [scene_line(row) for row in rows]


async def findings(
    connection: Connection, scope: Scope, holdings: Sequence[Holding], weeks: WholeWeeks
) -> list[FindingLine]:
    """As ``sums.findings``, by weeks. Holdings are whole spans."""
    rows = await connection.fetch(
        f"{_told(_FINDINGS, 'kind, state, findings')} SELECT way, kind, state,"  # noqa: S608 - constant text
        " sum(findings)::bigint AS findings FROM told"
        " GROUP BY GROUPING SETS ((way, state), (kind, state)) HAVING sum(findings) <> 0",
        *_arguments(scope, holdings, weeks),
    )
    return [FindingLine(*row) for row in rows]


async def lateness(
    connection: Connection, scope: Scope, holdings: Sequence[Holding], weeks: WholeWeeks
) -> dict[AgencyId, dict[int, int]]:
    """As ``sums.lateness``, by weeks. Holdings are whole spans."""
    rows = await connection.fetch(
        f"{_told(_LATE, 'hours, recordings')} SELECT way, hours,"  # noqa: S608 - constant text
        " sum(recordings)::bigint AS recordings FROM told GROUP BY 1, 2"
        " HAVING sum(recordings) <> 0",
        *_arguments(scope, holdings, weeks),
    )
    return by_hours(rows)


async def waiting_by_age(
    connection: Connection,
    scope: Scope,
    holdings: Sequence[Holding],
    today: date,
    weeks: WholeWeeks,
) -> dict[int, int]:
    """Findings that nobody has settled, by class of age (``AGES``).

    ``weeks`` must all be of the last class.
    """
    rows = await connection.fetch(
        f"{_told(_FINDINGS, 'state, findings')} SELECT width_bucket($11::date - day, $12::int[])"  # noqa: S608 - constant text
        " AS age, sum(findings)::bigint AS findings FROM told"
        " WHERE state IN ('open', 'replied', 'appealed') GROUP BY 1 HAVING sum(findings) <> 0",
        *_arguments(scope, holdings, weeks),
        today,
        list(AGES),
    )
    return {row["age"]: row["findings"] for row in rows}


async def footage(
    connection: Connection, scope: Scope, holdings: Sequence[Holding], weeks: WholeWeeks
) -> dict[AgencyId, tuple[int, int, int]]:
    """As ``sums.footage``, by weeks. Holdings are whole spans."""
    rows = await connection.fetch(
        f"{_told(_FOOTAGE, 'recordings, footage_ms, marked')} SELECT way,"  # noqa: S608 - constant text
        " sum(recordings)::bigint AS recordings, sum(footage_ms)::bigint AS footage_ms,"
        " sum(marked)::bigint AS marked FROM told GROUP BY way",
        *_arguments(scope, holdings, weeks),
    )
    return {row["way"]: (row["recordings"], row["footage_ms"], row["marked"]) for row in rows}


async def unlinked(
    connection: Connection,
    scope: Scope,
    holdings: Sequence[Holding],
    today: date,
    weeks: WholeWeeks,
) -> list[UnlinkedLine]:
    """Footage without a case, by way and by class of age; ``weeks`` must all be of the last."""
    rows = await connection.fetch(
        f"{_told(_FOOTAGE, 'unlinked, unlinked_ms')}"  # noqa: S608 - constant text
        " SELECT way, width_bucket($11::date - day, $12::int[]) AS age,"
        " sum(unlinked)::bigint AS recordings, sum(unlinked_ms)::bigint AS footage_ms"
        " FROM told WHERE unlinked <> 0 GROUP BY GROUPING SETS ((1), (2))",
        *_arguments(scope, holdings, weeks),
        today,
        list(AGES),
    )
    return [UnlinkedLine(*row) for row in rows]


# --- adding up ---------------------------------------------------------------------------------

#: Of an agency, its first and its last day.
Week = tuple[AgencyId, date, date]


async def take_turn(connection: Connection) -> bool:
    """Whether nobody else adds up, until the transaction ends."""
    taken: bool = await connection.fetchval(
        "SELECT pg_try_advisory_xact_lock(hashtext('figure_stale'))"
    )
    return taken


async def take_marks(connection: Connection, marks: str, most: int) -> tuple[list[Week], bool]:
    """Take all marks of the weeks marked longest ago away; these weeks, and whether more may be.

    What is added up afterwards in this transaction holds everything that these marks stand for:
    whoever commits later leaves a mark that is not among them.
    """
    rows = await connection.fetch(
        f"WITH gone AS (DELETE FROM {marks} WHERE (agency_id, since) IN"  # noqa: S608 - constant text
        f" (SELECT agency_id, since FROM {marks} ORDER BY id LIMIT $1)"
        " RETURNING agency_id, since, until)"
        " SELECT agency_id, since, until, count(*) AS marks FROM gone GROUP BY 1, 2, 3",
        most,
    )
    weeks = [(row["agency_id"], row["since"], row["until"]) for row in rows]
    return weeks, sum(row["marks"] for row in rows) >= most


async def mark(connection: Connection, marks: str, weeks: Sequence[Week]) -> None:
    """Have these weeks read day by day."""
    await connection.execute(
        f"INSERT INTO {marks} (agency_id, since, until)"  # noqa: S608 - constant text
        " SELECT * FROM unnest($1::uuid[], $2::date[], $3::date[])",
        *([week[n] for week in weeks] for n in range(3)),
    )


async def add_up(connection: Connection, marks: str, weeks: Sequence[Week]) -> None:
    """Have the tables of weeks with these marks say what the days of these weeks come to."""
    for each in _ALL:
        if each.marks != marks:
            continue
        what = each.what
        await connection.execute(
            f"DELETE FROM {what}_week w USING unnest($1::uuid[], $2::date[]) AS n (agency, since)"  # noqa: S608 - constant text
            " WHERE w.agency_id = n.agency AND w.since = n.since",
            *([week[n] for week in weeks] for n in range(2)),
        )
        keys = ", ".join(("agency_id", "since", *each.words))
        names = ", ".join(each.names)
        sums = ", ".join(f"sum(d.{name})" for name in each.names)
        await connection.execute(
            f"INSERT INTO {what}_week ({keys}, {names}) SELECT {keys}, {sums}"  # noqa: S608 - constant text
            " FROM unnest($1::uuid[], $2::date[], $3::date[]) AS n (agency, since, until)"
            f" JOIN {what}_day d ON d.agency_id = n.agency AND d.day BETWEEN n.since AND n.until"
            f" GROUP BY {keys}",
            *([week[n] for week in weeks] for n in range(3)),
        )


# --- proof -------------------------------------------------------------------------------------


async def miscounted(connection: Connection) -> int:
    """How many figures of weeks without a mark differ from adding up anew; none ever should."""
    wrong = 0
    for each in _ALL:
        keys = ", ".join(("agency_id", "since", *each.words))
        names = ", ".join(each.names)
        made = ", ".join(f"sum({name})" for name in each.names)
        wrong += await connection.fetchval(
            "SELECT count(*) FROM (SELECT agency_id AS agency, since AS week, real.told AS made,"  # noqa: S608 - constant text
            f" kept.told AS kept FROM (SELECT {keys}, ROW({made})::text AS told FROM"
            f"  (SELECT *, week_since(day) AS since FROM {each.what}_day) d GROUP BY {keys})"
            f" AS real FULL JOIN (SELECT {keys}, ROW({names})::text AS told"
            f" FROM {each.what}_week) AS kept USING ({keys})) AS told"
            " WHERE told.made IS DISTINCT FROM told.kept AND NOT EXISTS"
            f" (SELECT FROM {each.marks} s"
            " WHERE s.agency_id = told.agency AND s.since = told.week)"
        )
    return wrong
