"""Files of a person go to the service from a page, through everything that happens to the line."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Route

from recorder.domain.people import Role
from tests.support import footage
from tests.support.pages import PHONE, Pages, Reader, open_pages

NUMBER = "沪市监案〔2026〕88号"
#: More than the first slice of 2 MiB, so that something is left when the line breaks.
LONG = 9 * 1024 * 1024
PATCHES = "**/api/v1/uploads/*"
BROKEN = ("Failed to load resource",)


@pytest.fixture
async def pages(database_url: str, tmp_path: Path, browser: Browser) -> AsyncIterator[Pages]:
    async with open_pages(database_url, tmp_path, browser) as opened:
        await opened.person("li", Role.OFFICER, "JX0227")
        yield opened


async def _choose(reader: Reader, *files: Path, kind: str = "card") -> None:
    await reader.page.set_input_files("[name=files]", list(files))
    await reader.page.select_option("[name=provenance]", kind)
    if kind == "card":
        await reader.page.fill("[name=provenance_reason]", "采集站故障")


async def _send(reader: Reader) -> None:
    await reader.page.click("[data-send]")


def _random(folder: Path, name: str = "证据.bin") -> Path:
    file = folder / name
    file.write_bytes(os.urandom(LONG))
    return file


async def _state(reader: Reader, word: str, row: int = 0) -> None:
    await reader.page.locator(".upload [data-state]").nth(row).filter(has_text=word).wait_for()


async def test_files_of_a_party_are_sealed_linked_and_say_where_they_come_from(
    pages: Pages,
) -> None:
    files = [footage.folder() / name for name in ("08_faststart.mp4", "04_mjpeg_pcm.avi")]
    async with pages.reader(size=PHONE) as reader:
        await reader.sign_in("li")
        await reader.go(f"/upload?case={NUMBER}&stage=investigation")
        page = reader.page
        assert await page.locator("[data-send]").is_disabled()
        await _choose(reader, *files, kind="party")
        assert await page.locator("[name=device_started_at]").is_disabled()
        await _send(reader)
        assert await page.locator("[name=provider]:invalid").count() == 1
        await page.fill("[name=provider]", "张三")
        await page.fill("[name=handed_over_at]", "2026-03-05T10:00")
        await _send(reader)
        for row in range(2):
            await _state(reader, "已接收", row)
        assert "可以关闭页面" in await reader.text("[data-say]")
        await pages.work_off()
        for row in range(2):
            await _state(reader, "已封存", row)
        assert "不再是唯一副本" in await reader.text("[data-say]")
        assert await reader.overflow() <= 0
        await page.locator("[data-recording]").first.click()
        assert NUMBER in await reader.text("main")
        said = await reader.text("#provenance")
        assert "张三" in said
        assert "2026-03-05 10:00" in said
    assert await pages.bureau.value("SELECT count(*) FROM upload WHERE state = 'finished'") == 2
    assert await pages.bureau.value("SELECT DISTINCT officer FROM recording") == "JX0227"
    assert await pages.bureau.value("SELECT DISTINCT stage FROM case_link") == "investigation"


async def test_a_broken_line_and_a_closed_page_lose_nothing_that_was_safe(
    pages: Pages, tmp_path: Path
) -> None:
    file = _random(tmp_path)
    broken = 0

    async def break_all_but_the_first(route: Route) -> None:
        nonlocal broken
        if route.request.method == "PATCH" and route.request.headers["upload-offset"] != "0":
            broken += 1
            await route.abort()
        else:
            await route.continue_()

    async with pages.reader(expected=BROKEN) as reader:
        await reader.sign_in("li")
        page = reader.page
        await page.route(PATCHES, break_all_but_the_first)
        await reader.go("/upload")
        await _choose(reader, file)
        await _send(reader)
        await _state(reader, "网络中断")
        assert "2.0 MB / 9.0 MB" in await reader.text("[data-safe]")
        assert "请勿关闭页面" in await reader.text("[data-say]")
        await page.reload()
        assert file.name in await reader.text("[data-unfinished]")
        await page.unroute(PATCHES)
        await _choose(reader, file)
        await _send(reader)
        await _state(reader, "已接收")
        assert "9.0 MB / 9.0 MB" in await reader.text("[data-safe]")
        assert not await page.locator("[data-unfinished]").is_visible()
    assert broken > 0
    assert await pages.bureau.value("SELECT count(*) FROM upload") == 1
    assert await pages.bureau.value("SELECT length_bytes FROM recording") == LONG


async def test_whoever_was_signed_out_goes_on_after_signing_in_again(
    pages: Pages, tmp_path: Path
) -> None:
    async with pages.reader(expected=BROKEN) as reader:
        await reader.sign_in("li")
        await reader.go("/upload")
        await _choose(reader, _random(tmp_path))
        await reader.context.clear_cookies()
        await _send(reader)
        await _state(reader, "请重新登录")
        other = await reader.context.new_page()
        await Reader(reader.url, reader.context, other).sign_in("li")
        await reader.page.click("[data-again]")
        await _state(reader, "已接收")
    assert await pages.bureau.value("SELECT length_bytes FROM recording") == LONG


async def test_a_file_that_is_gone_when_its_turn_comes_is_told_of_and_the_next_one_goes(
    pages: Pages, tmp_path: Path
) -> None:
    lost, kept = _random(tmp_path, "a.bin"), _random(tmp_path, "b.bin")
    async with pages.reader(locale="en") as reader:
        await reader.sign_in("li")
        await reader.go("/upload")
        await _choose(reader, lost, kept)
        lost.unlink()
        await _send(reader)
        await _state(reader, "Not taken")
        await _state(reader, "Received", 1)
        assert "Choose it again" in await reader.text("[data-about]")
        assert await reader.text("[data-say]") == "Some files were not taken."


async def test_what_a_sender_asks_of_its_upload_is_no_look_at_the_recording(
    pages: Pages, tmp_path: Path
) -> None:
    async with pages.reader() as reader:
        await reader.sign_in("li")
        await reader.go("/upload")
        await _choose(reader, _random(tmp_path))
        await _send(reader)
        await _state(reader, "已接收")
        await pages.work_off()
        await _state(reader, "已封存")
    assert "RecordingViewed" not in await pages.bureau.event_names()


async def test_what_was_taken_over_from_surveillance_waits_for_its_review(pages: Pages) -> None:
    await pages.person("wang", Role.SUPERVISOR)
    async with pages.reader() as reader:
        await reader.sign_in("li")
        await reader.go(f"/upload?case={NUMBER}")
        await _choose(reader, footage.folder() / "08_faststart.mp4", kind="surveillance")
        await reader.page.fill("[name=provider]", "某商场物业")
        await reader.page.fill("[name=handed_over_at]", "2026-03-05T10:00")
        await _send(reader)
        await _state(reader, "已接收")
        await pages.work_off()
        await _state(reader, "已封存")
        await reader.page.locator("[data-recording]").click()
        assert "内容未审核" in await reader.text("#review")
        assert await reader.page.locator("#review form").count() == 0
    async with pages.reader(size=PHONE) as reader:
        await reader.sign_in("wang")
        case = await pages.bureau.value("SELECT case_id FROM case_link")
        await reader.go(f"/cases/{case}")
        assert "内容未审核" in await reader.text(".clip")
        # The case is provisional: four buttons stand in its head.
        assert await reader.overflow() <= 0
        await reader.go("/recordings?review=awaited")
        await reader.page.click("tbody .lead a")
        await reader.page.fill("#review [name=reason]", "核对原始设备，画面完整清晰")
        await reader.page.click("#review [value=passed]")
        await reader.page.locator(".note-good", has_text="审核结论已登记").wait_for()
        assert "内容审核通过" in await reader.text("#review")
        assert await reader.overflow() <= 0
        assert "核对原始设备，画面完整清晰" in await reader.text("main")
        await reader.go(f"/cases/{case}")
        assert "审核" not in await reader.text(".clip")
