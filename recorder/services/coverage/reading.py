"""The facts of many cases, read in some ten statements however many there are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TypedDict

from recorder.domain.case_event import ActType, CaseDocument, CaseEvent, EventOfficer
from recorder.domain.coverage import (
    CaseFacts,
    Certificate,
    Footage,
    FootageMark,
    GapReason,
    Handover,
    Shift,
)
from recorder.domain.coverage.facts import MOST_ROWS
from recorder.domain.coverage.placing import shift_of
from recorder.domain.coverage.rules_of_footage import ON_ROSTER
from recorder.domain.duty import DutyList
from recorder.domain.gap_reason import InterruptionPlace
from recorder.domain.ids import AgencyId, CaseId, RecordingId
from recorder.domain.matter import PassedMatter, passings
from recorder.domain.organisation import Names, organs_of
from recorder.domain.organisation_tree import OrganisationTree
from recorder.runtime import Deps
from recorder.services import duties
from recorder.services.coverage import calendar
from recorder.store import gap_reasons
from recorder.store.connection import Connection
from recorder.store.coverage import facts as rows
from recorder.store.coverage import lines
from recorder.store.feed import case_documents, case_events
from recorder.store.registry import matters, officers, organisations, powers, rosters

#: A clock that is off by a day moves footage no further than this beyond ON_ROSTER.
_ROSTER_AROUND = ON_ROSTER + timedelta(days=1)


async def facts_of(
    deps: Deps,
    connection: Connection,
    cases: Sequence[CaseId],
    at: datetime,
    *,
    as_of: datetime | None = None,
    sizes: Mapping[CaseId, int] | None = None,
) -> list[CaseFacts]:
    """What is known of these cases; ``as_of``: what had been received and approved by then.

    Of a case that is too large head and size alone are read; ``sizes`` are all of them, if known.
    """
    if sizes is None:
        sizes = await rows.sizes_of(connection, cases, MOST_ROWS, as_of)
    unread = {case: size for case, size in sizes.items() if size > MOST_ROWS}
    heads = await rows.heads_of(connection, cases, as_of)
    cases = [case for case in cases if case not in unread]
    events, documents = await _told(connection, cases, as_of)
    footage = await _footage(connection, cases, as_of)
    organs = _organs(heads, events)
    names = await organisations.in_name_of(connection)
    asked = {organ for each in organs for organ in (each, *organs_of(names, each))}
    lists = await duties.in_force(deps, connection, asked, as_of)
    given = await _powers(connection, heads, events, asked, as_of)
    numbers = {n for case in cases for n in _numbers(events.get(case, ()), footage.get(case, ()))}
    periods, last_days = await _officers(connection, numbers, as_of)
    kept = await rows.agencies_with_officers(connection, organs)
    logs = await _logs(connection, footage)
    shifts = await _shifts(connection, footage, as_of)
    days = await calendar.known(connection, as_of)
    found = []
    for head in heads:
        happened, shown = events.get(head.case, []), footage.get(head.case, [])
        own = {head.agency, *(event.agency for event in happened)}
        found.append(
            CaseFacts(
                case=head.case,
                agency=head.agency,
                at=at,
                act_type=ActType(head.act_type) if head.act_type else None,
                matter=head.matter,
                opened_on=head.opened_on,
                numbers=head.numbers,
                events=tuple(happened),
                documents=tuple(documents.get(head.case, ())),
                footage=tuple(shown),
                officers=periods,
                last_days=last_days,
                officers_on_file=frozenset(own & kept),
                handovers={c.device: logs[c.device] for c in shown if c.device in logs},
                shifts={n: shifts[n] for c in shown if (n := c.officer) and n in shifts},
                lists=tuple(_lists_for(lists, names, own)),
                names=names,
                **given,
                calendar=days,
                unread=unread.get(head.case, 0),
            )
        )
    return found


def _organs(
    heads: Iterable[rows.CaseHead], events: Mapping[CaseId, Iterable[CaseEvent]]
) -> set[AgencyId]:
    """Of whom the cases are, and who took part in them."""
    took_part = {event.agency for each in events.values() for event in each}
    return took_part | {head.agency for head in heads}


def _lists_for(
    lists: Iterable[DutyList], names: Names, agencies: Iterable[AgencyId]
) -> Iterable[DutyList]:
    """Of these lists those that may count for one of the agencies, and those for everybody."""
    own = {organ for each in agencies for organ in (each, *organs_of(names, each))}
    return (each for each in lists if each.agency is None or each.agency in own)


async def _told(
    connection: Connection, cases: Sequence[CaseId], as_of: datetime | None
) -> tuple[dict[CaseId, list[CaseEvent]], dict[CaseId, list[CaseDocument]]]:
    """What sources say of these cases, or said then."""
    if as_of is None:
        events = await case_events.of_cases(connection, cases)
        documents = await case_documents.of_cases(connection, cases)
    else:
        events = await case_events.of_cases_at(connection, cases, as_of)
        documents = await case_documents.of_cases_at(connection, cases, as_of)
    return await _by_own_numbers(connection, events, as_of), documents


async def _by_own_numbers(
    connection: Connection, events: dict[CaseId, list[CaseEvent]], as_of: datetime | None
) -> dict[CaseId, list[CaseEvent]]:
    """Events with officers by their own numbers, where a system names certificates alone."""
    alone = {
        officer.number
        for happened in events.values()
        for event in happened
        for officer in event.officers
        if officer.number == officer.certificate
    }
    holders = await officers.holders(connection, alone, as_of) if alone else {}
    if not holders:
        return events

    def told(event: CaseEvent) -> CaseEvent:
        named = tuple(
            EventOfficer(holders.get(each.number, each.number), each.certificate)
            if each.number == each.certificate
            else each
            for each in event.officers
        )
        return dataclasses.replace(event, officers=named)

    return {case: [told(event) for event in happened] for case, happened in events.items()}


class _Powers(TypedDict):
    published: powers.Terms
    entrusted: powers.Terms
    matters: dict[str, PassedMatter]


async def _powers(
    connection: Connection,
    heads: Iterable[rows.CaseHead],
    events: Mapping[CaseId, Iterable[CaseEvent]],
    asked: set[AgencyId],
    as_of: datetime | None,
) -> _Powers:
    """What these agencies may do, and when the matters of these cases passed to or from them."""
    published, entrusted = await powers.of_agencies(connection, asked, as_of)
    codes = {head.matter for head in heads}
    codes |= {event.matter for each in events.values() for event in each}
    passed = await _passed(connection, {code for code in codes if code}, asked, as_of)
    return {"published": published, "entrusted": entrusted, "matters": passed}


async def _passed(
    connection: Connection, codes: set[str], asked: set[AgencyId], as_of: datetime | None
) -> dict[str, PassedMatter]:
    """Of these matters those that passed to or from one of these agencies."""
    handed = await matters.handed_over(connection, codes, as_of) if codes else {}
    if not handed:
        return {}
    tree = OrganisationTree.of(await lines.standings(connection), ())
    return {
        code: PassedMatter(terms, found)
        for code, terms in handed.items()
        if (found := passings(terms, tree, asked))
    }


async def _officers(
    connection: Connection, numbers: set[str], as_of: datetime | None
) -> tuple[dict[str, tuple[Certificate, ...]], dict[str, date]]:
    """Of these officers those on file: the periods of their certificates, and their last days."""
    certificates = await officers.certificates(connection, numbers, as_of)
    on_file = await officers.by_numbers(connection, numbers, as_of)
    periods = {
        number: tuple(
            Certificate(each.number, each.valid_from, each.valid_to)
            for each in certificates.get(number, ())
        )
        for number in on_file
    }
    return periods, {
        number: max(each.term.ends for each in terms) for number, terms in on_file.items()
    }


async def _logs(
    connection: Connection, footage: Mapping[CaseId, list[Footage]]
) -> dict[str, tuple[Handover, ...]]:
    """Who had the devices when this footage was made."""
    clips = [c for each in footage.values() for c in each]
    asked = {
        (c.device, c.began_at + shift_of(c), (c.ended_at or c.began_at) + shift_of(c))
        for c in clips
        if c.device and c.began_at
    }
    return await rows.logs_of(connection, asked)


async def _shifts(
    connection: Connection, footage: Mapping[CaseId, list[Footage]], as_of: datetime | None
) -> Mapping[str, tuple[Shift, ...]]:
    """The rosters around the footage of those who made it."""
    clips = [c for each in footage.values() for c in each if c.officer and c.began_at]
    officers = {c.officer for c in clips if c.officer}
    begins = [c.began_at for c in clips if c.began_at]
    if not begins:
        return {}
    first, last = min(begins) - _ROSTER_AROUND, max(begins) + _ROSTER_AROUND
    return await rosters.shifts_between(connection, officers, first, last, as_of)


def _numbers(events: Iterable[CaseEvent], footage: Iterable[Footage]) -> set[str]:
    named = {officer.number for event in events for officer in event.officers}
    return named | {clip.officer for clip in footage if clip.officer}


async def _footage(
    connection: Connection, cases: Sequence[CaseId], as_of: datetime | None
) -> Mapping[CaseId, list[Footage]]:
    linked = await rows.of_cases(connection, cases, as_of)
    if not linked:
        return {}
    recordings = list({each.footage.recording for each in linked})
    livestreams = list({each.livestream for each in linked if each.livestream})
    gaps = await rows.gaps_of(connection, recordings) if livestreams else {}
    marks = await rows.marks_of(connection, recordings, livestreams, as_of)
    reasons = await _reasons(connection, linked, as_of)
    found: dict[CaseId, list[Footage]] = {}
    nothing: list[FootageMark] = []
    for each in linked:
        clip = each.footage
        made = marks.get(clip.recording, nothing)
        if each.livestream is not None:
            made = [*made, *marks.get(each.livestream, nothing)]
        if made or clip.recording in gaps or clip.recording in reasons:
            clip = dataclasses.replace(
                clip,
                marks=tuple(made),
                gaps=tuple(gaps.get(clip.recording, ())),
                reasons=tuple(reasons.get(clip.recording, ())),
            )
        found.setdefault(each.case, []).append(clip)
    return found


async def _reasons(
    connection: Connection, linked: Sequence[rows.LinkedFootage], as_of: datetime | None
) -> dict[RecordingId, list[GapReason]]:
    """What officers said of each recording; where one end is not known it is the edge alone."""
    clips = {each.footage.recording: each.footage for each in linked}
    found: dict[RecordingId, list[GapReason]] = {}
    for given in await gap_reasons.of_recordings(connection, list(clips)):
        clip = clips[given.recording]
        edge = clip.began_at if given.place is InterruptionPlace.BEGIN else clip.ended_at
        began_at, ended_at = given.begins_at or edge, given.ends_at or edge
        if began_at is None or ended_at is None or (as_of and given.made_at > as_of):
            continue
        found.setdefault(given.recording, []).append(
            GapReason(
                began_at=began_at,
                ended_at=ended_at,
                reason=f"{given.cause.value}: {given.note}" if given.note else given.cause.value,
                reported_at=given.reported_at,
            )
        )
    return found
