"""Signing in, the language, light and dark, and what somebody meets who may not see a page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pyotp
import pytest
from playwright.async_api import Browser

from recorder.domain.people import OPERATOR, Role
from recorder.services import accounts
from tests.support.pages import PASSWORD, Pages, open_pages

GROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture
async def pages(database_url: str, tmp_path: Path, browser: Browser) -> AsyncIterator[Pages]:
    async with open_pages(database_url, tmp_path, browser) as opened:
        await opened.person("wang", Role.SUPERVISOR)
        yield opened


async def test_whoever_is_not_signed_in_signs_in_and_reaches_the_page_they_wanted(
    pages: Pages,
) -> None:
    async with pages.reader(expected=("401",)) as reader:
        answer = await reader.go("/alarms")
        assert answer is not None
        assert answer.status == 401
        await reader.page.fill("[name=login]", "wang")
        await reader.page.fill("[name=password]", "wrong password")
        await reader.page.keyboard.press("Enter")
        await reader.page.locator(".note-bad", has_text="登录名或密码错误").wait_for()
        await reader.page.fill("[name=password]", PASSWORD)
        await reader.page.keyboard.press("Enter")
        await reader.page.wait_for_url("**/alarms")
        assert await reader.text("h1") == "告警"
        cookie = next(c for c in await reader.context.cookies() if "session" in c.get("name", ""))
        assert cookie.get("httpOnly") is True
        await reader.page.click(".account button")
        await reader.page.locator("text=您已退出登录").wait_for()
        await reader.go("/alarms")
        assert await reader.page.locator("[name=password]").is_visible()


async def test_a_person_changes_the_password_and_ends_a_session_elsewhere(pages: Pages) -> None:
    async with pages.reader() as reader, pages.reader(expected=("401",)) as elsewhere:
        await reader.sign_in("wang")
        await elsewhere.sign_in("wang")
        await reader.page.click(".side .account-name")
        await reader.page.locator("h1", has_text="我的账户").wait_for()
        assert await reader.page.locator("tbody tr").count() == 2
        await reader.page.locator("tbody button").click()
        await reader.page.locator(".note-good", has_text="会话已结束").wait_for()
        assert await reader.page.locator("tbody tr").count() == 1
        await elsewhere.go("/alarms")
        assert await elsewhere.page.locator("[name=password]").is_visible()
        await reader.page.fill("[name=present]", PASSWORD)
        await reader.page.fill("[name=password]", "passwordpassword")
        await reader.page.click("text=修改密码")
        await reader.page.locator(".note-bad", has_text="最常被尝试").wait_for()
        await reader.page.fill("[name=present]", PASSWORD)
        await reader.page.fill("[name=password]", "quite another horse")
        await reader.page.click("text=修改密码")
        await reader.page.locator(".note-good", has_text="新密码已生效").wait_for()


async def test_a_person_sets_up_a_second_factor_and_signs_in_with_it(pages: Pages) -> None:
    async with pages.reader(expected=("401",)) as reader:
        await reader.sign_in("wang")
        await reader.go("/account")
        await reader.page.click("text=设置")
        await reader.page.locator("h1", has_text="第二验证因素").wait_for()
        await reader.until("document.querySelector('.qr img').naturalWidth > 0")
        app = pyotp.TOTP((await reader.text(".secret code")).replace(" ", ""))
        await reader.page.fill("[name=code]", app.now())
        await reader.page.fill("[name=present]", PASSWORD)
        await reader.page.click("text=启用")
        await reader.page.locator(".codes li").nth(9).wait_for()
        recovery = await reader.page.locator(".codes li").first.inner_text()
        await reader.page.click("text=已妥善保存")
        await reader.page.locator("text=剩余 10 个恢复码").wait_for()
        await reader.page.click(".account button")
        await reader.go("/alarms")
        await reader.page.fill("[name=login]", "wang")
        await reader.page.fill("[name=password]", PASSWORD)
        await reader.page.keyboard.press("Enter")
        await reader.page.fill("[name=code]", "000000")
        await reader.page.keyboard.press("Enter")
        await reader.page.locator(".note-bad", has_text="动态码有误").wait_for()
        await reader.page.fill("[name=code]", recovery)
        await reader.page.keyboard.press("Enter")
        await reader.page.wait_for_url("**/alarms")
        assert await reader.text("h1") == "告警"


@pytest.mark.parametrize(
    "target", ["//evil.example/", "/\\evil.example", "https://evil.example/", "javascript:alert(1)"]
)
async def test_signing_in_never_leads_to_another_site(pages: Pages, target: str) -> None:
    answer = await pages.service.ask(
        "POST", "/sign-in", data={"login": "wang", "password": PASSWORD, "target": target}
    )
    assert answer.status == 303
    assert answer.headers["Location"] == "/"


async def test_a_one_time_address_is_used_up_by_the_button_and_not_by_a_preview(
    pages: Pages,
) -> None:
    secret = await accounts.make_login_link(pages.service.deps, OPERATOR, login="wang")
    for _ in range(2):
        preview = await pages.service.ask("GET", f"/login/{secret}")
        assert preview.status == 200
        assert "Set-Cookie" not in preview.headers
    async with pages.reader(expected=("401",)) as reader:
        await reader.go(f"/login/{secret}")
        await reader.page.click("text=立即登录")
        await reader.page.wait_for_url(f"{reader.url}/")
        assert "wang 同志" in await reader.text(".account-name")
        await reader.go(f"/login/{secret}")
        await reader.page.click("text=立即登录")
        await reader.page.locator(".note-bad", has_text="已用过或已过期").wait_for()


async def test_the_language_is_switched_and_stays_with_the_person(pages: Pages) -> None:
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        assert await reader.text("h1") == "案件"
        assert await reader.page.get_attribute("html", "lang") == "zh-CN"
        await reader.page.click(".side button[lang=en]")
        await reader.page.locator("h1", has_text="Cases").wait_for()
        assert await reader.page.get_attribute("html", "lang") == "en"
        await reader.go("/alarms")
        assert await reader.text("h1") == "Alarms"
    async with pages.reader() as elsewhere:
        await elsewhere.sign_in("wang")
        assert await elsewhere.text("h1") == "Cases", "another browser of the same person"


async def test_somebody_whose_browser_prefers_english_is_greeted_in_english(pages: Pages) -> None:
    async with pages.reader(locale="en-GB") as reader:
        await reader.go("/sign-in")
        assert await reader.text("h1") == "Sign in"
    async with pages.reader(locale="fr-FR") as reader:
        await reader.go("/sign-in")
        assert await reader.text("h1") == "登录", "whoever prefers neither reads Chinese"


async def test_pages_are_dark_by_the_system_or_by_choice(pages: Pages) -> None:
    async with pages.reader(dark=True) as reader:
        await reader.sign_in("wang")
        dark = await reader.page.evaluate(GROUND)
        await reader.page.click(".side button[value=light]")
        await reader.page.wait_for_selector("html[data-theme=light]")
        light = await reader.page.evaluate(GROUND)
        assert dark != light
        await reader.page.click(".side button[value=dark]")
        await reader.page.wait_for_selector("html[data-theme=dark]")
        assert await reader.page.evaluate(GROUND) == dark


async def test_a_page_that_is_not_allowed_or_not_there_says_so_with_a_reference(
    pages: Pages,
) -> None:
    async with pages.reader(expected=("403", "404")) as reader:
        await reader.sign_in("wang")
        await reader.go("/administration/people")
        assert await reader.text("h1") == "没有权限"
        assert "您的角色没有此权限" in await reader.text(".plain-card")
        await reader.go("/nothing-here")
        assert await reader.text("h1") == "这里没有内容"
        assert "route-not-found" in await reader.text(".hint")


async def test_a_form_of_another_site_changes_nothing(pages: Pages) -> None:
    await pages.service.ask("GET", "/sign-in")
    forged = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    for path in ("/sign-in", "/preferences", "/login/anything"):
        answer = await pages.service.ask("POST", path, headers=forged, data={"theme": "dark"})
        assert answer.status == 403, path
