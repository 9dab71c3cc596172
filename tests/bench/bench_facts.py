"""The feed of facts: how fast one reader loads it from the beginning, and the service's memory.

    python -m tests.bench facts [--facts N] [--cases N]

Cases with footage are evaluated; their facts are then doubled by the database until there are so
many. One reader asks without a cursor, plain and with gzip, then by four ranges of days side by
side, as a first load does. Reader, service and PostgreSQL share the cores; nothing is evaluated.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg

from recorder.domain.people import Role
from recorder.services import organs
from tests.bench.support import accounts, coverage_cases
from tests.bench.support.conditions import conditions
from tests.bench.support.evaluating import all_due
from tests.bench.support.own_database import Addresses, own_database
from tests.bench.support.report import Bar, Figure, publish
from tests.bench.support.service import Service, serving

#: As many days as the first loads of a year's facts are split into are told apart here.
DAYS = 400

_MULTIPLY = (
    "INSERT INTO event_fact (id, case_id, agency_id, day, officers, version, position, issued_at,"
    " body) SELECT uuidv7(), f.case_id, f.agency_id, date '2025-01-01' + (n % $2)::int, f.officers,"
    " 1, (SELECT max(position) FROM event_fact) + row_number() OVER (), f.issued_at, f.body"
    " FROM generate_series(1, $1::int) n JOIN LATERAL (SELECT * FROM event_fact"
    "  WHERE NOT withdrawn AND position = 1 + n % $3) f ON true"
)


@dataclass
class Read:
    """What one reader got."""

    lines: int = 0
    length: int = 0
    seconds: float = 0.0
    grown_mib: float = 0.0


async def filled(database: Addresses, service: Service, cases: int, facts: int) -> int:
    """So many facts; how many there are."""
    agency = await organs.ensure_own_agency(service.deps)
    await coverage_cases.fill(database.superuser, cases, agency)
    with tempfile.TemporaryDirectory() as folder:
        await all_due(database.service, Path(folder), 2)
    owner = await asyncpg.connect(database.superuser, command_timeout=3600)
    try:
        there = await owner.fetchval("SELECT max(position) FROM event_fact")
        await owner.execute(_MULTIPLY, max(0, facts - there), DAYS, there)
        await owner.execute(
            "UPDATE event_fact_feed SET position = (SELECT max(position) FROM event_fact)"
        )
        await owner.execute("VACUUM ANALYZE event_fact")
        return int(await owner.fetchval("SELECT count(*) FROM event_fact"))
    finally:
        await owner.close()


async def read(service: Service, token: str, path: str, *, packed: bool = False) -> Read:
    """Read an answer to its end, counting lines; nothing of it is kept."""
    headers = {"Authorization": f"Bearer {token}"}
    headers["Accept-Encoding"] = "gzip" if packed else "identity"
    found = Read()
    before = most = accounts.rss_mib(service.pid)
    began = time.perf_counter()
    async with (
        aiohttp.ClientSession(auto_decompress=not packed) as session,
        session.get(service.url + path, headers=headers) as response,
    ):
        assert response.status == 200, await response.text()
        async for piece in response.content.iter_chunked(1 << 20):
            found.lines += piece.count(b"\n")
            found.length += len(piece)
            most = max(most, accounts.rss_mib(service.pid))
    found.seconds = time.perf_counter() - began
    found.grown_mib = most - before
    return found


async def measure(database: Addresses, options: argparse.Namespace) -> list[Figure]:
    """Fill, read in three ways, and say how it went."""
    async with serving(database.service) as service:
        count = await filled(database, service, options.cases, options.facts)
        token = await service.token(Role.READER, "local", city=True)
        warm = await read(service, token, "/api/v1/facts?to=2025-01-10")
        assert warm.lines
        plain = await read(service, token, "/api/v1/facts")
        assert plain.lines == count, (plain, count)
        packed = await read(service, token, "/api/v1/facts", packed=True)
        began = time.perf_counter()
        ranges = await asyncio.gather(
            *(
                read(service, token, f"/api/v1/facts?from={first}&to={last}")
                for first, last in (
                    ("2000-01-01", "2025-04-10"), ("2025-04-11", "2025-07-19"),
                    ("2025-07-20", "2025-10-27"), ("2025-10-28", "2100-01-01"),
                )
            )
        )  # fmt: skip
        beside = time.perf_counter() - began
        assert sum(each.lines for each in ranges) == count
    mib = plain.length / 2**20
    return [
        Figure("facts read in a second", count / plain.seconds, "", None,
               f"{count} facts, {mib:.0f} MiB in {plain.seconds:.1f} s, {mib / plain.seconds:.0f}"
               " MiB/s"),
        Figure("the same with gzip", count / packed.seconds, "", None,
               f"{packed.length / 2**20:.0f} MiB in {packed.seconds:.1f} s"),
        Figure("by four ranges of days side by side", count / beside, "", None,
               f"{beside:.1f} s in all"),
        Figure("service's memory grew by", max(plain.grown_mib, packed.grown_mib,
               sum(each.grown_mib for each in ranges) / len(ranges)), "MiB", Bar(64),
               f"plain {plain.grown_mib:.0f}, gzip {packed.grown_mib:.0f}, four at once"
               f" {max(each.grown_mib for each in ranges):.0f}"),
    ]  # fmt: skip


async def _run(options: argparse.Namespace) -> list[Figure]:
    async with own_database() as database:
        return await measure(database, options)


def main(argv: Sequence[str] = ()) -> None:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(prog="facts", description=__doc__)
    parser.add_argument("--facts", type=int, default=200_000)
    parser.add_argument("--cases", type=int, default=1000)
    options = parser.parse_args(argv)
    at_start = conditions()
    figures = asyncio.run(_run(options))
    publish("Feed of facts", at_start, figures, versions={"postgres": "18 (wheel)"})
