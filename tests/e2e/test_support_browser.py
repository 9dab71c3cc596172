"""The browser and the footage that every other end-to-end test stands on."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from tests.support import browser as browsers

#: One for each row of tests/footage/README.md; 17 is a pair.
FOOTAGE_FILES = 32


async def test_chromium_draws_chinese_text(page: Page) -> None:
    await page.set_content("<p id=text style='display:inline-block'>案件编号</p>")
    width = await page.locator("#text").evaluate("e => e.getBoundingClientRect().width")
    assert width == pytest.approx(4 * 16, abs=1), "four full-width glyphs, not boxes"
    assert await page.evaluate("navigator.language") == "zh-CN"


async def test_a_page_whose_script_throws_fails_the_test(browser: Browser) -> None:
    async def broken_page() -> None:
        async with browsers.open_page(browser) as page:
            await page.set_content("<script>nothing.there()</script>")

    with pytest.raises(browsers.PageBroke, match="nothing is not defined"):
        await broken_page()


async def test_chromium_plays_a_clip_of_the_footage_set(page: Page, footage: Path) -> None:
    clip = base64.b64encode((footage / "08_faststart.mp4").read_bytes()).decode()
    await page.set_content(f"<video muted src='data:video/mp4;base64,{clip}'></video>")
    await page.evaluate("document.querySelector('video').play()")
    await page.wait_for_function("document.querySelector('video').ended")
    assert await page.evaluate("document.querySelector('video').videoWidth") == 640


def test_the_footage_set_is_complete(footage: Path) -> None:
    names = [path.name for path in footage.iterdir()]
    assert len(names) == FOOTAGE_FILES, sorted(names)
    assert (footage / "54_zero.mp4").stat().st_size == 0
