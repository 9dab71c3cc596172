"""Watching livestreams: playlists that only grow, tickets that serve one person, pictures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Browser

from recorder.domain.ids import LivestreamId, RecordingId
from recorder.domain.people import SERVICE, Role
from recorder.services import live, review
from tests.support import footage
from tests.support.cameras import camera
from tests.support.children import run
from tests.support.pages import Pages, open_pages
from tests.support.pusher import delivered
from tests.support.streams import hevc_take, opened, put, put_init, slow_take, take
from tests.support.waiting import eventually
from tests.support.web_service import WebService

LIVESTREAMS = "/api/v1/livestreams"


async def begun(service: WebService, device: str) -> str:
    """The address of a livestream with its first period."""
    answer = await service.ask("POST", LIVESTREAMS, device, json={"title": "巡查"})
    place = answer.headers["Location"]
    await delivered(service.ask, f"{place}/periods/1/init", device, take().init)
    return place


async def push(
    service: WebService, device: str, place: str, *numbers: int, period: int = 1
) -> None:
    for number in numbers:
        body = take(seconds=12).segments[number - 1]
        path = f"{place}/periods/{period}/segments/{number}"
        assert (await delivered(service.ask, path, device, body)).status == 201


async def watched(service: WebService, token: str, place: str) -> str:
    """The address of the playlist under a new ticket."""
    answer = await service.ask("GET", f"{place}/index.m3u8", token)
    assert answer.status == 307, answer.content
    return answer.headers["Location"]


async def lines(service: WebService, token: str, address: str) -> list[str]:
    answer = await service.ask("GET", address, token)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("application/vnd.apple.mpegurl")
    return answer.content.decode().splitlines()


async def listed(service: WebService, token: str, address: str) -> list[int]:
    found = await lines(service, token, address)
    return [
        int(one.removeprefix("segments/").removesuffix(".m4s"))
        for one in found
        if one.startswith("segments/")
    ]


async def test_a_running_livestream_is_listed_back_to_its_start_and_goes_on(
    service: WebService, device: str, supervisor: str
) -> None:
    place = await begun(service, device)
    await push(service, device, place, 1, 2)
    address = await watched(service, supervisor, place)
    assert await lines(service, supervisor, address) == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-TARGETDURATION:2",
        "#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL=12.0",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:EVENT",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        '#EXT-X-MAP:URI="periods/1/init.mp4"',
        "#EXT-X-PROGRAM-DATE-TIME:2026-03-02T07:59:58.978594Z",
        "#EXTINF:1.021406,",
        "segments/1.m4s",
        "#EXTINF:1.000000,",
        "segments/2.m4s",
    ]
    await push(service, device, place, 3)
    assert await listed(service, supervisor, address) == [1, 2, 3]
    base = address.removesuffix("index.m3u8")
    got = await service.ask("GET", f"{base}periods/1/init.mp4", supervisor)
    assert got.content == take().init
    got = await service.ask("GET", f"{base}segments/3.m4s", supervisor)
    assert got.content == take(seconds=12).segments[2]
    assert (await service.ask("GET", f"{base}segments/4.m4s", supervisor)).status == 404


async def test_what_was_listed_once_stays_where_it_was(
    service: WebService, device: str, supervisor: str
) -> None:
    place = await begun(service, device)
    clock = service.bureau.clock
    await push(service, device, place, 1, 2, 4)
    address = await watched(service, supervisor, place)
    # The third may still come.
    assert await listed(service, supervisor, address) == [1, 2]
    clock.forward(seconds=10)
    assert await listed(service, supervisor, address) == [1, 2, 4]
    await push(service, device, place, 3, 5)
    assert await listed(service, supervisor, address) == [1, 2, 4, 5]
    found = await lines(service, supervisor, address)
    assert found.count("#EXT-X-DISCONTINUITY") == 1
    assert found[found.index("segments/4.m4s") - 3] == "#EXT-X-DISCONTINUITY"
    closing = await service.ask("POST", f"{place}/close", device, json={"last": 5})
    assert closing.json["state"] == "closed"
    # The ticket holds on; nothing has to be shown in the order of arrival any more.
    assert await listed(service, supervisor, address) == [1, 2, 3, 4, 5]
    assert (await lines(service, supervisor, address))[-1] == "#EXT-X-ENDLIST"


async def test_a_new_period_is_a_discontinuity_with_its_own_map(
    service: WebService, device: str, supervisor: str
) -> None:
    place = await begun(service, device)
    await push(service, device, place, 1)
    await delivered(service.ask, f"{place}/periods/2/init?cause=reconnect", device, take().init)
    await push(service, device, place, 2, period=2)
    found = await lines(service, supervisor, await watched(service, supervisor, place))
    assert found[-5:] == [
        "#EXT-X-DISCONTINUITY",
        '#EXT-X-MAP:URI="periods/2/init.mp4"',
        "#EXT-X-PROGRAM-DATE-TIME:2026-03-02T07:59:59.000000Z",
        "#EXTINF:1.000000,",
        "segments/2.m4s",
    ]


async def test_a_ticket_serves_whom_it_was_given_to_while_it_lasts_and_is_told_once(
    service: WebService, device: str, supervisor: str
) -> None:
    place = await begun(service, device)
    answer = await service.ask("GET", f"{place}/playback", supervisor)
    assert (answer.status, answer.json["code"]) == (409, "playback-not-ready")
    await push(service, device, place, 1)
    address = await watched(service, supervisor, place)
    for _ in range(3):
        assert await listed(service, supervisor, address) == [1]
    assert (await service.bureau.event_names()).count("LivestreamWatched") == 1
    other = await service.token(Role.SUPERVISOR)
    segment = address.replace("index.m3u8", "segments/1.m4s")
    for path in (address, segment):
        assert (await service.ask("GET", path, other)).status == 404
        assert (await service.ask("GET", path, device)).status == 403
    service.bureau.clock.at += timedelta(seconds=601)
    for path in (address, segment):
        answer = await service.ask("GET", path, supervisor)
        assert (answer.status, answer.json["code"]) == (404, "playback-grant-ended")


async def test_a_ticket_of_a_recording_serves_nothing_that_came_later(
    service: WebService, device: str, supervisor: str
) -> None:
    deps, place = service.deps, await begun(service, device)
    livestream = LivestreamId(UUID(place.rpartition("/")[2]))
    await push(service, device, place, 1, 2, 4)
    await live.request_close(deps, SERVICE, livestream, last=4)
    service.bureau.clock.forward(hours=24, seconds=1)
    await live.watch_livestreams(deps)
    await push(service, device, place, 3)
    service.bureau.clock.forward(seconds=601)
    assert await live.supplement_livestreams(deps) == 1
    first = (await live.view_livestream(deps, SERVICE, livestream)).livestream.recording
    # Both are kept; each is watched under its own name.
    answer = await service.ask("GET", f"/api/v1/recordings/{first}/playback", supervisor)
    address = str(answer.json["url"])
    assert await listed(service, supervisor, address) == [1, 2, 4]
    for path, status in (
        ("segments/2.m4s", 200),
        ("segments/3.m4s", 404),
        ("proxy/segments/3.m4s", 404),
        ("periods/1/init.mp4", 200),
    ):
        answer = await service.ask("GET", address.replace("index.m3u8", path), supervisor)
        assert answer.status == status, path


async def test_ffmpeg_plays_the_playlist_of_a_closed_livestream_without_an_error(
    service: WebService, device: str, supervisor: str
) -> None:
    place = await begun(service, device)
    await push(service, device, place, *range(1, 13))
    closed = await service.ask("POST", f"{place}/close", device, json={"last": 12})
    answer = await service.ask(
        "GET", f"/api/v1/recordings/{closed.json['recording']}/playback", supervisor
    )
    assert answer.json["media_type"] == "application/vnd.apple.mpegurl"
    address = str(answer.json["url"])
    assert await listed(service, supervisor, address) == list(range(1, 13))
    played = await run(
        [
            *(footage.ffmpeg(), "-nostdin", "-v", "warning", "-progress", "pipe:1"),
            *("-headers", f"Authorization: Bearer {supervisor}\r\n"),
            *("-i", f"{service.url}{address}", "-map", "0:v", "-f", "null", "-"),
        ],
        time_s=60,
    )
    assert (played.code, played.complaints) == (0, "")


@pytest.fixture
async def pages(database_url: str, tmp_path: Path, browser: Browser) -> AsyncIterator[Pages]:
    async with open_pages(database_url, tmp_path, browser) as opened:
        await opened.person("wang", Role.SUPERVISOR)
        yield opened


async def test_a_closed_livestream_of_two_periods_plays_in_the_player_of_its_page(
    pages: Pages,
) -> None:
    deps, actor = pages.service.deps, await camera(pages.bureau)
    first, second = take(seconds=3), take("lane", seconds=3, size="160x90")
    livestream = await opened(deps, actor)
    await put_init(deps, actor, livestream.id, first.init)
    for number, body in enumerate(first.segments, 1):
        await put(deps, actor, livestream.id, number, body)
    await put_init(deps, actor, livestream.id, second.init, 2)
    for number, body in enumerate(second.segments, 4):
        await put(deps, actor, livestream.id, number, body, period=2)
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        closed = await live.request_close(deps, actor, livestream.id, last=6)
        await pages.work_off()
        await reader.go(f"/recordings/{closed.recording}")
        # Known before anything is loaded: from the segments, not from the first file of two.
        assert await reader.text(".times .whole") == "0:06"
        await reader.page.click(".screen-start")
        video = "document.querySelector('video.screen')"
        await reader.until(f"{video}.videoWidth === 320")
        await reader.until(f"{video}.videoWidth === 160 && {video}.currentTime > 3.5")
        # By the script and not by the browser itself, which Firefox would not do.
        assert str(await reader.page.evaluate(f"{video}.currentSrc")).startswith("blob:")
        assert await reader.page.evaluate(f"Math.round({video}.duration)") == 6
        assert await reader.page.evaluate(f"{video}.error") is None
        assert await reader.page.locator(".screen-notice").inner_text() == ""
        await reader.page.keyboard.press("ArrowLeft")
        await reader.until(f"{video}.videoWidth === 320 && {video}.currentTime < 2.9")
        shown = await reader.text("#stream")
        for words in ("320×180", "160×90", "0:06", "未知"):
            assert words in shown, words
        technical = await reader.text(".facts-side")
        assert "25 fps" in technical
        assert "各时段合计" in technical
        # Eight objects: all of them in figures, the first few by name.
        stored = str(await reader.page.locator("#stored").text_content())
        assert "/sealed-" in stored
        assert stored.count("/p00000") == 5
        assert "另有 3 项" in stored
    assert "PlaybackGranted" in await pages.bureau.event_names()


async def test_a_long_recording_goes_on_under_its_next_ticket_without_a_word(
    pages: Pages,
) -> None:
    deps, actor, sent = pages.service.deps, await camera(pages.bureau), slow_take(1200)
    livestream = await opened(deps, actor)
    await put_init(deps, actor, livestream.id, sent.init)
    for number, body in enumerate(sent.segments, 1):
        await put(deps, actor, livestream.id, number, body)
    closed = await live.request_close(deps, actor, livestream.id, last=len(sent.segments))
    clock, ttl_s = pages.bureau.clock, deps.config.playback_ttl_s
    video = "document.querySelector('video.screen')"
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go(f"/recordings/{closed.recording}")
        answered: list[str] = []
        reader.page.on("requestfinished", lambda one: answered.append(one.url))
        # The service's clock stands still; by the browser's a ticket lasts four seconds.
        clock.at -= timedelta(seconds=ttl_s - 4)
        await reader.page.click(".screen-start")
        await reader.until(f"{video}.currentTime > 0.1")
        clock.forward(seconds=ttl_s // 2)
        lasting = clock.now() + timedelta(seconds=ttl_s)

        async def renewed() -> bool:
            given = await pages.bureau.value(
                "SELECT count(*) FROM custody_event WHERE name = 'PlaybackGranted'"
                " GROUP BY name HAVING max((facts ->> 'expires_at')::timestamptz) >= $1",
                lasting,
            )
            return given == sum(url.endswith("/playback") for url in answered)

        held: bool = await eventually(renewed, within=60, what="the next ticket")
        assert held
        # What is asked for behind it is answered behind it: then the player has taken it.
        await reader.page.evaluate("fetch('/healthz').then(answer => answer.text())")
        # Every earlier ticket has ended: what is not there yet comes under this one.
        clock.forward(seconds=ttl_s * 3 // 4)
        source = await reader.page.evaluate(f"{video}.currentSrc")
        await reader.page.evaluate(f"{video}.currentTime = 1150")
        await reader.until(f"{video}.currentTime > 1150.2 && !{video}.seeking", within=60)
        assert await reader.page.evaluate(f"{video}.currentSrc") == source


async def test_h265_of_two_periods_is_converted_while_it_is_watched_and_plays_to_its_end(
    pages: Pages,
) -> None:
    deps, actor, sent = pages.service.deps, await camera(pages.bureau), hevc_take()
    livestream = await opened(deps, actor)
    for period, numbers in ((1, (1, 2, 3)), (2, (4, 5, 6))):
        await put_init(deps, actor, livestream.id, sent.init, period)
        for number in numbers:
            body = sent.segments[(number - 1) % 3]
            await put(deps, actor, livestream.id, number, body, period)
    closed = await live.request_close(deps, actor, livestream.id, last=6)
    await pages.work_off()
    async with pages.reader() as reader:
        await reader.sign_in("wang")
        await reader.go(f"/recordings/{closed.recording}")
        whole = await reader.text(".times .whole")
        await reader.page.click(".screen-start")
        video = "document.querySelector('video.screen')"
        await reader.until(f"{video}.videoWidth === 320 && {video}.currentTime > 0.2", within=60)
        assert "H.265" in await reader.text(".screen-notice")
        length = float(await reader.page.evaluate(f"{video}.duration"))
        await reader.page.evaluate(f"{video}.currentTime = {length} * 0.75")
        await reader.until(f"{video}.currentTime > {length} * 0.75 + 0.3", within=60)
        assert await reader.page.evaluate(f"{video}.error") is None
        assert whole == f"0:{round(length):02}"
    # Nothing is made of it for good: each segment is, while somebody looks.
    view = await review.recording(deps, SERVICE, RecordingId(closed.recording or UUID(int=0)))
    assert {run.task for run in view.tasks} & {"proxy"} == set()
    assert view.playable.profile == "hls"
