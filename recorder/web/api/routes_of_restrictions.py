"""Rows of who may watch a recording, where it comes from, and which files it continues."""

from __future__ import annotations

from recorder.domain.people import Permission
from recorder.web import schemas
from recorder.web.api import recordings, restrictions
from recorder.web.object_shapes import ContinuationShape
from recorder.web.provenance_shapes import (
    ClassesBody,
    ClassesShape,
    ProvenanceBody,
    ProvenanceShape,
    ReviewBody,
    ReviewShape,
)
from recorder.web.restriction_shapes import RestrictionBody, RestrictionShape
from recorder.web.route import Answer, Route
from recorder.web.shape import ListShape

_RESTRICTIONS = "/api/v1/recordings/{id}/restrictions"
_PROVENANCE = "/api/v1/recordings/{id}/provenance"
_NO_RECORDING = ("recording-not-found",)
_OF_LIVESTREAM = "/api/v1/livestreams/{id}/restrictions"
_NO_LIVESTREAM = ("livestream-not-found",)
_LIVE_TAGS = ("livestreams",)
_TAGS = ("recordings",)

RESTRICTION_ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path=_RESTRICTIONS,
        handler=restrictions.find,
        permission=Permission.BROWSE,
        summary="Why only some may watch a recording, lifted restrictions among them.",
        query=schemas.NoQuery,
        answer=Answer(schema=ListShape[RestrictionShape]),
        problems=_NO_RECORDING,
        tags=_TAGS,
    ),
    Route(
        method="POST",
        path=_RESTRICTIONS,
        handler=restrictions.restrict,
        permission=Permission.LINK,
        summary="Restrict who may watch a recording and every other copy of its event.",
        request=RestrictionBody,
        answer=Answer(status=201, schema=RestrictionShape),
        problems=(*_NO_RECORDING, "reason-missing"),
        tags=_TAGS,
    ),
    Route(
        method="DELETE",
        path=f"{_RESTRICTIONS}/{{restriction}}",
        handler=restrictions.lift,
        permission=Permission.LIFT,
        summary="Lift a restriction from all copies of the event, with a reason; it stays with it.",
        request=schemas.ReasonBody,
        answer=Answer(schema=RestrictionShape),
        problems=(
            *_NO_RECORDING,
            "restriction-not-found",
            "reason-missing",
            "footage-restricted",
        ),
        tags=_TAGS,
    ),
    Route(
        method="GET",
        path=_OF_LIVESTREAM,
        handler=restrictions.find_of_livestream,
        permission=Permission.BROWSE,
        summary="Why only some may watch a livestream, lifted restrictions among them.",
        query=schemas.NoQuery,
        answer=Answer(schema=ListShape[RestrictionShape]),
        problems=_NO_LIVESTREAM,
        tags=_LIVE_TAGS,
    ),
    Route(
        method="POST",
        path=_OF_LIVESTREAM,
        handler=restrictions.restrict_livestream,
        permission=Permission.LINK,
        summary="Restrict who may watch a livestream, while it runs too, and what it becomes.",
        request=RestrictionBody,
        answer=Answer(status=201, schema=RestrictionShape),
        problems=(*_NO_LIVESTREAM, "reason-missing"),
        tags=_LIVE_TAGS,
    ),
    Route(
        method="DELETE",
        path=f"{_OF_LIVESTREAM}/{{restriction}}",
        handler=restrictions.lift_from_livestream,
        permission=Permission.LIFT,
        summary="Lift a restriction from a livestream and all that it became, with a reason.",
        request=schemas.ReasonBody,
        answer=Answer(schema=RestrictionShape),
        problems=(
            *_NO_LIVESTREAM,
            "restriction-not-found",
            "reason-missing",
            "footage-restricted",
        ),
        tags=_LIVE_TAGS,
    ),
    Route(
        method="GET",
        path="/api/v1/recordings/{id}/continuation",
        handler=recordings.continuation,
        permission=Permission.BROWSE,
        summary="The files of its device that follow each other without a break: one shift.",
        query=schemas.NoQuery,
        answer=Answer(schema=ContinuationShape),
        problems=_NO_RECORDING,
        tags=_TAGS,
    ),
    Route(
        method="GET",
        path=_PROVENANCE,
        handler=restrictions.provenance,
        permission=Permission.BROWSE,
        summary="What was said last of where a recording comes from; empty where nobody said it.",
        query=schemas.NoQuery,
        answer=Answer(schema=ListShape[ProvenanceShape]),
        problems=_NO_RECORDING,
        tags=_TAGS,
    ),
    Route(
        method="PUT",
        path=_PROVENANCE,
        handler=restrictions.state_provenance,
        permission=Permission.LINK,
        summary="Say where a recording comes from that a person brought.",
        request=ProvenanceBody,
        answer=Answer(schema=ProvenanceShape),
        problems=(*_NO_RECORDING, "provenance-incomplete", "name-invalid", "reason-too-long"),
        tags=_TAGS,
    ),
    Route(
        method="PUT",
        path="/api/v1/recordings/{id}/classes",
        handler=restrictions.class_recording,
        permission=Permission.LINK,
        summary="Say of which classes a recording is by itself, whatever its cases are of.",
        request=ClassesBody,
        answer=Answer(schema=ClassesShape),
        problems=(*_NO_RECORDING, "reason-missing"),
        tags=_TAGS,
    ),
    Route(
        method="PUT",
        path="/api/v1/recordings/{id}/review",
        handler=restrictions.review_content,
        permission=Permission.ADMIT,
        summary="Say that footage of fixed monitoring passed the review of its content, or not.",
        request=ReviewBody,
        answer=Answer(schema=ReviewShape),
        problems=(*_NO_RECORDING, "review-not-needed", "reason-missing", "footage-restricted"),
        tags=_TAGS,
    ),
)
