"""The demo judges what both sides of were told to the service."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from recorder.commands.demo.city_files import CityFiles, when
from recorder.simulation.city import simulate
from recorder.simulation.violations import Planted


def test_an_officer_at_two_places_is_judged_where_both_cases_were_told(tmp_path: Path) -> None:
    simulate(0.0002, 8, 2025, tmp_path / "city")

    def files(since: str) -> CityFiles:
        return CityFiles(tmp_path / "city", when(since), when("2026-06-30T00:00:00Z"))

    def places(told: CityFiles) -> list[str]:
        labels = told.labels(when("2026-06-30T00:00:00Z"))
        return [row["case"] for row in labels if row["kind"] == Planted.TWO_PLACES]

    whole = files("2024-12-01T00:00:00Z")
    every = places(whole)
    assert len(every) == len(set(every)) > 2
    assert len(every) % 2 == 0
    # From after the opening of one of them on, its other place is no longer judged either.
    opened = {case.key: case.opened_at for own in whole.sources.values() for case in own}
    first = min(every, key=lambda case: opened[case])
    later = files((opened[first] + timedelta(seconds=1)).isoformat())
    assert first not in later.cases
    assert len(places(later)) == len(every) - 2
