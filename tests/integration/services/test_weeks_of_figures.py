"""Figures by weeks are those of the days, whatever happened and whoever is adding up."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from recorder.domain.organisation_tree import Holding
from recorder.domain.people import EVERYTHING
from recorder.services import dashboard
from recorder.services.dashboard.question import whole_weeks
from recorder.store.connection import Connection
from recorder.store.coverage import sums, weeks
from tests.support.bureau import Bureau, open_bureau
from tests.support.chance import Chance, miscounted
from tests.support.enforcement import NINE, a_case, a_source, evaluated

LAST = NINE.date() + timedelta(days=7)


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        await a_source(opened)
        yield opened


async def differences(
    connection: Connection, bureau: Bureau, first: date, last: date, unit: str
) -> list[str]:
    """Which answers by weeks are others than those by days."""
    holdings = [Holding(agency, agency, first, last) for agency in (bureau.ours, bureau.theirs)]
    parts = whole_weeks(first, last, holdings)
    assert parts is not None
    asked = (connection, EVERYTHING, holdings)
    pairs: dict[str, tuple[Sequence[object], Sequence[object]]] = {
        "scenes": (await sums.scenes(*asked, unit), await weeks.scenes(*asked, unit, parts)),
        "findings": (await sums.findings(*asked), await weeks.findings(*asked, parts)),
    }
    late = (await sums.lateness(*asked), await weeks.lateness(*asked, parts))
    found = [
        name for name, (one, other) in pairs.items() if {*map(repr, one)} != {*map(repr, other)}
    ]
    return found + ["lateness"] * (late[0] != late[1])


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
        assert await weeks.miscounted(connection) == 0
        assert await differences(connection, bureau, first, LAST, "month") == []
