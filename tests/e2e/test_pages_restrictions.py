"""The page of a restricted recording: who imposes, who is told why not, who lifts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from recorder.domain.people import Role
from tests.support import workshop
from tests.support.cameras import camera
from tests.support.pages import Pages, open_pages
from tests.support.streams import opened, put, put_init, take


@pytest.fixture
async def pages(database_url: str, tmp_path: Path, browser: Browser) -> AsyncIterator[Pages]:
    async with open_pages(database_url, tmp_path, browser) as opened:
        await opened.person("wang", Role.SUPERVISOR)
        await opened.person("li", Role.OFFICER)
        yield opened


async def test_a_restricted_recording_is_shown_to_its_supervisor_only(pages: Pages) -> None:
    device = await workshop.camera(pages.bureau)
    recording = await pages.deliver(device, "08_faststart.mp4", officer="JX0227")
    await pages.work_off()
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go(f"/recordings/{recording}")
        page = reader.page
        await page.click("#restrictions summary")
        await page.select_option("#restrictions [name=ground]", "private_space")
        await page.fill("#restrictions [name=basis]", "宾馆房间，当事人书面同意")
        await page.click("#restrictions button.primary")
        await page.locator(".note-good", has_text="已限制调阅").wait_for()
        assert "私人场所" in await reader.text(".case-sub")
        assert "宾馆房间，当事人书面同意" in await reader.text("#restrictions")
        assert await page.locator(".screen-start").is_visible()
    async with pages.reader() as reader:
        await reader.sign_in("li")
        await reader.go(f"/recordings/{recording}")
        page = reader.page
        await page.locator(".note-warn", has_text="您无权查看").wait_for()
        assert await page.locator("a[href$='/original']:visible").count() == 0
        assert "该录像限制调阅" in await reader.text(".screen-title")
        assert not await page.locator(".screen-start").is_visible()
        assert await page.locator("#restrictions [action$=lift]").count() == 0
        await reader.go("/recordings")
        assert "私人场所" in await reader.text("tbody .lead")
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go(f"/recordings/{recording}")
        page = reader.page
        await page.click("#restrictions .pop summary")
        await page.fill("#restrictions [name=reason]", "已取得同意")
        await page.click("#restrictions button.danger")
        await page.locator(".note-good", has_text="限制已解除").wait_for()
        assert "已取得同意" in str(
            await page.locator("#restrictions details.fold").last.text_content()
        )


async def test_a_running_livestream_is_taken_from_the_screen_of_whoever_may_not_watch_it(
    pages: Pages,
) -> None:
    deps, device, sent = pages.service.deps, await camera(pages.bureau), take(seconds=12)
    livestream = await opened(deps, device, title="宾馆检查", officer="JX0227")
    await put_init(deps, device, livestream.id, sent.init)
    for number in (1, 2, 3):
        pages.bureau.clock.forward(seconds=1)
        await put(deps, device, livestream.id, number, sent.segments[number - 1])
    async with pages.reader(expected=("Failed to load resource",)) as other:
        await other.sign_in("li")
        await other.go(f"/livestreams/{livestream.id}")
        await other.until("document.querySelector('video.screen').videoWidth === 320")
        async with pages.reader() as reader:
            await reader.sign_in("wang")
            await reader.go(f"/livestreams/{livestream.id}")
            page = reader.page
            await page.click("#restrictions summary")
            await page.fill("#restrictions [name=basis]", "宾馆房间，当事人书面同意")
            await page.click("#restrictions button.primary")
            await page.locator(".note-good", has_text="已限制调阅").wait_for()
            assert "私人场所" in await reader.text(".case-sub")
            await reader.until("document.querySelector('video.screen').videoWidth === 320")
        await other.page.locator(".screen-title", has_text="该回传限制调阅").wait_for()
        await other.go("/livestreams")
        tile = other.page.locator(f"[data-livestream='{livestream.id}']")
        await tile.locator("[data-restricted]", has_text="限制调阅").wait_for()
        await other.go(f"/livestreams/{livestream.id}")
        await other.page.locator(".note-warn", has_text="您无权观看").wait_for()
