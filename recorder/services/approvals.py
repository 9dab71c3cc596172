"""Acts of two persons: propose, approve, refuse, withdraw, expire.

Whatever is approved takes effect in the same Change: the service of the thing opens it, calls one
of these functions, and does what follows from it.
"""

from __future__ import annotations

import enum
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from recorder.domain import approval as rules
from recorder.domain.approval import Approval, ApprovalState, Hand
from recorder.domain.events import (
    ApprovalExpired,
    ApprovalGranted,
    ApprovalProposed,
    ApprovalRefused,
    ApprovalWithdrawn,
)
from recorder.domain.ids import AgencyId, ApprovalId, new_uuid
from recorder.domain.people import SERVICE, Actor, ActorKind, Permission
from recorder.errors import Conflict, NotFound
from recorder.runtime import Deps
from recorder.services import guard, names
from recorder.services.paging import Page, page_of, page_size, read_cursor
from recorder.store import approvals
from recorder.store.approvals import ListedApproval, Sought
from recorder.store.change import Change

#: Whoever is asked has a month, holidays included.
LIFE = timedelta(days=30)
_MOST_AT_ONCE = 100


class Show(enum.StrEnum):
    """Which proposals a list shows."""

    #: Those that the asker may decide about, if it is a person.
    WAITING = "waiting"
    #: The asker's own, open or not.
    OWN = "own"
    OPEN = "open"
    #: Decided, taken back, or out of time.
    CLOSED = "closed"
    ALL = "all"


#: Whether they are open, and whether they are the asker's own.
_SHOWN: Mapping[Show, tuple[bool | None, bool | None]] = {
    Show.WAITING: (True, False),
    Show.OWN: (None, True),
    Show.OPEN: (True, None),
    Show.CLOSED: (False, None),
    Show.ALL: (None, None),
}


async def propose(
    change: Change,
    *,
    agency: AgencyId,
    kind: str,
    subject: uuid.UUID,
    title: str,
    digest: bytes,
    life: timedelta = LIFE,
) -> Approval:
    """An open proposal about the subject, of which just the content of ``digest`` is approved.

    Raises Conflict ``approval-open`` when there is one.
    """
    proposal = Approval(
        id=ApprovalId(new_uuid(change.now)),
        agency=agency,
        kind=kind,
        subject=subject,
        title=title,
        digest=digest,
        proposed_by=Hand.of(change.actor),
        proposed_at=change.now,
        expires_at=change.now + life,
    )
    for old in await approvals.of_subject(change.connection, kind, subject):
        # The clock may not have come by yet.
        if old.state is ApprovalState.PROPOSED and old.state_at(change.now) != old.state:
            await _expire(change, old)
    if not await approvals.insert(change, proposal):
        raise Conflict("approval-open", "There is an open proposal about this already.")
    change.record(
        ApprovalProposed(
            subject=proposal.id,
            agency=agency,
            kind=kind,
            about=subject,
            title=title,
            digest=digest.hex(),
            expires_at=proposal.expires_at,
        )
    )
    return proposal


async def approve(change: Change, approval: ApprovalId, digest: bytes) -> Approval:
    """Approved by the actor, who saw the content of ``digest``; what follows is the caller's.

    Raises NotFound ``approval-not-found``, and as ``domain/approval.py`` says.
    """
    decided = rules.approved(await _locked(change, approval), change.actor, digest, change.now)
    await approvals.set_decided(change, decided)
    change.record(
        ApprovalGranted(
            subject=decided.id,
            agency=decided.agency,
            kind=decided.kind,
            about=decided.subject,
            digest=digest.hex(),
            proposer=decided.proposed_by.name,
        )
    )
    return decided


async def refuse(change: Change, approval: ApprovalId, reason: str) -> Approval:
    """Refused with a reason. Raises InvalidInput ``reason-missing``, else as ``approve``."""
    why = names.needed_reason(reason)
    decided = rules.refused(await _locked(change, approval), change.actor, why, change.now)
    await approvals.set_decided(change, decided)
    change.record(
        ApprovalRefused(
            subject=decided.id,
            agency=decided.agency,
            kind=decided.kind,
            about=decided.subject,
            proposer=decided.proposed_by.name,
            reason=why,
        )
    )
    return decided


async def withdraw(change: Change, approval: ApprovalId, reason: str | None = None) -> Approval:
    """Taken back by whoever proposed it. Raises NotFound, Conflict, Forbidden."""
    why = names.reason(reason)
    decided = rules.withdrawn(await _locked(change, approval), change.actor, why, change.now)
    await approvals.set_decided(change, decided)
    change.record(
        ApprovalWithdrawn(
            subject=decided.id,
            agency=decided.agency,
            kind=decided.kind,
            about=decided.subject,
            reason=why,
        )
    )
    return decided


async def expire_overdue(deps: Deps) -> bool:
    """Close proposals whose time has run out; True when there may be more. For the clock."""
    now = await guard.both_clocks(deps)
    async with deps.change(SERVICE, told_later=True) as change:
        overdue = await approvals.lock_overdue(change, now, _MOST_AT_ONCE)
        for one in overdue:
            await _expire(change, one)
    return len(overdue) == _MOST_AT_ONCE


async def list_approvals(
    deps: Deps,
    actor: Actor,
    show: Show = Show.ALL,
    *,
    kind: str | None = None,
    agency: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[ListedApproval]:
    """Proposals of the agencies that the actor sees, newest first; ``agency`` is a code."""
    before, size = read_cursor(cursor), page_size(limit)
    sought = Sought(Hand.of(actor), kind, agency, *_SHOWN[show])
    async with deps.database.acquire() as connection:
        rows = await approvals.listed(
            connection,
            actor.charge if show is Show.WAITING else actor.scope,
            sought,
            now=deps.clock.now(),
            before=before,
            limit=size + 1,
        )
    return page_of(rows, size, lambda row: (row.approval.proposed_at, row.approval.id))


async def waiting_for(deps: Deps, actor: Actor, most: int) -> int:
    """How many proposals the actor could decide about, ``most`` at most."""
    if actor.kind is not ActorKind.PERSON or not actor.may(Permission.APPROVE):
        return 0
    return len((await list_approvals(deps, actor, Show.WAITING, limit=most)).items)


async def find_approval(deps: Deps, actor: Actor, approval: ApprovalId) -> ListedApproval:
    """One proposal. Raises NotFound ``approval-not-found``."""
    async with deps.database.acquire() as connection:
        found = await approvals.find(connection, approval, actor.scope)
    if found is None:
        raise NotFound("approval-not-found", "There is no such proposal.")
    return found


async def history(deps: Deps, kind: str, subject: uuid.UUID) -> list[Approval]:
    """All proposals about a thing that the actor has been shown, the newest first."""
    async with deps.database.acquire() as connection:
        return (await approvals.of_subject(connection, kind, subject))[::-1]


async def _locked(change: Change, approval: ApprovalId) -> Approval:
    found = await approvals.lock(change, approval, change.actor.scope)
    if found is None:
        raise NotFound("approval-not-found", "There is no such proposal.")
    return found


async def _expire(change: Change, found: Approval) -> None:
    closed = replace(found, state=ApprovalState.EXPIRED, decided_at=_end(found, change.now))
    await approvals.set_decided(change, closed)
    change.record(
        ApprovalExpired(subject=found.id, agency=found.agency, kind=found.kind, about=found.subject)
    )


def _end(found: Approval, now: datetime) -> datetime:
    """When it ended: by its own time, not by when the clock came by."""
    return min(found.expires_at, now)
