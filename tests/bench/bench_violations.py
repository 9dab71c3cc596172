"""Planted violations of a simulated city: recall, precision, and one agency's new list.

    python -m tests.bench violations [--scale S] [--seed N] [--workers N]

The city is put into a PostgreSQL of the wheel, with durability as shipped; all footage is linked to
the case that it shows, every case is evaluated, and the findings are held against the labels. Then
a version of the largest agency's list is approved, and its cases alone are evaluated again.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from recorder.config import read_config
from recorder.domain.ids import AgencyId
from recorder.runtime import Deps, open_deps
from recorder.simulation.city import simulate
from tests.bench.support.conditions import conditions
from tests.bench.support.evaluating import all_due, new_list, settings
from tests.bench.support.own_database import Addresses, own_database
from tests.bench.support.report import Bar, Figure, publish
from tests.support.city_database import CityDatabase
from tests.support.violation_trial import compare

_PROFILE = {"RECORDER_DUTY_PROFILE": "cn-gd-sz"}


async def _one_list(deps: Deps, url: str, folder: Path, workers: int) -> list[Figure]:
    async with deps.database.acquire() as connection:
        (largest,) = await connection.fetch(
            "SELECT agency_id, count(*) AS own FROM case_file GROUP BY 1 ORDER BY 2 DESC LIMIT 1"
        )
        every = await connection.fetchval("SELECT count(*) FROM case_file")
    agency, own = AgencyId(largest["agency_id"]), largest["own"]
    began = time.perf_counter()
    await new_list(deps, agency, date(2025, 1, 1))
    async with deps.database.acquire() as connection:
        due = await connection.fetchval("SELECT count(*) FROM coverage_due WHERE due_at <= now()")
        foreign = await connection.fetchval(
            "SELECT count(*) FROM coverage_due d JOIN case_file c ON c.id = d.case_id"
            " WHERE d.due_at <= now() AND c.agency_id <> $1",
            agency,
        )
    await all_due(url, folder, workers, **_PROFILE)
    taken = time.perf_counter() - began
    return [
        Figure("one agency's new list, approval to last answer", taken, "s", Bar(60),
               f"{due} cases due of the agency's {own}, of {every} in all"),
        Figure("cases of other agencies touched by it", foreign, "", Bar(0)),
    ]  # fmt: skip


async def _measure(database: Addresses, folder: Path, options: argparse.Namespace) -> list[Figure]:
    simulate(options.scale, options.seed, 2025, folder / "city")
    async with open_deps(read_config(settings(database.service, folder, **_PROFILE))) as deps:
        loaded = CityDatabase(deps.database, database.superuser, folder / "city", link_rightly=True)
        await loaded.load()
        await loaded.make_due()
        taken = await all_due(database.service, folder, options.workers, **_PROFILE)
        found = await compare(deps, folder / "city")
        for example in found.examples[:20]:
            print(example, file=sys.stderr)
        return [
            Figure("first evaluation", len(loaded.cases) / taken, "cases/s", None,
                   f"{len(loaded.cases)} cases, {taken:.0f} s, {options.workers} processes"),
            Figure("recall", 100 * found.recall, "%", Bar(100, at_least=True),
                   f"{found.planted.total()} planted, missed {dict(found.missed)}"),
            Figure("precision", 100 * found.precision, "%", Bar(99.9, at_least=True),
                   f"{found.findings.total()} findings, false {dict(found.false)}"),
            *await _one_list(deps, database.service, folder, options.workers),
        ]  # fmt: skip


async def _run(options: argparse.Namespace) -> None:
    at = conditions()
    async with own_database() as database:
        with tempfile.TemporaryDirectory() as folder:
            figures = await _measure(database, Path(folder), options)
    publish(
        f"Planted violations, scale {options.scale:g}, seed {options.seed}", at, figures,
        versions={"postgres": "18 (wheel)"},
    )  # fmt: skip


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="violations", description=__doc__)
    parser.add_argument("--scale", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    asyncio.run(_run(parser.parse_args(argv)))


if __name__ == "__main__":
    main(sys.argv[1:])
