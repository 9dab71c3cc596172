"""What an administrator does: people, devices with their hand-over log, docks, tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from recorder.domain.people import OPERATOR, Role
from recorder.services import accounts, registry
from tests.support import people
from tests.support.pages import Pages, open_pages


@pytest.fixture
async def pages(database_url: str, tmp_path: Path, browser: Browser) -> AsyncIterator[Pages]:
    async with open_pages(database_url, tmp_path, browser) as opened:
        await opened.person("admin", Role.ADMINISTRATOR)
        yield opened


async def test_a_device_gets_a_token_that_is_shown_once_a_wearer_and_a_code(pages: Pages) -> None:
    async with pages.reader() as reader:
        await reader.sign_in("admin")
        await reader.go("/administration/devices")
        page = reader.page
        await page.click("summary:has-text('新增设备')")
        await page.fill("[name=number]", "D4471000000227")
        await page.keyboard.press("Enter")
        token = await reader.text(".secret-line code")
        actor = await accounts.actor_of_token(pages.service.deps, token)
        assert actor.name == "D4471000000227"
        await page.click("text=完成")
        assert token not in await page.content()
        await page.fill("[name=officer]", "JX0227")
        await page.click("form[action$='/handovers'] button")
        await page.locator(".note-good", has_text="领用登记").wait_for()
        assert "JX0227" in await reader.text("tbody")
        await page.click("text=生成注册码")
        code = await reader.text(".secret-line code")
        enrolled = await registry.enrol(pages.service.deps, code)
        assert enrolled.device.number == "D4471000000227"
        await page.click("text=完成")
        await page.select_option("form[action$='/state'] [name=state]", "lost")
        await page.fill("form[action$='/state'] [name=reason]", "执法中遗失")
        await page.click("form[action$='/state'] button")
        await page.locator("h1", has_text="遗失").wait_for()


async def test_a_person_is_added_signs_in_and_is_suspended(pages: Pages) -> None:
    async with pages.reader() as reader:
        await reader.sign_in("admin")
        await reader.go("/administration/people")
        page = reader.page
        await page.click("summary:has-text('新增人员')")
        form = page.locator("form[method=post][action='/administration/people']")
        await form.locator("[name=login]").fill("zhao")
        await form.locator("[name=name]").fill("赵队员")
        await form.locator("[name=officer]").fill("JX0400")
        await form.locator("[name=password]").fill("correct horse battery")
        await form.locator("button").click()
        row = page.locator("tbody tr", has_text="赵队员")
        assert "执法人员" in await row.inner_text()
        async with pages.reader(expected=("401",)) as other:
            await other.sign_in("zhao")
            await row.locator("summary").click()
            await row.locator("form[action$='/state'] [name=reason]").fill("调离")
            await row.locator("form[action$='/state'] button").click()
            await page.locator(".note-good").wait_for()
            assert "停用" in await row.inner_text()
            await other.go("/recordings")
            assert await other.page.locator("[name=password]").is_visible(), "signed out at once"


async def test_docks_and_tokens_are_made_and_a_token_is_revoked(pages: Pages) -> None:
    async with pages.reader() as reader:
        await reader.sign_in("admin")
        page = reader.page
        await reader.go("/administration/docks")
        await page.click("summary:has-text('新增采集站')")
        await page.fill("[name=name]", "三号采集站")
        await page.keyboard.press("Enter")
        dock = await accounts.actor_of_token(
            pages.service.deps, await reader.text(".secret-line code")
        )
        assert dock.role is Role.DOCK
        await reader.go("/administration/tokens")
        await page.click("summary:has-text('新增程序令牌')")
        await page.fill(
            "form[method=post][action='/administration/tokens'] [name=name]", "统计平台"
        )
        await page.click("form[method=post][action='/administration/tokens'] button")
        await page.locator(".secret-line code").wait_for()
        await reader.go("/administration/tokens")
        row = page.locator("tbody tr", has_text="统计平台")
        await row.locator("summary").click()
        await row.locator("[name=reason]").fill("项目结束")
        await row.locator("form button").click()
        await page.locator(".note-good", has_text="令牌已失效").wait_for()
        assert "已吊销" in await row.inner_text()


async def test_what_is_taken_already_is_told_in_words(pages: Pages) -> None:
    async with pages.reader() as reader:
        await reader.sign_in("admin")
        for expected in (".secret-line", ".note-bad"):
            await reader.go("/administration/devices")
            await reader.page.click("summary:has-text('新增设备')")
            await reader.page.fill("[name=number]", "D1")
            await reader.page.keyboard.press("Enter")
            await reader.page.locator(expected).wait_for()
        assert await reader.text(".note-bad") == "设备编号已存在。"


async def test_agencies_are_called_by_their_names(pages: Pages) -> None:
    await people.add_person(pages.service.deps, "city", Role.ADMINISTRATOR, city=True)
    for agency in (None, "foreign"):
        added = await registry.add_device(
            pages.service.deps, OPERATOR, number=f"D-{agency}", agency=agency
        )
        await registry.add_dock(pages.service.deps, OPERATOR, name="一楼", agency=agency)
        await registry.add_token(
            pages.service.deps, OPERATOR, name="对接系统", role=Role.OFFICER, agency=agency
        )
        await people.add_person(pages.service.deps, f"p-{agency}", Role.OFFICER, agency=agency)
    async with pages.reader() as reader:
        await reader.sign_in("city")
        for kind in ("people", "devices", "docks", "tokens"):
            await reader.go(f"/administration/{kind}")
            assert "外单位" in await reader.text("tbody"), kind
        await reader.go(f"/administration/devices/{added.device.id}")
        assert "外单位" in await reader.text(".crumb")
