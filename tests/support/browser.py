"""A real Chromium of the system, driven by Playwright, with a fresh profile for each test."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator

from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from tests.support import servers

VARIABLE = "FOOTAGE_TEST_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: The same browser without its windows, which cost two thirds of a start although nobody sees them.
WITHOUT_WINDOWS = "chromium-headless-shell"
#: A machine without a sandbox for root, a graphics card or a way to the internet must do.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
#: Milliseconds; under load a page on two cores is slow.
PATIENCE_MS = 15_000


class PageBroke(AssertionError):
    """A script of our pages threw; no test asked for that."""


def executable() -> str | None:
    """The path of the system's Chromium, if there is one."""
    given = os.environ.get(VARIABLE)
    return given or next((path for name in NAMES if (path := shutil.which(name))), None)


def lightest() -> str | None:
    """What costs least of a Chromium: the one that is named, the one without windows, or any."""
    return os.environ.get(VARIABLE) or shutil.which(WITHOUT_WINDOWS) or executable()


@contextlib.asynccontextmanager
async def launch(path: str | None = None) -> AsyncIterator[Browser]:
    """A running headless browser, the lightest unless one is named; gone afterwards."""
    path = path or lightest()
    if path is None:
        raise servers.ServerFailed(f"No Chromium: install it, or name it in {VARIABLE}.")
    # Chromium writes crash reports and settings into the home folder, so it gets one of its own.
    with tempfile.TemporaryDirectory(
        prefix="footage-test-home-", ignore_cleanup_errors=True
    ) as home:
        async with _launched(path, home) as browser:
            yield browser


@contextlib.asynccontextmanager
async def _launched(path: str, home: str) -> AsyncIterator[Browser]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, headless=True, args=list(FLAGS), env={**kept, "HOME": home}
        )
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def open_page(browser: Browser, *, locale: str = "zh-CN") -> AsyncIterator[Page]:
    """A page in a fresh profile; leaving raises PageBroke if a script threw or was refused."""
    context = await browser.new_context(
        locale=locale, timezone_id="Asia/Shanghai", viewport={"width": 1280, "height": 800}
    )
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))

    def said(message: ConsoleMessage) -> None:
        # A page that its own policy refuses something to is a broken page.
        if "Content Security Policy" in message.text or "TrustedHTML" in message.text:
            broken.append(message.text)

    page.on("console", said)
    try:
        yield page
    finally:
        await context.close()
    if broken:
        raise PageBroke("\n".join(broken))
