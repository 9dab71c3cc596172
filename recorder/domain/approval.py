"""What needs two persons: one proposes, another approves, before a time, and only what was seen.

Used for whatever must not be one person's doing (docs/design/registries.md). Pure: what an approval
sets in motion is the business of whoever asked for it.
"""

from __future__ import annotations

import enum
import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from recorder.domain.ids import AgencyId, ApprovalId
from recorder.domain.people import Actor, ActorKind
from recorder.errors import Conflict, Forbidden


class ApprovalState(enum.StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REFUSED = "refused"
    #: The time ran out.
    EXPIRED = "expired"
    #: By whoever proposed it.
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Hand:
    """Who proposed or decided, as far as it tells two persons apart."""

    kind: ActorKind
    id: str
    name: str
    #: The officer's number: one person with two accounts is still one.
    officer: str | None = None

    @classmethod
    def of(cls, actor: Actor) -> Hand:
        return cls(actor.kind, actor.id, actor.name, actor.officer)

    def is_of(self, actor: Actor) -> bool:
        """Whether it is this actor's, by whichever account."""
        return self.is_same(Hand.of(actor))

    def is_same(self, other: Hand) -> bool:
        return (self.kind, self.id) == (other.kind, other.id) or (
            self.officer is not None and self.officer == other.officer
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One proposal and what became of it."""

    id: ApprovalId
    agency: AgencyId
    #: What sort of thing is approved: `duty_list`.
    kind: str
    #: The thing itself; it has at most one open proposal.
    subject: uuid.UUID
    title: str
    #: SHA-256 of what was proposed: nothing else can be approved.
    digest: bytes
    proposed_by: Hand
    proposed_at: datetime
    expires_at: datetime
    #: As it was last written; ``state_at`` knows whether time has run out since.
    state: ApprovalState = ApprovalState.PROPOSED
    decided_by: Hand | None = None
    decided_at: datetime | None = None
    reason: str | None = None

    def state_at(self, now: datetime) -> ApprovalState:
        if self.state is ApprovalState.PROPOSED and now >= self.expires_at:
            return ApprovalState.EXPIRED
        return self.state

    def waits_for(self, actor: Actor, now: datetime) -> bool:
        """Whether the actor is one who could decide about it now, permission aside."""
        return (
            self.state_at(now) is ApprovalState.PROPOSED
            and actor.kind is ActorKind.PERSON
            and actor.acts_for(self.agency)
            and not self.proposed_by.is_of(actor)
        )


def approved(found: Approval, actor: Actor, digest: bytes, now: datetime) -> Approval:
    """The proposal, approved by a second person who saw just this content.

    Raises Conflict ``approval-closed`` or ``approval-stale``, Forbidden ``approval-own`` or
    ``approval-person-needed``.
    """
    need_open(found, now)
    _need_second(found, actor)
    if digest != found.digest:
        raise Conflict(
            "approval-stale", "What was proposed is not what stands there now; propose it anew."
        )
    return _decided(found, ApprovalState.APPROVED, actor, None, now)


def refused(found: Approval, actor: Actor, reason: str, now: datetime) -> Approval:
    """The proposal, refused by a second person with a reason. Raises as ``approved``."""
    need_open(found, now)
    _need_second(found, actor)
    return _decided(found, ApprovalState.REFUSED, actor, reason, now)


def withdrawn(found: Approval, actor: Actor, reason: str | None, now: datetime) -> Approval:
    """The proposal, taken back by whoever made it.

    Raises Conflict ``approval-closed``, Forbidden ``approval-foreign``.
    """
    need_open(found, now)
    if not found.proposed_by.is_of(actor):
        raise Forbidden("approval-foreign", "Only whoever proposed it takes it back.")
    return _decided(found, ApprovalState.WITHDRAWN, actor, reason, now)


def need_open(found: Approval, now: datetime) -> None:
    state = found.state_at(now)
    if state is not ApprovalState.PROPOSED:
        raise Conflict("approval-closed", f"This proposal is {state} already.", state=state.value)


def _need_second(found: Approval, actor: Actor) -> None:
    if actor.kind is not ActorKind.PERSON:
        raise Forbidden("approval-person-needed", "A person who is signed in decides about this.")
    if found.proposed_by.is_of(actor):
        raise Forbidden("approval-own", "Somebody else than the proposer decides about this.")


def _decided(
    found: Approval, state: ApprovalState, actor: Actor, reason: str | None, now: datetime
) -> Approval:
    return replace(found, state=state, decided_by=Hand.of(actor), decided_at=now, reason=reason)
