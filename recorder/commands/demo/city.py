"""The demo's city: an invented one, put into the running server and held against its labels.

Registries go the way of imports, cases that of the feed, lists that of two persons. Footage has no
bytes and says so: its recordings are ``simulated`` and never evidence (docs/design/city.md).
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any

from recorder.commands.demo.city_files import CityFiles, ToldCase, batches, when
from recorder.commands.demo.planted import KindCount, counted
from recorder.domain import device_file_name
from recorder.domain.feed import rows as feed_rows
from recorder.domain.gap_reason import InterruptionCause
from recorder.domain.ids import CaseId, RecordingId, new_uuid
from recorder.domain.instant import CHINA
from recorder.domain.mark import MarkKind
from recorder.domain.people import OPERATOR, Actor, Role
from recorder.domain.recording import Flag
from recorder.errors import IntegrityError, Unavailable
from recorder.runtime import Deps
from recorder.services import accounts, coverage, duties, importing, simulated
from recorder.services.feeding import receiving, sources
from recorder.services.feeding.batch import Outcome
from recorder.simulation.calendar import YEARS
from recorder.simulation.city import simulate
from recorder.store import coverage_due
from recorder.store.coverage.findings import Wanted
from recorder.store.feed import feed_cases
from recorder.store.feed.sources import FeedSource

SCALE, SEED = 0.001, 1
#: How much of the year is told: the last weeks before today.
WEEKS = 17
#: By then everything planted late has come, whatever holidays there were.
_JUDGED = timedelta(days=21)
_ROOT, _PROFILE = "SL", "cn-gd-sz"
_PATIENCE_S = 300.0
_MOST_FINDINGS = 50_000
#: Until when the city is told, and that it was.
_UNTIL, _TOLD = "until.txt", "told"
_CAUSES = {"电池": "battery", "天气": "weather", "存储": "storage", "现场": "obstruction"}
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """What the report tells."""

    first: date
    last: date
    agencies: int
    cases: int
    #: Files of cameras, all of them simulated.
    recordings: int
    findings: int
    #: Until which day what was planted has been judged.
    judged: date
    kinds: Mapping[str, KindCount]
    #: Logins of somebody who sees the city, and of one agency's supervisor.
    supervisor: str
    clerk: str


def is_told(folder: Path) -> bool:
    """Whether a city was told to its end from this folder; of earlier versions none says so."""
    return (folder / _TOLD).exists() or (
        (folder / "labels.ndjson").exists() and not (folder / _UNTIL).exists()
    )


def _until(folder: Path, now: datetime) -> datetime:
    """The moment until which the city is told: that of the run that began it."""
    note = folder / _UNTIL
    if note.exists():
        return datetime.fromisoformat(note.read_text("ascii"))
    last = min(now, _end_of_year(now))
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{_UNTIL}.draft"
    draft.write_text(last.isoformat(), "ascii")
    draft.replace(note)
    return last


async def found_city(deps: Deps, folder: Path) -> City:
    """Make the city in ``folder``, tell it to the service, and wait until it is evaluated.

    Where an earlier run died in the middle, it goes on with the same city: what is there already
    is not told twice.
    """
    last = _until(folder, deps.clock.now())
    # From a morning on: who has which camera is noted then.
    since = datetime.combine(_first_day(last), clock_time.min, CHINA)
    year = (last - timedelta(days=1)).astimezone(CHINA).year
    await asyncio.to_thread(simulate, SCALE, SEED, year, folder)
    files = await asyncio.to_thread(CityFiles, folder, since, last)
    teller = _Teller(deps, files)
    for kind, content in files.tables():
        outcome = await importing.import_file(
            deps, OPERATOR, kind=kind, content=content, file_name=f"{kind}.csv"
        )
        if outcome.faults:
            raise IntegrityError("demo-city", f"{kind}: {outcome.errors[0].detail}")
    supervisor, clerk = await _people(deps, files.agencies)
    for name in files.sources:
        await teller.tell(name)
    await teller.take(files.footage, {})
    city = await teller.result(last, supervisor, clerk)
    (folder / _TOLD).touch()
    return city


def _first_day(last: datetime) -> date:
    return (last - timedelta(weeks=WEEKS)).astimezone(CHINA).date()


def _end_of_year(now: datetime) -> datetime:
    """The end of the newest year that the simulator's calendar knows and that has begun for long.

    In January the year before is told.
    """
    year = min((now.astimezone(CHINA) - timedelta(days=60)).year, YEARS[-1])
    return datetime(year + 1, 1, 1, tzinfo=CHINA)


async def _people(deps: Deps, agencies: Sequence[str]) -> tuple[str, str]:
    """Somebody who sees the city and somebody of one agency; each agency's list is in force."""
    ending = secrets.token_hex(3)
    people = {}
    for login, name, agency in (
        (f"city-{ending}", "演示市级督察员", _ROOT),
        (f"clerk-{ending}", "演示法制员", agencies[0]),
    ):
        people[login] = await accounts.add_person(
            deps, OPERATOR, login=login, role=Role.SUPERVISOR, name=name, agency=agency,
            password=secrets.token_urlsafe(16), city=agency == _ROOT,
        )  # fmt: skip
    supervisor, clerk = people
    for agency in agencies:
        await _list(deps, people[supervisor].actor, agency)
    return supervisor, clerk


