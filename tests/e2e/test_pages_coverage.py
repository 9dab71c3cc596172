"""What a clerk and a supervisor see of a small simulated city, in a real browser."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Browser

from recorder.domain.people import Role
from recorder.simulation.city import simulate
from tests.support import people
from tests.support.city_database import CityDatabase
from tests.support.pages import PHONE, Reader, open_pages
from tests.support.violation_trial import evaluate_city

YEAR = "from=2025-01-01&to=2025-12-31"


async def down_to_a_second(reader: Reader) -> None:
    """From the city by its plots and tables to an agency, an officer, and a hole of a case."""
    page = reader.page
    await reader.go(f"/coverage?{YEAR}")
    assert "示例市" in await reader.text("h1")
    assert "应录未录" in await reader.text(".burns")
    await page.wait_for_selector("[data-plot=shares] [data-drawn=yes] canvas")
    # The worst stands above; a click on its bar is the link of its row.
    worst = await page.get_attribute("#who tbody tr:first-child a", "href")
    box = await page.locator("[data-plot=shares] canvas").bounding_box()
    assert box is not None
    assert worst is not None
    rows = await page.locator("#who tbody tr:not(.sum)").count()
    middle = box["y"] + 8 + (box["height"] - 34) / rows / 2
    await page.mouse.click(box["x"] + 30, middle)
    await page.wait_for_url(f"**{worst}")
    # From there down the worst of each level, until there are only scenes.
    missing = ".scenes-table tr:has(a.worse)"
    while not await page.locator(missing).count():
        await page.click("#who a[href^='/coverage'] >> nth=0")
        await page.wait_for_load_state()
    await page.click(f"{missing} >> nth=0 >> a[href*='officer=']")
    await page.wait_for_url("**officer=**")
    href = await page.get_attribute(f"{missing} a.worse >> nth=0", "href")
    assert href is not None
    assert "/cases/" in href
    assert "?at=202" in href
    await page.click(f"{missing} a.worse >> nth=0")
    await page.wait_for_url("**/cases/**")


async def test_a_supervisor_goes_from_the_figures_to_a_gap_and_a_clerk_answers(
    database_url: str, owner_database_url: str, tmp_path: Path, browser: Browser
) -> None:
    simulate(0.00003, 1, 2025, tmp_path / "city")
    async with open_pages(database_url, tmp_path, browser) as pages:
        deps = pages.bureau.deps
        loaded = CityDatabase(
            deps.database, owner_database_url, tmp_path / "city", link_rightly=True
        )
        await loaded.load()
        await loaded.make_due()
        await evaluate_city(deps)
        await people.add_person(
            deps, "supervisor", Role.SUPERVISOR, name="主管", agency="SL", city=True
        )
        await people.add_person(deps, "keeper", Role.ADMINISTRATOR, agency="SL", city=True)
        async with pages.reader() as keeper:
            await keeper.sign_in("keeper")
            await keeper.go("/findings")
            # Who may answer nothing moves and opens all the same.
            for key in ("x", "j", "k", "a", "r"):
                await keeper.page.keyboard.press(key)
            assert await keeper.page.locator(".findings [type=checkbox]").count() == 0
            await keeper.page.keyboard.press("o")
            await keeper.page.wait_for_url("**/findings/*")
        async with pages.reader() as reader:
            await reader.sign_in("supervisor")
            await down_to_a_second(reader)

            await reader.go("/findings?kind=unrecorded")
            assert "应录未录" in await reader.text(".findings .lead")
            # By keyboard: the first two are ticked, and assigned.
            for key in ("j", "x", "j", "X"):
                await reader.page.keyboard.press(key)
            assert await reader.text("[data-ticked]") == "2"
            await reader.page.fill(".assign-bar input[name=owner]", "王法制")
            await reader.page.click("button[formaction='/findings/assign']")
            await reader.page.wait_for_selector(".note-good")
            assert "共 2 条" in await reader.text(".note-good")
            assert "王法制" in await reader.text(".findings tbody")

            await reader.page.click(".findings .lead a >> nth=0")
            assert "第十四条" in await reader.text("dl.rows")
            await reader.page.fill("textarea[name=text]", "设备故障，已书面说明")
            await reader.page.click("button[value=reply]")
            await reader.page.wait_for_selector(".note-good")
            assert "设备故障，已书面说明" in await reader.text(".events")

            await reader.page.click(".crumb a >> nth=1")
            await reader.page.wait_for_url("**/cases/**")
            assert "应录未录" in await reader.text("#coverage .scene-unrecorded")
            await reader.page.click("#axis a.hole-bad rect")
            await reader.page.wait_for_url("**/findings/**")
            await reader.page.click("dl.rows a[href*='?at=']")
            await reader.page.wait_for_selector("#axis a.hole-bad")
            await reader.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
            for path in ("/findings", f"/coverage?{YEAR}", f"/coverage/week?{YEAR}"):
                await reader.go(path)
                assert await reader.overflow() <= 0
