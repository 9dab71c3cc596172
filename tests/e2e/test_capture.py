"""A phone as camera: /capture in a Chromium with a fake camera, through everything that happens."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser

from recorder.adapters.media import FfmpegTool
from recorder.adapters.objects import Bucket
from recorder.domain.people import SERVICE, Role
from recorder.domain.pipeline import WorkQueue
from recorder.services import audit
from tests.support import footage
from tests.support.pages import PASSWORD, Pages, Reader, open_pages
from tests.support.phone import Phone, camera_that_shows, phone
from tests.support.waiting import eventually
from tests.support.workshop import work_off

NUMBER = "沪市监案〔2026〕88号"
LONG_S = 60.0
#: What the profile holds, asked without the page's scripts.
HELD = """(store) => new Promise((resolve) => {
  const asked = indexedDB.open("recorder-capture");
  asked.onsuccess = () => {
    const all = asked.result.transaction(store).objectStore(store).getAll();
    all.onsuccess = () => {
      asked.result.close();
      resolve(all.result.map((one) => ({ ...one, body: one.body?.byteLength })));
    };
  };
})"""

#: What phones and networks do to a page, done by hand.
WEATHER = """
  let epoch = 0;
  const born = new WeakMap();
  const { transaction } = IDBDatabase.prototype;
  IDBDatabase.prototype.transaction = function (...words) {
    if (!born.has(this)) born.set(this, epoch);
    if (born.get(this) < epoch) throw new DOMException("It is closing.", "InvalidStateError");
    return transaction.apply(this, words);
  };
  window.takeStoresAway = () => { epoch += 1; };
  window.recorders = new Set();
  const { start } = MediaRecorder.prototype;
  MediaRecorder.prototype.start = function (...words) {
    recorders.add(this);
    this.addEventListener("stop", () => recorders.delete(this));
    return start.apply(this, words);
  };
  const asked = window.fetch;
  window.isPortal = false;
  window.fetch = (place, words) => (isPortal && String(place).includes("/chunks/")
    ? Promise.resolve(new Response("<p>Welcome to our network</p>", { status: 200 }))
    : asked(place, words));
  window.see = (value) =>
    Object.defineProperty(document, "visibilityState", { value, configurable: true });
  window.muteCamera = () => document.querySelector("[data-preview]").srcObject.getVideoTracks()[0]
    .dispatchEvent(new Event("mute"));
