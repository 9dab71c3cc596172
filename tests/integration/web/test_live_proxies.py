"""Live proxies: H.265 that a browser cannot play, shown while it runs, made on demand."""

from __future__ import annotations

import dataclasses
import io
import math
import re
import uuid
from array import array
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path

import av
import pytest
from playwright.async_api import Browser

from recorder.domain.ids import LivestreamId
from recorder.domain.people import Role
from recorder.services import accounts, live
from tests.support import footage
from tests.support.pages import open_pages
from tests.support.pusher import delivered
from tests.support.streams import hevc_take, webm_file
from tests.support.web_service import WebService, open_web_service

LIVESTREAMS = "/api/v1/livestreams"


@pytest.fixture
async def service(database_url: str, tmp_path: Path) -> AsyncIterator[WebService]:
    async with open_web_service(database_url, tmp_path, ffmpeg=footage.ffmpeg()) as running:
        yield running


async def begun(service: WebService, device: str, segments: int = 0) -> str:
    """The address of a livestream in H.265 with so many segments."""
    answer = await service.ask("POST", LIVESTREAMS, device, json={"title": "高清"})
    place = answer.headers["Location"]
    sent = hevc_take()
    await delivered(service.ask, f"{place}/periods/1/init", device, sent.init)
    for number, body in enumerate(sent.segments[:segments], 1):
        path = f"{place}/periods/1/segments/{number}"
        assert (await delivered(service.ask, path, device, body)).status == 201
    return place


async def proxies(service: WebService, token: str, place: str) -> str:
    """Where the proxies are under a new ticket."""
    answer = await service.ask("GET", f"{place}/index.m3u8", token)
    return answer.headers["Location"].replace("/index.m3u8", "/proxy")


async def fetched(service: WebService, token: str, address: str) -> bytes:
    answer = await service.ask("GET", address, token)
    assert answer.status == 200, answer.content
    return answer.content


def moments(content: bytes) -> tuple[str, list[int], list[bytes]]:
    """Codec, times of all pictures in ms, and all packets of sound."""
    with av.open(io.BytesIO(content), "r") as container:
        codec = container.streams.video[0].codec_context.name
        shown = [round((frame.time or 0.0) * 1000) for frame in container.decode(video=0)]
    with av.open(io.BytesIO(content), "r") as container:
        heard = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    return codec, shown, heard


async def test_proxies_show_the_same_moments_in_h264_with_the_sound_as_it_came(
    service: WebService, device: str, supervisor: str
) -> None:
    place = await begun(service, device, 4)
    beside = await proxies(service, supervisor, place)
    evidence = beside.replace("/proxy", "")
    listed = await fetched(service, supervisor, f"{beside}/index.m3u8")
    assert listed == await fetched(service, supervisor, f"{evidence}/index.m3u8")
    names = ["periods/1/init.mp4", *(f"segments/{n}.m4s" for n in (1, 2, 3, 4))]
    made = [await fetched(service, supervisor, f"{beside}/{name}") for name in names]
    kept = [await fetched(service, supervisor, f"{evidence}/{name}") for name in names]
    codec, shown, heard = moments(b"".join(made))
    _, filmed, said = moments(b"".join(kept))
    assert codec == "h264"
    assert shown == pytest.approx(filmed, abs=1)
    assert heard == said
    # Each can be begun with, also where the evidence begins without a keyframe.
    assert len(moments(made[0] + made[2])[1]) == 25
    # Another process makes the same of the same.
    deps = dataclasses.replace(service.deps)
    actor = await accounts.actor_of_token(deps, supervisor)
    livestream = LivestreamId(uuid.UUID(place.rpartition("/")[2]))
    ticket = await live.grant(deps, actor, livestream)
    again = await live.open_proxy(deps, actor, livestream, ticket.secret, 2)
    assert b"".join([block async for block in again.read(0, again.length)]) == made[2]


async def test_a_proxy_of_nothing_is_not_found_and_costs_no_place(
    service: WebService, device: str, supervisor: str
) -> None:
    beside = await proxies(service, supervisor, await begun(service, device, 1))
    for name in ("segments/9.m4s", "periods/7/init.mp4"):
        answer = await service.ask("GET", f"{beside}/{name}", supervisor)
        assert (answer.status, answer.json["code"]) == (404, "segment-not-found")


