"""Linking footage to its case by rule, and proposals about which a person decides.

The rule is ``domain/attribution.py``; the steps, and what dies between them, are in
docs/design/attribution.md.
"""

from __future__ import annotations

import enum
from dataclasses import replace
from datetime import datetime, timedelta

from recorder.domain import attribution as rule
from recorder.domain import filmed_code
from recorder.domain.attribution import Attribution, Candidate, Clue
from recorder.domain.case import CaseLink, LinkOrigin
from recorder.domain.events import RecordingLinked
from recorder.domain.ids import AgencyId, CaseId, RecordingId
from recorder.domain.people import EVERYTHING, SERVICE, Actor
from recorder.errors import Conflict, InvalidInput, NotFound
from recorder.runtime import Deps
from recorder.services.casework.arrival import new_link
from recorder.services.casework.links import link
from recorder.services.paging import Page, page_of, page_size, read_cursor
from recorder.store import attribution, case_links, cases, coverage_due, link_proposals
from recorder.store.connection import Connection
from recorder.store.link_proposals import LinkProposal
from recorder.store.registry import rosters

_AT_ONCE = 100
_EVENTS_AT_ONCE = 500
#: Scenes so far around tell what an officer did that day.
_DAY_AROUND = timedelta(hours=12)
_LONGEST_SHIFT = timedelta(days=7)


class _Overtaken(Exception):
    """Somebody linked the recording in the meantime."""


class Decision(enum.StrEnum):
    """What a person says of a proposal."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"


async def attribute_footage(deps: Deps) -> int:
    """Look for the case of some footage that is due; gives how much was looked at.

    What is clear is linked with the origin ``rule`` and its evidence as the reason; what is not
    becomes proposals. It may run in several processes at once.
    """
    async with deps.database.acquire() as connection:
        await attribution.send_to_look(connection, deps.clock.now(), _EVENTS_AT_ONCE)
    looked_at = 0
    while looked_at < _AT_ONCE and await _attribute_one(deps):
        looked_at += 1
    return looked_at


async def _attribute_one(deps: Deps) -> bool:
    clear: Candidate | None = None
    async with deps.database.transaction() as connection:
        due = await attribution.take_due(connection)
        if due is None:
            return False
        clue, agency = due
        span = rule.window(clue)
        around = (span[0] - _DAY_AROUND, span[1] + _DAY_AROUND) if span else None
        scenes = await attribution.scenes_around(
            connection, agency, around, clue.named | clue.filmed
        )
        if span is not None:
            clue = replace(clue, tasks=await _tasks(connection, clue, span))
        found: Attribution = rule.attribute(clue, rule.with_tasks(scenes))
        clear = found.clear
        if clear is None:
            now = deps.clock.now()
            await link_proposals.replace(connection, clue.recording, found.proposals, now)
            await attribution.settle(connection, clue, now)
    # Cases are kept still before recordings, so linking is a transaction of its own.
    if clear is not None and not await _link_by_rule(deps, clue, agency, clear):
        async with deps.database.transaction() as connection:
            await attribution.settle(connection, clue, deps.clock.now())
    return True


async def _tasks(
    connection: Connection, clue: Clue, span: tuple[datetime, datetime]
) -> frozenset[str]:
    """Keys of the numbers that the roster gives wearer or officer as their duty at that time."""
    officers = {officer for officer in (clue.wearer, clue.officer) if officer}
    shifts = await rosters.shifts_between(connection, officers, span[0] - _LONGEST_SHIFT, span[1])
    return frozenset(
        key
        for each in shifts.values()
        for shift in each
        if shift.ended_at > span[0]
        for key in filmed_code.keys_within(shift.duty)
    )


async def _link_by_rule(deps: Deps, clue: Clue, agency: AgencyId, clear: Candidate) -> bool:
    """Link; False when somebody else has in the meantime, or the case was merged away."""
    scene = clear.scene
    try:
        async with deps.change(SERVICE) as change:
            shared = await cases.share(change, [scene.case], EVERYTHING)
            if not shared or shared[0].merged_into is not None:
                raise _Overtaken
            await case_links.lock_recordings(change, [clue.recording], EVERYTHING)
            linked_before = await case_links.ever(change.connection, clue.recording, scene.case)
            if linked_before or await case_links.is_linked(change.connection, clue.recording):
                raise _Overtaken
            reason = " ".join(clear.evidence)
            made = new_link(
                change, clue.recording, scene.case, scene.stage, LinkOrigin.RULE, reason
            )
            await case_links.insert(change, made)
            case = await cases.find(change.connection, scene.case, EVERYTHING)
            change.record(
                RecordingLinked(
                    subject=clue.recording,
                    agency=agency,
                    case=scene.case,
                    number=case.identifiers[0].norm if case and case.identifiers else "",
                    stage=scene.stage.value if scene.stage else None,
                    origin=LinkOrigin.RULE.value,
                    reason=reason,
                )
            )
            await link_proposals.replace(change.connection, clue.recording, [], change.now)
            await attribution.settle(change.connection, clue, change.now)
            await coverage_due.touch(change.connection, [scene.case], "link")
    except _Overtaken:
        return False
    return True


async def proposals_of(deps: Deps, actor: Actor, recording: RecordingId) -> list[LinkProposal]:
    """The undecided proposals of a recording, the best first; none of a linked one.

    Raises NotFound ``recording-not-found``, also out of scope.
    """
    async with deps.database.acquire() as connection:
        if await case_links.recording_agency(connection, recording, actor.scope) is None:
            raise NotFound("recording-not-found", "There is no such recording.")
        return await link_proposals.undecided(
            connection, actor.scope, recording=recording, limit=rule.MOST_SHOWN
        )


async def find_proposals(
    deps: Deps, actor: Actor, cursor: str | None = None, limit: int = 100
) -> Page[LinkProposal]:
    """Undecided proposals in scope, the newest first; a recording's stand together."""
    size = page_size(limit)
    async with deps.database.acquire() as connection:
        rows = await link_proposals.undecided(
            connection, actor.scope, before=read_cursor(cursor), limit=size + 1
        )
    return page_of(rows, size, lambda one: (one.proposed_at, one.recording))


async def decide(
    deps: Deps, actor: Actor, recording: RecordingId, case: CaseId, decision: Decision | str
) -> CaseLink | None:
    """Accepting links the recording in the person's name; rejecting keeps the rule from it.

    Raises InvalidInput ``decision-unknown``, NotFound ``recording-not-found``, Conflict
    ``proposal-closed`` when nobody asks (any more), and what linking raises.
    """
    if decision not in set(Decision):
        raise InvalidInput("decision-unknown", "A proposal is accepted or rejected.")
    open_ones = {one.case: one for one in await proposals_of(deps, actor, recording)}
    if case not in open_ones:
        raise Conflict("proposal-closed", "Nobody asks, or not any more, about this case.")
    actor.need_charge_of(open_ones[case].agency)
    made = None
    if decision == Decision.ACCEPTED:
        stage = open_ones[case].stage
        made = await link(
            deps, actor, recording=recording, case_id=case, stage=stage,
            reason=" ".join(open_ones[case].evidence),
        )  # fmt: skip
    async with deps.database.acquire() as connection:
        await link_proposals.decide(
            connection, recording, case, Decision(decision).value, actor.name, deps.clock.now()
        )
    return made
