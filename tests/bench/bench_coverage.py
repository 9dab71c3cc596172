"""Evaluating cases: one after a change, and very many after a list version that touches them all.

    python -m tests.bench coverage [--cases N] [--workers N] [--changes N]

Fills a PostgreSQL of the wheel, with durability as shipped, with cases of one scene, a document
and two recordings each, and evaluates them for the first time. Then single cases: from the commit
of a change that alters the answer (a recording unlinked, or linked again) to the commit of what was
found. Then a version of the agency's list is approved which makes a quarter of the cases stricter,
and all are evaluated again. Workers are processes with one connection pool each.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from recorder.config import read_config
from recorder.domain.ids import CaseId
from recorder.runtime import Deps, open_deps
from recorder.services import coverage, organs
from recorder.store import coverage_due
from tests.bench.support import coverage_cases
from tests.bench.support.conditions import conditions
from tests.bench.support.evaluating import all_due, new_list, settings
from tests.bench.support.own_database import Addresses, own_database
from tests.bench.support.report import Bar, Figure, percentile, publish, scatter


async def _one_change(deps: Deps, case: CaseId, n: int) -> float:
    """Milliseconds from the commit of a change to the commit of what was found."""
    async with deps.database.transaction() as connection:
        await connection.execute(
            "UPDATE case_link SET unlinked_at = CASE WHEN unlinked_at IS NULL THEN now() END"
            " WHERE case_id = $1",
            case,
        )
        await coverage_due.touch(connection, [case], "link")
    began = time.perf_counter()
    if not await coverage.evaluate_due(deps):
        raise RuntimeError(f"change {n} was not due")
    return (time.perf_counter() - began) * 1000


async def _measure(database: Addresses, folder: Path, options: argparse.Namespace) -> list[Figure]:
    figures = []
    async with open_deps(read_config(settings(database.service, folder))) as deps:
        agency = await organs.ensure_own_agency(deps)
        cases = await coverage_cases.fill(database.superuser, options.cases, agency)
        taken = await all_due(database.service, folder, options.workers)
        figures.append(
            Figure(
                "first evaluation", len(cases) / taken, "cases/s", None,
                f"{len(cases)} cases, {taken:.0f} s, findings and scenes written",
            )
        )  # fmt: skip
        step = max(1, len(cases) // options.changes)
        # The first ones make plans and caches warm.
        times = [
            await _one_change(deps, CaseId(cases[n * step % len(cases)]), n)
            for n in range(options.changes + 20)
        ][20:]
        figures.append(
            Figure(
                "one case after a change, p99", percentile(times, 0.99), "ms", Bar(50),
                scatter(times, "ms"),
            )
        )  # fmt: skip
        approving = await new_list(deps, agency)
        figures.append(Figure("approval of a list that touches them all", approving, "s"))
        taken = await all_due(database.service, folder, options.workers)
        figures.append(
            Figure(
                "after a new list", len(cases) / taken, "cases/s", Bar(2000, at_least=True),
                f"{options.workers} processes, {taken:.0f} s, a quarter of the answers other",
            )
        )  # fmt: skip
        async with deps.database.acquire() as connection:
            await coverage_due.touch(connection, cases, "list", bulk=True)  # type: ignore[arg-type]
        taken = await all_due(database.service, folder, options.workers)
        figures.append(
            Figure(
                "after a list that changes nothing", len(cases) / taken, "cases/s", None,
                f"{taken:.0f} s",
            )
        )  # fmt: skip
    return figures


async def _run(options: argparse.Namespace) -> None:
    at = conditions()
    async with own_database() as database:
        with tempfile.TemporaryDirectory() as folder:
            figures = await _measure(database, Path(folder), options)
    publish("Coverage", at, figures, versions={"postgres": "18 (wheel)"})


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="coverage", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--changes", type=int, default=500)
    asyncio.run(_run(parser.parse_args(argv)))


if __name__ == "__main__":
    main(sys.argv[1:])
