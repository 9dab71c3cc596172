"""A phone: a real Chromium with a fake camera and a profile that outlives its death.

Its camera shows a picture of ours, so that a QR code can stand in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.support import browser as browsers
from tests.support import node, servers
from tests.support.waiting import eventually

_START_S = 60.0
#: Of the picture that the camera shows.
_WIDTH, _HEIGHT, _MODULE = 640, 480, 10
FLAGS = (
    *browsers.FLAGS,
    "--headless=new",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--remote-debugging-port=0",
    "--no-default-browser-check",
    "--password-store=basic",
)


@dataclass
class Phone:
    """A running browser; ``kill`` is a battery that is taken out."""

    child: subprocess.Popen[bytes]
    context: BrowserContext
    page: Page
    said: list[str]

    async def kill(self) -> None:
        os.killpg(self.child.pid, signal.SIGKILL)
        await asyncio.to_thread(self.child.wait)


def camera_that_shows(text: str, folder: Path) -> Path:
    """A video file of a QR code with this text, for the fake camera."""
    encoder = Path(sys.prefix, "share", "recorder", "scripts", "index.js")
    script = (
        f"import {{ encodeQR }} from {json.dumps(str(encoder))};"
        f"console.log(JSON.stringify(encodeQR({json.dumps(text)}, 'raw', {{ border: 4 }})))"
    )
    made = subprocess.run(
        [str(node.executable()), "--input-type=module", "-e", script],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode != 0:
        raise servers.ServerFailed(f"No QR code can be made:\n{made.stderr[-2000:]}")
    rows: list[list[bool]] = json.loads(made.stdout)
    side = len(rows) * _MODULE
    left, top = (_WIDTH - side) // 2, (_HEIGHT - side) // 2
    picture = bytearray(b"\xeb" * (_WIDTH * _HEIGHT))
    for y in range(side):
        for x, dark in enumerate(rows[y // _MODULE]):
            if dark:
                begins = (top + y) * _WIDTH + left + x * _MODULE
                picture[begins : begins + _MODULE] = b"\x10" * _MODULE
    frame = b"FRAME\n" + bytes(picture) + b"\x80" * (_WIDTH * _HEIGHT // 2)
    place = folder / "camera.y4m"
    place.write_bytes(f"YUV4MPEG2 W{_WIDTH} H{_HEIGHT} F20:1 Ip C420jpeg\n".encode() + frame * 2)
    return place


@contextlib.asynccontextmanager
async def phone(folder: Path, camera: Path) -> AsyncIterator[Phone]:
    """A browser on the profile in this folder; the next one on it finds what this one kept."""
    path = browsers.executable()
    if path is None:
        raise servers.ServerFailed(f"No Chromium: install it, or name it in {browsers.VARIABLE}.")
    profile = folder / "profile"
    told = profile / "DevToolsActivePort"
    told.unlink(missing_ok=True)
    command = [path, *FLAGS, f"--user-data-dir={profile}"]
    command.append(f"--use-file-for-fake-video-capture={camera}")
    child = subprocess.Popen(
        [*command, "about:blank"],
        env={**os.environ, "HOME": str(folder)},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:

        def port() -> str | None:
            lines = told.read_text().splitlines() if told.exists() else []
            return lines[0] if len(lines) > 1 else None

        address: str = await eventually(port, within=_START_S, what="a phone that is on")
        async with async_playwright() as playwright:
            browser = await playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{address}")
            yield await _opened(child, browser)
            with contextlib.suppress(Exception):
                await browser.close()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await asyncio.to_thread(child.wait)


async def _opened(child: subprocess.Popen[bytes], browser: Browser) -> Phone:
    context = browser.contexts[0]
    # The browser of a machine without Chinese settings asks for English.
    await context.set_extra_http_headers({"Accept-Language": "zh-CN"})
    context.set_default_timeout(browsers.PATIENCE_MS * 2)
    page = context.pages[0] if context.pages else await context.new_page()
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(f"script: {error}"))
    page.on(
        "console",
        lambda message: said.append(message.text) if "Policy" in message.text else None,
    )
    # Leaving while it records is asked about.
    page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await page.set_viewport_size({"width": 390, "height": 844})
    return Phone(child, context, page, said)
