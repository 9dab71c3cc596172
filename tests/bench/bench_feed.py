"""The case feed: ten sources at once, each with its own token; rows a second and memory.

``--rows N`` (200,000 for all sources together), ``--body N`` (2,000 rows). One row in six is a
case, the others are its events. No worker runs: evaluation is deferred, as in a back-fill. The
service, PostgreSQL and the senders share the machine's cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence

import asyncpg

from recorder.domain.people import OPERATOR
from recorder.services.feeding import sources
from tests.bench.support import accounts
from tests.bench.support.conditions import conditions
from tests.bench.support.own_database import own_database
from tests.bench.support.report import Bar, Figure, publish
from tests.bench.support.service import Service, serving

SOURCES = 10
EVENTS_OF_A_CASE = 5


def body(source: int, first: int, count: int) -> bytes:
    """So many rows of cases and their events, as JSON lines."""
    lines = []
    for place in range(first, first + count):
        number, turn = divmod(place, EVENTS_OF_A_CASE + 1)
        row: dict[str, object] = {"key": f"{number}-{turn}", "revision": 1}
        if turn == 0:
            row |= {
                "kind": "case", "title": f"某单位涉嫌违法经营案 {number}", "act_type": "penalty",
                "matter": "440300-07-0123", "opened_on": "2026-03-05",
                "identifiers": [
                    {"scheme": "case", "number": f"深市监{source}罚〔2026〕{number}号"},
                    {"scheme": "filing", "number": f"深市监{source}立〔2026〕{number}号"},
                ],
            }  # fmt: skip
        else:
            row |= {
                "kind": "event", "case": f"{number}-0", "event": "evidence_taking",
                "stage": "investigation", "visit": f"v{number}",
                "occurred_at": f"2026-03-05T{8 + turn:02}:{number % 60:02}:00+08:00",
                "ended_at": f"2026-03-05T{8 + turn:02}:{number % 60:02}:59+08:00",
                "officers": [{"number": "081501", "certificate": "粤B081501"},
                             {"number": "081502", "certificate": "粤B081502"}],
                "place": {"lat": 22.54, "lon": 114.05, "text": "深圳市福田区某路 1 号"},
            }  # fmt: skip
        lines.append(json.dumps(row, ensure_ascii=False))
    return "\n".join(lines).encode()


async def feed(service: Service, source: int, token: str, bodies: list[bytes]) -> int:
    """Send the bodies one after another; how many rows were accepted."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
    path, accepted = f"{service.url}/api/v1/feed/bench-{source}?answers=problems", 0
    for each in bodies:
        async with service.session.post(path, data=each, headers=headers) as response:
            answer = await response.json()
            assert response.status == 200, answer
            assert not answer["rows"], answer["rows"][:3]
            accepted += int(answer["accepted"])
    return accepted


async def measure(url: str, rows: int, size: int) -> list[Figure]:
    """Prepare the bodies, then send them all."""
    each = rows // SOURCES // size * size
    async with serving(url) as service:
        tokens = [
            (
                await sources.add_source(
                    service.deps, OPERATOR, name=f"bench-{n}", rows_per_minute=10_000_000
                )
            ).token
            for n in range(SOURCES)
        ]
        bodies = [[body(n, at, size) for at in range(0, each, size)] for n in range(SOURCES)]
        # The first bodies warm up; memory is looked at after them and at the end.
        warm = sum(await _all(service, tokens, [some[:1] for some in bodies]))
        before = accounts.rss_mib(service.pid)
        began = time.perf_counter()
        taken = sum(await _all(service, tokens, [some[1:] for some in bodies]))
        seconds = time.perf_counter() - began
        after = accounts.rss_mib(service.pid)
        async with service.deps.database.acquire() as connection:
            events = await connection.fetchval("SELECT count(*) FROM case_event")
        share = EVENTS_OF_A_CASE / (EVENTS_OF_A_CASE + 1)
        assert abs(events - (warm + taken) * share) < SOURCES * size
    note = f"{taken} rows, {SOURCES} sources at once, bodies of {size}"
    return [
        Figure(
            "events taken in a second", taken * share / seconds, "", Bar(5000, at_least=True), note
        ),
        Figure("rows taken in a second", taken / seconds, "", None, note),
        Figure("service's memory grew by", after - before, "MiB", Bar(64), f"from {before:.0f}"),
    ]


async def _all(service: Service, tokens: list[str], bodies: list[list[bytes]]) -> list[int]:
    return await asyncio.gather(*(feed(service, n, tokens[n], bodies[n]) for n in range(SOURCES)))


async def _run(rows: int, size: int) -> list[Figure]:
    async with own_database() as database:
        return await measure(database.service, rows, size)


def main(argv: Sequence[str] = ()) -> None:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(prog="feed")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--body", type=int, default=2000)
    options = parser.parse_args(argv)
    at_start = conditions()
    figures = asyncio.run(_run(options.rows, options.body))
    publish("Case feed", at_start, figures, versions={"asyncpg": asyncpg.__version__})
    sys.stdout.flush()
