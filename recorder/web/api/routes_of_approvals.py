"""Rows of acts of two persons."""

from __future__ import annotations

from recorder.domain.people import Permission
from recorder.web import approval_shapes as shapes
from recorder.web.api import approvals
from recorder.web.route import Answer, Route
from recorder.web.shape import ListShape

_APPROVAL = "/api/v1/approvals/{id}"
_WHOLE = Answer(schema=shapes.ApprovalShape)
_NONE = ("approval-not-found",)
_DECIDED = (*_NONE, "approval-closed", "approval-own", "approval-person-needed", "agency-scope")

APPROVAL_ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/api/v1/approvals",
        handler=approvals.find,
        permission=Permission.APPROVE,
        summary="What waits for a second person, and what became of it, newest first.",
        query=shapes.ApprovalsQuery,
        answer=Answer(schema=ListShape[shapes.ApprovalShape]),
        tags=("approvals",),
    ),
    Route(
        method="GET",
        path=_APPROVAL,
        handler=approvals.show,
        permission=Permission.APPROVE,
        summary="One proposal.",
        answer=_WHOLE,
        problems=_NONE,
        tags=("approvals",),
    ),
    Route(
        method="POST",
        path=f"{_APPROVAL}/approve",
        handler=approvals.approve,
        permission=Permission.APPROVE,
        summary="Approve what somebody else proposed; it takes effect at once.",
        request=shapes.ApproveBody,
        answer=_WHOLE,
        problems=(*_DECIDED, "approval-stale"),
        tags=("approvals",),
    ),
    Route(
        method="POST",
        path=f"{_APPROVAL}/refuse",
        handler=approvals.refuse,
        permission=Permission.APPROVE,
        summary="Refuse what somebody else proposed, with a reason.",
        request=shapes.RefuseBody,
        answer=_WHOLE,
        problems=(*_DECIDED, "reason-missing"),
        tags=("approvals",),
    ),
    Route(
        method="POST",
        path=f"{_APPROVAL}/withdraw",
        handler=approvals.withdraw,
        permission=Permission.APPROVE,
        summary="Take one's own proposal back.",
        answer=_WHOLE,
        problems=(*_NONE, "approval-closed", "approval-foreign"),
        tags=("approvals",),
    ),
)
