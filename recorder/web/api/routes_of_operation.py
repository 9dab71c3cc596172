"""Rows of work, alarms and administration, and of the addresses outside /api/v1."""

from __future__ import annotations

from recorder.domain.people import Permission
from recorder.web import openapi, reference_pages, schemas, work_shapes
from recorder.web.api import health, work
from recorder.web.api.routes_of_administration import ADMINISTRATION_ROUTES
from recorder.web.route import Answer, Route
from recorder.web.shapes import ListShape, TaskShape

_PAGE_PROBLEMS = ("cursor-invalid",)

WORK_ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/api/v1/work",
        handler=work.show,
        permission=Permission.READ_WORK,
        summary="Uploads and tasks under way.",
        query=schemas.NoQuery,
        answer=Answer(schema=work_shapes.WorkShape),
        tags=("work",),
    ),
    Route(
        method="GET",
        path="/api/v1/work/stream",
        handler=work.stream,
        permission=Permission.READ_WORK,
        summary="The same as server-sent events named `work`, whenever it changes.",
        query=schemas.NoQuery,
        answer=Answer(media_type="text/event-stream"),
        problems=("streams-limited",),
        tags=("work",),
    ),
    Route(
        method="GET",
        path="/api/v1/work/failed",
        handler=work.failed,
        permission=Permission.READ_WORK,
        summary="Tasks that ended without success.",
        query=schemas.PageQuery,
        answer=Answer(schema=ListShape[work_shapes.NamedTaskShape]),
        problems=_PAGE_PROBLEMS,
        tags=("work",),
    ),
    Route(
        method="POST",
        path="/api/v1/work/{id}/retry",
        handler=work.retry,
        permission=Permission.RETRY_WORK,
        summary="Make a failed task due again, with all its tries.",
        answer=Answer(schema=TaskShape),
        problems=("task-run-not-found", "task-run-not-failed"),
        tags=("work",),
    ),
    Route(
        method="GET",
        path="/api/v1/alarms",
        handler=work.list_alarms,
        permission=Permission.READ_WORK,
        summary="Alarms, newest first.",
        query=schemas.AlarmsQuery,
        answer=Answer(schema=ListShape[work_shapes.AlarmShape]),
        problems=_PAGE_PROBLEMS,
        tags=("alarms",),
    ),
    Route(
        method="POST",
        path="/api/v1/alarms/{id}/acknowledge",
        handler=work.acknowledge,
        permission=Permission.SETTLE_ALARMS,
        summary="Say that somebody looks into it.",
        request=schemas.NoteBody,
        answer=Answer(schema=work_shapes.AlarmShape),
        problems=("alarm-not-found", "alarm-acknowledged"),
        tags=("alarms",),
    ),
    Route(
        method="POST",
        path="/api/v1/alarms/{id}/clear",
        handler=work.clear,
        permission=Permission.SETTLE_ALARMS,
        summary="Close an alarm; if its cause goes on it is raised anew.",
        request=schemas.NoteBody,
        answer=Answer(schema=work_shapes.AlarmShape),
        problems=("alarm-not-found", "alarm-cleared"),
        tags=("alarms",),
    ),
)


_PROBE = "operation"

PLAIN_ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/healthz",
        handler=health.alive,
        permission=Permission.PUBLIC,
        summary="The process answers, and how late its event loop is.",
        answer=Answer(schema=work_shapes.HealthShape),
        tags=(_PROBE,),
    ),
    Route(
        method="GET",
        path="/readyz",
        handler=health.ready,
        permission=Permission.PUBLIC,
        summary="Whether requests can be served; 503 when the database or the loop says no.",
        answer=Answer(schema=work_shapes.ReadinessShape),
        tags=(_PROBE,),
    ),
    Route(
        method="GET",
        path="/metrics",
        handler=health.figures_text,
        permission=Permission.PUBLIC,
        summary="Figures in the text format of Prometheus.",
        answer=Answer(media_type="text/plain"),
        tags=(_PROBE,),
    ),
    Route(
        method="GET",
        path="/openapi.json",
        handler=openapi.answer,
        permission=Permission.PUBLIC,
        summary="This description, as OpenAPI 3.1.",
        answer=Answer(media_type="application/json"),
        tags=(_PROBE,),
    ),
    Route(
        method="GET",
        path="/docs",
        handler=reference_pages.api,
        permission=Permission.PUBLIC,
        summary="This description, for reading.",
        answer=Answer(media_type="text/html"),
        tags=(_PROBE,),
    ),
    Route(
        method="GET",
        path="/docs/problems",
        handler=reference_pages.problem_codes,
        permission=Permission.PUBLIC,
        summary="What each problem code means.",
        answer=Answer(media_type="text/html"),
        tags=(_PROBE,),
    ),
    Route(
        method="GET",
        path="/docs/style.css",
        handler=reference_pages.style,
        permission=Permission.PUBLIC,
        summary="The style of these two pages.",
        answer=Answer(media_type="text/css"),
        described=False,
    ),
)

OPERATION_ROUTES: tuple[Route, ...] = (*WORK_ROUTES, *ADMINISTRATION_ROUTES, *PLAIN_ROUTES)