async def test_webm_is_shown_while_it_runs_wherever_the_browser_cut_it(
    service: WebService, device: str, supervisor: str
) -> None:
    said = {"title": "手机取证", "media_type": "video/webm"}
    answer = await service.ask("POST", LIVESTREAMS, device, json=said)
    place, whole = answer.headers["Location"], webm_file()
    # In the middle of anything: the first cut is one byte into a cluster.
    second = whole.index(b"\x1f\x43\xb6\x75", len(whole) // 5) + 1
    edges = [0, second, *(second + n * (len(whole) - second) // 4 for n in (1, 2, 3, 4))]
    for number, (begin, end) in enumerate(pairwise(edges), 1):
        path = f"{place}/periods/1/chunks/{number}?cause=unknown"
        assert (await delivered(service.ask, path, device, whole[begin:end])).status == 201
    given = await service.ask("GET", f"{place}/playback", supervisor)
    beside = str(given.json["url"]).removesuffix("/index.m3u8")
    assert beside.endswith("/proxy")
    listed = (await fetched(service, supervisor, f"{beside}/index.m3u8")).decode()
    assert re.findall(r"segments/(\d)", listed) == list("12345")
    lengths = [float(each) for each in re.findall(r"EXTINF:([\d.]+)", listed)]
    made = [
        await fetched(service, supervisor, f"{beside}/{name}")
        for name in ("periods/1/init.mp4", *(f"segments/{n}.m4s" for n in (1, 2, 3, 4, 5)))
    ]
    codec, shown, heard = moments(b"".join(made))
    assert codec == "h264"
    # All but the last picture, whose length nobody knows yet, each at its own time.
    assert shown == [40 * n for n in range(199)]
    assert sum(lengths) == pytest.approx(199 * 0.04)
    assert len(heard) == pytest.approx(199 * 0.04 * 48_000 / 1_024, abs=1)
    # One channel becomes two, of half the power each.
    told = [level / math.sqrt(2) for level in loudness(whole)]
    assert loudness(b"".join(made)) == pytest.approx(told, rel=0.02)
    # Each begins with a keyframe of its own.
    assert len(moments(made[0] + made[4])[1]) == round(lengths[3] * 25)
    answer = await service.ask("GET", f"{beside.removesuffix('/proxy')}/segments/1.m4s", supervisor)
    assert (answer.status, answer.json["code"]) == (404, "segment-not-found")
    actor = await accounts.actor_of_token(service.deps, supervisor)
    livestream = LivestreamId(uuid.UUID(place.rpartition("/")[2]))
    assert (await live.picture(service.deps, actor, livestream) or b"").startswith(b"\xff\xd8")


def loudness(content: bytes) -> list[float]:
    """The mean level of each whole half second of sound."""
    plain = av.AudioResampler(format="s16", layout="mono", rate=48_000)
    levels = array("h")
    with av.open(io.BytesIO(content), "r") as container:
        for frame in container.decode(audio=0):
            for block in plain.resample(frame):
                levels.frombytes(bytes(block.planes[0])[: 2 * block.samples])
    halves = [levels[n * 24_000 : (n + 1) * 24_000] for n in range(1, 14)]
    return [math.sqrt(sum(level**2 for level in half) / len(half)) for half in halves]


@pytest.fixture
async def narrow(database_url: str, tmp_path: Path) -> AsyncIterator[WebService]:
    """A service that converts one livestream at a time."""
    async with open_web_service(
        database_url, tmp_path, ffmpeg=footage.ffmpeg(), live_proxies=1
    ) as running:
        yield running


async def test_more_than_may_be_converted_at_once_are_refused_until_a_place_is_free(
    narrow: WebService,
) -> None:
    device, person = await narrow.token(Role.DEVICE), await narrow.token(Role.SUPERVISOR)
    first, second = [
        await proxies(narrow, person, await begun(narrow, device, 1)) for _ in range(2)
    ]
    assert await fetched(narrow, person, f"{first}/segments/1.m4s")
    answer = await narrow.ask("GET", f"{second}/index.m3u8", person)
    assert (answer.status, answer.json["code"]) == (503, "live-proxies-busy")
    assert await fetched(narrow, person, f"{first}/index.m3u8")
    narrow.bureau.clock.forward(seconds=31)
    assert await fetched(narrow, person, f"{second}/segments/1.m4s")


async def test_a_browser_without_h265_shows_a_running_livestream_of_it(
    database_url: str, tmp_path: Path, browser: Browser
) -> None:
    async with open_pages(database_url, tmp_path, browser) as pages, AsyncExitStack() as stack:
        await pages.person("wang", Role.SUPERVISOR)
        place = await begun(pages.service, await pages.service.token(Role.DEVICE), 6)
        reader = await stack.enter_async_context(pages.reader())
        await reader.sign_in("wang")
        await reader.go(place.removeprefix("/api/v1"))
        await reader.until(
            "(() => { const v = document.querySelector('#player video');"
            " return v.videoWidth === 320 && v.currentTime > 0.5 && !v.hidden; })()",
            within=90,
        )
        assert "H.265" in await reader.page.locator("[data-proxy]").inner_text()
        assert reader.complaints == []
