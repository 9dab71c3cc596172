"""Rows of plans and parties of cases, and of joint checks."""

from __future__ import annotations

from recorder.domain.limit import Limit
from recorder.domain.people import Permission
from recorder.web import schemas, shapes
from recorder.web.api import mentions
from recorder.web.mention_shapes import (
    JointCheckQuery,
    JointCheckShape,
    MentionBody,
    MentioningQuery,
    MentionShape,
)
from recorder.web.route import Answer, Route

_MENTIONS = "/api/v1/cases/{id}/mentions"
_NO_CASE = ("case-not-found",)
_NUMBER = ("case-number-empty", "case-number-too-long")
_TAGS = ("cases",)

MENTION_ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/api/v1/case-mentions",
        handler=mentions.find,
        permission=Permission.READ_CASES,
        summary="Find cases by the plan of a joint check, a company, or a place within some days.",
        query=MentioningQuery,
        answer=Answer(schema=shapes.ListShape[shapes.CaseLineShape]),
        problems=("cursor-invalid", "limit-invalid", "place-days-invalid", *_NUMBER),
        tags=_TAGS,
        limit=Limit.SEARCH,
    ),
    Route(
        method="GET",
        path=_MENTIONS,
        handler=mentions.of_case,
        permission=Permission.READ_CASES,
        summary="The plans and parties of a case.",
        query=schemas.NoQuery,
        answer=Answer(schema=shapes.ListShape[MentionShape]),
        problems=_NO_CASE,
        tags=_TAGS,
    ),
    Route(
        method="POST",
        path=_MENTIONS,
        handler=mentions.mention,
        permission=Permission.EDIT_CASES,
        summary="Say which joint check a case belongs to, or who its party is.",
        request=MentionBody,
        answer=Answer(status=201, schema=MentionShape),
        problems=(*_NO_CASE, "case-merged", "name-invalid", *_NUMBER),
        tags=_TAGS,
    ),
    Route(
        method="DELETE",
        path=f"{_MENTIONS}/{{mention}}",
        handler=mentions.withdraw,
        permission=Permission.EDIT_CASES,
        summary="Take back what a person said of a case, with a reason.",
        request=schemas.ReasonBody,
        answer=Answer(status=204),
        problems=(*_NO_CASE, "mention-not-found", "reason-missing"),
        tags=_TAGS,
    ),
    Route(
        method="GET",
        path="/api/v1/joint-checks",
        handler=mentions.joint_check,
        permission=Permission.READ_CASES,
        summary="The parts of a joint check that the asker may know of, in figures.",
        query=JointCheckQuery,
        answer=Answer(schema=JointCheckShape),
        problems=("joint-check-not-found", *_NUMBER),
        tags=_TAGS,
        limit=Limit.SEARCH,
    ),
)
