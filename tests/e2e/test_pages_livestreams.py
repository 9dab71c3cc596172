"""The wall of livestreams and the page of one, in a real browser, from the first segment on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Route

from recorder.domain.livestream import Form, Livestream
from recorder.domain.people import SERVICE, Actor, Role
from recorder.services import live
from tests.support.cameras import camera
from tests.support.pages import PHONE, Pages, Reader, open_pages
from tests.support.streams import hevc_take, opened, put, put_init, take

VIDEO = "document.querySelector('video.screen')"


@pytest.fixture
async def pages(database_url: str, tmp_path: Path, browser: Browser) -> AsyncIterator[Pages]:
    async with open_pages(database_url, tmp_path, browser) as opened_pages:
        await opened_pages.person("wang", Role.SUPERVISOR)
        await opened_pages.person("admin", Role.ADMINISTRATOR)
        yield opened_pages


async def begun(pages: Pages, device: Actor, title: str) -> Livestream:
    deps = pages.service.deps
    livestream = await opened(
        deps, device, title=title, officer="JX0227", stage="investigation",
        case_numbers=("深市监罚〔2026〕0876号",),
    )  # fmt: skip
    await put_init(deps, device, livestream.id, take(seconds=12).init)
    return livestream


async def push(pages: Pages, device: Actor, livestream: Livestream, *numbers: int) -> None:
    """Segments of one second, each a second after the one before by the service's clock."""
    for number in numbers:
        pages.bureau.clock.forward(seconds=1)
        body = take(seconds=12).segments[number - 1]
        await put(pages.service.deps, device, livestream.id, number, body)


async def test_a_livestream_appears_on_the_wall_and_is_watched_from_its_first_segments_to_its_end(
    pages: Pages,
) -> None:
    device = await camera(pages.bureau, "TA00716")
    async with pages.reader(expected=("404",)) as reader:
        await reader.sign_in("wang")
        await reader.go("/livestreams")
        assert "当前没有实时回传" in await reader.text("main")
        livestream = await begun(pages, device, "龙华菜市场巡查")
        await push(pages, device, livestream, 1, 2, 3)
        tile = reader.page.locator(f"[data-livestream='{livestream.id}']")
        await tile.locator(".state-live-live").wait_for()
        shown = await tile.inner_text()
        for words in ("龙华菜市场巡查", "JX0227", "TA00716", "0876", "Mbit/s", "320×180", "回传中"):
            assert words in shown, words
        # A picture is made of the newest segment because somebody looks.
        await reader.until("document.querySelector('.tile img').naturalWidth === 320")
        await tile.locator("a").focus()
        await reader.page.keyboard.press("Enter")
        await reader.page.wait_for_url(f"**/livestreams/{livestream.id}")
        await reader.until(f"{VIDEO}.videoWidth === 320")
        assert str(await reader.page.evaluate(f"{VIDEO}.currentSrc")).startswith("blob:")
        await push(pages, device, livestream, 4, 5, 6, 7, 8)
        await reader.until(f"{VIDEO}.currentTime > 4")
        await reader.page.locator(".go-live.is-live").wait_for()
        assert "2026" in await reader.text(".screen-moment") or await reader.text(".screen-moment")
        # Back to the start, and live again, by keyboard.
        for _ in range(3):
            await reader.page.keyboard.press("ArrowLeft")
        await reader.until(f"{VIDEO}.currentTime < 3")
        await reader.page.keyboard.press("l")
        await reader.until(f"{VIDEO}.currentTime > 4")
        await marked(reader)
        await paused(pages, reader, device, livestream)
        await its_end(pages, reader, device, livestream)
    names = await pages.bureau.event_names()
    assert names.count("LivestreamViewed") == 2
    assert names.count("LivestreamWatched") == 3
    assert names.count("LivestreamMarked") == 1


async def marked(reader: Reader) -> None:
    """A moment is marked without leaving the page, and leads back to its picture."""
    await reader.page.select_option("#marks [name=kind]", "violation")
    await reader.page.fill("#marks [name=note]", "拒不开门 <b>")
    await reader.page.keyboard.press("Enter")
    row = reader.page.locator("#marks .mark")
    await row.wait_for()
    shown = await row.inner_text()
    for words in ("违法行为", "拒不开门 <b>", "wang 同志"):
        assert words in shown, words
    await reader.page.evaluate(f"{VIDEO}.currentTime = 0.5")
    await reader.until(f"{VIDEO}.currentTime < 3")
    await row.locator(".mark-go").click()
    await reader.until(f"{VIDEO}.currentTime > 3")


