"""Asking: the findings, and what a case looks like now or on a past day."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from recorder.domain.coverage import CaseFacts, Evaluation, evaluate
from recorder.domain.ids import CaseId, RecordingId
from recorder.domain.people import Actor
from recorder.errors import NotFound
from recorder.runtime import Deps
from recorder.services.coverage import reading
from recorder.services.coverage.answering import not_found
from recorder.services.coverage.evaluating import look_elsewhere, with_elsewhere
from recorder.services.paging import Page, page_of, page_size, read_cursor
from recorder.store import agencies, cases, recordings
from recorder.store.connection import Connection
from recorder.store.coverage import findings as rows
from recorder.store.coverage.findings import FindingAct, ToldFinding, Wanted
from recorder.store.coverage.presences import CasePresence

EVERYTHING = Wanted()


@dataclass(frozen=True, slots=True)
class CaseCoverage:
    """A case at a moment: its facts, what they come to, and the findings as people left them."""

    at: datetime
    facts: CaseFacts
    evaluation: Evaluation
    #: As they are kept now; empty for a past day.
    findings: tuple[ToldFinding, ...]


@dataclass(frozen=True, slots=True)
class FindingView:
    """A finding with everything that was said about it."""

    told: ToldFinding
    acts: tuple[FindingAct, ...]
    #: Names of its recordings, of those that the reader may see.
    names: Mapping[RecordingId, str]


async def case_coverage(
    deps: Deps, actor: Actor, case: CaseId, *, as_of: datetime | None = None
) -> CaseCoverage:
    """What should have been recorded of the case and was, by facts received until ``as_of``.

    Evaluated anew, so it is never behind; nothing is written. Raises NotFound
    ``case-not-found``.
    """
    at = as_of or deps.clock.now()
    async with deps.database.acquire() as connection:
        if await cases.find(connection, case, actor.scope) is None:
            raise NotFound("case-not-found", "There is no such case.")
        (facts,) = await reading.facts_of(deps, connection, [case], at, as_of=as_of)
        answer = evaluate(facts)
        told = [CasePresence(case, each) for each in answer.presences]
        others = (await look_elsewhere(connection, told, [facts])).get(case)
        if others is not None:
            facts = with_elsewhere(facts, others)
            answer = evaluate(facts)
        kept: Sequence[ToldFinding] = ()
        if as_of is None:
            kept = await rows.listed(connection, actor.scope, Wanted(case=case), None, 500)
    return CaseCoverage(at, facts, answer, tuple(kept))


async def resolved(connection: Connection, actor: Actor, wanted: Wanted) -> Wanted:
    """The same, with the organisations in the actor's sight that its code means: maybe none."""
    if wanted.agency is None:
        return wanted
    within = await agencies.with_below(connection, wanted.agency, actor.scope)
    return replace(wanted, within=tuple(within))


async def findings(
    deps: Deps,
    actor: Actor,
    wanted: Wanted = EVERYTHING,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[ToldFinding]:
    """Findings in the actor's scope, newest first; withdrawn ones where they are asked for."""
    after, size = read_cursor(cursor), page_size(limit)
    async with deps.database.acquire() as connection:
        asked = await resolved(connection, actor, wanted)
        found = await rows.listed(connection, actor.scope, asked, after, size + 1)
    return page_of(found, size, lambda each: (each.raised_at, each.id))


async def first_findings(deps: Deps, actor: Actor, wanted: Wanted, most: int) -> list[ToldFinding]:
    """The newest findings that are wanted, for a table."""
    async with deps.database.acquire() as connection:
        asked = await resolved(connection, actor, wanted)
        return await rows.listed(connection, actor.scope, asked, None, most)


async def finding(deps: Deps, actor: Actor, finding_id: uuid.UUID) -> FindingView:
    """One finding with its conversation. Raises NotFound ``finding-not-found``."""
    async with deps.database.acquire() as connection:
        told = await rows.find(connection, finding_id, actor.scope)
        if told is None:
            raise not_found()
        names = await recordings.names(connection, actor.scope, told.finding.recordings)
        said = tuple(await rows.acts_of(connection, finding_id))
        return FindingView(told, said, names)
