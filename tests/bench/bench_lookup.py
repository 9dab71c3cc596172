"""Cases found by number among 5.4 M, and every list page with 10 M recordings.

    python -m tests.bench lookup [--keep DIR] [--samples N] [--cases N --recordings N]

Fills a PostgreSQL of the wheel (support/city.py; about half an hour and 20 GB), starts
``recorder serve`` on it with the settings of the embedded server, and asks over HTTP with kept
connections. ``--keep DIR`` leaves the database there and uses it again the next time. The
database's own time is that of EXPLAIN ANALYZE on the very statements: planning and running.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from recorder.domain.case_number import CaseNumber
from recorder.domain.people import Role, Scope
from recorder.store import cases
from recorder.store.connection import Connection
from tests.bench.support import big_database, city
from tests.bench.support import lookup_questions as questions
from tests.bench.support.big_database import BigDatabase
from tests.bench.support.conditions import conditions
from tests.bench.support.database_time import database_ms
from tests.bench.support.lookup_questions import Organ
from tests.bench.support.report import Bar, Figure, percentile, publish, scatter
from tests.bench.support.service import Asked, Service, serving
from tests.support import postgres

API, DATABASE, FRAGMENTS, PAGES = Bar(20), Bar(2), Bar(100), Bar(200)


@dataclass
class Run:
    """What the parts of the measurement share."""

    service: Service
    connection: Connection
    organs: list[Organ]
    samples: int
    tokens: dict[str, str] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)

    def scopes(self) -> list[tuple[str, Organ | None, str]]:
        """Who asks: everybody's eyes, and people of a large, a middling and a small agency."""
        names = ("largest agency", "middle agency", "smallest agency")
        return [("city", None, self.tokens["city"])] + [
            (f"{name} ({organ.cases} cases)", organ, self.tokens[organ.code])
            for name, organ in zip(names, self.organs, strict=True)
        ]

    async def over_http(
        self, what: str, bar: Bar | None, asked: Sequence[Asked], at_once: int = 1
    ) -> None:
        taken = await self.service.times(asked, at_once=at_once)
        if taken:
            self.add(f"{what}, p99", percentile(taken, 0.99), bar, scatter(taken, "ms"))

    async def in_database(
        self, what: str, bar: Bar | None, runs: Sequence[Callable[[Connection], Awaitable[object]]]
    ) -> None:
        taken = [await database_ms(self.service.deps.database, run) for run in runs]
        self.add(f"{what}, database p99", percentile(taken, 0.99), bar, scatter(taken, "ms"))

    def add(self, what: str, value: float, bar: Bar | None, note: str) -> None:
        self.figures.append(Figure(what, value, "ms", bar, note))
        print(f"{what}: {value:.1f} ms ({note})", file=sys.stderr, flush=True)


async def whole_numbers(run: Run) -> None:
    """A whole number, in any spelling."""
    for name, organ, token in run.scopes():
        there = await questions.numbers(run.connection, organ.id if organ else None)
        drawn = there[: run.samples]
        asked = [Asked(questions.cases(number=number.norm), token) for number in drawn]
        await run.over_http(f"whole number, {name}", API, asked)
        scope = Scope(organ.id if organ else None)
        await run.in_database(
            f"whole number, {name}",
            DATABASE,
            [
                partial(
                    cases.of_key, key=CaseNumber.parse(number.norm).key, scope=scope,
                    before=None, limit=51,
                )
                for number in drawn
            ],
        )  # fmt: skip
        if organ is None:
            await run.over_http("whole number, city, 4 at once", None, asked, at_once=4)