async def paused(pages: Pages, reader: Reader, device: Actor, livestream: Livestream) -> None:
    """While it stands nothing is asked for; it goes on there, though its ticket has ended without
    a word: the service's clock jumps, the browser's does not.
    """
    await reader.page.focus("#player")
    await reader.page.keyboard.press("l")
    await reader.until(f"{VIDEO}.currentTime > 4 && !{VIDEO}.seeking")
    await reader.page.keyboard.press(" ")
    await reader.until(f"{VIDEO}.paused")
    stood = await reader.page.evaluate(f"{VIDEO}.currentTime")
    asked: list[str] = []
    reader.page.on("request", lambda one: asked.append(one.url))
    await push(pages, device, livestream, 9)
    await reader.page.locator("[data-fact=segments]", has_text="9").wait_for()
    assert [url for url in asked if "/watch/" in url] == []
    pages.bureau.clock.forward(seconds=pages.service.deps.config.playback_ttl_s)
    await push(pages, device, livestream, 10)
    await reader.page.keyboard.press(" ")
    await reader.until(f"{VIDEO}.currentTime > {stood} && !{VIDEO}.paused")
    assert await reader.page.evaluate(f"{VIDEO}.currentTime") < stood + 2
    # What came meanwhile is fetched under the next ticket.
    held = f"{VIDEO}.buffered.length && {VIDEO}.buffered.end({VIDEO}.buffered.length - 1)"
    await reader.until(f"({held}) > 9", within=30)
    await reader.page.keyboard.press("l")
    await reader.until(f"{VIDEO}.currentTime > 7")


async def its_end(pages: Pages, reader: Reader, device: Actor, livestream: Livestream) -> None:
    pages.bureau.clock.forward(seconds=7)
    await reader.page.locator(".screen-notice", has_text="已中断").wait_for()
    await reader.page.locator("h1 + .case-sub .state-live-interrupted").wait_for()
    await push(pages, device, livestream, 11)
    await reader.page.locator("h1 + .case-sub .state-live-live").wait_for()
    await reader.page.click("summary:has-text('结束')")
    await reader.page.click("text=结束该回传")
    await reader.page.locator(".note-good", has_text="正在结束").wait_for()
    closed = await live.request_close(pages.service.deps, device, livestream.id, last=11)
    # The recording shows what was pointed out while it ran.
    await reader.page.locator("[data-closed]").wait_for()
    await reader.go(f"/recordings/{closed.recording}")
    assert "拒不开门" in await reader.text("#marks")


async def test_an_administrator_sees_facts_and_no_pictures_and_a_phone_shows_all(
    pages: Pages,
) -> None:
    device = await camera(pages.bureau, "TA00716")
    livestream = await begun(pages, device, "巡查")
    await push(pages, device, livestream, 1)
    async with pages.reader(size=PHONE, dark=True) as reader:
        await reader.sign_in("admin")
        await reader.go("/livestreams")
        await reader.page.locator(".tile .state-live-live").wait_for()
        assert await reader.overflow() == 0
        assert not await reader.page.locator(".tile img").is_visible()
        await reader.page.click(".tile-title")
        await reader.page.locator(".screen-title", has_text="角色").wait_for()
        assert await reader.overflow() == 0
    names = await pages.bureau.event_names()
    assert "LivestreamWatched" not in names


async def test_a_wall_goes_on_behind_a_proxy_that_answered_in_the_service_s_place(
    pages: Pages,
) -> None:
    livestream = await begun(pages, await camera(pages.bureau, "TA00716"), "巡查")
    gone: list[int] = [502]

    async def answer(route: Route) -> None:
        if gone:
            await route.fulfill(status=gone.pop(), body="Bad Gateway")
        else:
            await route.continue_()

    async with pages.reader(expected=("502", "401")) as reader:
        await reader.sign_in("wang")
        await reader.page.route("**/livestreams/stream*", answer)
        await reader.go("/livestreams")
        # A browser opens no stream of events again that was answered so.
        await reader.page.locator("[data-live=off]").wait_for()
        await reader.page.locator(f"[data-livestream='{livestream.id}']").wait_for()
        await reader.page.locator("[data-live=on]").wait_for()
        # Whose session is over is led to sign in.
        gone.append(502)
        await reader.page.reload()
        await reader.context.clear_cookies()
        await reader.page.locator("[name=password]").wait_for()


