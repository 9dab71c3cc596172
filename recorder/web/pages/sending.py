"""The page /upload: files that a person has go to the service. Its scripts speak tus."""

from __future__ import annotations

from aiohttp import web

from recorder.domain.case import Stage
from recorder.domain.provenance import HANDED_OVER, Camera, ProvenanceKind
from recorder.web.keys import ACTOR
from recorder.web.pages.rendering import page

_LONGEST_NUMBER = 200


async def show(request: web.Request) -> web.StreamResponse:
    """The form; ``case`` and ``stage`` in the address fill two of its fields."""
    actor = request[ACTOR]
    return await page(
        request, "upload.html",
        account=actor.id, has_agency=actor.agency is not None, officer=actor.officer or "",
        case_number=request.query.get("case", "")[:_LONGEST_NUMBER],
        stage=request.query.get("stage", ""), stages=[stage.value for stage in Stage],
        kinds=tuple(ProvenanceKind), handed_over=HANDED_OVER, cameras=tuple(Camera),
    )  # fmt: skip
