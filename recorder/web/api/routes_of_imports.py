"""Rows of imports."""

from __future__ import annotations

from recorder.domain.people import Permission
from recorder.web import import_shapes as shapes
from recorder.web.api import imports
from recorder.web.route import Answer, Route
from recorder.web.schemas import PageQuery
from recorder.web.shape import ListShape

IMPORT_ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/api/v1/imports",
        handler=imports.find,
        permission=Permission.ADMINISTER,
        summary="Tables that were taken into registries, newest first.",
        query=PageQuery,
        answer=Answer(schema=ListShape[shapes.ImportedFileShape]),
        tags=("imports",),
    ),
    Route(
        method="POST",
        path="/api/v1/imports/{kind}",
        handler=imports.take,
        permission=Permission.ADMINISTER,
        summary=(
            "Take a table into a registry, every line or none, or try it: CSV, XLSX, or one JSON"
            " object a line, as the body itself."
        ),
        query=shapes.ImportQuery,
        request_media_type="application/octet-stream",
        answer=Answer(schema=shapes.ImportShape),
        problems=(
            "import-kind-unknown",
            "import-unreadable",
            "import-columns",
            "import-empty",
            "import-faults",
            "import-too-large",
            "agency-not-found",
            "agency-scope",
        ),
        tags=("imports",),
    ),
)
