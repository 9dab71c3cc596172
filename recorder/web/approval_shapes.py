"""JSON of acts of two persons, and what requests about them may hold."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from recorder.domain.approval import Hand
from recorder.domain.people import Actor, Permission
from recorder.store.approvals import ListedApproval
from recorder.web.schemas import Body, PageQuery
from recorder.web.shape import Shape

_Text = Annotated[str, Field(min_length=1, max_length=1000)]
_Word = Annotated[str, Field(min_length=1, max_length=100)]
_Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ApprovalsQuery(PageQuery):
    """Which proposals; every parameter narrows."""

    show: Annotated[
        Literal["waiting", "own", "open", "closed", "all"],
        Field(description="`waiting`: those that the asker, if a person, may decide about"),
    ] = "all"
    kind: Annotated[_Word | None, Field(description="what sort of thing: `duty_list`")] = None
    agency: Annotated[_Word | None, Field(description="agency code")] = None


class ApproveBody(Body):
    """The content that whoever approves has seen."""

    digest: _Digest


class RefuseBody(Body):
    """Why not."""

    reason: _Text


class HandShape(Shape):
    """Who proposed or decided."""

    kind: str = Field(description="person, program or operator")
    name: str
    officer: str | None = Field(description="the officer's number, of a person who is one")

    @classmethod
    def of(cls, hand: Hand) -> HandShape:
        return cls(kind=hand.kind.value, name=hand.name, officer=hand.officer)


class ApprovalShape(Shape):
    """An act of two persons: what was proposed, and what became of it."""

    id: uuid.UUID
    agency: str
    kind: str = Field(description="what sort of thing: duty_list")
    subject: uuid.UUID = Field(description="the thing itself")
    title: str
    digest: str = Field(description="SHA-256 of what was proposed; an approval names it")
    state: str = Field(description="proposed, approved, refused, expired or withdrawn")
    proposed_by: HandShape
    proposed_at: datetime
    expires_at: datetime
    decided_by: HandShape | None
    decided_at: datetime | None
    reason: str | None
    waits_for_me: bool = Field(description="the asker is a person who may decide about it")

    @classmethod
    def of(cls, listed: ListedApproval, actor: Actor, now: datetime) -> ApprovalShape:
        """The proposal as this asker meets it now."""
        found = listed.approval
        return cls(
            id=found.id,
            agency=listed.agency_code,
            kind=found.kind,
            subject=found.subject,
            title=found.title,
            digest=found.digest.hex(),
            state=found.state_at(now).value,
            proposed_by=HandShape.of(found.proposed_by),
            proposed_at=found.proposed_at,
            expires_at=found.expires_at,
            decided_by=HandShape.of(found.decided_by) if found.decided_by else None,
            decided_at=found.decided_at,
            reason=found.reason,
            waits_for_me=actor.may(Permission.APPROVE) and found.waits_for(actor, now),
        )
