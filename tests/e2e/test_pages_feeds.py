"""The page of case systems: what waits, mapping a code, deciding what numbers join."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from recorder.domain.feed import rows
from recorder.domain.people import OPERATOR, Role
from recorder.services.feeding import pulling, receiving, remapping, sources
from tests.support.feed_desk import case, event
from tests.support.pages import Pages, open_pages


@pytest.fixture
async def pages(database_url: str, tmp_path: Path, browser: Browser) -> AsyncIterator[Pages]:
    async with open_pages(database_url, tmp_path, browser) as opened:
        yield opened


async def test_a_supervisor_maps_a_code_and_decides_a_merge(pages: Pages, tmp_path: Path) -> None:
    deps = pages.service.deps
    added = await sources.add_source(deps, OPERATOR, name="market-2026")
    said = [
        case("C1", 1, "深罚〔2026〕1号"),
        case("C2", 1, "深罚〔2026〕2号"),
        case("C3", 1, "深罚〔2026〕1号", "深罚〔2026〕2号"),
        *(event(f"e{n}", 1, "C1", event="CF-扣押-01") for n in range(3)),
        event("e9", 1, "C7"),
        {**event("e8", 1, "C1"), "revision": None},
    ]
    parsed = [rows.of_value(one) for one in said]
    await receiving.receive(deps, OPERATOR, added.source, parsed)
    await pages.person("zhao", Role.SUPERVISOR)
    async with pages.reader() as reader:
        await reader.sign_in("zhao")
        await reader.go("/feeds")
        seen = await reader.text("main")
        for words in ("market-2026", "代码未对照", "CF-扣押-01", "案件尚未报送", "缺版本号"):
            assert words in seen
        assert await reader.overflow() == 0
        await reader.page.locator("summary", has_text="对照代码").click()
        await reader.page.locator("select[name=value]").select_option("seizure")
        await reader.page.get_by_role("button", name="对照并补收").click()
        assert "重新读取。 3 行" in await reader.text("main")
        # It was another thing: the rows that were taken follow.
        pages.bureau.clock.forward(seconds=1)
        await reader.page.locator("summary", has_text="代码对照表").click()
        assert await reader.overflow() == 0
        await reader.page.screenshot(path=tmp_path / "mappings.png", full_page=True)
        await reader.page.locator("summary", has_text="更改").click()
        await reader.page.locator("select[name=value]").select_option("hearing")
        await reader.page.get_by_role("button", name="对照并补收").click()
        assert "代码已对照" in await reader.text("main")
        await reader.page.locator("summary", has_text="处理").click()
        await reader.page.locator("input[name=reason]").fill("同一案件")
        await reader.page.get_by_role("button", name="是同一案件").click()
        assert "编号指向两个案件" not in await reader.text("main")
    while await remapping.spread_mappings(deps):
        pass
    kinds = "SELECT array_agg(kind ORDER BY key) FROM case_event"
    assert await pages.bureau.value(kinds) == ["hearing"] * 3


async def test_how_pulls_go_and_what_they_could_not_take_is_shown(
    pages: Pages, tmp_path: Path
) -> None:
    deps = pages.service.deps
    await sources.add_source(deps, OPERATOR, name="market-2026")
    folder = tmp_path / "drop"
    folder.mkdir()
    (folder / "周报.ndjson").write_text('{"key": "a"}\nno row\n[]\n', "utf-8")
    await pulling.add_folder(deps, OPERATOR, "market-2026", folder=folder)
    assert await pulling.pull_due(deps)
    await pages.person("zhao", Role.SUPERVISOR)
    async with pages.reader() as reader:
        await reader.sign_in("zhao")
        await reader.go("/feeds")
        seen = await reader.text("main")
        for words in ("由文件夹抓取", "每 60 秒", "1 个文件", "2 行不是数据行", "周报.ndjson"):
            assert words in seen
        (folder / "周报.ndjson").unlink()
        folder.rmdir()
        pages.bureau.clock.forward(seconds=61)
        assert await pulling.pull_due(deps)
        await reader.go("/feeds")
        assert "抓取来源无应答，将再次尝试。" in await reader.text("main")
        assert await reader.overflow() == 0
        # Of many things that rows wait for the most frequent stand here, all of them behind a link.
        many = [event(f"e{n}", 1, "C1", event=f"CODE-{n:02}") for n in range(12)]
        source = (await sources.list_sources(deps, OPERATOR))[0]
        await receiving.receive(
            deps, OPERATOR, source, [rows.of_value(case("C1", 1, "深罚〔2026〕1号"))]
        )
        await receiving.receive(deps, OPERATOR, source, [rows.of_value(one) for one in many])
        await reader.go("/feeds")
        lines = reader.page.locator("td.lead", has_text="代码未对照")
        shown = await lines.count()
        assert shown <= 10
        await reader.page.locator("a[href='/feeds?source=market-2026']").click()
        await reader.page.wait_for_url("**/feeds?source=market-2026")
        assert await lines.count() == 12
