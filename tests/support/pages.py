"""People at a real browser in front of the real service; what nobody may see fails the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Page, Response

from recorder.adapters.media import FfmpegTool
from recorder.domain.ids import RecordingId
from recorder.domain.people import Actor, Role
from tests.support import browser as browsers
from tests.support import footage as footage_set
from tests.support import people, workshop
from tests.support.bureau import PASSWORD as PASSWORD
from tests.support.bureau import Bureau
from tests.support.waiting import eventually
from tests.support.web_service import WebService, open_web_service

DESKTOP = (1440, 900)
PHONE = (390, 844)


@dataclass
class Reader:
    """One person at one browser."""

    url: str
    context: BrowserContext
    page: Page
    #: What the browser complained about: scripts, the content policy, answers of 400 and above.
    complaints: list[str] = field(default_factory=list)

    async def go(self, path: str) -> Response | None:
        """Open a page of the service and wait until its scripts have run."""
        response = await self.page.goto(f"{self.url}{path}")
        await self.page.wait_for_load_state("load")
        return response

    async def sign_in(self, login: str, password: str = PASSWORD) -> None:
        """Sign in by the form."""
        await self.go("/sign-in")
        await self.page.fill("[name=login]", login)
        await self.page.fill("[name=password]", password)
        await self.page.click("form[action='/sign-in'] button")
        await self.page.wait_for_url(f"{self.url}/")

    async def until(self, expression: str, *, within: float = 15) -> None:
        """Wait until a JavaScript expression is true (the policy forbids Playwright's own way)."""

        async def true() -> bool:
            return bool(await self.page.evaluate(expression))

        held: bool = await eventually(true, within=within, what=expression)
        assert held

    async def text(self, selector: str) -> str:
        """What stands there."""
        return await self.page.locator(selector).first.inner_text()

    async def overflow(self) -> int:
        """How many pixels the page is wider than the window."""
        wide: int = await self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return wide


@dataclass
class Pages:
    """The service with its browser; ``reader`` makes people."""

    service: WebService
    browser: Browser

    @property
    def bureau(self) -> Bureau:
        return self.service.bureau

    async def person(self, login: str, role: Role, officer: str | None = None) -> None:
        """Somebody who can sign in with ``PASSWORD``."""
        await people.add_person(
            self.service.deps, login, role, name=f"{login} 同志", officer=officer
        )

    @asynccontextmanager
    async def reader(
        self,
        *,
        size: tuple[int, int] = DESKTOP,
        locale: str = "zh-CN",
        dark: bool = False,
        expected: tuple[str, ...] = (),
    ) -> AsyncIterator[Reader]:
        """A browser of their own; leaving fails if it complained of more than is expected."""
        context = await self.browser.new_context(
            locale=locale,
            timezone_id="Asia/Shanghai",
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            is_mobile=size == PHONE,
            has_touch=size == PHONE,
        )
        context.set_default_timeout(browsers.PATIENCE_MS)
        page = await context.new_page()
        reader = Reader(self.service.url, context, page)
        page.on("pageerror", lambda error: reader.complaints.append(f"script: {error}"))
        page.on(
            "console",
            lambda said: (
                reader.complaints.append(f"console: {said.text}")
                if said.type in ("error", "warning")
                else None
            ),
        )
        try:
            yield reader
        finally:
            await context.close()
        left = [one for one in reader.complaints if not any(word in one for word in expected)]
        assert left == [], left

    async def deliver(self, camera: Actor, name: str, **values: str) -> RecordingId:
        """Upload a file of the footage set."""
        sent = await asyncio.to_thread((footage_set.folder() / name).read_bytes)
        return await workshop.deliver(self.bureau, camera, sent, name, **values)

    async def work_off(self) -> None:
        """Do all work that is due."""
        await workshop.work_off(self.service.deps, FfmpegTool(Path(footage_set.ffmpeg())))


@asynccontextmanager
async def open_pages(
    database_url: str, folder: Path, browser: Browser, **settings: object
) -> AsyncIterator[Pages]:
    """The service on an empty database, at the time of the browser's clock."""
    work = folder / "work"
    work.mkdir()
    async with open_web_service(
        database_url, folder, work_folder=work, ffmpeg=footage_set.ffmpeg(), **settings
    ) as service:
        service.bureau.clock.at = datetime.now(UTC)
        yield Pages(service, browser)
