"""Rows of what goes out to other systems: event facts."""

from __future__ import annotations

from recorder.domain.people import Permission
from recorder.web import fact_shapes as shapes
from recorder.web.api import facts
from recorder.web.route import Answer, Route

FACT_ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/api/v1/facts",
        handler=facts.read,
        permission=Permission.READ_FACTS,
        summary="Event facts for the models of other systems, as JSON lines behind a cursor.",
        query=shapes.FactsQuery,
        request_headers=(("Accept-Encoding", "`gzip` makes it an eighth"),),
        answer=Answer(
            media_type="application/x-ndjson",
            headers=(
                (facts.CURSOR, "`after` of whoever has read the whole answer"),
                ("ETag", "for If-None-Match"),
            ),
            others=((304, "Nothing was told since."),),
        ),
        problems=("cursor-invalid", "facts-restarted"),
        tags=("facts",),
    ),
)
