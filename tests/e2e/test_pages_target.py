"""What is written and what is filmed of one party, on one page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from recorder.domain.people import OPERATOR, Role
from recorder.services.feeding import sources
from tests.support import workshop
from tests.support.feed_desk import Desk, case, document
from tests.support.pages import PHONE, Pages, open_pages

COMPANY = "深圳市示例餐饮（集团）有限公司"
CODE = "91440300MA5EXAMP1X"
NUMBER = "甲〔2026〕1号"


@pytest.fixture
async def pages(database_url: str, tmp_path: Path, browser: Browser) -> AsyncIterator[Pages]:
    async with open_pages(database_url, tmp_path, browser) as opened:
        await opened.person("wang", Role.SUPERVISOR)
        yield opened


async def test_one_page_shows_the_records_and_footage_of_a_company(pages: Pages) -> None:
    source = (await sources.add_source(pages.bureau.deps, OPERATOR, name="sj")).source
    desk = Desk(pages.bureau, source)
    await desk.send(
        case("1", 1, NUMBER, title="食品安全检查", parties=[{"name": COMPANY, "code": CODE}]),
        case("2", 1, "甲〔2026〕2号", parties=[{"name": "另一公司"}]),
        document("d", 1, "1"),
    )
    camera = await workshop.camera(pages.bureau)
    await pages.deliver(camera, "08_faststart.mp4", case_number=NUMBER, stage="investigation")
    await pages.work_off()
    async with pages.reader(size=PHONE) as reader:
        await reader.sign_in("wang")
        await reader.go("/cases-by?by=company&text=示例餐饮")
        await reader.go(f"/cases/{await desk.case_of(NUMBER)}")
        await reader.page.click(f"text={COMPANY}")
        await reader.page.wait_for_url("**/target?text=*")
        shown = await reader.text("main .panel")
        for words in (NUMBER, "食品安全检查", COMPANY, CODE, "笔录", "08_faststart.mp4", "已封存"):
            assert words in shown, words
        assert await reader.page.locator("main .panel").count() == 1
        assert await reader.overflow() <= 0
        await reader.page.fill("[name=text] >> nth=-1", "没有这家公司")
        await reader.page.keyboard.press("Enter")
        await reader.page.locator(".empty").wait_for()
