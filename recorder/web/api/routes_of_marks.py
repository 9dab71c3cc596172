"""Rows of marks on recordings and of reasons for their gaps."""

from __future__ import annotations

from recorder.domain.people import Permission
from recorder.web import mark_shapes, schemas
from recorder.web.api import marks
from recorder.web.route import Answer, Route
from recorder.web.shapes import ListShape

_MARKS = "/api/v1/recordings/{id}/marks"
_REASONS = "/api/v1/recordings/{id}/gap-reasons"
_NO_RECORDING = ("recording-not-found",)
_TAGS = ("recordings",)

MARK_ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path=_MARKS,
        handler=marks.find,
        permission=Permission.BROWSE,
        summary="The marks of a recording by media time, at most 1000, withdrawn ones among them.",
        query=schemas.NoQuery,
        answer=Answer(schema=ListShape[mark_shapes.MarkShape]),
        problems=_NO_RECORDING,
        tags=_TAGS,
    ),
    Route(
        method="POST",
        path=_MARKS,
        handler=marks.mark,
        permission=Permission.LINK,
        summary="Point out a moment of a recording.",
        request=mark_shapes.RecordingMarkBody,
        answer=Answer(status=201, schema=mark_shapes.MarkShape),
        problems=(*_NO_RECORDING, "mark-time-invalid", "mark-origin-invalid"),
        tags=_TAGS,
    ),
    Route(
        method="DELETE",
        path=f"{_MARKS}/{{mark}}",
        handler=marks.withdraw,
        permission=Permission.LINK,
        summary="Withdraw a mark, with a reason; it stays with it.",
        request=schemas.ReasonBody,
        answer=Answer(schema=mark_shapes.MarkShape),
        problems=(*_NO_RECORDING, "mark-not-found", "reason-missing"),
        tags=_TAGS,
    ),
    Route(
        method="GET",
        path=_REASONS,
        handler=marks.gap_reasons,
        permission=Permission.BROWSE,
        summary="Why media of a recording are missing, as officers said it, in that order.",
        query=schemas.NoQuery,
        answer=Answer(schema=ListShape[mark_shapes.GapReasonShape]),
        problems=_NO_RECORDING,
        tags=_TAGS,
    ),
    Route(
        method="POST",
        path=_REASONS,
        handler=marks.give_gap_reason,
        permission=Permission.LINK,
        summary="Say why a recording has a gap, began late or ended early.",
        request=mark_shapes.GapReasonBody,
        answer=Answer(status=201, schema=mark_shapes.GapReasonShape),
        problems=(*_NO_RECORDING, "gap-not-found", "gap-reason-invalid"),
        tags=_TAGS,
    ),
)
