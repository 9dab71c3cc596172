"""A page of another system shows a case in a frame; a page that nobody named does not."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from playwright.async_api import Browser, Locator

from recorder.domain.people import OPERATOR, Role
from recorder.services import registry
from tests.support import workshop
from tests.support.pages import PHONE, Pages, open_pages
from tests.support.web_service import until

NUMBER = "深市监罚〔2026〕0876号"
HOST = (
    "<!doctype html><link rel='icon' href='data:,'><title>办案系统</title><h1>案件办理</h1>"
    '<iframe src="{url}" allow="fullscreen" width="{width}" height="760"></iframe>'
)


@asynccontextmanager
async def serving(listener: socket.socket, html: str) -> AsyncIterator[None]:
    """A page of another system."""

    async def page(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=html, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def address(pages: Pages) -> str:
    added = await registry.add_token(
        pages.service.deps, OPERATOR, name="办案系统", role=Role.EMBEDDER
    )
    answer = await pages.service.ask(
        "POST", "/api/v1/embeds", added.secret,
        json={"number": NUMBER, "on_behalf_of": "李明 081501"},
    )  # fmt: skip
    assert answer.status == 201, json.dumps(answer.json)
    return str(answer.json["url"])


async def test_a_case_is_watched_in_a_page_of_the_case_system(
    database_url: str, tmp_path: Path, browser: Browser
) -> None:
    named, other = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    host = f"http://localhost:{named.getsockname()[1]}"
    async with open_pages(database_url, tmp_path, browser, embed_origins=host) as pages:
        camera = await workshop.camera(pages.bureau)
        for minute, name in ((10, "08_faststart.mp4"), (42, "11_noaudio.mp4")):
            await pages.deliver(
                camera, name, case_number=NUMBER, stage="investigation",
                device_started_at=f"2026-11-09T09:{minute}:00+08:00",
            )  # fmt: skip
        await pages.work_off()
        url = await address(pages)
        wide, narrow = (HOST.format(url=url, width=width) for width in (1100, 340))
        async with serving(named, wide):
            for size in ((1200, 900), PHONE):
                async with pages.reader(size=size, dark=size == PHONE) as reader:
                    await reader.page.goto(host, wait_until="commit")
                    frame = reader.page.frame_locator("iframe")
                    await frame.locator(".clip.is-chosen").wait_for()
                    assert await frame.locator(".watermark span").first.inner_text() != ""
                    await frame.locator(".screen-start").click()
                    video = frame.locator("video")
                    await playing(video)
                    assert await reader.context.cookies(pages.service.url) == []
                    await reader.page.screenshot(path=tmp_path / f"embed-{size[0]}.png")
        async with (
            serving(other, narrow),
            pages.reader(expected=("frame-ancestors", "Framing", "ERR_BLOCKED")) as stranger,
        ):
            await stranger.page.goto(
                f"http://localhost:{other.getsockname()[1]}", wait_until="commit"
            )
            assert await stranger.page.frame_locator("iframe").locator(".embed").count() == 0
            assert stranger.complaints != []


async def playing(video: Locator) -> None:
    async def runs() -> bool:
        return bool(await video.evaluate("one => one.currentTime > 0.3"))

    await until(runs, within=60, what="the clip plays")
