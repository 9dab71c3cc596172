"""Rows of the dashboard's figures."""

from __future__ import annotations

from recorder.domain.limit import Limit
from recorder.domain.people import Permission
from recorder.web import figure_shapes as shapes
from recorder.web.api import dashboard
from recorder.web.route import Answer, Handler, Route
from recorder.web.schemas import Query
from recorder.web.shape import ListShape, Shape


def _list(
    name: str,
    handler: Handler,
    permission: Permission,
    query: type[Query],
    schema: type[Shape],
    summary: str,
) -> Route:
    return Route(
        method="GET",
        path=f"/api/v1/figures/{name}",
        handler=handler,
        permission=permission,
        summary=summary,
        query=query,
        answer=Answer(schema=schema),
        problems=("agency-not-found", "days-invalid"),
        tags=("figures",),
        limit=Limit.SEARCH,
    )


FIGURE_ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/api/v1/figures",
        handler=dashboard.figures,
        permission=Permission.READ_CASES,
        summary="Figures of an organisation over some days, with those below it; or of an officer.",
        query=shapes.FiguresQuery,
        answer=Answer(schema=shapes.FiguresShape),
        problems=("agency-not-found", "officer-not-found", "days-invalid"),
        tags=("figures",),
        limit=Limit.SEARCH,
    ),
    _list(
        "officers", dashboard.officers, Permission.COMPARE_OFFICERS, shapes.DaysQuery,
        ListShape[shapes.OfficerFiguresShape],
        "Officers of an organisation, who has most to mend first; 300 at most.",
    ),
    _list(
        "devices", dashboard.devices, Permission.COMPARE_OFFICERS, shapes.DaysQuery,
        ListShape[shapes.DeviceFiguresShape],
        "Devices of an organisation, the most silent first; 300 at most.",
    ),
    _list(
        "classes", dashboard.classes, Permission.COMPARE_OFFICERS, shapes.DaysQuery,
        ListShape[shapes.ClassFiguresShape],
        "Cases of an organisation that were opened on these days, by class.",
    ),
    _list(
        "scenes", dashboard.scenes, Permission.READ_CASES, shapes.ScenesQuery,
        ListShape[shapes.SceneFiguresShape],
        "Scenes with something missing or late, the most missing first; 300 at most.",
    ),
)  # fmt: skip
