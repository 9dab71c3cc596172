"""Footage whose case is doubtful, on its page and in the list, in a real browser."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Browser

from recorder.domain.people import OPERATOR, Role
from recorder.services import casework
from tests.support.pages import PHONE, open_pages


async def test_a_person_sees_why_footage_may_belong_to_a_case_and_decides(
    database_url: str, tmp_path: Path, browser: Browser
) -> None:
    async with open_pages(database_url, tmp_path, browser) as pages:
        bureau = pages.bureau
        recordings = [await bureau.recording(started_at=bureau.clock.now()) for _ in range(2)]
        case = await casework.open_case(bureau.deps, OPERATOR, number="示市监罚〔2026〕12号")
        async with bureau.deps.database.acquire() as connection:
            for recording in recordings:
                await connection.execute(
                    "INSERT INTO link_proposal (recording_id, case_id, points, evidence,"
                    " proposed_at) VALUES ($1, $2, 50, $3, now())",
                    recording,
                    case.id,
                    ["time_about", "wearer_there"],
                )
        await pages.person("supervisor", Role.SUPERVISOR)
        async with pages.reader() as reader:
            await reader.sign_in("supervisor")
            await reader.go("/recordings")
            await reader.page.click("a[href='/proposals']")
            assert "领用人在场" in await reader.text(".proposal")
            await reader.page.click("button[value=rejected] >> nth=0")
            await reader.page.wait_for_selector(".note-good")
            assert await reader.page.locator(".proposal").count() == 1

            left = await reader.page.locator("main h2 a").get_attribute("href")
            await reader.go(str(left))
            assert "50 分" in await reader.text(".proposal")
            await reader.page.click(".proposal button[value=accepted]")
            await reader.page.wait_for_selector(".note-good")
            assert "示市监罚〔2026〕12号" in await reader.text(".linked-words")
            assert "时间大致相符 · 领用人在场" in await reader.text(".linked-words")
            await reader.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
            await reader.go("/proposals")
            assert await reader.overflow() <= 0
