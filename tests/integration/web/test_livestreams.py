"""Livestreams pushed over HTTP: what a sender says, what it is answered, what it is told."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pytest

from recorder.domain.people import Role
from tests.support.pusher import content_digest, delivered, digest_of
from tests.support.streams import take
from tests.support.web_service import Answer, WebService

LIVESTREAMS = "/api/v1/livestreams"


async def opened(service: WebService, token: str, **said: object) -> str:
    answer = await service.ask("POST", LIVESTREAMS, token, json={"title": "巡查", **said})
    assert answer.status == 201, answer.content
    assert answer.headers["Location"] == f"{LIVESTREAMS}/{answer.json['id']}"
    return answer.headers["Location"]


async def closed(service: WebService, token: str, place: str, **said: object) -> Answer:
    return await service.ask("POST", f"{place}/close", token, json=said)


async def test_a_livestream_that_an_encoder_will_publish_is_opened_beforehand(
    service: WebService, device: str
) -> None:
    place = await opened(service, device, form="received")
    shown = (await service.ask("GET", place, device)).json
    number = place.rpartition("/")[2]
    assert shown["form"] == "received"
    assert shown["publish"] == [{"protocol": "rtmp", "url": f"/live/{number}"}]
    # Whoever holds no lease of it puts nothing into it.
    answer = await delivered(service.ask, f"{place}/periods/1/init", device, take().init)
    assert (answer.status, answer.json["code"]) == (409, "livestream-taken-over")
    wrong = {"title": "x", "form": "received", "media_type": "video/mp4"}
    assert (await service.ask("POST", LIVESTREAMS, device, json=wrong)).status == 400


async def test_a_livestream_is_pushed_closed_and_downloaded_as_one_file(
    service: WebService, device: str, supervisor: str
) -> None:
    sent = take()
    place = await opened(
        service, device, case_numbers=["沪市监案〔2026〕9号"], stage="investigation"
    )
    first = await delivered(service.ask, f"{place}/periods/1/init", device, sent.init)
    assert (first.status, first.json["number"]) == (201, -1)
    for number, body in enumerate(sent.segments, 1):
        path = f"{place}/periods/1/segments/{number}"
        answer = await delivered(service.ask, path, device, body)
        assert answer.status == 201
        assert (await delivered(service.ask, path, device, body)).status == 200
    shown = (await service.ask("GET", place, device)).json
    assert (shown["state"], shown["highest"], shown["segments"]) == ("live", 6, 6)
    assert shown["publish"] == [{"protocol": "segments", "url": place}]
    assert (shown["recording"], shown["gaps"]) == (None, [])
    answer = await closed(service, device, place, last=6)
    assert (answer.status, answer.json["state"]) == (200, "closed")
    recording = f"/api/v1/recordings/{answer.json['recording']}"
    found = (await service.ask("GET", recording, supervisor)).json
    assert (found["integrity"], found["original_name"]) == ("received", "巡查.mp4")
    assert [case["number"] for case in found["cases"]] == ["沪市监案〔2026〕9号"]  # type: ignore[attr-defined]
    whole = await service.ask("GET", f"{recording}/original", supervisor)
    assert whole.content == sent.whole
    span = {"Range": f"bytes={len(sent.init) - 2}-{len(sent.init) + 1}"}
    part = await service.ask("GET", f"{recording}/original", supervisor, headers=span)
    assert (part.status, part.content) == (206, sent.init[-2:] + sent.segments[0][:2])


async def test_gaps_are_told_with_their_times_and_causes(service: WebService, device: str) -> None:
    sent = take()
    place = await opened(service, device)
    await delivered(service.ask, f"{place}/periods/1/init", device, sent.init)
    said = {"Recorder-Device-Time": "2026-03-02T15:59:58+08:00"}
    await delivered(service.ask, f"{place}/periods/1/segments/1", device, sent.segments[1], **said)
    again = f"{place}/periods/2/init?cause=reconnect"
    assert (await delivered(service.ask, again, device, sent.init)).status == 201
    said = {"Recorder-Device-Time": "2026-03-02T16:00:30+08:00"}
    await delivered(service.ask, f"{place}/periods/2/segments/2", device, sent.segments[2], **said)
    answer = await closed(service, device, place, last=4)
    assert answer.json["state"] == "closing"
    assert answer.json["gaps"] == [
        {
            "from": "2026-03-02T07:59:59Z",
            "to": "2026-03-02T08:00:30Z",
            "clock": "device",
            "cause": "reconnect",
            "first_missing": None,
            "last_missing": None,
        },
        {
            "from": "2026-03-02T08:00:31Z",
            "to": None,
            "clock": "device",
            "cause": "segments_missing",
            "first_missing": 3,
            "last_missing": 4,
        },
    ]


async def test_what_is_wrong_with_a_put_is_said_and_nothing_is_kept(
    service: WebService, device: str
) -> None:
    sent = take()
    place = await opened(service, device)
    segment = f"{place}/periods/1/segments/1"

    async def refused(
        path: str, status: int, code: str, headers: dict[str, str], body: bytes = b"x"
    ) -> None:
        sent = io.BytesIO(body)
        answer = await service.ask("PUT", path, device, data=sent, headers=headers)
        assert (answer.status, answer.json["code"]) == (status, code)

    digest = content_digest(b"x")
    await refused(segment, 400, "content-digest-missing", {})
    for wrong in ("", "sha-256=x", "sha-256=::", "sha-512=:AAAA:", digest[:-3] + ":"):
        await refused(segment, 400, "content-digest-invalid", {"Content-Digest": wrong})
    await refused(segment, 409, "period-not-begun", {"Content-Digest": digest})
    await delivered(service.ask, f"{place}/periods/1/init", device, sent.init)
    known = {"Content-Digest": f"sha-512=:AAAA:, {digest}"}
    await refused(segment, 422, "segment-digest-mismatch", known, b"y")
    await refused(segment, 415, "upload-content-encoding", {**known, "Content-Encoding": "gzip"})
    await refused(segment, 400, "time-malformed", {**known, "Recorder-Device-Time": "noon"})
    await refused(f"{place}/periods/1/segments/01", 404, "id-malformed", known)
    await refused(f"{place}/periods/x/segments/1", 404, "id-malformed", known)
    await refused(f"{place}/periods/0/segments/1", 422, "period-number-invalid", known)
    await refused(f"{place}/periods/1/init?cause=lunch", 400, "query-invalid", known)
    large = bytes(1024 * 1024 + 1)
    await refused(f"{place}/periods/2/init", 413, "segment-too-large", digest_of(large), large)
    shown = (await service.ask("GET", place, device)).json
    assert (shown["segments"], shown["length"]) == (0, len(sent.init))


async def test_a_second_body_is_kept_and_its_sender_told(service: WebService, device: str) -> None:
    sent = take()
    place = await opened(service, device)
    await delivered(service.ask, f"{place}/periods/1/init", device, sent.init)
    path = f"{place}/periods/1/segments/1"
    assert (await delivered(service.ask, path, device, sent.segments[0])).status == 201
    for _ in range(2):
        answer = await delivered(service.ask, path, device, sent.segments[1])
        assert (answer.status, answer.json["code"]) == (409, "segment-conflicting")
    assert await service.bureau.value("SELECT count(*) FROM livestream_segment") == 3


async def test_a_sender_that_falls_silent_in_a_body_is_told_and_leaves_nothing(
    hasty: WebService,
) -> None:
    device = await hasty.token(Role.DEVICE)
    place = await opened(hasty, device)
    answer = await hasty.raw(
        f"PUT {place}/periods/1/init HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {device}\r\n"
        f"Content-Digest: {content_digest(b'x')}\r\nContent-Length: 100\r\n\r\nabc".encode()
    )
    assert b"upload-silent" in answer
    assert await hasty.bureau.value("SELECT count(*) FROM livestream_segment") == 0


async def test_people_see_what_runs_in_their_agency(
    service: WebService, device: str, supervisor: str
) -> None:
    running = await opened(service, device)
    ended = await opened(service, device)
    await closed(service, device, ended, last=0)
    foreign = await service.token(Role.SUPERVISOR, "foreign")

    async def listed(token: str, query: str) -> list[str]:
        answer = await service.ask("GET", f"{LIVESTREAMS}?{query}", token)
        lines = json.loads(answer.content)["items"]
        return [f"{LIVESTREAMS}/{line['id']}" for line in lines]

    assert set(await listed(supervisor, "")) == {ended, running}
    assert await listed(supervisor, "running=true") == [running]
    assert await listed(supervisor, "running=false") == [ended]
    assert await listed(foreign, "") == []
    assert (await service.ask("GET", running, foreign)).status == 404


@pytest.mark.parametrize("seconds", [5, 7])
async def test_an_interruption_shows_within_ten_seconds_and_ends_with_the_next_segment(
    service: WebService, device: str, seconds: int
) -> None:
    sent = take()
    place = await opened(service, device)
    await delivered(service.ask, f"{place}/periods/1/init", device, sent.init)
    await delivered(service.ask, f"{place}/periods/1/segments/1", device, sent.segments[0])
    service.bureau.clock.at += timedelta(seconds=seconds)
    shown = (await service.ask("GET", place, device)).json
    assert shown["state"] == ("interrupted" if seconds > 6 else "live")
    await delivered(service.ask, f"{place}/periods/1/segments/2", device, sent.segments[1])
    assert (await service.ask("GET", place, device)).json["state"] == "live"


async def test_a_device_and_a_push_key_mark_their_livestream_and_no_other(
    service: WebService, device: str, supervisor: str
) -> None:
    place, other = await opened(service, device), await opened(service, supervisor)
    key = str((await service.ask("POST", f"{place}/push-keys", device)).json["key"])
    for token, origin in ((device, "device"), (key, "device"), (supervisor, "metadata")):
        said = {"kind": "announcement", "shown_at": "2026-03-02T08:00:00Z"}
        answer = await service.ask("POST", f"{place}/marks", token, json=said)
        assert (answer.status, answer.json["origin"]) == (201, origin)
        foreign = await service.ask("POST", f"{other}/marks", token, json={"kind": "other"})
        assert foreign.status == (201 if token == supervisor else 404)
    # The device and its key are one sender: what both say is one mark.
    listed = json.loads((await service.ask("GET", f"{place}/marks", supervisor)).content)
    assert sorted(one["origin"] for one in listed["items"]) == ["device", "metadata"]
