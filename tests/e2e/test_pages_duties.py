"""A clerk drafts the list of an agency, and a second person approves it, in the browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from recorder.adapters import tables
from recorder.domain.people import Role
from tests.support.pages import PHONE, Pages, open_pages

WRONG = "序号,场景\n1,听证\n"
OFFICE = (
    "支队音像记录清单,,,,\n序号,执法类别,场景,记录要求,法律依据\n"
    "1,强制,查封扣押,全程不间断,《行政强制法》第十八条\n2,处罚,听证,应当记录,\n"
)
CHANGED = "序号,记录要求,场景,依据\n1,可以记录,听证,=1+1\n"


@pytest.fixture
async def pages(database_url: str, tmp_path: Path, browser: Browser) -> AsyncIterator[Pages]:
    async with open_pages(database_url, tmp_path, browser) as opened:
        for login in ("wang", "zhao"):
            await opened.person(login, Role.SUPERVISOR)
        yield opened


def shows(words: str) -> str:
    """The page says so."""
    return f"document.querySelector('main, .main')?.innerText.includes('{words}') ?? false"


async def test_a_list_from_draft_to_force_and_beside_another(pages: Pages, tmp_path: Path) -> None:
    async with pages.reader(expected=("status of 400",)) as reader:
        await reader.sign_in("wang")
        await reader.go("/duty-lists")
        assert "广东省行政执法音像记录清单" in await reader.text("main")
        await reader.page.click("summary:has-text('新建版本')")
        await reader.page.fill("[name=title]", "市局清单")
        await reader.page.fill("form[action='/duty-lists'] [name=marking_days]", "7")
        await reader.page.click("form[action='/duty-lists'] button.primary")
        await reader.until(shows("提交他人审批"), within=60)
        listed = reader.page.url.partition("?")[0].removeprefix(reader.url)
        assert "全程不间断" in await reader.text("main")
        assert "录像到达后 7 天内完成标记" in await reader.text("main")
        await reader.page.screenshot(path=tmp_path / "draft.png", full_page=True)
        await reader.page.click("button[value=propose]")
        await reader.until(shows("待他人审批"), within=60)
        # Whoever proposed it does not approve it.
        assert await reader.page.locator("button[value=approve]").count() == 0
        assert "待他人审批" in await reader.text("main")
        await reader.go("/duty-lists")
        await reader.page.click("summary:has-text('新建版本')")
        await reader.page.fill("[name=title]", "短清单")
        # A mistake is told by line and column, and nothing that was typed is lost.
        await reader.page.fill("[name=table]", CHANGED.replace("可以记录", "必须"))
        await reader.page.click("form[action='/duty-lists'] button.primary")
        await reader.until(shows("有 1 处错误"), within=60)
        await reader.page.screenshot(path=tmp_path / "mistake.png")
        assert "必须\n不是可填的词" in (await reader.text("tbody tr")).replace("\t", "\n")
        assert await reader.page.input_value("[name=title]") == "短清单"
        await reader.page.fill("[name=table]", CHANGED.replace(",", "\t"))
        await reader.page.click("form[action='/duty-lists'] button.primary")
        await reader.until(shows("提交他人审批"), within=60)
        await reader.page.click("summary:has-text('比对')")
        await reader.page.click("form[action$=comparison] button")
        await reader.until(shows("原值"), within=60)
        compared = await reader.text("main")
        assert "修改" in compared
        assert "删除" in compared
        await reader.page.screenshot(path=tmp_path / "comparison.png", full_page=True)
    async with pages.reader(size=PHONE) as second:
        await second.sign_in("zhao")
        await second.page.click("a:has-text('有 1 项提请等待您审批')")
        await second.until(shows("查看并审批"), within=60)
        await second.page.screenshot(path=tmp_path / "approvals.png")
        assert await second.overflow() <= 0
        await second.page.click("a:has-text('查看并审批')")
        await second.until(shows("批准此版本"), within=60)
        assert second.page.url.endswith(listed)
        await second.page.click("button[value=approve]")
        await second.until(shows("批准人 zhao 同志"), within=60)
        assert await second.overflow() <= 0
        await second.page.screenshot(path=tmp_path / "approved.png")


async def test_a_clerk_drafts_by_the_file_of_the_office(pages: Pages, tmp_path: Path) -> None:
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go("/duty-lists")
        await reader.page.click("summary:has-text('用文件新建版本')")
        await reader.page.fill("[data-import] [name=title]", "支队清单")
        for text, words in ((WRONG, "缺少此列"), (OFFICE, "可读取 2 条")):
            office = tmp_path / "清单.csv"
            office.write_bytes(text.encode("gb18030"))
            await reader.page.set_input_files("[data-import] [name=file]", office)
            await reader.page.click("[data-try]")
            await reader.until(shows(words), within=60)
            assert await reader.overflow() <= 0
            await reader.page.screenshot(path=tmp_path / f"{words}.png", full_page=True)
        async with reader.page.expect_navigation():
            await reader.page.click("[data-take]")
        await reader.until(shows("提交他人审批"), within=60)
        listed = await reader.text("main")
        for words in ("支队清单", "全程不间断", "行政强制", "《行政强制法》第十八条"):
            assert words in listed
        async with reader.page.expect_download() as caught:
            await reader.page.click("a:has-text('下载 XLSX')")
        path = await (await caught.value).path()
        cells = list(tables.read_table(path.read_bytes()))
        assert [row[0] for _, row in cells] == ["序号", "1", "2"]
