"""Reports of footage in another system's format: written page by page, and told as given out."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import BinaryIO

from recorder.domain import reporting
from recorder.domain.case_event import EventOfficer
from recorder.domain.events import FootageReported
from recorder.domain.ids import AgencyId, new_uuid
from recorder.domain.instant import CHINA
from recorder.domain.officer import Certificate
from recorder.domain.people import Actor
from recorder.domain.reporting import (
    Each,
    MapError,
    ReportedCase,
    ReportedFootage,
    ReportedOfficer,
    ReportMap,
)
from recorder.errors import NotFound
from recorder.runtime import Deps
from recorder.store import agencies, reports
from recorder.store.connection import Connection
from recorder.store.registry import officers
from recorder.store.reports import Happened, InReport, NumberedCase, Span

#: Recordings that are read at once; memory does not grow with the report.
PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a report is about."""

    shape: ReportMap
    #: Of the file of the map.
    map_sha256: str
    #: Days in China on which footage began, both included.
    first: date
    last: date
    #: The code of an agency, which is meant with all below it; None: all in scope.
    agency: str | None = None


@dataclass(slots=True)
class Told:
    """What a report came to."""

    recordings: int = 0
    #: Those whose pictures only some may watch; a report holds none.
    restricted: int = 0
    lines: int = 0
    length: int = 0
    #: Of no case, where each line is about one.
    unlinked: int = 0
    #: State → how many recordings of those days are in it, and not in the report.
    left_out: dict[str, int] = field(default_factory=dict)
    sha256: str = ""


async def write_report(
    deps: Deps, actor: Actor, asked: Asked, out: BinaryIO, page: int = PAGE
) -> Told:
    """The report on the actor's footage is in the file, and a custody event says so.

    Raises MapError where a line does not fit the map, NotFound ``agency-not-found``; then nothing
    counts as given out, and what is in the file is no report.
    """
    agency, span = await _span(deps, actor, asked)
    told, digest = Told(), hashlib.sha256()

    def write(piece: bytes) -> None:
        out.write(piece)
        digest.update(piece)
        told.length += len(piece)

    write(reporting.beginning(asked.shape))
    async for footage in _footage(deps, actor, asked.shape, span, page):
        lines = list(reporting.values(asked.shape, footage))
        for cells in lines:
            write(reporting.line(asked.shape, cells))
        told.lines += len(lines)
        told.recordings += bool(lines)
        told.restricted += bool(lines and footage.recording.restrictions)
        told.unlinked += asked.shape.each is Each.CASE and not lines
    async with deps.database.acquire() as connection:
        told.left_out = await reports.left_out(connection, actor.scope, span, asked.shape.states)
    told.sha256 = digest.hexdigest()
    async with deps.change(actor) as change:
        change.record(_event(asked, agency, told, change.now))
    return told


def _event(asked: Asked, agency: AgencyId | None, told: Told, now: datetime) -> FootageReported:
    return FootageReported(
        subject=new_uuid(now),
        agency=agency,
        map=asked.shape.name,
        map_sha256=asked.map_sha256,
        first_day=asked.first.isoformat(),
        last_day=asked.last.isoformat(),
        recordings=told.recordings,
        restricted=told.restricted,
        lines=told.lines,
        length=told.length,
        sha256=told.sha256,
    )


async def _span(deps: Deps, actor: Actor, asked: Asked) -> tuple[AgencyId | None, Span]:
    """The agency that was asked for, or else the actor's; and the footage that is meant."""
    begins = datetime.combine(asked.first, time(), CHINA)
    ends = datetime.combine(asked.last, time(), CHINA) + timedelta(days=1)
    if asked.agency is None:
        return actor.scope.agency, Span(begins=begins, ends=ends, agencies=None)
    async with deps.database.acquire() as connection:
        found = await agencies.by_code(connection, asked.agency, actor.scope)
        meant = await agencies.with_below(connection, asked.agency, actor.scope)
    if found is None:
        raise NotFound("agency-not-found", f"There is no agency {asked.agency}.")
    return found.id, Span(begins=begins, ends=ends, agencies=meant)


