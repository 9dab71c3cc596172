"""Finding a case by its number and watching its footage, as a supervisor does it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from recorder.domain.ids import CaseId, RecordingId
from recorder.domain.people import OPERATOR, Actor, Role
from recorder.services import casework
from tests.support import workshop
from tests.support.pages import Pages, open_pages

NUMBER = "深市监罚〔2026〕0876号"


@pytest.fixture
async def pages(database_url: str, tmp_path: Path, browser: Browser) -> AsyncIterator[Pages]:
    async with open_pages(database_url, tmp_path, browser) as opened:
        await opened.person("wang", Role.SUPERVISOR)
        yield opened


async def _send(pages: Pages, camera: Actor, name: str, minute: int, stage: str) -> RecordingId:
    return await pages.deliver(
        camera,
        name,
        case_number=NUMBER,
        stage=stage,
        device_started_at=f"2026-11-09T09:{minute:02}:00+08:00",
    )


async def _case_id(pages: Pages, number: str = NUMBER) -> CaseId:
    found = await casework.find_cases(pages.service.deps, OPERATOR, number=number)
    return found.items[0].id


@pytest.mark.parametrize("typed", ["深市监罚(2026)876", "深市监罚［２０２６］第０８７６号", "〕87"])
async def test_a_case_is_found_while_its_number_is_typed(pages: Pages, typed: str) -> None:
    await casework.open_case(pages.service.deps, OPERATOR, number=NUMBER, title="无证经营")
    await casework.open_case(pages.service.deps, OPERATOR, number="穗综执字〔2025〕12号")
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.page.locator("#hits .row-link").nth(1).wait_for()
        await reader.page.type("[data-find]", typed)
        await reader.page.locator("#hits", has_text="找到 1 个案件").wait_for()
        await reader.page.keyboard.press("ArrowDown")
        await reader.page.keyboard.press("Enter")
        await reader.page.wait_for_url("**/cases/*")
        assert NUMBER in await reader.text("h1")
        assert "无证经营" in await reader.text(".case-sub")


async def test_clips_play_one_after_the_other_and_obey_the_keyboard(pages: Pages) -> None:
    camera = await workshop.camera(pages.bureau)
    first = await _send(pages, camera, "08_faststart.mp4", 10, "investigation")
    second = await _send(pages, camera, "11_noaudio.mp4", 12, "investigation")
    await pages.work_off()
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go(f"/cases/{await _case_id(pages)}")
        page = reader.page
        assert await page.locator(".clips .thumb img").count() == 2
        await page.keyboard.press("Space")
        await reader.until("document.querySelector('video').currentTime > 0.3")
        assert await page.locator(".clip.is-chosen").get_attribute("data-clip") == str(first)
        assert (await reader.text(".screen-moment")).startswith("2026-11-09 09:10:0")
        # The next clip plays by itself.
        await page.wait_for_selector(f".clip.is-chosen[data-clip='{second}']")
        await reader.until("document.querySelector('video').currentTime > 0.3")
        await page.keyboard.press("Space")
        paused = await page.evaluate("document.querySelector('video').currentTime")
        await page.keyboard.press(".")
        await reader.until(f"document.querySelector('video').currentTime > {paused}")
        await page.keyboard.press("p")
        assert await page.locator(".clip.is-chosen").get_attribute("data-clip") == str(first)
        await page.select_option(".speed select", "2")
        assert await page.evaluate("document.querySelector('video').defaultPlaybackRate") == 2
        bar = page.locator("[data-bar].is-chosen")
        assert await bar.get_attribute("data-bar") == str(first)
        # The middle of a bar is the middle of its footage; the keys go from bar to bar.
        await page.locator(f"[data-bar='{second}'] rect").click()
        await reader.until("document.querySelector('video').currentTime > 0.9")
        assert await page.locator(".clip.is-chosen").get_attribute("data-clip") == str(second)
        await page.locator(f"[data-bar='{second}']").focus()
        await page.keyboard.press("ArrowLeft")
        assert await page.evaluate("document.activeElement.dataset.bar") == str(first)
        # An address with a moment shows the picture of that moment.
        await reader.go(f"/cases/{await _case_id(pages)}?at=2026-11-09T09:10:01%2B08:00")
        await reader.until("document.querySelector('video').currentTime === 1")
        assert await page.locator(".clip.is-chosen").get_attribute("data-clip") == str(first)
    names = await pages.bureau.event_names()
    assert names.count("CaseViewed") == 2
    assert names.count("PlaybackGranted") == 4, "one for each clip that was shown, no more"


async def test_pictures_sound_and_broken_files_are_each_shown_as_what_they_are(
    pages: Pages,
) -> None:
    camera = await workshop.camera(pages.bureau)
    await _send(pages, camera, "15_photo.jpg", 1, "initiation")
    await _send(pages, camera, "14_audio_only.m4a", 2, "investigation")
    broken = await _send(pages, camera, "50_powercut_no_moov.mp4", 3, "enforcement")
    await pages.work_off()
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go(f"/cases/{await _case_id(pages)}")
        page, clips = reader.page, reader.page.locator(".clip-open")
        await clips.nth(0).click()
        await reader.until("document.querySelector('.screen-picture').naturalWidth > 0")
        await clips.nth(1).click()
        await reader.until("document.querySelector('audio').currentTime > 0.1")
        assert await page.locator(".screen-sound-face").is_visible()
        await clips.nth(2).click()
        assert await reader.text(".screen-title") == "这段记录没有可显示的内容"
        link = page.locator("[data-original]")
        assert await link.get_attribute("href") == f"/api/v1/recordings/{broken}/original"
        # The rail narrows the list to one stage.
        await page.locator(".rail button", has_text="启动").click()
        assert await page.locator(".clips > .clip:visible").count() == 1
        await reader.go(f"/recordings/{broken}")
        assert "断电" in await reader.text(".remarks")


async def test_footage_that_is_being_verified_says_so_and_starts_when_it_is_ready(
    pages: Pages,
) -> None:
    camera = await workshop.camera(pages.bureau)
    await _send(pages, camera, "08_faststart.mp4", 1, "review")
    # Asking whether it is ready yet is answered 409 until it is.
    async with pages.reader(expected=("409",)) as reader:
        await reader.sign_in("wang")
        await reader.go(f"/cases/{await _case_id(pages)}")
        assert await reader.text(".screen-title") == "正在准备播放"
        assert "尚未校验" in await reader.text(".screen-notice")
        await pages.work_off()
        await reader.until("document.querySelector('video').videoWidth > 0")
        assert await reader.page.locator(".controls").is_visible()


async def test_an_address_that_has_ended_is_renewed_without_a_word(pages: Pages) -> None:
    camera = await workshop.camera(pages.bureau)
    recording = await _send(pages, camera, "08_faststart.mp4", 1, "review")
    await pages.work_off()
    async with pages.reader(expected=("404",)) as reader:
        await reader.sign_in("wang")
        await reader.go(f"/cases/{await _case_id(pages)}")
        await reader.page.click(".screen-start")
        await reader.until("document.querySelector('video').currentTime > 0.2")
        await reader.page.keyboard.press("Space")
        pages.bureau.clock.forward(minutes=11)
        # Under another name nothing of it is in the browser's cache: it asks for bytes again.
        await reader.page.evaluate("document.querySelector('video').src += '?again'")
        await reader.until("!document.querySelector('video').src.endsWith('?again')")
        await reader.until("document.querySelector('video').videoWidth === 640")
        assert await reader.page.locator(".screen-words").is_hidden()
    events = await workshop.events_of(pages.bureau, recording)
    assert events.count("PlaybackGranted") == 2


async def test_a_file_that_breaks_twice_at_one_place_is_said_to_be_broken(pages: Pages) -> None:
    camera = await workshop.camera(pages.bureau)
    await _send(pages, camera, "08_faststart.mp4", 1, "review")
    await pages.work_off()
    async with pages.reader(expected=("net::", "ERR_", "Failed to load")) as reader:
        await reader.sign_in("wang")
        await reader.go(f"/cases/{await _case_id(pages)}")
        await reader.page.route("**/playback/*", lambda route: route.fulfill(body="no video"))
        await reader.page.click(".screen-start")
        await reader.page.locator(".screen-title", has_text="播放中断").wait_for()
        assert await reader.page.locator("[data-original]").is_visible()


async def test_h265_is_played_from_its_copy_with_a_picture(pages: Pages) -> None:
    camera = await workshop.camera(pages.bureau)
    await _send(pages, camera, "02_h265_hvc1.mp4", 1, "service")
    await pages.work_off()
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go(f"/cases/{await _case_id(pages)}")
        await reader.page.click(".screen-start")
        await reader.until("document.querySelector('video').currentTime > 0.2")
        assert await reader.page.evaluate("document.querySelector('video').videoWidth") == 640
        assert await reader.page.locator(".screen-notice").is_hidden()


async def test_a_provisional_case_is_confirmed_and_merged_with_a_reason(pages: Pages) -> None:
    camera = await workshop.camera(pages.bureau)
    await _send(pages, camera, "08_faststart.mp4", 1, "decision")
    other = "深市监罚〔2026〕900号"
    await casework.open_case(pages.service.deps, OPERATOR, number=other)
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        old = await _case_id(pages)
        await reader.go(f"/cases/{old}")
        assert "待确认" in await reader.text("h1")
        await reader.page.click("text=确认案件")
        await reader.page.locator("text=案件已确认").wait_for()
        assert "待确认" not in await reader.text("h1")
        await reader.page.click("summary:has-text('合并')")
        merge = reader.page.locator("form[action$='/merge']")
        await merge.locator("[name=number]").fill("深市监罚(2026)900")
        await merge.locator("[name=reason]").fill("同一案件")
        await merge.locator("button").click()
        await reader.page.locator("text=案件已合并").wait_for()
        assert other in await reader.text(".case-head")
        await reader.go(f"/cases/{old}")
        assert other in await reader.text(".case-head"), "the old address leads to the case"
        assert not reader.page.url.endswith(str(old))


async def test_a_refused_form_says_why_on_the_page_it_stands_on(pages: Pages) -> None:
    case = await casework.open_case(pages.service.deps, OPERATOR, number=NUMBER)
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go(f"/cases/{case.id}")
        await reader.page.click("summary:has-text('合并')")
        merge = reader.page.locator("form[action$='/merge']")
        await merge.locator("[name=number]").fill("没有这个案号1")
        await merge.locator("[name=reason]").fill("试")
        await merge.locator("button").click()
        await reader.page.locator(".note-bad", has_text="没有这个案件").wait_for()
        assert NUMBER in await reader.text("h1")
        assert "error=" not in reader.page.url, "loading again does not repeat it"
