"""build_app(deps): the route table, the middlewares, and what lives as long as the application."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from aiohttp import web

from recorder.errors import RecorderError
from recorder.runtime import Deps
from recorder.services import ingest, watch
from recorder.web import live_updates, pulse, siblings
from recorder.web.api import uploads
from recorder.web.body import MAX_JSON_BYTES, no_continue_yet
from recorder.web.import_body import IMPORT_TURN
from recorder.web.keys import BODIES, DEPS, STOPPING
from recorder.web.middleware import MIDDLEWARES, ROWS, complete_headers
from recorder.web.pages import install as install_pages
from recorder.web.pushed_bodies import PushedBodies
from recorder.web.routes import ROUTES

logger = logging.getLogger(__name__)

_WATCH_S = 60.0


def build_app(deps: Deps, among: siblings.Siblings | None = None) -> web.Application:
    """The whole web application on these dependencies, not yet listening.

    ``among``: the other processes of this service, whose figures are told beside its own.
    """
    app = web.Application(middlewares=MIDDLEWARES, client_max_size=MAX_JSON_BYTES)
    app[DEPS] = deps
    app[IMPORT_TURN] = asyncio.Semaphore(1)
    app[BODIES] = PushedBodies(deps.config.live_bodies_bytes)
    app[STOPPING] = asyncio.Event()
    app[ROWS] = {}
    for row in ROUTES:
        route = app.router.add_route(
            row.method, row.path, row.handler, expect_handler=no_continue_yet
        )
        app[ROWS][route] = row
    app.on_response_prepare.append(uploads.speak_tus)
    app.on_response_prepare.append(complete_headers)
    app.on_shutdown.append(_let_go)
    app.cleanup_ctx.append(_intake)
    app.cleanup_ctx.append(pulse.beating)
    if among is not None:
        app[siblings.SIBLINGS] = among
        app.cleanup_ctx.append(siblings.telling)
    app.cleanup_ctx.append(live_updates.broadcasting)
    app.cleanup_ctx.append(_watching)
    install_pages(app)
    return app


async def _intake(app: web.Application) -> AsyncIterator[None]:
    """Uploads can be taken from the first request on."""
    ingest.begin(app[DEPS])
    yield
    await ingest.shutdown(app[DEPS])


async def _watching(app: web.Application) -> AsyncIterator[None]:
    """Silent workers cannot say so themselves: the web service looks for them."""
    task = asyncio.create_task(_watch(app[DEPS]))
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _watch(deps: Deps) -> None:
    while True:
        await asyncio.sleep(_WATCH_S)
        try:
            await watch.check_workers(deps)
        except RecorderError as error:
            logger.warning("the workers could not be looked for: %s", error)


async def _let_go(app: web.Application) -> None:
    """The listener is closed: end streams, and make what uploads have sent durable."""
    app[STOPPING].set()
    await ingest.shutdown(app[DEPS])
