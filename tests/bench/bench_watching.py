"""Watching: a livestream of 24 hours, and how late Chromium shows what an encoder publishes.

``--segments N`` (43,200), ``--rounds N`` (20), ``--no-browser``. The day's rows are made by the
database at a synthetic clock; the service answers over HTTP in this process. For the browser an
embedded server takes ffmpeg's RTMP (keyframe each second) on the same machine and clock.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

from playwright.async_api import Page

from recorder.domain.people import Role
from recorder.services import live
from tests.bench.support.conditions import conditions
from tests.bench.support.own_database import own_database
from tests.bench.support.report import Bar, Figure, percentile, publish, scatter
from tests.support import browser, footage, live_clips
from tests.support.cameras import camera
from tests.support.product import Product, running_product
from tests.support.streams import long_day, opened, put_init, take
from tests.support.waiting import eventually
from tests.support.web_service import WebService, open_web_service

_BAR = Bar(200)
_PASSWORD = "correct horse battery"
_VIDEO = "document.querySelector('video.screen')"
_ROUNDS = 3
#: The late joiner comes so long after the publisher, and plays for so long before it counts.
_LATE_S = 8.0
_SETTLE_S = 5.0


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


async def day(service: WebService, segments: int, rounds: int) -> list[Figure]:
    """Every way in which a player or a reader asks for the day."""
    deps, actor = service.deps, await camera(service.bureau)
    livestream = await opened(deps, actor)
    await put_init(deps, actor, livestream.id, take().init)
    await long_day(deps, livestream.id, segments)
    service.bureau.clock.at += timedelta(seconds=2 * segments)
    token = await service.token(Role.SUPERVISOR)
    answer = await service.ask("GET", f"/api/v1/livestreams/{livestream.id}/index.m3u8", token)
    address = answer.headers["Location"]
    # As the chore of the workers has done each minute.
    await live.keep_beginnings(deps)
    first, _ = await _took(service, token, address, 1)
    whole, length = await _took(service, token, address, rounds)
    delta, short = await _took(service, token, f"{address}?_HLS_skip=YES", rounds)
    # A process's first one writes the code of its templates.
    opening, _ = await _took(service, token, f"/livestreams/{livestream.id}", 1)
    page, _ = await _took(service, token, f"/livestreams/{livestream.id}", rounds)
    for _ in range(99):
        another = await opened(deps, actor)
        await put_init(deps, actor, another.id, take().init)
        await long_day(deps, another.id, 60)
    wall, _ = await _took(service, token, "/livestreams", rounds)
    chief = service.bureau.actor(Role.SUPERVISOR)
    told = []
    for _ in range(rounds):
        began = time.perf_counter()
        assert len(await live.wall(deps, chief)) == 100
        told.append((time.perf_counter() - began) * 1000)
    return [
        Figure("playlist, a process's first", first[0], "ms", _BAR),
        _figure(f"playlist, whole ({length / 1e6:.1f} MB)", whole),
        _figure(f"playlist, delta update ({short / 1e3:.1f} kB)", delta),
        Figure("page of the livestream, a process's first", opening[0], "ms", _BAR),
        _figure("page of the livestream, later", page),
        _figure("page of the wall, 100 livestreams", wall),
        _figure("what the wall tells each second, 100 livestreams", told),
    ]


def _figure(what: str, times: Sequence[float]) -> Figure:
    return Figure(f"{what}, p99", percentile(times, 0.99), "ms", _BAR, scatter(times, "ms"))


async def _day(segments: int, rounds: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            own_database(durable=False) as database,
            open_web_service(database.service, Path(folder)) as service,
        ):
            return await day(service, segments, rounds)


@contextlib.asynccontextmanager
async def _publishing(address: str, key: str) -> AsyncIterator[float]:
    """ffmpeg publishes at the pace of life; gives the moment it was started."""
    clip = live_clips.clip(seconds=60, size="640x360")
    began = time.time()
    encoder = await asyncio.create_subprocess_exec(
        *(footage.ffmpeg(), "-nostdin", "-v", "error", "-re", "-i", str(clip)),
        *("-c", "copy", "-f", "flv", f"{address}/{key}"),
    )
    try:
        yield began
    finally:
        with contextlib.suppress(ProcessLookupError):
            encoder.kill()
        await encoder.wait()


async def _open(page: Page, url: str, title: str) -> str:
    """Open a livestream by the wall; its stream key. The page of it is shown then."""
    await page.goto(f"{url}/livestreams")
    await page.click(".head-actions summary")
    await page.fill("[name=title]", title)
    await page.click(".pop-body button.primary")
    key = await page.locator(".secret-line code").nth(1).inner_text()
    await page.click(".panel.secret a.primary")
    await page.wait_for_url(re.compile("/livestreams/[0-9a-f-]{36}$"))
    return re.sub(r"\s", "", key)


async def _first_picture(page: Page) -> float:
    """The moment at which the browser has shown a picture, as seconds."""
    moment: float = await page.evaluate(
        f"new Promise((done) => {_VIDEO}.requestVideoFrameCallback(() => done(Date.now() / 1000)))"
    )
    return moment


async def _delays(page: Page) -> list[float]:
    """How far behind the arrival of its first frame each shown moment is, for five seconds."""

    async def playing() -> bool:
        return bool(await page.evaluate(f"{_VIDEO}.currentTime > 0"))

    plays: bool = await eventually(playing, within=60, what="the late joiner's picture")
    assert plays
    await asyncio.sleep(_SETTLE_S)
    found: list[float] = await page.evaluate(
        f"""new Promise((done) => {{
          const found = [];
          const video = {_VIDEO};
          video.addEventListener("timeupdate", () => {{
            const at = document.querySelector(".screen-moment").dataset.at;
            found.push((Date.now() - Date.parse(at)) / 1000);
            if (found.length === 20) done(found);
          }});
        }})"""
    )
    return found


async def in_browser(product: Product) -> list[Figure]:
    """First picture for whoever waits, steady delay of whoever comes later."""
    told = product.data / "run" / "live.json"
    await eventually(told.exists, within=60, what="the ingest")
    address = f"rtmp://127.0.0.1:{json.loads(told.read_text())['rtmp']}/live"
    await product.admin(
        "user", "add", "wang", "--role", "supervisor", "--password-stdin", given=_PASSWORD
    )
    firsts, delays = [], []
    async with (
        browser.launch(browser.executable()) as chromium,
        browser.open_page(chromium) as page,
    ):
        await page.goto(f"{product.url}/sign-in")
        await page.fill("[name=login]", "wang")
        await page.fill("[name=password]", _PASSWORD)
        await page.click("form[action='/sign-in'] button")
        await page.wait_for_url(f"{product.url}/")
        for round_ in range(_ROUNDS):
            key = await _open(page, product.url, f"bench {round_}")
            shown = asyncio.create_task(_first_picture(page))
            async with _publishing(address, key) as began:
                firsts.append(await shown - began)
                await page.goto(f"{product.url}/livestreams")
                await asyncio.sleep(_LATE_S)
                await page.goto(f"{product.url}/livestreams/{key.partition('?')[0]}")
                delays += await _delays(page)
    return [
        Figure("publish to first picture, worst", max(firsts), "s", Bar(3),
               f"ffmpeg's start included; {scatter(firsts, 's')}"),
        Figure("steady delay of a late joiner, p90", percentile(delays, 0.9), "s", Bar(4),
               f"behind the arrival of the frame; {scatter(delays, 's')}"),
    ]  # fmt: skip


def main(options: Sequence[str]) -> None:
    """Measure and print the report."""
    parser = argparse.ArgumentParser(prog="watching")
    parser.add_argument("--segments", type=int, default=43_200)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--no-browser", action="store_true")
    asked = parser.parse_args(options)
    at_start = conditions()
    figures = asyncio.run(_day(asked.segments, asked.rounds))
    if not asked.no_browser:
        with running_product() as product:
            figures += asyncio.run(in_browser(product))
    publish("Watching", at_start, figures)
