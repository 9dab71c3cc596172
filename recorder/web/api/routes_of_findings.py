"""Rows of findings and coverage."""

from __future__ import annotations

from recorder.domain.limit import Limit
from recorder.domain.people import Permission
from recorder.web import finding_shapes as shapes
from recorder.web.api import findings
from recorder.web.route import Answer, Handler, Route
from recorder.web.schemas import Body
from recorder.web.shape import ListShape

_FINDING = "/api/v1/findings/{id}"


def _act(
    act: str, handler: Handler, permission: Permission, request: type[Body], summary: str
) -> Route:
    return Route(
        method="POST",
        path=f"{_FINDING}/{act}",
        handler=handler,
        permission=permission,
        summary=summary,
        request=request,
        answer=Answer(schema=shapes.FindingShape),
        problems=("finding-not-found", "finding-state", "reason-missing"),
        tags=("findings",),
    )


FINDING_ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/api/v1/findings",
        handler=findings.find,
        permission=Permission.READ_CASES,
        summary="Findings of coverage, newest first.",
        query=shapes.FindingsQuery,
        answer=Answer(schema=ListShape[shapes.FindingShape]),
        problems=("cursor-invalid",),
        tags=("findings",),
        limit=Limit.SEARCH,
    ),
    Route(
        method="GET",
        path=_FINDING,
        handler=findings.show,
        permission=Permission.READ_CASES,
        summary="One finding with everything that was said about it.",
        answer=Answer(schema=shapes.FindingViewShape),
        problems=("finding-not-found",),
        tags=("findings",),
    ),
    _act(
        "reply", findings.reply, Permission.ANSWER, shapes.TextBody,
        "Answer a finding; it may be answered again until it is closed.",
    ),
    _act(
        "appeal", findings.appeal, Permission.ANSWER, shapes.TextBody,
        "Not accept a finding, or how it was closed.",
    ),
    _act(
        "assign", findings.assign, Permission.SETTLE_FINDINGS, shapes.AssignBody,
        "Say who is to answer, and until when.",
    ),
    _act(
        "close", findings.close, Permission.SETTLE_FINDINGS, shapes.TextBody,
        "Settle a finding, or decide its appeal.",
    ),
    Route(
        method="GET",
        path="/api/v1/cases/{id}/coverage",
        handler=findings.of_case,
        permission=Permission.READ_CASES,
        summary="What should have been recorded of a case and was, now or by what was known then.",
        query=shapes.CoverageQuery,
        answer=Answer(schema=shapes.CoverageShape),
        problems=("case-not-found",),
        tags=("cases",),
    ),
)  # fmt: skip
