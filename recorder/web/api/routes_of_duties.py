"""Rows of duty lists."""

from __future__ import annotations

from recorder.domain.people import Permission
from recorder.web import duty_shapes as shapes
from recorder.web.api import duties
from recorder.web.approval_shapes import ApproveBody, RefuseBody
from recorder.web.route import Answer, Route
from recorder.web.shapes import ListShape

_LIST = "/api/v1/duty-lists/{id}"
_WHOLE = Answer(schema=shapes.DutyListShape)
_NONE = ("duty-list-not-found",)
_STATE = (*_NONE, "duty-list-state")
_DRAFT = ("duty-list-malformed", "name-invalid", "title-too-long")
_DECIDED = (*_STATE, "approval-closed", "approval-own", "approval-person-needed")

DUTY_ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/api/v1/duty-lists",
        handler=duties.find,
        permission=Permission.READ_CASES,
        summary="Versions of duty lists, the newest first day first.",
        query=shapes.DutyListsQuery,
        answer=Answer(schema=ListShape[shapes.DutyHeaderShape]),
        problems=("cursor-invalid",),
        tags=("duty-lists",),
    ),
    Route(
        method="POST",
        path="/api/v1/duty-lists",
        handler=duties.draft,
        permission=Permission.EDIT_DUTIES,
        summary="Draft a version, by a table or as a shipped profile has it.",
        request=shapes.DraftBody,
        answer=Answer(status=201, schema=shapes.DutyListShape),
        problems=(*_DRAFT, "duty-profile-unknown", "agency-not-found"),
        tags=("duty-lists",),
    ),
    Route(
        method="GET",
        path=_LIST,
        handler=duties.show,
        permission=Permission.READ_CASES,
        summary="One version with its rules.",
        answer=_WHOLE,
        problems=_NONE,
        tags=("duty-lists",),
    ),
    Route(
        method="PATCH",
        path=_LIST,
        handler=duties.redraft,
        permission=Permission.EDIT_DUTIES,
        summary="Change a draft.",
        request=shapes.RedraftBody,
        answer=_WHOLE,
        problems=(*_STATE, *_DRAFT),
        tags=("duty-lists",),
    ),
    Route(
        method="GET",
        path=f"{_LIST}/table",
        handler=duties.table,
        permission=Permission.READ_CASES,
        summary="The version as CSV, in the columns that agencies publish.",
        answer=Answer(media_type="text/csv"),
        problems=_NONE,
        tags=("duty-lists",),
    ),
    Route(
        method="GET",
        path=f"{_LIST}/comparison",
        handler=duties.compare,
        permission=Permission.READ_CASES,
        summary="What is other in this version than in an older one.",
        query=shapes.CompareQuery,
        answer=Answer(schema=shapes.ComparisonShape),
        problems=_NONE,
        tags=("duty-lists",),
    ),
    Route(
        method="POST",
        path=f"{_LIST}/propose",
        handler=duties.propose,
        permission=Permission.EDIT_DUTIES,
        summary="Have a second person decide; the draft changes no more until then.",
        answer=_WHOLE,
        problems=(*_STATE, "approval-open"),
        tags=("duty-lists",),
    ),
    Route(
        method="POST",
        path=f"{_LIST}/approve",
        handler=duties.approve,
        permission=Permission.APPROVE,
        summary="Approve what somebody else proposed; it is in force from its first day on.",
        request=ApproveBody,
        answer=_WHOLE,
        problems=(*_DECIDED, "approval-stale"),
        tags=("duty-lists",),
    ),
    Route(
        method="POST",
        path=f"{_LIST}/refuse",
        handler=duties.refuse,
        permission=Permission.APPROVE,
        summary="Refuse what somebody else proposed, with a reason; it is a draft again.",
        request=RefuseBody,
        answer=_WHOLE,
        problems=(*_DECIDED, "reason-missing"),
        tags=("duty-lists",),
    ),
    Route(
        method="POST",
        path=f"{_LIST}/withdraw",
        handler=duties.withdraw,
        permission=Permission.EDIT_DUTIES,
        summary="Take one's own proposal back; it is a draft again.",
        answer=_WHOLE,
        problems=(*_STATE, "approval-closed", "approval-foreign"),
        tags=("duty-lists",),
    ),
)