async def _footage(
    deps: Deps, actor: Actor, shape: ReportMap, span: Span, size: int
) -> AsyncIterator[ReportedFootage]:
    """Each recording of the span; no connection is held while its line is written."""
    base = (deps.config.public_url or "").rstrip("/")
    if shape.has_links and not base:
        raise MapError("The map has a link: say the address of the service, RECORDER_PUBLIC_URL")
    after = None
    while True:
        async with deps.database.acquire() as connection:
            page = await reports.page(connection, actor.scope, span, shape.states, after, size)
            told = await _beside(connection, actor, page, base)
        for footage in told:
            yield footage
        if len(page) < size:
            return
        after = page[-1].key


async def _beside(
    connection: Connection, actor: Actor, page: Sequence[InReport], base: str
) -> list[ReportedFootage]:
    """The recordings with their cases, and with officers by the register of the day."""
    ids = [each.recording.id for each in page]
    cases = await reports.cases(connection, actor.scope, ids)
    happened = await reports.happened(connection, ids)
    took_part = [one for acts in happened.values() for act in acts for one in act.officers]
    register = await _register(
        connection,
        {each.recording.officer for each in page if each.recording.officer},
        took_part,
    )
    found = []
    for each in page:
        recording = each.recording
        day = recording.began.astimezone(CHINA).date()
        wearer = EventOfficer(recording.officer) if recording.officer else None
        found.append(
            ReportedFootage(
                recording=recording,
                agency_name=each.agency_name,
                uscc=each.uscc,
                link=f"{base}/recordings/{recording.id}",
                wearer=register.officer(wearer, day) if wearer else None,
                cases=tuple(
                    _case(case, happened.get((recording.id, case.id), []), register, day)
                    for case in cases.get(recording.id, [])
                ),
            )
        )
    return found


def _case(
    case: NumberedCase, acts: Sequence[Happened], register: _Register, day: date
) -> ReportedCase:
    took_part = [register.officer(one, day) for act in acts for one in act.officers]
    return ReportedCase(
        id=case.id,
        stage=case.stage,
        numbers=case.numbers,
        kinds=tuple(dict.fromkeys(act.kind for act in acts)),
        act_types=tuple(dict.fromkeys(act.act_type for act in acts if act.act_type)),
        matters=tuple(dict.fromkeys(act.matter for act in acts if act.matter)),
        officers=tuple(dict.fromkeys(took_part)),
    )


@dataclass(frozen=True, slots=True)
class _Register:
    """Names and certificates of some officers, over all days."""

    #: Of officers whom a case system names by the certificate alone: its holder.
    holders: dict[str, str]
    entries: dict[str, tuple[officers.OfficerEntry, ...]]
    certificates: dict[str, tuple[Certificate, ...]]

    def officer(self, said: EventOfficer, day: date) -> ReportedOfficer:
        number = self.holders.get(said.number, said.number)
        terms = [each.term for each in self.entries.get(number, ())]
        names = [term.facts.name for term in terms if term.holds_on(day)]
        held = [c.number for c in self.certificates.get(number, ()) if c.valid_on(day)]
        # Whom the case system names with a certificate has that one, valid or not.
        certificate = said.certificate or (held[0] if held else "")
        return ReportedOfficer(number, names[0] if names else "", certificate)


async def _register(
    connection: Connection, wearers: Collection[str], took_part: Sequence[EventOfficer]
) -> _Register:
    alone = {one.number for one in took_part if one.number == one.certificate}
    holders = await officers.holders(connection, alone)
    numbers = {*wearers, *(one.number for one in took_part), *holders.values()}
    return _Register(
        holders,
        await officers.by_numbers(connection, numbers),
        await officers.certificates(connection, numbers),
    )