async def test_nobody_who_waits_for_what_is_not_converted_fills_the_custody_record(
    database_url: str, tmp_path: Path, browser: Browser
) -> None:
    async with open_pages(database_url, tmp_path, browser, live_proxies=0) as pages:
        await pages.person("wang", Role.SUPERVISOR)
        device, sent = await camera(pages.bureau, "TA00716"), hevc_take()
        livestream = await opened(pages.service.deps, device, title="巡查")
        await put_init(pages.service.deps, device, livestream.id, sent.init)
        async with pages.reader(expected=("503",)) as reader:
            await reader.sign_in("wang")
            await reader.go(f"/livestreams/{livestream.id}")
            for number, body in enumerate(sent.segments[:4], 1):
                pages.bureau.clock.forward(seconds=1)
                await put(pages.service.deps, device, livestream.id, number, body)
                await reader.page.locator("[data-fact=segments]", has_text=str(number)).wait_for()
                await reader.page.locator(".screen-title", has_text="H.265").wait_for()
        names = await pages.bureau.event_names()
        assert names.count("LivestreamWatched") == 1


async def test_pages_of_what_is_over_and_of_what_goes_on_with_it_lead_to_each_other(
    pages: Pages,
) -> None:
    deps, sent = pages.service.deps, take(seconds=12)
    device = await camera(pages.bureau, "TA00716")
    first = await opened(deps, device, title="龙华菜市场巡查", form=Form.RECEIVED)
    fence = await live.take(deps, first.id)
    receiver = live.Receiver(deps, SERVICE, first.id, fence)
    await receiver.put_init(live.InitArrival(period=1, body=sent.init))
    for number in (1, 3):
        body = sent.segments[number - 1]
        await receiver.put_segment(live.SegmentArrival(period=1, number=number, body=body))
    # The disk of the receiving machine has damaged what was between them.
    damaged = live.Damaged(period=1, number=2, length=9, host="ingest-1", file="a/b.damaged")
    assert await live.lose(deps, first.id, damaged)
    await live.let_go(deps, first.id, fence)
    closed = await live.request_close(deps, device, first.id, last=None)
    second = await live.going_on(deps, closed)
    beside = await live.set_beside(deps, closed)
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go(f"/livestreams/{first.id}")
        assert "入库前在本系统接收机磁盘上损坏" in await reader.text("main")
        assert await reader.page.locator("[data-beside] a").get_attribute("href") == (
            f"/livestreams/{beside.id}"
        )
        await reader.page.locator("[data-continued] a").click()
        await reader.page.wait_for_url(f"**/livestreams/{second.id}")
        assert await reader.page.locator("[data-continues] a").get_attribute("href") == (
            f"/livestreams/{first.id}"
        )
        await reader.go("/alarms")
        assert "接收机 ingest-1 的磁盘在入库前损坏了" in await reader.text("main")


async def test_a_device_that_goes_on_in_h265_is_watched_on_and_the_page_says_how(
    pages: Pages,
) -> None:
    device, deps = await camera(pages.bureau, "TA00716"), pages.service.deps
    livestream = await begun(pages, device, "巡查")
    await push(pages, device, livestream, 1, 2, 3)
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go(f"/livestreams/{livestream.id}")
        await reader.until(f"{VIDEO}.currentTime > 0.2")
        assert not await reader.page.locator("[data-proxy]").is_visible()
        sent = hevc_take()
        await put_init(deps, device, livestream.id, sent.init, 2)
        for number, body in enumerate(sent.segments[:6], 4):
            pages.bureau.clock.forward(seconds=1)
            await put(deps, device, livestream.id, number, body, 2)
        await reader.page.locator("[data-proxy]").wait_for(timeout=60_000)
        await reader.until(f"{VIDEO}.currentTime > 6 && {VIDEO}.videoWidth === 320", within=60)
    names = await pages.bureau.event_names()
    assert names.count("LivestreamWatched") == 2
