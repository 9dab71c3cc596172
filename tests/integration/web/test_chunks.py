"""Livestreams in chunks: slices of a browser's file, delivered with a key of their own."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from recorder.adapters.media import FfmpegTool
from recorder.domain.people import SERVICE, Role
from recorder.domain.pipeline import WorkQueue
from recorder.services import accounts, audit
from tests.support import footage, people
from tests.support.bureau import PASSWORD
from tests.support.pusher import delivered, digest_of
from tests.support.streams import Take, take
from tests.support.web_service import Answer, WebService
from tests.support.workshop import work_off

LIVESTREAMS = "/api/v1/livestreams"
MP4 = {"title": "手机取证", "media_type": "video/mp4"}
WEBM = {"title": "手机取证", "media_type": "video/webm"}


def chunks_of(sent: Take) -> list[bytes]:
    """As a browser cuts: the description with the first pictures, then one or two fragments."""
    one, two, three, *more = sent.segments
    return [sent.init + one, two + three, b"".join(more)]


async def opened(service: WebService, token: str, **said: object) -> str:
    answer = await service.ask("POST", LIVESTREAMS, token, json={**MP4, **said})
    assert answer.status == 201, answer.content
    assert answer.json["publish"] == [{"protocol": "chunks", "url": answer.headers["Location"]}]
    return answer.headers["Location"]


async def key_for(service: WebService, token: str, place: str) -> str:
    answer = await service.ask("POST", f"{place}/push-keys", token)
    assert (answer.status, answer.json["expires_at"]) == (201, "2026-03-09T08:00:00Z")
    return str(answer.json["key"])


async def put(
    service: WebService, key: str, place: str, period: int, number: int, body: bytes
) -> Answer:
    path = f"{place}/periods/{period}/chunks/{number}?cause=reconnect"
    when = {"Recorder-Device-Time": f"2026-03-02T16:00:{2 * number:02d}+08:00"}
    return await delivered(service.ask, path, key, body, **when)


async def close(service: WebService, key: str, place: str, last: int) -> dict[str, object]:
    answer = await service.ask("POST", f"{place}/close", key, json={"last": last})
    assert answer.status == 200, answer.content
    return answer.json


async def test_what_a_signed_out_officers_phone_still_delivers_is_one_recording_byte_for_byte(
    service: WebService, supervisor: str
) -> None:
    await people.add_person(service.deps, "li", Role.OFFICER, officer="JX0227")
    session = await accounts.sign_in(
        service.deps, login="li", password=PASSWORD, address="127.0.0.1"
    )
    cookie = {"Cookie": f"recorder_session={session.secret}", "X-CSRF-Token": session.csrf_token}
    said: dict[str, object] = {
        **MP4,
        "case_numbers": ["沪市监案〔2026〕9号"],
        "stage": "investigation",
    }
    said |= {"lat": 31.2304, "lon": 121.4737, "accuracy_m": 12}
    answer = await service.ask("POST", LIVESTREAMS, json=said, headers=cookie)
    place = answer.headers["Location"]
    made = await service.ask("POST", f"{place}/push-keys", headers=cookie)
    key = str(made.json["key"])
    out = await service.ask("POST", "/sign-out", headers=cookie)
    assert out.status == 303
    first, second, third = chunks_of(take())
    again = chunks_of(take("lane", seconds=3))[0]
    assert (await put(service, key, place, 1, 3, third)).status == 201, "out of order"
    for number, body in ((1, first), (2, second)):
        assert (await put(service, key, place, 1, number, body)).status == 201
        assert (await put(service, key, place, 1, number, body)).status == 200
    assert (await put(service, key, place, 2, 4, again)).status == 201, "loaded again"
    assert (await put(service, key, place, 2, 4, second)).json["code"] == "segment-conflicting"
    shown = await close(service, key, place, 4)
    assert (shown["state"], shown["segments"], shown["officer"]) == ("closed", 4, "JX0227")
    assert [gap["cause"] for gap in shown["gaps"]] == ["reconnect"]  # type: ignore[attr-defined]
    recording = f"/api/v1/recordings/{shown['recording']}"
    whole = await service.ask("GET", f"{recording}/original", supervisor)
    assert whole.content == first + second + third + again
    tool = FfmpegTool(Path(footage.ffmpeg()))
    await work_off(service.deps, tool, WorkQueue.IO)
    found = (await service.ask("GET", recording, supervisor)).json
    assert (found["state"], found["original_name"]) == ("sealed", "手机取证.mp4")
    assert (found["latitude"], found["longitude"], found["accuracy_m"]) == (31.2304, 121.4737, 12)
    assert [case["number"] for case in found["cases"]] == ["沪市监案〔2026〕9号"]  # type: ignore[attr-defined]
    # Two files behind each other: their playlist shows both, a prober would see the first.
    played = await service.ask("GET", f"{recording}/playback", supervisor)
    assert played.json["media_type"] == "application/vnd.apple.mpegurl"
    names = await service.bureau.event_names()
    assert (names.count("LivestreamFileBegan"), names.count("LivestreamKeyMade")) == (2, 1)
    assert (await audit.run(service.deps, SERVICE, level=audit.Level.DIGEST)).findings == []


async def test_a_push_key_opens_nothing_else_and_ends(service: WebService, device: str) -> None:
    place, other = await opened(service, device), await opened(service, device)
    key = await key_for(service, device, place)
    body = chunks_of(take())[0]
    assert (await put(service, key, place, 1, 1, body)).status == 201
    foreign = await put(service, key, other, 1, 1, body)
    assert (foreign.status, foreign.json["code"]) == (404, "livestream-not-found")
    for method, path in (
        ("GET", place), ("GET", "/api/v1/recordings"), ("POST", LIVESTREAMS),
        ("POST", f"{place}/push-keys"), ("POST", "/api/v1/uploads"), ("GET", f"{place}/playback"),
    ):  # fmt: skip
        answer = await service.ask(method, path, key)
        assert (answer.status, answer.json["code"]) == (403, "permission-missing"), path
    wrong = await put(service, key[:-1], place, 1, 2, body)
    assert (wrong.status, wrong.json["code"]) == (401, "token-unknown")
    # Whoever did not open it gets no key, though in the same agency.
    assert (
        await service.ask("POST", f"{place}/push-keys", await service.token(Role.DEVICE))
    ).status == 404
    service.bureau.clock.at += timedelta(days=7)
    ended = await put(service, key, place, 1, 2, body)
    assert (ended.status, ended.json["code"]) == (401, "push-key-expired")
    fresh = await service.ask("POST", f"{place}/push-keys", device)
    assert (await put(service, str(fresh.json["key"]), place, 1, 2, body)).status == 201
    kept = await service.bureau.value("SELECT string_agg(k::text, '') FROM livestream_push_key k")
    assert key not in str(kept)
    await accounts.sweep(service.deps)
    assert await service.bureau.value("SELECT count(*) FROM livestream_push_key") == 2
    service.bureau.clock.at += timedelta(days=31)
    await accounts.sweep(service.deps)
    assert await service.bureau.value("SELECT count(*) FROM livestream_push_key") == 1


async def test_running_chunks_are_shown_as_ranges_of_themselves_and_what_is_cut_is_left_out(
    service: WebService, device: str, supervisor: str
) -> None:
    sent = take(seconds=12)
    first, second = sent.init + b"".join(sent.segments[:2]), b"".join(sent.segments[2:4])
    cut = b"".join(sent.segments[4:6])
    rest = b"".join(sent.segments[6:8])
    place = await opened(service, device)
    # A browser may hand out the description alone.
    for number, body in enumerate((sent.init, first[len(sent.init) :], second), 1):
        assert (await put(service, device, place, 1, number, body)).status == 201
    answer = await service.ask("GET", f"{place}/playback", supervisor)
    address = str(answer.json["url"])
    listed = (await service.ask("GET", address, supervisor)).content.decode().splitlines()
    assert [line for line in listed if "/" in line] == [
        '#EXT-X-MAP:URI="periods/1/init.mp4"', "segments/2.m4s", "segments/3.m4s",
    ]  # fmt: skip
    assert (await put(service, device, place, 2, 4, first)).status == 201
    for number, body in ((5, cut[:-9]), (6, cut[-9:]), (7, rest)):
        assert (await put(service, device, place, 2, number, body)).status == 201
    listed = (await service.ask("GET", address, supervisor)).content.decode().splitlines()
    assert [line for line in listed if "segments/" in line] == [
        f"segments/{number}.m4s" for number in (2, 3, 4, 7)
    ]
    base = address.removesuffix("index.m3u8")
    for name, body in (
        ("periods/1/init.mp4", sent.init), ("periods/2/init.mp4", sent.init),
        ("segments/3.m4s", second), ("segments/4.m4s", first[len(sent.init) :]),
    ):  # fmt: skip
        got = await service.ask("GET", f"{base}{name}", supervisor)
        assert got.content == body, name
    span = {"Range": "bytes=2-5"}
    part = await service.ask("GET", f"{base}segments/4.m4s", supervisor, headers=span)
    assert part.content == sent.segments[0][2:6]


async def test_forms_do_not_mix_and_webm_is_one_file(service: WebService, device: str) -> None:
    body = b"\x1aE\xdf\xa3 any bytes"
    place = await opened(service, device)
    answer = await delivered(service.ask, f"{place}/periods/1/init", device, body)
    assert (answer.status, answer.json["code"]) == (409, "livestream-form-differs")
    pushed = (await service.ask("POST", LIVESTREAMS, device, json={"title": "巡查"})).json["id"]
    answer = await put(service, device, f"{LIVESTREAMS}/{pushed}", 1, 1, body)
    assert (answer.status, answer.json["code"]) == (409, "livestream-form-differs")
    webm = await opened(service, device, **WEBM)
    assert (await put(service, device, webm, 1, 1, body)).status == 201
    answer = await put(service, device, webm, 2, 2, body)
    assert (answer.status, answer.json["code"]) == (422, "chunk-period-single")
    answer = await service.ask(
        "PUT", f"{webm}/periods/1/chunks/2", device, data=body, headers=digest_of(b"other")
    )
    assert (answer.status, answer.json["code"]) == (422, "segment-digest-mismatch")
    shown = await close(service, device, webm, 1)
    name = await service.bureau.value("SELECT original_name FROM recording")
    assert (shown["state"], name) == ("closed", "手机取证.webm")
