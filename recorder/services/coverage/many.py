"""Many findings answered, assigned or settled by one word; what does not fit is passed over.

A finding that somebody else has dealt with meanwhile, or that belongs to another agency, is no
reason to refuse the others. Each batch is one transaction: whoever dies in between has answered
some, and the list shows which are left.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from recorder.domain.finding import FindingState
from recorder.domain.people import Actor
from recorder.errors import InvalidInput
from recorder.runtime import Deps
from recorder.services import names
from recorder.services.coverage.answering import note_act, note_owner
from recorder.services.coverage.asking import resolved
from recorder.store.change import Change
from recorder.store.coverage import findings
from recorder.store.coverage.findings import ToldFinding, Wanted

#: So many findings are answered by one word at most.
MOST_AT_ONCE = 500
_BATCH = 50
_STATES = {
    "reply": FindingState.REPLIED,
    "appeal": FindingState.APPEALED,
    "close": FindingState.CLOSED,
}


@dataclass(frozen=True, slots=True)
class Many:
    """How many of the chosen findings took the word, and how many were passed over."""

    done: int
    passed: int


async def all_wanted(deps: Deps, actor: Actor, wanted: Wanted) -> list[uuid.UUID]:
    """The newest findings that are wanted, ``MOST_AT_ONCE`` at most."""
    async with deps.database.acquire() as connection:
        asked = await resolved(connection, actor, wanted)
        return await findings.ids(connection, actor.scope, asked, MOST_AT_ONCE)


async def how_many(deps: Deps, actor: Actor, wanted: Wanted) -> int:
    """How many are wanted, counted up to one more than ``MOST_AT_ONCE``."""
    async with deps.database.acquire() as connection:
        asked = await resolved(connection, actor, wanted)
        return len(await findings.ids(connection, actor.scope, asked, MOST_AT_ONCE + 1))


async def answer_many(
    deps: Deps, actor: Actor, chosen: Sequence[uuid.UUID], act: str, *, text: str
) -> Many:
    """Reply, appeal or close with the same text.

    Raises InvalidInput ``reason-missing``, or ``form-invalid`` for no finding, too many of them,
    or another act.
    """
    state = _STATES.get(act)
    if state is None:
        raise InvalidInput("form-invalid", "One replies, appeals or closes.")
    said = names.needed_reason(text)

    async def one(change: Change, found: ToldFinding) -> bool:
        return await note_act(change, found, act, said, state)

    return await _each(deps, actor, chosen, one)


async def assign_many(
    deps: Deps,
    actor: Actor,
    chosen: Sequence[uuid.UUID],
    *,
    owner: str,
    answer_by: datetime | None = None,
) -> Many:
    """Somebody, by number or name, is to answer them. Raises InvalidInput ``name-invalid``."""
    who = names.checked(owner, "owner")

    async def one(change: Change, found: ToldFinding) -> bool:
        return await note_owner(change, found, who, answer_by, None)

    return await _each(deps, actor, chosen, one)


async def _each(
    deps: Deps,
    actor: Actor,
    chosen: Sequence[uuid.UUID],
    do: Callable[[Change, ToldFinding], Awaitable[bool]],
) -> Many:
    # In one order, so that two who choose the same do not wait for each other in a circle.
    wanted = sorted(set(chosen))
    if not 0 < len(wanted) <= MOST_AT_ONCE:
        raise InvalidInput("form-invalid", f"Choose 1 to {MOST_AT_ONCE} findings.")
    done = 0
    for start in range(0, len(wanted), _BATCH):
        done += await _batch(deps, actor, wanted[start : start + _BATCH], do)
    return Many(done, len(wanted) - done)


async def _batch(
    deps: Deps,
    actor: Actor,
    chosen: Sequence[uuid.UUID],
    do: Callable[[Change, ToldFinding], Awaitable[bool]],
) -> int:
    done = 0
    async with deps.change(actor, told_later=True) as change:
        for finding in chosen:
            found = await findings.lock(change, finding, actor.scope)
            if found is not None and actor.acts_for(found.finding.agency):
                done += await do(change, found)
    return done
