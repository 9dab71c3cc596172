"""Figures by weeks are those of the days, whatever happened and whoever is adding up."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import asyncpg
import pytest

from recorder.domain.organisation_tree import Holding
from recorder.domain.people import EVERYTHING
from recorder.services import dashboard
from recorder.services.dashboard.question import EARLIEST, oldest_weeks, whole_weeks
from recorder.store.connection import Connection, Row
from recorder.store.coverage import sums, weeks
from recorder.store.coverage.sums import AGES
from tests.support.bureau import Bureau, open_bureau
from tests.support.chance import Chance, miscounted
from tests.support.enforcement import NINE, a_case, a_source, evaluated
from tests.support.plans import nodes, plans_of

LAST = NINE.date() + timedelta(days=7)


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        await a_source(opened)
        yield opened


async def differences(
    connection: Connection, bureau: Bureau, first: date, last: date, unit: str
) -> list[str]:
    """Which answers by weeks are others than those by days.

    What waits is asked about on a later day, on which some of it has become old.
    """
    today = last + timedelta(days=95)
    holdings = [Holding(agency, agency, first, last) for agency in (bureau.ours, bureau.theirs)]
    parts = whole_weeks(first, last, holdings)
    assert parts is not None
    asked = (connection, EVERYTHING, holdings)
    pairs: dict[str, tuple[Sequence[object], Sequence[object]]] = {
        "scenes": (await sums.scenes(*asked, unit), await weeks.scenes(*asked, unit, parts)),
        "findings": (await sums.findings(*asked), await weeks.findings(*asked, parts)),
    }
    always = [Holding(each.agency, each.agency, EARLIEST, today) for each in holdings]
    old = oldest_weeks(today)
    assert old is not None
    ever = (connection, EVERYTHING, always, today, old)
    alike = {
        "footage": (await sums.footage(*asked), await weeks.footage(*asked, parts)),
        "lateness": (await sums.lateness(*asked), await weeks.lateness(*asked, parts)),
        "waiting": (await waiting_by_days(connection, today), await weeks.waiting_by_age(*ever)),
        "unlinked": (
            await unlinked_by_days(connection, today),
            {one.age: one.recordings for one in await weeks.unlinked(*ever) if one.way is None},
        ),
    }
    return [
        name for name, (one, other) in pairs.items() if {*map(repr, one)} != {*map(repr, other)}
    ] + [name for name, (one, other) in alike.items() if one != other]


async def waiting_by_days(connection: Connection, today: date) -> dict[int, int]:
    return _aged(
        await connection.fetch(
            "SELECT day, findings AS n FROM finding_day WHERE state IN"
            " ('open', 'replied', 'appealed')"
        ),
        today,
    )


async def unlinked_by_days(connection: Connection, today: date) -> dict[int, int]:
    return _aged(await connection.fetch("SELECT day, unlinked AS n FROM footage_day"), today)


def _aged(rows: Sequence[Row], today: date) -> dict[int, int]:
    """What there is in each class of age."""
    found: Counter[int] = Counter()
    for row in rows:
        found[sum((today - row["day"]).days >= age for age in AGES)] += row["n"]
    return {age: count for age, count in found.items() if count}


async def test_weeks_say_what_days_say_whatever_happened(bureau: Bureau) -> None:
    cases = [await a_case(bureau, str(n)) for n in range(3)]
    chance, dice = Chance(bureau, cases, seed=8), random.Random(8)
    used = 0
    for _ in range(6):
        for _ in range(10):
            await chance.step()
        assert await miscounted(bureau) == {}
        if dice.random() < 0.7:
            while await dashboard.add_up_weeks(bureau.deps):
                pass
        assert await miscounted(bureau) == {}
        async with bureau.deps.database.acquire() as connection:
            for unit in ("week", "month"):
                last = LAST - timedelta(days=dice.randrange(12))
                first = last - timedelta(days=dice.randrange(28, 70))
                assert await differences(connection, bureau, first, last, unit) == []
            used += await connection.fetchval("SELECT count(*) FROM late_week WHERE recordings > 0")
    assert used
    assert await bureau.value("SELECT count(*) FROM scene_week WHERE scenes > 0")


async def test_a_change_under_way_while_weeks_are_added_up_is_not_lost(bureau: Bureau) -> None:
    case = await a_case(bureau, "1")
    chance = Chance(bureau, [case], seed=1)
    for _ in range(12):
        await chance.step()
    await evaluated(bureau)
    await dashboard.add_up_weeks(bureau.deps)
    async with bureau.deps.database.transaction() as connection:
        await connection.execute("UPDATE scene_day SET scenes = scenes + 1")
        assert await dashboard.add_up_weeks(bureau.deps) is False
    first = LAST - timedelta(days=60)
    async with bureau.deps.database.acquire() as connection:
        assert await weeks.miscounted(connection) == 0
        assert await differences(connection, bureau, first, LAST, "week") == []
    bureau.clock.forward(days=10)
    await dashboard.add_up_weeks(bureau.deps)
    async with bureau.deps.database.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM figure_stale") == 0
        assert await connection.fetchval("SELECT count(*) FROM footage_stale") == 0
        assert await weeks.miscounted(connection) == 0
        assert await differences(connection, bureau, first, LAST, "month") == []


async def test_statistics_of_marks_that_are_gone_mislead_nobody(
    bureau: Bureau, owner_database_url: str
) -> None:
    """As after each adding up: what is known of the marks is how many there were before.

    Weeks would be compared with each holding in turn, ten million times for a city.
    """
    owner = await asyncpg.connect(owner_database_url)
    try:
        for statement in (
            "INSERT INTO agency (id, code, name) SELECT uuidv7(), 'W' || n, n::text"
            " FROM generate_series(1, 200) n",
            "INSERT INTO scene_week SELECT id, day, 'seizure', 'penalty', 'review', 1, 1, 1, 0, 0,"
            " 0, 0, 0, 1, 0, 1, 1, 0 FROM agency, generate_series(date '2024-01-01',"
            " date '2026-01-31', interval '1 month') AS months (day)",
            "INSERT INTO figure_stale (agency_id, since, until)"
            " SELECT agency_id, since, since + 6 FROM scene_week",
            "ANALYZE",
            "DELETE FROM figure_stale",
        ):
            await owner.execute(statement)
        agencies = [row["id"] for row in await owner.fetch("SELECT id FROM agency")]
    finally:
        await owner.close()
    first, last = date(2025, 1, 1), date(2026, 1, 31)
    holdings = [Holding(agency, agency, first, last) for agency in agencies]
    parts = whole_weeks(first, last, holdings)
    assert parts is not None

    async def look(connection: Connection) -> None:
        await weeks.scenes(connection, EVERYTHING, holdings, "week", parts)

    plans = await plans_of(bureau.deps.database, look)
    compared = [node for node in nodes(plans) if node["Node Type"] == "Nested Loop"]
    assert [node["Join Filter"] for node in compared if "Join Filter" in node] == []
