"""Rows of cases that footage may belong to."""

from __future__ import annotations

from recorder.domain.people import Permission
from recorder.web import schemas
from recorder.web.api import proposals
from recorder.web.proposal_shapes import ProposalShape
from recorder.web.route import Answer, Route
from recorder.web.shape import ListShape

_PROPOSALS = "/api/v1/recordings/{id}/proposals"

PROPOSAL_ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path=_PROPOSALS,
        handler=proposals.show,
        permission=Permission.BROWSE,
        summary="Cases that an unlinked recording may belong to, with their evidence, best first.",
        answer=Answer(schema=ListShape[ProposalShape]),
        problems=("recording-not-found",),
        tags=("recordings",),
    ),
    Route(
        method="POST",
        path=f"{_PROPOSALS}/{{case}}",
        handler=proposals.decide,
        permission=Permission.LINK,
        summary="Accept a proposal, which links, or reject it, so that the rule leaves it alone.",
        request=schemas.ProposalBody,
        answer=Answer(schema=ListShape[ProposalShape]),
        problems=("recording-not-found", "proposal-closed", "case-merged"),
        tags=("recordings",),
    ),
)
