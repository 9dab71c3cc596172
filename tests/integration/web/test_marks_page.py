"""Marks in the player of a recording by keyboard and click, and reasons for gaps, in a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from recorder.domain.ids import RecordingId
from recorder.domain.livestream import PeriodCause
from recorder.domain.people import Role
from recorder.services import live
from tests.support.cameras import camera
from tests.support.pages import Pages, Reader, open_pages
from tests.support.streams import opened, put, put_init, take

VIDEO = "document.querySelector('video.screen')"


@pytest.fixture
async def pages(database_url: str, tmp_path: Path, browser: Browser) -> AsyncIterator[Pages]:
    async with open_pages(database_url, tmp_path, browser) as opened_pages:
        await opened_pages.person("wang", Role.OFFICER)
        yield opened_pages


async def recorded(pages: Pages) -> RecordingId:
    """A livestream of two periods of three seconds, closed."""
    deps, actor, sent = pages.service.deps, await camera(pages.bureau), take(seconds=6)
    livestream = await opened(deps, actor)
    for period, numbers in ((1, (1, 2, 3)), (2, (4, 5, 6))):
        await put_init(deps, actor, livestream.id, sent.init, period, PeriodCause.RECONNECT)
        for number in numbers:
            await put(deps, actor, livestream.id, number, sent.segments[number - 1], period)
    closed = await live.request_close(deps, actor, livestream.id, last=6)
    assert closed.recording is not None
    return closed.recording


async def test_an_officer_marks_with_one_key_jumps_to_a_mark_and_withdraws_another(
    pages: Pages,
) -> None:
    recording = await recorded(pages)
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go(f"/recordings/{recording}")
        rows, page = reader.page.locator("#marks .marks > .mark"), reader.page
        # A mark belongs to a picture.
        await page.click("[data-kind-key=a]")
        await page.locator("[data-say=no-moment]").wait_for()
        await page.keyboard.press("a")
        await page.click(".screen-start")
        await reader.until(f"{VIDEO}.currentTime > 3.3")
        await page.keyboard.press(" ")
        await reader.until(f"{VIDEO}.paused")
        await page.fill("#marks [name=note]", "已告知 <b>a3")
        await page.locator(".player").focus()
        await page.keyboard.press("a")
        await rows.first.wait_for()
        shown = await rows.first.inner_text()
        for words in ("告知录音录像", "已告知 <b>a3", "0:03", "wang 同志"):
            assert words in shown, words
        assert await page.locator("#marks [name=note]").input_value() == ""
        await page.evaluate(f"{VIDEO}.currentTime = 1.2")
        await reader.until(f"{VIDEO}.currentTime < 1.5 && !{VIDEO}.seeking")
        await page.click("[data-kind-key='5']")
        await page.locator(".marks > .mark:nth-child(2)").wait_for()
        # In the order of the media, as list and as ticks; both lead to the picture.
        assert await page.locator(".marks [data-word]").all_inner_texts() == [
            "告知理由、依据和权利", "告知录音录像",
        ]  # fmt: skip
        assert await page.locator(".ticks .tick").count() == 2
        await page.locator(".ticks .tick").nth(1).click()
        await reader.until(f"{VIDEO}.currentTime > 3.2")
        await rows.first.locator(".mark-go").click()
        await reader.until(f"{VIDEO}.currentTime < 1.5")
        await withdrawn(reader)
        await reader.go(f"/recordings/{recording}")
        assert await reader.text("#marks [data-marks-number]") == "1"
        assert await page.locator(".ticks .tick").count() == 1
        assert "按错了" in str(await page.locator("#marks details.fold").text_content())
    names = await pages.bureau.event_names()
    assert names.count("RecordingMarked") == 2
    assert names.count("RecordingMarkWithdrawn") == 1


async def withdrawn(reader: Reader) -> None:
    """The first mark is withdrawn with a reason; the list and the bar lose it at once."""
    row = reader.page.locator("#marks .marks > .mark").first
    await row.locator("summary").click()
    await row.locator("[name=reason]").fill("按错了")
    await reader.page.keyboard.press("Enter")
    await reader.page.locator("[data-say=withdrawn]").wait_for()
    assert await reader.page.locator("#marks .marks > .mark").count() == 1
    assert await reader.page.locator(".ticks .tick").count() == 1


async def test_a_reason_for_a_gap_is_given_by_a_form_and_stands_beside_the_gap(
    pages: Pages,
) -> None:
    recording = await recorded(pages)
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go(f"/recordings/{recording}")
        assert "未说明" in await reader.text("#stream")
        await reader.page.click("#interruptions summary")
        await reader.page.select_option("#interruptions [name=reason]", "battery")
        await reader.page.fill("#interruptions [name=note]", "更换电池 <b>")
        await reader.page.click("#interruptions button.primary")
        await reader.page.locator(".note-good", has_text="原因已登记").wait_for()
        gap = await reader.text("#stream")
        assert "电量耗尽 · 更换电池 <b>" in gap
        assert "未说明" not in gap
        # What does not fit is told on the page.
        await reader.page.click("#interruptions summary")
        await reader.page.select_option("#interruptions [name=place]", "end")
        await reader.page.select_option("#interruptions [name=reason]", "other")
        await reader.page.click("#interruptions button.primary")
        await reader.page.locator(".note-bad", has_text="须填写备注").wait_for()
    assert (await pages.bureau.event_names()).count("GapReasonGiven") == 1
