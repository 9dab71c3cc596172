"""The pool of unlinked footage, the quarantine, and the page of one recording."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from recorder.domain.people import OPERATOR, Role
from recorder.services import casework, review
from tests.support import workshop
from tests.support.pages import Pages, open_pages

NUMBER = "深市监罚〔2026〕0876号"


@pytest.fixture
async def pages(database_url: str, tmp_path: Path, browser: Browser) -> AsyncIterator[Pages]:
    async with open_pages(database_url, tmp_path, browser) as opened:
        await opened.person("wang", Role.SUPERVISOR)
        yield opened


async def test_footage_without_a_number_is_ticked_and_linked_at_once(pages: Pages) -> None:
    camera = await workshop.camera(pages.bureau)
    for name in ("08_faststart.mp4", "11_noaudio.mp4", "09_vfr.mp4"):
        await pages.deliver(camera, name)
    await pages.work_off()
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go("/recordings")
        page = reader.page
        assert await page.locator("tbody tr").count() == 3
        assert await page.locator(".link-bar button").is_disabled()
        await page.check("tr:has-text('08_faststart') input")
        await page.check("tr:has-text('11_noaudio') input")
        assert await reader.text("[data-ticked]") == "2"
        await page.fill(".link-bar [name=number]", "深市监罚(2026)876")
        await page.select_option(".link-bar [name=stage]", "investigation")
        await page.fill(".link-bar [name=reason]", "当日现场检查")
        await page.click(".link-bar button")
        await page.locator(".note-good", has_text="已关联。 2 段音像").wait_for()
        assert await page.locator("tbody tr").count() == 1
    case = (await casework.find_cases(pages.service.deps, OPERATOR, number=NUMBER)).items[0]
    view = await casework.case(pages.service.deps, OPERATOR, case.id)
    assert {(link.stage, link.reason) for link in view.links} == {("investigation", "当日现场检查")}


async def test_the_pool_is_filtered_by_what_a_person_remembers(pages: Pages) -> None:
    camera = await workshop.camera(pages.bureau)
    await pages.deliver(camera, "08_faststart.mp4", officer="JX0227",
                        device_started_at="2026-11-09T09:10:00+08:00")  # fmt: skip
    await pages.deliver(camera, "11_noaudio.mp4", officer="JX0301",
                        device_started_at="2026-11-10T09:10:00+08:00")  # fmt: skip
    await pages.work_off()
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        lead = reader.page.locator("tbody .lead .row-link")
        for query, found in (
            ("officer=JX0227&linked=no", ["08_faststart.mp4"]),
            ("from=2026-11-10&to=2026-11-10", ["11_noaudio.mp4"]),
            ("flag=no_audio", ["11_noaudio.mp4"]),
            ("q=faststart", ["08_faststart.mp4"]),
            ("linked=yes", []),
        ):
            await reader.go(f"/recordings?{query}")
            assert await lead.all_inner_texts() == found, query
        assert await reader.page.locator(".empty").is_visible()


async def test_quarantined_footage_is_explained_and_admitted_with_a_reason(pages: Pages) -> None:
    camera = await workshop.camera(pages.bureau)
    recording = await pages.deliver(camera, "08_faststart.mp4", device="D9999999999999")
    await pages.work_off()
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go("/quarantine")
        row = reader.page.locator("tbody tr")
        assert "隔离中" in await row.inner_text()
        await row.locator(".row-link").click()
        await reader.page.wait_for_url(f"**/recordings/{recording}")
        assert await reader.page.locator(".reasons li").count() >= 1
        # It is watched before anybody decides.
        await reader.page.click(".screen-start")
        await reader.until("document.querySelector('video').videoWidth > 0")
        assert "隔离中" in await reader.text(".screen-notice")
        await reader.page.fill("form[action$='/admit'] [name=reason]", "已与队里核实")
        await reader.page.click("form[action$='/admit'] button")
        await reader.page.locator(".note-good", has_text="已准入").wait_for()
        assert "已与队里核实" in await reader.text(".event-RecordingAdmitted")
        await reader.go("/quarantine")
        assert "隔离区为空" in await reader.text("main")


async def test_the_page_of_a_recording_says_everything_about_it(pages: Pages) -> None:
    camera = await workshop.camera(pages.bureau, "TA00716")
    recording = await pages.deliver(
        camera,
        "02_h265_hvc1.mp4",
        officer="JX0227",
        device_started_at="2026-11-09T09:10:00",
        device_clock_at="2026-11-09T09:20:00",
        note="<b>不是标记</b>",
    )
    await pages.work_off()
    view = await review.recording(pages.service.deps, OPERATOR, recording)
    assert view.recording.sha256 is not None
    assert view.recording.sm3 is not None
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go(f"/recordings/{recording}")
        await reader.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await reader.page.locator("[data-copy]").first.click()
        await reader.page.wait_for_selector("[data-copy].is-copied")
        assert await reader.page.evaluate("navigator.clipboard.readText()") == (
            view.recording.sha256.hex()
        )
        shown = await reader.text("main")
        for words in (
            "TA00716", "JX0227", "2026-11-09 09:10:00", "2026-11-09 09:20:00", "<b>不是标记</b>",
            "时区为推定", "设备时钟偏差", "H.265 视频", "校验通过并封存", "校验原件", "准备播放",
            "播放副本", "640×360", "查看页面",
        ):  # fmt: skip
            assert words in shown, words
        assert view.recording.sm3.hex() in shown.replace(" ", "").replace("\n", "")
        async with reader.page.expect_download() as download:
            await reader.page.click("a[href$='/original']:visible")
        assert (await download.value).suggested_filename == "02_h265_hvc1.mp4"
        async with reader.page.expect_download():
            await reader.page.click("a[href$='/receipt']")
    events = await workshop.events_of(pages.bureau, recording)
    assert events.count("RecordingViewed") == 1
    assert "OriginalDownloaded" in events
    assert "ReceiptIssued" in events


async def test_a_link_is_made_changed_and_ended_from_the_page(pages: Pages) -> None:
    camera = await workshop.camera(pages.bureau)
    recording = await pages.deliver(camera, "08_faststart.mp4")
    await pages.work_off()
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go(f"/recordings/{recording}")
        await reader.page.fill("form.line-form [name=number]", NUMBER)
        await reader.page.select_option("form.line-form [name=stage]", "review")
        await reader.page.click("form.line-form button")
        linked = reader.page.locator(".linked")
        assert "审核" in await linked.inner_text()
        await linked.locator("summary").click()
        await linked.locator("form[action$='/unlink'] [name=reason]").fill("案号写错")
        await linked.locator("form[action$='/unlink'] button").click()
        await reader.page.locator(".note-good", has_text="关联已解除").wait_for()
        assert await linked.count() == 0
        assert "案号写错" in await reader.text(".event-RecordingUnlinked")
        await reader.page.click("#cases details.fold summary")
        assert NUMBER in await reader.text("#cases .plain-list")


async def test_an_officer_sees_only_the_own_footage(pages: Pages) -> None:
    await pages.person("li", Role.OFFICER, officer="JX0227")
    camera = await workshop.camera(pages.bureau)
    await pages.deliver(camera, "08_faststart.mp4", officer="JX0227")
    other = await pages.deliver(camera, "11_noaudio.mp4", officer="JX0301")
    async with pages.reader(expected=("404",)) as reader:
        await reader.sign_in("li")
        await reader.go("/recordings")
        assert await reader.page.locator("tbody .row-link").all_inner_texts() == [
            "08_faststart.mp4"
        ]
        assert await reader.page.locator(".nav a[href='/work']").count() == 0
        answer = await reader.go(f"/recordings/{other}")
        assert answer is not None
        assert answer.status == 404
