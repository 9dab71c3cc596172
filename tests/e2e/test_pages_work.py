"""What an operator sees during the day: progress that moves, failed work, alarms."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from recorder.domain.alarm import AlarmCode
from recorder.domain.gateway import GatewayKind, read
from recorder.domain.ids import RecordingId
from recorder.domain.people import OPERATOR, Role
from recorder.services import alarms, gateways, ingest, tasks
from tests.support import workshop
from tests.support.pages import PHONE, Pages, open_pages
from tests.support.senders import Body, metadata

MIB = 1024 * 1024


@pytest.fixture
async def pages(database_url: str, tmp_path: Path, browser: Browser) -> AsyncIterator[Pages]:
    async with open_pages(database_url, tmp_path, browser) as opened:
        await opened.person("wang", Role.SUPERVISOR)
        await opened.person("admin", Role.ADMINISTRATOR)
        yield opened


async def _alarm(pages: Pages, code: AlarmCode, detail: str) -> None:
    await alarms.report(
        pages.service.deps,
        code,
        about_kind="system",
        about="store",
        detail=detail,
        agency=pages.bureau.ours,
        actor=OPERATOR,
    )


async def _refusal(pages: Pages) -> None:
    """A gateway that has turned somebody away, and whose file has not come."""
    deps = pages.service.deps
    added = await gateways.add_gateway(deps, OPERATOR, name="媒体一", kind=GatewayKind.SRS)
    body = {"app": "live", "stream": "S" + "x" * 150, "ip": "2001:db8::1234:5678:9abc:def0"}
    said = read(GatewayKind.SRS, "", {**body, "action": "on_publish", "param": "?token=wrong"})
    assert not (await gateways.ask(deps, added.gateway, said)).accepted
    file = {"action": "on_dvr", "file": f"/var/lib/recorder-gateway/{'x' * 100}/1.flv"}
    await gateways.hear(deps, added.gateway, read(GatewayKind.SRS, "", file))


async def test_whom_a_gateway_refused_is_seen_with_the_reason(pages: Pages) -> None:
    await _refusal(pages)
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go("/gateways")
        seen = await reader.text("main")
    for words in ("媒体一", "密钥错误", "2001:db8::1234:5678:9abc:def0", "1 个尚未到达"):
        assert words in seen


async def test_the_bar_of_an_upload_moves_while_bytes_arrive(pages: Pages) -> None:
    deps, camera = pages.service.deps, await workshop.camera(pages.bureau)
    upload = await ingest.open_upload(
        deps, camera, length=8 * MIB, metadata=metadata(filename="执法现场.mp4")
    )

    async def send(offset: int) -> None:
        await ingest.append(
            deps, camera, upload.id, offset=offset, body=Body(bytes(2 * MIB)), checksum=None,
            length=None,
        )  # fmt: skip

    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go("/work")
        row = reader.page.locator(f"[data-upload='{upload.id}']")
        assert "执法现场.mp4" in await row.inner_text()
        assert await row.locator("progress").get_attribute("value") == "0"
        await reader.page.wait_for_selector("[data-live=on]")
        await send(0)
        await reader.until("document.querySelector('[data-upload] progress').value === 25")
        await send(2 * MIB)
        await reader.until("document.querySelector('[data-upload] progress').value === 50")
        assert "4.0 MB / 8.0 MB" in await row.inner_text()
        assert "/s" in await row.locator(".bar-speed").inner_text()
        assert "剩余" in await row.locator(".bar-left").inner_text()
        # An empty upload that is given up vanishes without the page being loaded again.
        other = await ingest.open_upload(
            deps, camera, length=MIB, metadata=metadata(filename="另一段.mp4")
        )
        await reader.page.wait_for_selector(f"[data-upload='{other.id}']")
        await ingest.terminate(deps, camera, other.id)
        await reader.page.wait_for_selector(f"[data-upload='{other.id}']", state="detached")


async def test_a_running_task_shows_percent_speed_and_time_left(pages: Pages) -> None:
    camera = await workshop.camera(pages.bureau)
    await pages.deliver(camera, "08_faststart.mp4")
    run = await workshop.claimed(pages.service.deps)
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go("/work")
        row = reader.page.locator(f"[data-run='{run.id}']")
        assert "校验原件" in await row.inner_text()
        assert "08_faststart.mp4" in await row.inner_text()
        for percent in (40, 80):
            await tasks.heartbeat(
                pages.service.deps, run, {"percent": percent, "speed_percent": 250, "left_s": 65}
            )
            await reader.until(
                f"document.querySelector(\"[data-run='{run.id}'] progress\").value === {percent}"
            )
        assert f"{percent} %" in await row.inner_text()
        assert "2.5×" in await row.inner_text()
        assert "剩余 1:05" in await row.inner_text()
        waiting = reader.page.locator("tr[data-run]", has_text="等待中").first
        assert await waiting.locator(".bar").is_hidden()


async def _failed(pages: Pages) -> RecordingId:
    camera = await workshop.camera(pages.bureau)
    recording = await pages.deliver(camera, "08_faststart.mp4")
    run = await workshop.claimed(pages.service.deps)
    await tasks.fail(
        pages.service.deps, OPERATOR, run, "store-unavailable", "The store said no ten times."
    )
    return recording


async def test_failed_work_stands_with_its_reason_and_is_tried_again_by_a_button(
    pages: Pages,
) -> None:
    recording = await _failed(pages)
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go("/work/failed")
        row = reader.page.locator("tbody tr")
        assert "校验原件" in await row.inner_text()
        said = await row.inner_text()
        assert "08_faststart.mp4" in said
        assert "影像存储无法连接或中途断开。" in said
        assert "The store said no ten times." not in said
        await row.locator("summary").click()
        assert "store-unavailable The store said no ten times." in await row.inner_text()
        await row.get_by_role("button", name="重试").click()
        await reader.page.locator(".note-good", has_text="任务已重新开始").wait_for()
        assert "没有失败的任务" in await reader.text("main")
        run = (await workshop.runs(pages.bureau, recording))["verify"]
        assert run.state == "pending"


async def test_the_page_of_a_recording_offers_the_same_retry(pages: Pages) -> None:
    recording = await _failed(pages)
    # Its player asks whether it can be played: 409 until the work is done.
    async with pages.reader(expected=("409",)) as reader:
        await reader.sign_in("wang")
        await reader.go(f"/recordings/{recording}")
        assert "影像存储无法连接或中途断开。" in await reader.text(".task-failed")
        await reader.page.locator(".task-failed button").click()
        await reader.page.locator(".note-good", has_text="任务已重新开始").wait_for()
        assert reader.page.url.endswith(f"/recordings/{recording}")
        assert await reader.page.locator(".task-failed").count() == 0


async def test_a_critical_alarm_is_a_banner_on_every_page_until_it_is_cleared(
    pages: Pages,
) -> None:
    await _alarm(pages, AlarmCode.STORE_CANARY_FAILED, "The canary could be deleted.")
    async with pages.reader() as reader:
        await reader.sign_in("admin")
        for path in ("/", "/recordings", "/work", "/work/failed", "/administration/devices"):
            await reader.go(path)
            banner = reader.page.locator(".alarm-banner")
            assert "有 1 条严重告警未解除" in await banner.inner_text(), path
            assert "存储未能防删改" in await banner.inner_text(), path
        await reader.page.click(".alarm-banner")
        await reader.page.wait_for_url("**/alarms")
        alarm = reader.page.locator(".alarm")
        said = await alarm.inner_text()
        assert "存储没有按要求保住试验对象" in said
        assert "请在更多影像到达之前检查存储" in said
        assert "The canary could be deleted." not in said
        await alarm.locator("summary").click()
        assert "store_canary_failed The canary could be deleted." in await alarm.inner_text()
        await alarm.locator("[name=note]").fill("已联系存储厂家")
        await alarm.get_by_role("button", name="确认").click()
        await reader.page.locator(".note-good").wait_for()
        assert "已确认" in await alarm.inner_text()
        assert await reader.page.locator(".alarm-banner").count() == 1, "still open"
        await alarm.get_by_role("button", name="解除").click()
        await reader.page.locator(".empty", has_text="没有未解除的告警").wait_for()
        assert await reader.page.locator(".alarm-banner").count() == 0
        await reader.page.click("main .choice a:has-text('全部')")
        await reader.page.locator(".alarm-is-cleared").wait_for()


async def test_critical_alarms_stand_first_and_in_the_banner_however_many_warnings_are_newer(
    pages: Pages,
) -> None:
    await _alarm(pages, AlarmCode.STORE_CANARY_FAILED, "The canary could be deleted.")
    for number in range(51):
        pages.bureau.clock.forward(seconds=1)
        await alarms.report(
            pages.service.deps, AlarmCode.QUARANTINE_WAITING, about_kind="agency",
            about=str(number), detail="Waits.", agency=pages.bureau.ours, facts={"count": number},
        )  # fmt: skip
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go("/alarms")
        assert "存储未能防删改" in await reader.text(".alarm-banner")
        assert "存储未能防删改" in await reader.text(".alarm")
        assert await reader.page.locator(".alarm").count() == 50
        await reader.page.click("a[rel=next]")
        assert await reader.page.locator(".alarm").count() == 2


async def test_a_warning_is_counted_and_makes_no_banner(pages: Pages) -> None:
    await _alarm(pages, AlarmCode.DISK_LOW, "12 GiB are left.")
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        assert await reader.page.locator(".alarm-banner").count() == 0
        assert await reader.text(".side .badge") == "1"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_no_page_is_wider_than_a_phone_and_none_complains(pages: Pages, dark: bool) -> None:
    camera = await workshop.camera(pages.bureau)
    number = "深市监罚〔2026〕0876号"
    names = ("08_faststart.mp4", "15_photo.jpg", "50_powercut_no_moov.mp4")
    footage = [await pages.deliver(camera, name, case_number=number) for name in names]
    await pages.deliver(camera, "56_corrupt_middle.mp4")
    await pages.deliver(camera, "11_noaudio.mp4", device="D9999999999999")
    await pages.work_off()
    await _alarm(pages, AlarmCode.AUDIT_FINDINGS, "An object that no row knows: " + "x" * 120)
    await _refusal(pages)
    everybody = ["/", "/?q=876", "/recordings?linked=", "/work", "/work/failed", "/alarms?all=1"]
    everybody.append("/gateways")
    everybody += [f"/recordings/{one}" for one in footage]
    journeys = {
        "wang": [*everybody, "/quarantine"],
        "admin": [
            *everybody,
            *(f"/administration/{name}" for name in ("people", "devices", "docks", "tokens")),
        ],
    }
    for login, paths in journeys.items():
        async with pages.reader(size=PHONE, dark=dark) as reader:
            await reader.sign_in(login)
            case = await reader.page.get_attribute(".row-link", "href")
            for path in [*paths, str(case)]:
                answer = await reader.go(path)
                assert answer is not None
                assert answer.status == 200, path
                assert await reader.overflow() <= 0, path
                assert await reader.page.locator("h1").first.is_visible(), path
            await reader.page.click(".phone-menu > summary")
            assert await reader.page.locator(".sheet .nav a").first.is_visible()