async def _list(deps: Deps, supervisor: Actor, agency: str) -> None:
    """The agency has a list in force; a draft that somebody left in the middle stays one."""
    if (await duties.lists(deps, OPERATOR, agency, state="approved", limit=1)).items:
        return
    drafted = await duties.draft(
        deps, OPERATOR, title="示例音像记录清单", valid_from=date(YEARS[0], 1, 1),
        profile=_PROFILE, agency=agency,
    )  # fmt: skip
    await duties.propose(deps, OPERATOR, drafted.header.id)
    await duties.approve(deps, supervisor, drafted.header.id, drafted.digest)


class _Teller:
    """Tells the service what happened, and keeps which case and recording became of what."""

    def __init__(self, deps: Deps, files: CityFiles) -> None:
        self._deps, self._files = deps, files
        self._cases: dict[str, CaseId] = {}
        self._scenes: dict[RecordingId, str] = {}
        self._recordings = 0

    async def tell(self, name: str) -> None:
        """Everything that one case system says, each batch with the footage of its cases."""
        source = await self._source(name)
        for batch in batches(self._files.sources[name], receiving.BATCH_ROWS):
            await self._send(source, batch)
            async with self._deps.database.acquire() as connection:
                keys = [case.key for case in batch]
                known = await feed_cases.by_keys(connection, source.id, keys)
            self._cases |= {key: found.case for key, found in known.items()}
            footage = [row for case in batch for row in case.footage]
            owners = {row["recording"]: self._cases[c.key] for c in batch for row in c.footage}
            await self.take(footage, owners)

    async def _source(self, name: str) -> FeedSource:
        for each in await sources.list_sources(self._deps, OPERATOR):
            if each.name == name:
                return each
        added = await sources.add_source(self._deps, OPERATOR, name=name, agency=_ROOT, city=True)
        return added.source

    async def _send(self, source: FeedSource, batch: list[ToldCase]) -> None:
        rows = [feed_rows.of_value(row) for case in batch for row in case.rows]
        answers = await receiving.receive(self._deps, OPERATOR, source, rows, backfill=True)
        for answer in answers:
            if answer.outcome in (Outcome.REFUSED, Outcome.POOLED):
                raise IntegrityError("demo-city", f"A row was not taken: {answer.problem}")

    async def take(self, footage: list[Row], owners: Mapping[str, CaseId]) -> None:
        """The files of cameras, as facts without a byte."""
        taken = [self._simulated(row, owners.get(row["recording"])) for row in footage]
        if taken:
            await simulated.take(self._deps, OPERATOR, taken)
        self._recordings += len(taken)

    def _simulated(self, row: Row, case: CaseId | None) -> simulated.SimulatedFootage:
        received = when(row["received_at"])
        said = device_file_name.parse(row["file_name"])
        clock = when(row["device_clock_at"]) if row["device_clock_at"] else None
        offset = int((clock - received) / timedelta(milliseconds=1)) if clock else None
        limit = self._deps.config.clock_offset_limit_s * 1000
        # The same in each run: one that goes on knows what is there.
        name = hashlib.sha256(row["recording"].encode()).digest()[:10]
        recording = RecordingId(new_uuid(received, name))
        # A file is called after its scene: "S3-R1-2" is the second one of a take of S3.
        self._scenes[recording] = row["recording"].partition("-R")[0]
        return simulated.SimulatedFootage(
            id=recording,
            device=row["device"],
            officer=said.officer_number or "" if said else "",
            file_name=row["file_name"],
            started_at=when(row["started_at"]),
            ended_at=when(row["ended_at"]),
            device_clock_at=clock,
            clock_offset_ms=offset,
            flags=(Flag.CLOCK_OFFSET,) if offset and abs(offset) > limit else (),
            received_at=received,
            latitude=row["latitude"],
            longitude=row["longitude"],
            case=case,
            marks=tuple((MarkKind(mark["kind"]), mark["at_ms"]) for mark in row["marks"]),
            reason=_reason(row["interruption"]),
        )

    async def result(self, last: datetime, supervisor: str, clerk: str) -> City:
        """What was found, once nothing is due any more."""
        judged = last - _JUDGED
        await self._evaluated()
        findings = await coverage.first_findings(
            self._deps, OPERATOR, Wanted(agency=_ROOT), _MOST_FINDINGS
        )
        return City(
            first=_first_day(last),
            last=(last - timedelta(seconds=1)).astimezone(CHINA).date(),
            agencies=len(self._files.agencies),
            cases=len(self._cases),
            recordings=self._recordings,
            findings=len(findings),
            judged=judged.astimezone(CHINA).date(),
            kinds=counted(self._files.labels(judged), findings, self._cases, self._scenes),
            supervisor=supervisor,
            clerk=clerk,
        )

    async def _evaluated(self) -> None:
        """Evaluate beside the worker until no case is due."""
        until = time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            if await coverage.evaluate_due(self._deps):
                continue
            async with self._deps.database.acquire() as connection:
                left = await coverage_due.backlog(connection, self._deps.clock.now())
            if not left.cases:
                return
            # The worker has them.
            await asyncio.sleep(0.1)
        raise Unavailable("demo-patience", "The city was not evaluated in five minutes.")


def _reason(said: Row | None) -> simulated.SimulatedReason | None:
    if said is None:
        return None
    return simulated.SimulatedReason(
        when(said["from"]),
        when(said["to"]),
        InterruptionCause(_CAUSES[said["reason"][:2]]),
        said["reason"],
        when(said["reported_at"]),
    )
