"""How late the event loop is: what a process cannot see about itself from a single request."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import web

_BEAT_S = 0.5


@dataclass(slots=True)
class Pulse:
    """Lateness of the last beat, and the worst of the last minute or so."""

    lag_s: float = 0.0
    worst_s: float = 0.0


PULSE: web.AppKey[Pulse] = web.AppKey("pulse", Pulse)


async def beating(app: web.Application) -> AsyncIterator[None]:
    """Measure for as long as the application lives."""
    pulse = app[PULSE] = Pulse()
    task = asyncio.create_task(_beat(pulse))
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _beat(pulse: Pulse) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _BEAT_S
        await asyncio.sleep(_BEAT_S)
        pulse.lag_s = max(0.0, loop.time() - due)
        # The worst fades, so that one slow moment at the start is not told for ever.
        pulse.worst_s = max(pulse.lag_s, pulse.worst_s * 0.99)
