"""A livestream of 24 hours (43,200 segments): its playlist, whole and as a delta, and its page.

``--segments N`` (43,200), ``--rounds N`` (20). The rows are made by the database at a synthetic
clock; the service answers over HTTP in this process.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from recorder.domain.people import Role
from tests.bench.support.conditions import conditions
from tests.bench.support.report import Bar, Figure, percentile, publish, scatter
from tests.support import postgres
from tests.support.cameras import camera
from tests.support.streams import long_day, opened, put_init, take
from tests.support.web_service import WebService, open_web_service

_BAR = Bar(200)


async def _took(service: WebService, token: str, path: str, rounds: int) -> tuple[list[float], int]:
    """Milliseconds of each answer, and how long the last one was."""
    times, length = [], 0
    for _ in range(rounds):
        began = time.perf_counter()
        answer = await service.ask("GET", path, token)
        times.append((time.perf_counter() - began) * 1000)
        assert answer.status == 200, answer.content
        length = len(answer.content)
        service.bureau.clock.forward(seconds=1)
    return times, length


async def measure(service: WebService, segments: int, rounds: int) -> list[Figure]:
    """Every way in which a player or a reader asks for the day."""
    deps, actor = service.deps, await camera(service.bureau)
    livestream = await opened(deps, actor)
    await put_init(deps, actor, livestream.id, take().init)
    await long_day(deps, livestream.id, segments)
    service.bureau.clock.at += timedelta(seconds=2 * segments)
    token = await service.token(Role.SUPERVISOR)
    answer = await service.ask("GET", f"/api/v1/livestreams/{livestream.id}/index.m3u8", token)
    address = answer.headers["Location"]
    first, _ = await _took(service, token, address, 1)
    whole, length = await _took(service, token, address, rounds)
    delta, short = await _took(service, token, f"{address}?_HLS_skip=YES", rounds)
    view, _ = await _took(service, token, f"/api/v1/livestreams/{livestream.id}", rounds)
    return [
        Figure("playlist, a process's first", first[0], "ms", _BAR),
        _figure(f"playlist, whole ({length / 1e6:.1f} MB)", whole),
        _figure(f"playlist, delta update ({short / 1e3:.1f} kB)", delta),
        _figure("state and gaps (API)", view),
    ]


def _figure(what: str, times: Sequence[float]) -> Figure:
    return Figure(f"{what}, p99", percentile(times, 0.99), "ms", _BAR, scatter(times, "ms"))


async def _run(segments: int, rounds: int) -> list[Figure]:
    server = await asyncio.to_thread(postgres.start)
    try:
        cluster = await postgres.prepare(postgres.admin_url(server.port))
        with tempfile.TemporaryDirectory() as folder:
            async with (
                postgres.clone(cluster) as name,
                open_web_service(cluster.url(name, postgres.SERVICE), Path(folder)) as service,
            ):
                return await measure(service, segments, rounds)
    finally:
        server.stop()


def main(options: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="tests.bench watching", description=__doc__)
    parser.add_argument("--segments", type=int, default=43_200)
    parser.add_argument("--rounds", type=int, default=20)
    asked = parser.parse_args(options)
    figures = asyncio.run(_run(asked.segments, asked.rounds))
    publish("Watching", conditions(), figures)
