"""The steady case feed: 200 events a second of ten sources, and how far findings are behind.

    python -m tests.bench steady [--rate N] [--seconds S] [--workers N] [--cases N]

Ten sources, each with its own token, send a body every half second: half of their events are in
new cases, half are corrections of events in cases with a document and two recordings each. The
product's own service and ``recorder work`` run beside PostgreSQL, which syncs to disk. Each event
is a case of its own to evaluate. The delay of an event runs from the answer that accepts its body
to the commit of the evaluation which says what this very revision said (or a later one of the same
event, if it came meanwhile), as read from the feed of facts every 50 ms: facts are written in the
transaction of the findings.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from recorder.domain.people import OPERATOR
from recorder.services import organs
from recorder.services.feeding import sources
from recorder.store import coverage_due
from recorder.store.coverage import event_facts
from tests.bench.support import accounts, coverage_cases
from tests.bench.support.conditions import conditions
from tests.bench.support.evaluating import all_due
from tests.bench.support.own_database import Addresses, own_database
from tests.bench.support.report import Bar, Figure, publish, scatter
from tests.bench.support.service import Service, serving, working
from tests.support.waiting import eventually

SOURCES = 10
TICK_S = 0.5
_PATIENCE_S = 120.0
_MINUTES = timedelta(minutes=40)
#: A revision of an event: its source and key, and by how many seconds it ends later than at first.
Said = tuple[str, int]


@dataclass(frozen=True)
class Known:
    """An event of a case that is there already."""

    key: str
    number: str
    kind: str
    began_at: datetime
    officers: list[dict[str, str]]
    latitude: float


@dataclass
class Trial:
    """One run: what was sent, when it was taken, and when it was evaluated."""

    service: Service
    tokens: list[str]
    known: list[list[Known]]
    taken: dict[Said, float] = field(default_factory=dict)
    #: When each event was evaluated with which revision, in the order of time.
    seen: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    waiting: list[int] = field(default_factory=list)
    late_s: float = 0.0

    async def send(self, source: int, ticks: int, each: int) -> None:
        """The bodies of one source, at their times, one after another."""
        headers = {
            "Authorization": f"Bearer {self.tokens[source]}",
            "Content-Type": "application/x-ndjson",
        }
        url = f"{self.service.url}/api/v1/feed/bench-{source}?answers=problems"
        began = time.monotonic() + source * TICK_S / SOURCES
        for tick in range(ticks):
            body, said = self._body(source, tick, each)
            ahead = began + tick * TICK_S - time.monotonic()
            await asyncio.sleep(max(0.0, ahead))
            self.late_s = max(self.late_s, -ahead)
            async with self.service.session.post(url, data=body, headers=headers) as response:
                answer = await response.json()
                assert response.status == 200, answer
                assert not answer["rows"], answer["rows"][:3]
            now = time.monotonic()
            self.taken.update(dict.fromkeys(said, now))

    def _body(self, source: int, tick: int, each: int) -> tuple[bytes, list[Said]]:
        rows: list[dict[str, object]] = []
        said: list[Said] = []
        known = self.known[source]
        for n in range(each):
            turn = tick * each + n
            revision = 1
            if n % 2:
                revision = 2 + turn // 2 // len(known)
                row = _correction(known[turn // 2 % len(known)], revision)
            else:
                rows.append(_case(source, turn))
                row = _event(source, turn)
            rows.append(row)
            said.append((f"{source}/{row['key']}", revision))
        text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        return text.encode(), said

    async def follow(self) -> None:
        """Read what evaluations commit, until cancelled."""
        database, position = self.service.deps.database, 0
        async with database.acquire() as connection:
            position = (await event_facts.newest(connection)).position
        while True:
            async with database.acquire() as connection:
                rows = await connection.fetch(
                    "SELECT position, body FROM event_fact WHERE position > $1 ORDER BY position",
                    position,
                )
            now = time.monotonic()
            for row in rows:
                position = row["position"]
                body = json.loads(row["body"])
                began, ended = map(datetime.fromisoformat, (body["began_at"], body["ended_at"]))
                revision = round((ended - began - _MINUTES).total_seconds())
                for event in body["events"]:
                    key = f"{event['source'].removeprefix('bench-')}/{event['key']}"
                    self.seen.setdefault(key, []).append((revision, now))
            await asyncio.sleep(0.05)

    def delays(self) -> list[float]:
        """Of each revision that was taken the seconds until it, or a later one, was evaluated."""
        found = []
        for (key, revision), at in self.taken.items():
            seen = (when for later, when in self.seen.get(key, ()) if later >= revision)
            if (when := next(seen, None)) is not None:
                found.append(max(0.0, when - at))
        return found

    async def count_waiting(self) -> None:
        """How many cases wait for evaluation, twice a second, until cancelled."""
        while True:
            async with self.service.deps.database.acquire() as connection:
                found = await coverage_due.backlog(connection, datetime.now(UTC))
            self.waiting.append(found.cases)
            await asyncio.sleep(0.5)

    async def run(self, ticks: int, each: int) -> float:
        """Send it all and wait until it is evaluated; the seconds of sending."""
        watching = [asyncio.create_task(work) for work in (self.follow(), self.count_waiting())]
        try:
            began = time.monotonic()
            await asyncio.gather(*(self.send(n, ticks, each) for n in range(SOURCES)))
            seconds = time.monotonic() - began
            watching.pop().cancel()
            patience = time.monotonic() + _PATIENCE_S
            while len(self.delays()) < len(self.taken) and time.monotonic() < patience:
                assert not watching[0].done(), watching[0].exception()
                await asyncio.sleep(0.1)
        finally:
            for each_task in watching:
                each_task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await each_task
        return seconds


def _text(moment: datetime) -> str:
    """As most systems write it."""
    return moment.isoformat()


def _case(source: int, turn: int) -> dict[str, object]:
    return {
        "kind": "case", "key": f"c{turn}", "revision": 1, "act_type": "inspection",
        "title": f"某单位涉嫌违法经营案 {turn}", "opened_on": "2026-03-05",
        "identifiers": [{"scheme": "case", "number": f"深市监{source}罚〔2026〕{turn}号"}],
    }  # fmt: skip


def _event(source: int, turn: int) -> dict[str, object]:
    began_at = datetime(2026, 3, 5, 0, tzinfo=UTC) + timedelta(minutes=turn // 300 * 90)
    team = f"{source:02}{turn % 300:04}"
    return {
        "kind": "event", "key": f"n{turn}", "revision": 1, "case": f"c{turn}",
        "event": "onsite_inspection", "stage": "investigation",
        "occurred_at": _text(began_at),
        "ended_at": _text(began_at + _MINUTES + timedelta(seconds=1)),
        "officers": [{"number": f"{role}{team}", "certificate": f"粤{team}"} for role in "AB"],
        "place": {"lat": 22.54, "lon": 114.05, "text": "深圳市福田区某路 1 号"},
    }  # fmt: skip


def _correction(known: Known, revision: int) -> dict[str, object]:
    ended_at = known.began_at + _MINUTES + timedelta(seconds=revision)
    return {
        "kind": "event", "key": known.key, "revision": revision, "event": known.kind,
        "stage": "investigation", "act_type": "inspection",
        "identifiers": [{"scheme": "case", "number": known.number}],
        "occurred_at": _text(known.began_at), "ended_at": _text(ended_at),
        "officers": known.officers, "place": {"lat": known.latitude, "lon": 114.0},
    }  # fmt: skip


async def _prepared(service: Service, owner_url: str, cases: int) -> Trial:
    """Cases with footage, evaluated once, whose events belong to the ten sources."""
    agency = await organs.ensure_own_agency(service.deps)
    await coverage_cases.fill(owner_url, cases, agency)
    tokens = [
        (
            await sources.add_source(
                service.deps, OPERATOR, name=f"bench-{n}", rows_per_minute=1_000_000
            )
        ).token
        for n in range(SOURCES)
    ]
    owner = await asyncpg.connect(owner_url)
    try:
        for table in ("case_event", "case_document"):
            await owner.execute(
                f"UPDATE {table} e SET source_id = s.id FROM feed_source s WHERE s.name"  # noqa: S608 - of two tables
                f" = 'bench-' || substr(e.key, 2)::int % {SOURCES}"
            )
        rows = await owner.fetch(
            "SELECT e.key, e.kind, e.began_at, e.officers, e.latitude, i.raw, s.name"
            " FROM case_event e JOIN case_identifier i ON i.case_id = e.case_id"
            " JOIN feed_source s ON s.id = e.source_id ORDER BY e.key"
        )
    finally:
        await owner.close()
    known: list[list[Known]] = [[] for _ in range(SOURCES)]
    for row in rows:
        known[int(row["name"].removeprefix("bench-"))].append(
            Known(row["key"], row["raw"], row["kind"], row["began_at"],
                  json.loads(row["officers"]), row["latitude"])
        )  # fmt: skip
    return Trial(service, tokens, known)


async def _awake(service: Service) -> None:
    """Wait until workers evaluate."""
    async with service.deps.database.acquire() as connection:
        rows = await connection.fetch("SELECT id FROM case_file LIMIT 100")
        await coverage_due.touch(connection, [row["id"] for row in rows], "event")

    async def done() -> bool:
        async with service.deps.database.acquire() as connection:
            return not (await coverage_due.backlog(connection, datetime.now(UTC))).cases

    _: bool = await eventually(done, within=120, what="workers that evaluate")


async def measure(database: Addresses, options: argparse.Namespace) -> list[Figure]:
    """Prepare, run, and say how it went."""
    each = max(2, round(options.rate * TICK_S / SOURCES))
    ticks = round(options.seconds / TICK_S)
    async with serving(database.service) as service:
        trial = await _prepared(service, database.superuser, options.cases)
        with tempfile.TemporaryDirectory() as folder:
            await all_due(database.service, Path(folder), os.cpu_count() or 1)
        with working(service, options.workers) as workers:
            await _awake(service)
            used = [accounts.cpu_s(pid) for pid in (service.pid, *workers)]
            seconds = await trial.run(ticks, each)
            used = [
                accounts.cpu_s(pid) - before
                for pid, before in zip((service.pid, *workers), used, strict=True)
            ]
    return _figures(trial, seconds, used)


def _figures(trial: Trial, seconds: float, used: Sequence[float]) -> list[Figure]:
    delays = trial.delays()
    lost = len(trial.taken) - len(delays)
    third = max(1, len(trial.waiting) // 3)
    first, last = (
        statistics.mean(part) for part in (trial.waiting[:third], trial.waiting[-third:])
    )
    rate = len(trial.taken) / seconds
    return [
        Figure("events taken in a second", rate, "", Bar(195, at_least=True),
               f"{len(trial.taken)} events in {seconds:.0f} s, a body at most"
               f" {trial.late_s:.1f} s behind its time"),
        Figure("findings behind, slowest", max(delays, default=float("inf")), "s", Bar(5),
               scatter(delays, "s") if delays else ""),
        Figure("events that were never evaluated", lost, "", Bar(0)),
        Figure("cases waiting grew by", last - first, "", Bar(rate),
               f"first third {first:.0f}, last third {last:.0f}, most {max(trial.waiting)}"),
        Figure("processor of service and workers", sum(used) / seconds, "cores", None,
               ", ".join(f"{one / seconds:.2f}" for one in used)),
    ]  # fmt: skip


async def _run(options: argparse.Namespace) -> list[Figure]:
    async with own_database() as database:
        return await measure(database, options)


def main(argv: Sequence[str] = ()) -> None:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(prog="steady", description=__doc__)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--cases", type=int, default=2000)
    options = parser.parse_args(argv)
    at_start = conditions()
    figures = asyncio.run(_run(options))
    publish(
        "Steady case feed", at_start, figures, versions={"postgres": "18 (wheel)"},
        flags=f"{options.rate} events/s for {options.seconds} s, {options.workers} workers,"
        f" {options.cases} cases beforehand",
    )  # fmt: skip
