"""Registries in a browser: a table is tried, then taken, and what it said stands on the pages."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from recorder.domain.people import OPERATOR, Role
from recorder.services.importing import import_file
from tests.support import people
from tests.support.pages import PHONE, Pages, Reader, open_pages

TREE = """机构代码,机构名称,类型,上级机构,统一社会信用代码,行政区划,前身,备注
SZ,某市人民政府,市,,,440300,,
NS,某区人民政府,区,SZ,91350100M000100Y43,440305,,
NS-CG,某区城市管理和综合执法局,局,NS,91350100M000100Y44,440305,OLD,
YH,某街道办事处,街道,NS,,440305001,,
OLD,某区城市管理局（旧）,局,NS,,440305,,
"""
OFFICERS = """编号,姓名,机构,执法证号,证件有效期起,证件有效期至
000001,甲某,NS-CG,19030112345,2020-01-01,2024-12-31
000002,乙某,NS-CG,19030112346,2020-01-01,2099-12-31
"""
POWERS = "事项编码,事项名称,职权类型,机构,实施依据\n0440,占用城市道路的处罚,行政处罚,NS-CG,第一条\n"
DEVICES = """产品序号,使用者编号,使用者姓名,单位编号,单位名称,机构
TA00716,000001,甲某,440305000001,执法一队,NS-CG
"""


@pytest.fixture
async def pages(database_url: str, tmp_path: Path, browser: Browser) -> AsyncIterator[Pages]:
    async with open_pages(database_url, tmp_path, browser) as opened:
        await people.add_person(
            opened.service.deps, "admin", Role.ADMINISTRATOR, name="管理员", city=True
        )
        yield opened


async def look(reader: Reader, name: str) -> None:
    """Keep a picture of the page where somebody wants to look at it."""
    if folder := os.environ.get("FOOTAGE_TEST_PICTURES"):
        await reader.page.screenshot(path=f"{folder}/{name}.png", full_page=True)
    assert await reader.overflow() <= 0


async def choose(reader: Reader, kind: str, text: str) -> None:
    await reader.page.select_option("[name=kind]", kind)
    await reader.page.set_input_files(
        "[name=file]", {"name": f"{kind}.csv", "mimeType": "text/csv", "buffer": text.encode("gbk")}
    )


async def test_a_table_is_tried_then_taken_and_stands_on_the_pages(pages: Pages) -> None:
    async with pages.reader() as reader:
        await reader.sign_in("admin")
        await reader.go("/import")
        page = reader.page
        await choose(reader, "organisations", TREE.replace("440300,,", "440300,NOWHERE,"))
        await page.click("[data-try]")
        await page.locator("h2", has_text="1 处错误").wait_for()
        assert await page.locator("[data-take]").is_disabled()
        await look(reader, "import-fault")
        await choose(reader, "organisations", TREE)
        await page.click("[data-try]")
        await page.locator("h2", has_text="试导入：未作任何改动").wait_for()
        assert "校验位不符" in await reader.text("[data-outcome]")
        assert "备注" in await reader.text("[data-outcome] .hint")
        assert await pages.bureau.value("SELECT count(*) FROM organisation") == 0
        await look(reader, "import-trial")
        await page.click("[data-take]")
        await page.locator("h2", has_text="已导入").wait_for()
        assert await pages.bureau.value("SELECT count(*) FROM organisation") == 5
        for kind, text in (("officers", OFFICERS), ("matters", POWERS), ("devices", DEVICES)):
            taken = await import_file(
                pages.service.deps, OPERATOR, kind=kind, content=text.encode(), file_name="x.csv"
            )
            assert taken.taken, taken.errors
        await reader.go("/organisations")
        assert "承继自 某区城市管理局（旧）" in await reader.text("table")
        await look(reader, "organisations")
        await reader.go("/officers")
        first, second = await page.locator("tbody tr").all_inner_texts()
        assert ("已过期" in first, "无有效证件" in first) == (True, True)
        assert "已过期" not in second
        await look(reader, "officers")
        await page.fill("main form.line-form [name=q]", "乙某")
        await page.click("main form.line-form button")
        await page.wait_for_url("**/officers?q=*")
        assert "乙某" in await reader.text("tbody")
        assert await page.locator("tbody tr").count() == 1
        await reader.go("/matters?q=0440")
        assert "行政处罚" in await reader.text("tbody")
        await look(reader, "matters")
        await reader.go("/administration/devices")
        await page.click(".row-link")
        await page.locator("h2", has_text="GA/T 947").wait_for()
        assert "执法一队" in await page.content()
        await look(reader, "device")


async def test_on_a_phone_and_with_a_broken_table_everything_is_said_in_words(
    pages: Pages,
) -> None:
    async with pages.reader(size=PHONE) as reader:
        await reader.sign_in("admin")
        await reader.go("/import")
        await choose(reader, "organisations", "备注\n1\n")
        await reader.page.click("[data-try]")
        await reader.page.locator(".note", has_text="表格首行缺少必需的列").wait_for()
        await look(reader, "import-phone")
