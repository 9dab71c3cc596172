"""What people do with findings: reply, assign, appeal, close."""

from __future__ import annotations

import uuid
from datetime import datetime

from recorder.domain.events import FindingAnswered
from recorder.domain.finding import MOVES, FindingState
from recorder.domain.people import Actor
from recorder.errors import Conflict, NotFound
from recorder.runtime import Deps
from recorder.services import names
from recorder.store.change import Change
from recorder.store.coverage import days, findings
from recorder.store.coverage.findings import ToldFinding


async def reply(deps: Deps, actor: Actor, finding: uuid.UUID, *, text: str) -> ToldFinding:
    """The agency's answer; it may be given again until the finding is closed.

    Raises NotFound ``finding-not-found``, Conflict ``finding-state``, InvalidInput
    ``reason-missing``; so do the others.
    """
    return await _act(deps, actor, finding, "reply", text, FindingState.REPLIED)


async def appeal(deps: Deps, actor: Actor, finding: uuid.UUID, *, text: str) -> ToldFinding:
    """The agency does not accept the finding, or how it was closed."""
    return await _act(deps, actor, finding, "appeal", text, FindingState.APPEALED)


async def close(deps: Deps, actor: Actor, finding: uuid.UUID, *, text: str) -> ToldFinding:
    """Whoever asked is content with the answer, or decides the appeal."""
    return await _act(deps, actor, finding, "close", text, FindingState.CLOSED)


async def assign(
    deps: Deps,
    actor: Actor,
    finding: uuid.UUID,
    *,
    owner: str,
    answer_by: datetime | None = None,
    text: str | None = None,
) -> ToldFinding:
    """Somebody, by number or name, is to answer, until a moment if one is named."""
    who = names.checked(owner, "owner")
    async with deps.change(actor) as change:
        found = await _locked(change, actor, finding)
        if not await note_owner(change, found, who, answer_by, names.reason(text)):
            raise _state(found)
    return await _read(deps, actor, finding)


async def _act(
    deps: Deps, actor: Actor, finding: uuid.UUID, act: str, text: str, state: FindingState
) -> ToldFinding:
    said = names.needed_reason(text)
    async with deps.change(actor) as change:
        found = await _locked(change, actor, finding)
        if not await note_act(change, found, act, said, state):
            raise _state(found)
    return await _read(deps, actor, finding)


async def note_act(
    change: Change, found: ToldFinding, act: str, said: str, state: FindingState
) -> bool:
    """Write a word about a locked finding, which moves it; False where it cannot move there."""
    if state not in MOVES[found.state]:
        return False
    await findings.set_state(change, found.id, state, found.owner, found.answer_by)
    if state is not found.state:
        key = (found.finding.agency, found.day, found.finding.kind.value)
        await days.count_findings(change, {(*key, found.state.value): -1, (*key, state.value): 1})
    await _note(change, found, act, said, state, found.owner)
    return True


async def note_owner(
    change: Change, found: ToldFinding, who: str, answer_by: datetime | None, text: str | None
) -> bool:
    """Write who is to answer a locked finding; False where nobody is any more."""
    if found.state in (FindingState.CLOSED, FindingState.WITHDRAWN):
        return False
    await findings.set_state(change, found.id, found.state, who, answer_by or found.answer_by)
    await _note(change, found, "assign", text or who, found.state, who)
    return True


async def _note(
    change: Change,
    found: ToldFinding,
    act: str,
    text: str,
    state: FindingState,
    owner: str | None,
) -> None:
    await findings.insert_act(change, found.id, act, text)
    change.record(
        FindingAnswered(
            subject=found.finding.case,
            agency=found.finding.agency,
            finding=found.id,
            kind=found.finding.kind.value,
            act=act,
            text=text,
            state=state.value,
            owner=owner,
            answer_by=found.answer_by,
        )
    )


async def _locked(change: Change, actor: Actor, finding: uuid.UUID) -> ToldFinding:
    found = await findings.lock(change, finding, actor.scope)
    if found is None:
        raise not_found()
    return found


async def _read(deps: Deps, actor: Actor, finding: uuid.UUID) -> ToldFinding:
    async with deps.database.acquire() as connection:
        found = await findings.find(connection, finding, actor.scope)
    if found is None:
        raise not_found()
    return found


def not_found() -> NotFound:
    return NotFound("finding-not-found", "There is no such finding.")


def _state(found: ToldFinding) -> Conflict:
    return Conflict(
        "finding-state", f"This finding is {found.state} already.", state=found.state.value
    )
