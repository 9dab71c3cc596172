"""The live copy and the card copy of one event in the player of their page, in a real browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser

from recorder.domain.people import Role
from tests.support.both_copies import docked, streamed
from tests.support.cameras import camera
from tests.support.pages import Pages, Reader, open_pages

VIDEO = "document.querySelector('video.screen')"
IS_LIVE_COPY = f"{VIDEO}.currentSrc.startsWith('blob:')"


@pytest.fixture
async def pages(database_url: str, tmp_path: Path, browser: Browser) -> AsyncIterator[Pages]:
    async with open_pages(database_url, tmp_path, browser) as opened_pages:
        await opened_pages.person("wang", Role.SUPERVISOR)
        yield opened_pages


async def shows(reader: Reader, version: str, second: float) -> None:
    """The picture of this copy at this second of it, and its button and words say so."""
    is_live = IS_LIVE_COPY if version == "own" else f"!{IS_LIVE_COPY}"
    await reader.until(f"{is_live} && {VIDEO}.readyState > 1 && {VIDEO}.videoWidth === 320")
    await reader.until(f"Math.abs({VIDEO}.currentTime - {second}) < 0.2")
    other = {"own": "preferred", "preferred": "own"}[version]
    for name, pressed in ((version, "true"), (other, "false")):
        button = reader.page.locator(f".versions [data-version={name}]")
        assert await button.get_attribute("aria-pressed") == pressed
        assert await reader.page.locator(f".versions [data-of={name}]").is_visible() == (
            name == version
        )


async def test_the_player_changes_between_card_copy_and_live_copy_at_the_same_moment(
    pages: Pages,
) -> None:
    bureau = pages.bureau
    bureau.clock.at -= timedelta(days=2, minutes=5)
    bureau.clock.at = bureau.clock.at.replace(microsecond=0)
    device, began = await camera(bureau), bureau.clock.now()
    first = await streamed(bureau, device, seconds=12, says_times=True)
    await pages.work_off()
    # The camera's clock was set meanwhile: its file says that all was 43 s later.
    ago = bureau.clock.now() - began
    await docked(bureau, device, ago, timedelta(seconds=43), seconds=12)
    await pages.work_off()
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go(f"/recordings/{first}")
        await reader.page.click(".screen-start")
        await reader.until(f"{VIDEO}.videoWidth === 320")
        await reader.page.evaluate(f"{VIDEO}.pause()")
        await reader.page.evaluate(f"{VIDEO}.currentTime = 2.4")
        await shows(reader, "preferred", 2.4)
        await reader.page.click(".versions [data-version=own]")
        await shows(reader, "own", 2.4)
        # Of the live copy the fourth second is missing: its sixth is the seventh of the event.
        await reader.page.evaluate(f"{VIDEO}.currentTime = 6.5")
        await shows(reader, "own", 6.5)
        # The page says so as soon as the picture is there, though nothing plays.
        moment = (began + timedelta(hours=8, seconds=7)).strftime("%Y-%m-%d %H:%M:%S")
        assert await reader.text(".screen-moment-text") == moment
        await reader.page.click(".versions [data-version=preferred]")
        await shows(reader, "preferred", 7.5)
        # And back, over the second that is missing.
        await reader.page.click(".versions [data-version=own]")
        await shows(reader, "own", 6.5)
        # What the live copy does not have is followed by what it has next.
        await reader.page.click(".versions [data-version=preferred]")
        await shows(reader, "preferred", 7.5)
        await reader.page.evaluate(f"{VIDEO}.currentTime = 3.4")
        await shows(reader, "preferred", 3.4)
        await reader.page.click(".versions [data-version=own]")
        await shows(reader, "own", 3.0)
        # Whoever watches goes on watching.
        await reader.page.evaluate(f"{VIDEO}.play()")
        await reader.page.click(".versions [data-version=preferred]")
        await reader.until(f"!{IS_LIVE_COPY} && !{VIDEO}.paused && {VIDEO}.currentTime > 4")
    names = await bureau.event_names()
    # Each copy was asked for by itself, and that somebody watched it is told of each.
    assert names.count("PlaybackGranted") >= 2, names
