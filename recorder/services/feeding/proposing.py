"""Pairs of cases that the numbers of a row join: listed, merged or refused by a person."""

from __future__ import annotations

import uuid

from recorder.domain.events import CaseMergeRejected
from recorder.domain.people import Actor
from recorder.errors import Conflict, NotFound
from recorder.runtime import Deps
from recorder.services import casework, names
from recorder.services.paging import Page, page_of, page_size, read_cursor
from recorder.store.feed import proposals
from recorder.store.feed.proposals import MergeProposal


async def list_proposals(
    deps: Deps, actor: Actor, cursor: str | None = None, limit: int = 50
) -> Page[MergeProposal]:
    """Pairs that nobody has decided, the oldest first. Raises InvalidInput ``cursor-invalid``."""
    after = read_cursor(cursor)
    async with deps.database.acquire() as connection:
        found = await proposals.open_ones(connection, actor.scope, after, page_size(limit) + 1)
    return page_of(found, limit, lambda each: (each.proposed_at, each.id))


async def decide(
    deps: Deps, actor: Actor, proposal_id: uuid.UUID, *, merge: bool, reason: str
) -> MergeProposal:
    """Merge the later case into the earlier one, or say that they are two.

    Raises NotFound ``merge-proposal-not-found``, Conflict ``merge-proposal-decided``, and what
    ``casework.merge_cases`` raises.
    """
    why = names.needed_reason(reason)
    async with deps.database.acquire() as connection:
        found = await proposals.find(connection, proposal_id, actor.scope)
    if found is None:
        raise NotFound("merge-proposal-not-found", "There is no such proposal.")
    if found.decision is not None:
        raise _decided(found)
    if merge:
        await casework.merge_cases(deps, actor, found.other, into=found.case, reason=why)
    async with deps.change(actor, told_later=merge) as change:
        if not await proposals.decide(change, proposal_id, "merged" if merge else "rejected"):
            raise _decided(found)
        if not merge:
            change.record(
                CaseMergeRejected(
                    subject=found.case,
                    agency=found.agency,
                    other=found.other,
                    source=found.source,
                    key=found.key,
                    reason=why,
                )
            )
    async with deps.database.acquire() as connection:
        return await proposals.find(connection, proposal_id, actor.scope) or found


def _decided(found: MergeProposal) -> Conflict:
    return Conflict("merge-proposal-decided", f"{found.decided_by or 'Somebody'} has decided it.")
