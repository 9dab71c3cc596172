"""Rows of card copies beside live copies."""

from __future__ import annotations

from recorder.domain.people import Permission
from recorder.web import schemas
from recorder.web.api import copies
from recorder.web.copy_shapes import CopiesShape
from recorder.web.route import Answer, Route

_RECORDING = "/api/v1/recordings/{id}"
_RELEASE = f"{_RECORDING}/release"

COPY_ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path=f"{_RECORDING}/copies",
        handler=copies.show,
        permission=Permission.BROWSE,
        summary="The card copies of a livestream, or the livestream of a card copy, compared.",
        answer=Answer(schema=CopiesShape),
        problems=("recording-not-found",),
        tags=("recordings",),
    ),
    Route(
        method="PUT",
        path=f"{_RECORDING}/copies/{{recording}}",
        handler=copies.decide,
        permission=Permission.LINK,
        summary="Say whether the two are a pair, with a reason; either may follow the other.",
        request=schemas.CopyBody,
        answer=Answer(schema=CopiesShape),
        problems=(
            "recording-not-found", "recordings-no-pair", "card-copy-decided",
            "live-copy-released",
        ),
        tags=("recordings",),
    ),
    Route(
        method="PUT",
        path=_RELEASE,
        handler=copies.release,
        permission=Permission.RELEASE,
        summary="Keep the locks of a live copy ahead no longer: its card copy stands. Nothing is"
        " deleted by it.",
        request=schemas.ReasonBody,
        answer=Answer(schema=CopiesShape),
        problems=("recording-not-found", "card-copy-missing", "live-copy-decided"),
        tags=("recordings",),
    ),
    Route(
        method="DELETE",
        path=_RELEASE,
        handler=copies.keep,
        permission=Permission.RELEASE,
        summary="Take the release of a live copy back, with a reason.",
        request=schemas.ReasonBody,
        answer=Answer(schema=CopiesShape),
        problems=("recording-not-found", "live-copy-decided"),
        tags=("recordings",),
    ),
)  # fmt: skip
