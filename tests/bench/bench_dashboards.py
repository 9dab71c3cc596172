"""The dashboard over a whole city: pages and API at each level, over a week, a quarter and a year.

    python -m tests.bench dashboards [--scale S] [--samples N]

Fills a PostgreSQL of the wheel, with durability as shipped, with a city of this scale (0.1 unless
SCALE says otherwise): scenes as evaluations write them, from which the same view makes the figures
that the product keeps; findings and footage as their figures of days. Then one reader after the
other asks for pages (as HTML, without the browser) and for the API over HTTP.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta

from recorder.domain.people import Role
from recorder.services import dashboard
from tests.bench.support import figure_city
from tests.bench.support.conditions import conditions
from tests.bench.support.own_database import own_database
from tests.bench.support.report import Bar, Figure, percentile, publish, scatter
from tests.bench.support.service import Asked, serving

PROMISED_MS = Bar(300)
_LAST = date.fromisoformat(figure_city.LAST_DAY)
SPANS = {"week": 7, "quarter": 90, "year": 365}


async def _measure(url: str, samples: int) -> list[Figure]:
    async with serving(url) as service:
        async with service.deps.database.acquire() as connection:
            codes = await connection.fetch("SELECT code FROM agency WHERE code ~ '^A[0-9]+$'")
            numbers = await connection.fetch("SELECT number FROM officer LIMIT 2000")
        while await dashboard.add_up_weeks(service.deps):
            pass
        token = await service.token(Role.SUPERVISOR, "C", city=True)
        dice = random.Random(1)
        whom: dict[str, Callable[[], str]] = {
            "city": lambda: "agency=C",
            "district": lambda: f"agency=D{dice.randrange(1, 9)}",
            "agency": lambda: f"agency={dice.choice(codes)['code']}",
            "officer": lambda: f"officer={dice.choice(numbers)['number']}",
        }
        await service.times([Asked(f"/coverage?agency=C&to={_LAST}", token)] * 10)
        figures = []
        for level, one in whom.items():
            for span, length in SPANS.items():
                first = _LAST - timedelta(days=length - 1)
                for kind, path in (("page", "/coverage"), ("API", "/api/v1/figures")):
                    asked = [
                        Asked(f"{path}?{one()}&from={first}&to={_LAST}", token)
                        for _ in range(samples)
                    ]
                    taken = await service.times(asked)
                    figures.append(
                        Figure(
                            f"{kind}: {level}, {span}, p99",
                            percentile(taken, 0.99),
                            "ms",
                            PROMISED_MS,
                            scatter(taken, "ms"),
                        )
                    )
        return figures


async def _run(options: argparse.Namespace) -> None:
    at = conditions()
    async with own_database() as database:
        began = time.perf_counter()
        await figure_city.fill(database.superuser, options.scale)
        filled = time.perf_counter() - began
        figures = await _measure(database.service, options.samples)
    met = sum(1 for each in figures if each.bar and each.bar.met_by(each.value))
    publish(
        f"Dashboards: a city of scale {options.scale:g}; {met} of {len(figures)} bars met",
        at,
        figures,
        versions={"postgres": "18 (wheel)"},
        flags=f"{options.samples} samples for a line, one reader; filling took {filled:.0f} s",
    )


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="dashboards", description=__doc__)
    parser.add_argument("--scale", type=float, default=float(os.environ.get("SCALE", "0.1")))
    parser.add_argument("--samples", type=int, default=100)
    asyncio.run(_run(parser.parse_args(argv)))


if __name__ == "__main__":
    main(sys.argv[1:])