"""


@pytest.fixture
async def pages(database_url: str, tmp_path: Path, browser: Browser) -> AsyncIterator[Pages]:
    async with open_pages(database_url, tmp_path, browser) as opened:
        await opened.person("li", Role.OFFICER, "JX0227")
        await opened.person("wang", Role.SUPERVISOR)
        yield opened


class Hand:
    """Whoever holds the phone."""

    def __init__(self, held: Phone, pages: Pages) -> None:
        self.page = held.page
        self.reader = Reader(pages.service.url, held.context, held.page, [])
        self.pages = pages

    async def open(self) -> None:
        await self.reader.sign_in("li", PASSWORD)
        await self.reader.go("/capture")

    async def stand_at(self, latitude: float, longitude: float, accuracy: float) -> None:
        await self.reader.context.grant_permissions(["geolocation"], origin=self.reader.url)
        await self.reader.context.set_geolocation(
            {"latitude": latitude, "longitude": longitude, "accuracy": accuracy}
        )

    async def seconds(self, name: str) -> int:
        minutes, seconds = (await self.page.inner_text(f"dd[data-{name}]")).split(":")
        return 60 * int(minutes) + int(seconds)

    async def true(self, check: Callable[[], Awaitable[bool]], what: str) -> bool:
        held: bool = await eventually(check, within=LONG_S, what=what)
        return held

    async def kept_for(self, seconds: int) -> None:
        """The phone itself holds so much of the take."""

        async def enough() -> bool:
            return await self.seconds("kept") >= seconds

        assert await self.true(enough, f"{seconds} s on the phone")

    async def chunks(self) -> int:
        return len(await self.page.evaluate(HELD, "chunks"))

    async def nothing_left(self) -> None:
        async def empty() -> bool:
            return await self.chunks() == 0

        assert await self.true(empty, "everything sent")

    async def period(self, number: int) -> None:
        """Something of this period is on the phone, sent or not."""

        async def begun() -> bool:
            return any(one["period"] == number for one in await self.page.evaluate(HELD, "takes"))

        assert await self.true(begun, f"period {number}")

    async def waiting(self, most: int) -> None:
        async def enough() -> bool:
            return await self.chunks() >= most

        assert await self.true(enough, f"{most} chunks that wait")


async def test_nothing_a_phone_recorded_is_lost_to_a_tunnel_a_reload_or_a_killed_browser(
    pages: Pages, tmp_path: Path
) -> None:
    camera = camera_that_shows(NUMBER, tmp_path)
    async with phone(tmp_path, camera) as held, pages.reader() as staff:
        await staff.sign_in("wang")
        hand, page = Hand(held, pages), held.page
        await hand.stand_at(31.2304, 121.4737, 12)
        await hand.open()
        await page.click("[data-scan]")
        await hand.reader.until(f"document.querySelector('[name=cases]').value === '{NUMBER}'")
        await page.click("[data-place]")
        await page.locator("[data-place-said]", has_text="31.23040, 121.47370 ± 12 m").wait_for()
        await page.click("[data-record]")
        await hand.kept_for(2)
        await _is_watched_meanwhile(staff)
        await held.context.set_offline(True)
        await page.click("[data-marks] [data-kind=announcement]")
        await page.locator("[data-marked]", has_text="告知录音录像").wait_for()
        await hand.waiting(2)
        await page.locator("[data-say]", has_text="暂时连不上系统").wait_for()
        assert await hand.seconds("safe") < await hand.seconds("kept")
        await held.context.set_offline(False)
        await hand.nothing_left()
        await page.reload()
        await page.click("[data-go-on]")
        await page.locator("[aria-pressed=true][data-record]").wait_for()
        kept = await hand.seconds("kept")
        await hand.kept_for(kept + 2)
        await page.click("[data-switch]")
        await hand.period(3)
        # Signed out: the key goes on; then the line is gone, and then the battery.
        await held.context.clear_cookies()
        await hand.nothing_left()
        await held.context.set_offline(True)
        await hand.waiting(1)
        (take,) = await page.evaluate(HELD, "takes")
        assert held.said == []
        await held.kill()
    stored = "SELECT count(*) FROM livestream_segment WHERE state = 'stored'"
    before = await pages.bureau.value(stored)
    async with phone(tmp_path, camera) as held:
        hand, page = Hand(held, pages), held.page
        # Nobody is signed in: what was left goes up all the same, to the same livestream.
        await hand.reader.go("/capture")
        await page.locator("[name=password]").wait_for()
        await hand.nothing_left()
        assert await pages.bureau.value(stored) > before  # type: ignore[operator]
        await hand.open()
        await page.click("[data-end-it]")
        await page.locator("[data-say]", has_text="全部内容已安全存入系统").wait_for()
        assert await hand.seconds("safe") == await hand.seconds("kept")
        assert held.said == []
        await _is_one_sealed_recording(pages, str(take["livestream"]))
        await _plays(hand, pages)
        await _webm_is_a_livestream_of_its_own(hand, pages)
    found = await audit.run(pages.service.deps, SERVICE, level=audit.Level.DIGEST)
    assert found.findings == []


async def test_what_phones_and_networks_do_to_the_page_costs_nothing_of_a_recording(
    pages: Pages, tmp_path: Path
) -> None:
    async with phone(tmp_path, camera_that_shows(NUMBER, tmp_path)) as held:
        hand, page = Hand(held, pages), held.page
        await page.add_init_script(WEATHER)
        await hand.open()
        await page.click("[data-record]")
        await hand.kept_for(1)
        # A page that was in the background has no connection to its store any more.
        await page.evaluate("takeStoresAway()")
        await hand.kept_for(await hand.seconds("kept") + 2)
        # Somebody on the way says OK to everything.
        await page.evaluate("isPortal = true")
        await hand.waiting(2)
        await page.evaluate("isPortal = false")
        # A call takes the camera; the officer is quicker than the camera's return.
        await page.evaluate("see('hidden'), muteCamera()")
        await page.locator("[aria-pressed=false][data-record]").wait_for()
        await page.evaluate("see('visible')")
        await page.click("[data-record]")
        await page.locator("[aria-pressed=true][data-record]").wait_for()
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await hand.period(2)
        assert await page.evaluate("recorders.size") == 1
        await page.click("[data-record]")
        await page.locator("[data-say]", has_text="全部内容已安全存入系统").wait_for()
        (take,) = await page.evaluate(HELD, "takes")
        assert take["keptMs"] == take["safeMs"]
        assert held.said == []
    stored = "SELECT count(*) FROM livestream_segment WHERE state = 'stored'"
    assert await pages.bureau.value(stored) == take["number"]
    assert await pages.bureau.value("SELECT count(*) FROM livestream") == 1


async def _is_watched_meanwhile(staff: Reader) -> None:
    """On the wall, and on its page as ranges of the very chunks."""
    await staff.go("/livestreams")
    await staff.until("document.querySelector('.tile img')?.naturalWidth > 0", within=LONG_S)
    await staff.page.click(".tile-title")
    video = "document.querySelector('video.screen')"
    await staff.until(f"{video}?.videoWidth > 0", within=LONG_S)


async def _is_one_sealed_recording(pages: Pages, livestream: str) -> None:
    """All chunks, each with its digest, in order: the original is their concatenation."""
    async with pages.service.deps.database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT number, period, object_key, version, sha256, previous_sha256, device_at"
            " FROM livestream_segment WHERE livestream_id = $1 ORDER BY number", livestream
        )  # fmt: skip
        assert await connection.fetchval("SELECT count(*) FROM livestream") == 1
        gaps = await connection.fetch("SELECT cause FROM livestream_gap")
    assert [row["number"] for row in rows] == list(range(1, len(rows) + 1))
    assert {row["period"] for row in rows} == {1, 2, 3}
    assert [gap["cause"] for gap in gaps] == ["reconnect", "codec_change"]
    whole, before = hashlib.sha256(), None
    for row in rows:
        blocks = pages.service.deps.objects.read(
            Bucket.ORIGINALS, row["object_key"], row["version"]
        )
        body = b"".join([block async for block in blocks])
        assert hashlib.sha256(body).digest() == row["sha256"]
        assert row["previous_sha256"] == before
        assert row["device_at"] is not None
        whole.update(body)
        before = row["sha256"]
    tool = FfmpegTool(Path(footage.ffmpeg()))
    await work_off(pages.service.deps, tool, WorkQueue.IO)
    sealed = await pages.bureau.value("SELECT sha256 FROM recording WHERE integrity = 'sealed'")
    assert sealed == whole.digest()
    case = await pages.bureau.value("SELECT raw FROM case_identifier LIMIT 1")
    assert case == NUMBER
    assert await pages.bureau.value("SELECT officer FROM recording") == "JX0227"
    assert await pages.bureau.value("SELECT accuracy_m FROM recording") == 12
    # What the officer marked in the tunnel has its picture in what was recorded there.
    mark = await pages.bureau.value(
        "SELECT m.kind || ' ' || m.origin || ' ' || m.made_by_name FROM mark m"
        " JOIN recording r ON r.id = m.recording_id AND r.marks = 1"
        " WHERE m.media_ms BETWEEN 1000 AND 20000"
    )
    assert mark == "announcement person li 同志"


async def _plays(hand: Hand, pages: Pages) -> None:
    recording = await pages.bureau.value("SELECT id FROM recording")
    await hand.reader.go(f"/recordings/{recording}")
    await hand.page.click(".screen-start")
    video = "document.querySelector('video.screen')"
    await hand.reader.until(f"{video}.videoWidth > 0 && {video}.currentTime > 1", within=LONG_S)
    assert await hand.page.evaluate(f"{video}.error") is None


async def _webm_is_a_livestream_of_its_own(hand: Hand, pages: Pages) -> None:
    """A browser that writes no MP4; watched while it runs all the same."""
    await hand.page.add_init_script(
        "const all = MediaRecorder.isTypeSupported;"
        "MediaRecorder.isTypeSupported = (type) => !type.includes('mp4') && all(type);"
    )
    await hand.reader.go("/capture")
    await hand.page.click("[data-record]")
    await hand.kept_for(1)
    async with pages.reader() as staff:
        await staff.sign_in("wang")
        await _is_watched_meanwhile(staff)
        assert "WebM" in await staff.page.locator("[data-proxy]").inner_text()
        assert staff.complaints == []
    await hand.page.click("[data-record]")
    await hand.page.locator("[data-say]", has_text="全部内容已安全存入系统").wait_for()
    name = "SELECT r.original_name FROM recording r JOIN livestream l ON l.recording_id = r.id"
    found = await pages.bureau.value(f"{name} WHERE l.media_type = 'video/webm'")
    assert found == "手机取证.webm"
