"""Deciding about any proposal by its own id: what sort of thing it is about says what follows.

A kind of act of two persons is one row of ``_ACTS``; its service does what the decision sets in
motion, in the same transaction as the decision.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from recorder.domain.approval import Approval, need_open
from recorder.domain.ids import ApprovalId
from recorder.domain.people import Actor
from recorder.runtime import Deps
from recorder.services import duties
from recorder.services.approvals import find_approval
from recorder.store.approvals import ListedApproval


@dataclass(frozen=True, slots=True)
class _Act:
    """What deciding means for one kind of thing; each raises as ``services/approvals.py`` says."""

    approve: Callable[[Deps, Actor, uuid.UUID, bytes, ApprovalId], Awaitable[object]]
    refuse: Callable[[Deps, Actor, uuid.UUID, str, ApprovalId], Awaitable[object]]
    withdraw: Callable[[Deps, Actor, uuid.UUID, ApprovalId], Awaitable[object]]


_ACTS: Mapping[str, _Act] = {
    duties.KIND: _Act(duties.approve, duties.refuse, duties.withdraw),
}
#: The kinds of things that need a second person.
KINDS = tuple(_ACTS)


async def approve(deps: Deps, actor: Actor, approval: ApprovalId, digest: bytes) -> ListedApproval:
    """Approved by a second person who saw the content of ``digest``, and in effect.

    Raises NotFound ``approval-not-found``, Conflict ``approval-closed`` or ``approval-stale``,
    Forbidden ``approval-own``, ``approval-person-needed`` or ``agency-scope``.
    """
    found = await _open(deps, actor, approval)
    await _ACTS[found.kind].approve(deps, actor, found.subject, digest, approval)
    return await find_approval(deps, actor, approval)


async def refuse(deps: Deps, actor: Actor, approval: ApprovalId, reason: str) -> ListedApproval:
    """Refused by a second person. Raises InvalidInput ``reason-missing``, else as ``approve``."""
    found = await _open(deps, actor, approval)
    await _ACTS[found.kind].refuse(deps, actor, found.subject, reason, approval)
    return await find_approval(deps, actor, approval)


async def withdraw(deps: Deps, actor: Actor, approval: ApprovalId) -> ListedApproval:
    """Taken back by whoever proposed it. Raises as ``approve``, Forbidden ``approval-foreign``."""
    found = await _open(deps, actor, approval)
    await _ACTS[found.kind].withdraw(deps, actor, found.subject, approval)
    return await find_approval(deps, actor, approval)


async def _open(deps: Deps, actor: Actor, approval: ApprovalId) -> Approval:
    found = (await find_approval(deps, actor, approval)).approval
    need_open(found, deps.clock.now())
    return found
