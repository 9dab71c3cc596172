"""Everything planted in a simulated city is found, and hardly anything else."""

from __future__ import annotations

from pathlib import Path

from recorder.simulation.city import simulate
from tests.support.bureau import open_bureau
from tests.support.city_database import CityDatabase
from tests.support.violation_trial import compare, evaluate_city


async def test_what_is_planted_in_a_city_is_found_and_nothing_else(
    database_url: str, owner_database_url: str, tmp_path: Path
) -> None:
    folder, office = tmp_path / "city", tmp_path / "office"
    office.mkdir()
    simulate(0.0002, 5, 2025, folder)
    async with open_bureau(database_url, office, duty_profile="cn-gd-sz") as bureau:
        database = bureau.deps.database
        loaded = CityDatabase(database, owner_database_url, folder, link_rightly=True)
        await loaded.load()
        await loaded.make_due()
        await evaluate_city(bureau.deps)
        figures = await compare(bureau.deps, folder)
    assert figures.planted.total() > 50
    assert figures.recall == 1, figures.examples
    assert figures.precision >= 0.999, figures.examples
