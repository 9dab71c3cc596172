"""JSON of cases that footage may belong to."""

from __future__ import annotations

import uuid
from datetime import datetime

from pydantic import Field

from recorder.store.link_proposals import LinkProposal
from recorder.web.shape import Shape


class ProposalShape(Shape):
    """A case with what speaks for it and against it."""

    case: uuid.UUID
    number: str
    title: str | None
    event: uuid.UUID | None = Field(description="the scene that it would show")
    event_kind: str | None
    stage: str | None
    began_at: datetime | None
    ended_at: datetime | None
    points: int
    evidence: tuple[str, ...] = Field(description="words of the weighed evidence")
    proposed_at: datetime

    @classmethod
    def of(cls, proposal: LinkProposal) -> ProposalShape:
        return cls(
            case=proposal.case,
            number=proposal.number,
            title=proposal.case_title,
            event=proposal.event,
            event_kind=proposal.event_kind,
            stage=proposal.stage,
            began_at=proposal.began_at,
            ended_at=proposal.ended_at,
            points=proposal.points,
            evidence=tuple(one.value for one in proposal.evidence),
            proposed_at=proposal.proposed_at,
        )