async def pieces_of_numbers(run: Run) -> None:
    """Beginnings and fragments, the first page of 50, and the page behind it."""
    sample = await questions.numbers(run.connection, None)
    for name, organ, token in run.scopes():
        there = await questions.numbers(run.connection, organ.id) if organ else sample
        begun = questions.beginnings(there, run.samples // 2)
        asked = [Asked(questions.cases(prefix=text), token) for text in begun]
        await run.over_http(f"beginning, {name}", FRAGMENTS, asked)
        kinds = questions.fragments(there, sample, run.samples // 2)
        both = [
            Asked(questions.cases(q=text), token) for text in (*kinds["rare"], *kinds["common"])
        ]
        await run.over_http(f"fragment, rare and common, {name}", FRAGMENTS, both)
        for kind, texts in kinds.items():
            asked = [Asked(questions.cases(q=text), token) for text in texts]
            await run.over_http(f"fragment, {kind}, {name}", FRAGMENTS, asked)
        if organ is None:
            await run.over_http("fragment, rare and common, city, 4 at once", None, both, 4)


async def pages_of_footage(run: Run) -> None:
    """The list of footage under every filter, alone and together; first, middle, last page."""
    cursors = (await questions.edges(run.connection, "recording")).cursors()
    some = await questions.footage(run.connection, run.organs[0].id)
    taken: dict[str, list[float]] = {}
    worst: dict[str, tuple[float, str]] = {}
    for one in some:
        for name, query in questions.filters(one, run.organs[0].code).items():
            for who in ("city", run.organs[0].code):
                for place, cursor in cursors.items():
                    path = questions.pages(query | ({"cursor": cursor} if cursor else {}))
                    took, _ = await run.service.ask(Asked(path, run.tokens[who]))
                    taken.setdefault(name, []).append(took)
                    seat = f"{'city' if who == 'city' else 'largest agency'}, {place} page"
                    worst[name] = max(worst.get(name, (0.0, "")), (took, seat))
    for name, times in taken.items():
        note = f"{scatter(times, 'ms')}; slowest: {worst[name][1]}"
        run.add(f"footage by {name}, slowest", max(times), PAGES, note)


async def other_pages(run: Run) -> None:
    """Every other list page, for the whole city and for one agency."""
    footage = (await questions.edges(run.connection, "recording")).cursors()
    files = (await questions.edges(run.connection, "case_file")).cursors()
    key = await run.connection.fetchval(
        "SELECT norm FROM case_identifier ORDER BY created_at DESC LIMIT 1"
    )
    largest = await run.connection.fetchval(
        "SELECT case_id FROM (SELECT case_id, count(*) AS n FROM case_link GROUP BY case_id) c"
        " ORDER BY n DESC LIMIT 1"
    )
    lists = {
        "home, newest cases": ("/", files),
        "home, a whole number": (f"/?{urlencode({'q': key})}", {"first": ""}),
        "home, 2023 typed": ("/?q=2023", {"first": ""}),
        "pool": ("/recordings", footage),
        "quarantine": ("/quarantine", footage),
        "work": ("/work", {"first": ""}),
        "failed work": ("/work/failed", footage),
        "alarms": ("/alarms", footage),
        "all alarms": ("/alarms?all=1", footage),
        "case of 2000 clips": (f"/cases/{largest}", {"first": ""}),
        "people": ("/administration/people", {"first": ""}),
        "devices": ("/administration/devices", {"first": ""}),
        "docks": ("/administration/docks", {"first": ""}),
        "tokens": ("/administration/tokens", {"first": ""}),
    }
    for name, (path, cursors) in lists.items():
        taken = []
        for who in _readers(run, path):
            for cursor in cursors.values():
                glue = "&" if "?" in path else "?"
                full = f"{path}{glue}cursor={cursor}" if cursor else path
                asked = [Asked(full, run.tokens[who])] * 10
                taken += await run.service.times(asked)
        run.add(f"page: {name}, slowest", max(taken), PAGES, scatter(taken, "ms"))


def _readers(run: Run, path: str) -> list[str]:
    if path.startswith("/administration"):
        return ["administrator"]
    return ["city"] if path.startswith("/cases/") else ["city", run.organs[0].code]


async def measure(database: BigDatabase, samples: int, only: str) -> list[Figure]:
    """All figures, or those of the parts whose names contain ``only``."""
    async with serving(database.url(postgres.SERVICE)) as service:
        async with service.deps.database.acquire() as connection:
            run = Run(service, connection, await questions.organs(connection), samples)
            head = run.organs[0].code
            for organ in run.organs:
                run.tokens[organ.code] = await service.token(Role.SUPERVISOR, organ.code)
            run.tokens["city"] = await service.token(Role.SUPERVISOR, head, city=True)
            run.tokens["administrator"] = await service.token(Role.ADMINISTRATOR, head, city=True)
            # The service's first answers load templates and open connections.
            await service.times([Asked("/", run.tokens["city"])] * 20, at_once=4)
            for part in (whole_numbers, pieces_of_numbers, pages_of_footage, other_pages):
                if only in part.__name__:
                    await part(run)
        return run.figures


async def _run(folder: Path, asked: argparse.Namespace) -> None:
    size = city.Size(asked.cases, asked.recordings)
    async with big_database.opened(folder, size) as database:
        now = conditions()
        figures = await measure(database, asked.samples, asked.only)
        there = database.loaded
        within = [figure for figure in figures if figure.bar]
        kept = sum(1 for figure in within if figure.bar and figure.bar.met_by(figure.value))
        publish(
            f"Lookup: {there.cases:,} cases, {there.recordings:,} recordings,"
            f" {there.size_bytes / 1e9:.1f} GB; {kept} of {len(within)} bars met",
            now,
            figures,
            versions={"PostgreSQL": there.version},
            flags=f"settings of the embedded server; {asked.samples} samples for a line of"
            f" numbers; loading took {there.load_s:.0f} s, indexes and VACUUM"
            f" {there.index_s:.0f} s; median of all figures"
            f" {statistics.median(figure.value for figure in figures):.1f} ms",
        )


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench lookup")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="make the database there, once")
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--cases", type=int, default=5_400_000)
    parser.add_argument("--recordings", type=int, default=10_000_000)
    parser.add_argument("--only", default="", metavar="TEXT", help="parts with this in their name")
    asked = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(_run(asked.keep or Path(place) / "database", asked))


if __name__ == "__main__":
    main(sys.argv[1:])
