"""Is the process well, can it serve, and figures for a monitoring system; all public."""

from __future__ import annotations

from aiohttp import hdrs, web

from recorder import metrics
from recorder.services import figures, readiness
from recorder.web import siblings
from recorder.web.content import json_answer
from recorder.web.keys import DEPS, STOPPING
from recorder.web.pulse import PULSE
from recorder.web.work_shapes import ComponentShape, HealthShape, ReadinessShape

#: A loop that is later than this serves nobody any more.
_DEAD_LAG_S = 10.0


async def alive(request: web.Request) -> web.StreamResponse:
    lag = request.app[PULSE].lag_s
    well = lag < _DEAD_LAG_S
    shape = HealthShape(status="ok" if well else "late", loop_lag_ms=round(lag * 1000, 1))
    return json_answer(shape, status=200 if well else 503)


async def ready(request: web.Request) -> web.StreamResponse:
    found = await readiness.components(request.app[DEPS])
    lag = request.app[PULSE].lag_s
    # Store and workers are shown and do not decide: footage waits for them without harm, and a
    # proxy that takes every replica away would make it worse.
    database = next(part.well for part in found if part.name == "database")
    well = database and lag < _DEAD_LAG_S and not request.app[STOPPING].is_set()
    shape = ReadinessShape(
        status="ready" if well else "not ready",
        loop_lag_ms=round(lag * 1000, 1),
        components=tuple(
            ComponentShape(
                name=part.name, status="ok" if part.well else "failing", detail=part.detail
            )
            for part in found
        ),
    )
    return json_answer(shape, status=200 if well else 503)


async def figures_text(request: web.Request) -> web.StreamResponse:
    siblings.show_pulse(request.app)
    text = await figures.text(request.app[DEPS], await siblings.told_by_others(request.app))
    return web.Response(
        body=text.encode(),
        headers={hdrs.CONTENT_TYPE: metrics.CONTENT_TYPE, hdrs.CACHE_CONTROL: "no-store"},
    )
