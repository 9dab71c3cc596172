"""Cases, work, administration and the addresses beside the API, asked over HTTP."""

from __future__ import annotations

import asyncio
import json
import re
import uuid

import pytest

from recorder.domain.alarm import AlarmCode
from recorder.domain.people import OPERATOR, Role
from recorder.services import accounts, alarms, registry
from recorder.web import live_updates
from recorder.web.problem_catalogue import CATALOGUE
from recorder.web.routes import ROUTES
from tests.support.web_service import TUS, Answer, WebService

NUMBER = "沪市监案〔2026〕123号"


async def open_case(service: WebService, token: str, number: str = NUMBER) -> str:
    answer = await service.ask("POST", "/api/v1/cases", token, json={"number": number})
    assert answer.status == 201, answer.content
    assert answer.headers["Location"] == f"/api/v1/cases/{answer.json['id']}"
    return str(answer.json["id"])


def items(answer: Answer) -> list[dict[str, object]]:
    listed = answer.json["items"]
    assert isinstance(listed, list)
    return listed


@pytest.mark.parametrize(
    "query",
    [
        {"number": "沪市监案[2026]123号"},
        {"number": "沪市监案（2026）123号"},
        {"prefix": "沪市监案〔2026"},
        {"q": "2026〕123"},
    ],
)
async def test_a_case_is_found_in_any_bracket_style_by_its_beginning_and_by_a_piece(
    service: WebService, supervisor: str, query: dict[str, str]
) -> None:
    case = await open_case(service, supervisor)
    answer = await service.ask("GET", "/api/v1/cases", supervisor, params=query)
    assert [found["id"] for found in items(answer)] == [case]


async def test_lists_come_in_pages(service: WebService, supervisor: str) -> None:
    made = {await open_case(service, supervisor, f"A〔2026〕{n}号") for n in range(5)}
    seen: list[object] = []
    cursor = ""
    while True:
        more = {"cursor": cursor} if cursor else {}
        answer = await service.ask(
            "GET", "/api/v1/cases", supervisor, params={"limit": "2", **more}
        )
        seen += [case["id"] for case in items(answer)]
        cursor = str(answer.json["next"] or "")
        if not cursor:
            break
    assert len(seen) == 5
    assert set(seen) == made
    odd = await service.ask("GET", "/api/v1/cases?cursor=nonsense", supervisor)
    assert (odd.status, odd.json["code"]) == (400, "cursor-invalid")


async def test_linking_unlinking_and_the_timeline(service: WebService, supervisor: str) -> None:
    case = await open_case(service, supervisor)
    recording = await service.bureau.recording()
    place = f"/api/v1/cases/{case}/recordings/{recording}"
    made = await service.ask("PUT", place, supervisor, json={"stage": "investigation"})
    assert (made.status, made.json["stage"]) == (200, "investigation")
    timeline = await service.ask("GET", f"/api/v1/cases/{case}/recordings", supervisor)
    assert [found["id"] for found in items(timeline)] == [str(recording)]
    shown = await service.ask("GET", f"/api/v1/recordings/{recording}", supervisor)
    assert shown.json["cases"][0]["number"] == NUMBER  # type: ignore[index]
    odd = await service.ask("PUT", place, supervisor, json={"stage": "lunch"})
    assert (odd.status, odd.json["code"]) == (400, "body-invalid")
    ended = await service.ask("DELETE", place, supervisor, json={"reason": "wrong case"})
    assert (ended.status, ended.json["unlink_reason"]) == (200, "wrong case")
    pool = await service.ask("GET", "/api/v1/recordings?linked=false", supervisor)
    assert [found["id"] for found in items(pool)] == [str(recording)]


async def test_many_links_are_made_or_refused_each_by_itself(
    service: WebService, supervisor: str
) -> None:
    recording, absent = await service.bureau.recording(), uuid.uuid4()
    lines = [
        {"recording": str(recording), "number": NUMBER},
        {"recording": str(absent), "number": NUMBER},
    ]
    answer = await service.ask(
        "POST", "/api/v1/recordings/links", supervisor, json={"links": lines}
    )
    assert [line["code"] for line in items(answer)] == [None, "recording-not-found"]


async def test_a_merged_case_leads_to_the_one_it_went_into(
    service: WebService, supervisor: str
) -> None:
    old = await open_case(service, supervisor)
    new = await open_case(service, supervisor, "A1")
    body = {"into": new, "reason": "the same"}
    merged = await service.ask("POST", f"/api/v1/cases/{old}/merge", supervisor, json=body)
    assert merged.json["id"] == new
    answer = await service.ask("GET", f"/api/v1/cases/{old}", supervisor)
    assert (answer.status, answer.headers["Location"]) == (308, f"/api/v1/cases/{new}")


async def test_a_provisional_case_is_confirmed(service: WebService, supervisor: str) -> None:
    recording = await service.bureau.recording()
    lines = [{"recording": str(recording), "number": "A7"}]
    made = await service.ask("POST", "/api/v1/recordings/links", supervisor, json={"links": lines})
    case = items(made)[0]["link"]["case"]  # type: ignore[index]
    answer = await service.ask(
        "PATCH", f"/api/v1/cases/{case}", supervisor,
        json={"state": "confirmed", "add_identifiers": [{"number": "A8", "scheme": "filing"}]},
    )  # fmt: skip
    assert answer.json["state"] == "confirmed"
    assert len(answer.json["identifiers"]) == 2  # type: ignore[arg-type]


async def test_times_without_a_zone_mean_china(service: WebService, supervisor: str) -> None:
    at = service.bureau.clock.at
    await service.bureau.recording(started_at=at)
    local = at.strftime("%Y-%m-%dT16:%M:%S")
    assert at.hour == 8
    found = await service.ask("GET", f"/api/v1/recordings?from={local}", supervisor)
    assert len(items(found)) == 1
    none = await service.ask("GET", f"/api/v1/recordings?to={local}", supervisor)
    assert items(none) == []


async def test_quarantined_footage_is_let_in_with_a_reason(service: WebService) -> None:
    dock, supervisor = await service.token(Role.DOCK), await service.token(Role.SUPERVISOR)
    taken = await service.ask(
        "POST", "/api/v1/uploads", dock,
        headers={**TUS, "Upload-Length": "0", "Upload-Metadata": "device WFg5OQ=="},
    )  # fmt: skip
    place = f"/api/v1/recordings/{taken.headers['Recorder-Recording']}"
    before = await service.ask("GET", place, supervisor)
    assert (before.json["state"], before.json["integrity"]) == ("quarantined", "received")
    after = await service.ask("POST", f"{place}/admit", supervisor, json={"reason": "known now"})
    assert after.json["state"] == "received"


async def test_alarms_are_acknowledged_and_cleared(service: WebService, supervisor: str) -> None:
    await alarms.report(
        service.deps, AlarmCode.STORE_UNAVAILABLE, about_kind="store", about="s", detail="away"
    )
    listed = await service.ask("GET", "/api/v1/alarms", supervisor)
    place = f"/api/v1/alarms/{items(listed)[0]['id']}"
    seen = await service.ask("POST", f"{place}/acknowledge", supervisor, json={"note": "on it"})
    assert seen.json["state"] == "acknowledged"
    cleared = await service.ask("POST", f"{place}/clear", supervisor, json={})
    assert cleared.json["state"] == "cleared"
    assert items(await service.ask("GET", "/api/v1/alarms", supervisor)) == []
    everything = await service.ask("GET", "/api/v1/alarms?open=false", supervisor)
    assert len(items(everything)) == 1


async def test_work_in_progress_is_streamed_as_it_changes(
    service: WebService, supervisor: str, device: str
) -> None:
    headers = {"Authorization": f"Bearer {supervisor}"}
    place = f"{service.url}/api/v1/work/stream"
    async with asyncio.timeout(60), service.session.get(place, headers=headers) as stream:
        assert stream.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert await stream.content.readuntil(b"\n\n") == b"retry: 2000\n\n"
        assert snapshot(await stream.content.readuntil(b"\n\n"))["uploads"] == []
        await service.ask("POST", "/api/v1/uploads", device, headers={**TUS, "Upload-Length": "5"})
        uploads = snapshot(await stream.content.readuntil(b"\n\n"))["uploads"]
        assert [upload["length"] for upload in uploads] == [5]


async def test_who_comes_later_is_told_nothing_that_is_older_than_the_coming(
    service: WebService, supervisor: str, device: str
) -> None:
    headers = {"Authorization": f"Bearer {supervisor}"}
    place = f"{service.url}/api/v1/work/stream"
    async with asyncio.timeout(60), service.session.get(place, headers=headers) as first:
        await first.content.readuntil(b"\n\n")
        assert snapshot(await first.content.readuntil(b"\n\n"))["uploads"] == []
        # What the first listener was told is out of date from here on.
        await service.ask("POST", "/api/v1/uploads", device, headers={**TUS, "Upload-Length": "5"})
        async with service.session.get(place, headers=headers) as second:
            await second.content.readuntil(b"\n\n")
            told = snapshot(await second.content.readuntil(b"\n\n"))["uploads"]
    assert [upload["length"] for upload in told] == [5]


async def test_what_does_not_change_is_told_again_while_it_can_be_asked_for(
    service: WebService, supervisor: str, device: str
) -> None:
    broadcaster = service.app[live_updates.BROADCASTER]
    broadcaster.pace = live_updates.Pace(heartbeat_s=0.2, fresh_s=60)
    headers = {"Authorization": f"Bearer {supervisor}"}
    ids = []
    for title in ("一", "二"):
        answer = await service.ask("POST", "/api/v1/livestreams", device, json={"title": title})
        ids.append(answer.json["id"])
    place = f"{service.url}/api/v1/livestreams/stream?livestream={ids[0]}"
    async with asyncio.timeout(60), service.session.get(place, headers=headers) as stream:
        await stream.content.readuntil(b"\n\n")
        for _ in range(2):
            told = snapshot(await stream.content.readuntil(b"\n\n"), "wall")["livestreams"]
            assert [one["id"] for one in told] == ids[:1]
        # What could not be asked for lately may be old: a sign of life, and no word.
        broadcaster.pace = live_updates.Pace(heartbeat_s=0.2, fresh_s=-1)
        while await stream.content.readuntil(b"\n\n") != b":\n\n":
            pass
        await service.ask("POST", f"/api/v1/livestreams/{ids[0]}/close", device, json={"last": 0})
        while (word := await stream.content.readuntil(b"\n\n")) == b":\n\n":
            pass
        assert snapshot(word, "wall")["livestreams"] == []


def snapshot(event: bytes, topic: str = "work") -> dict[str, list[dict[str, object]]]:
    name, _, told = event.decode().partition("\n")
    assert name == f"event: {topic}"
    loaded: dict[str, list[dict[str, object]]] = json.loads(told.removeprefix("data: "))
    return loaded


async def test_a_device_enrols_once_and_sends_with_its_own_token(service: WebService) -> None:
    administrator = await service.token(Role.ADMINISTRATOR)
    added = await service.ask("POST", "/api/v1/devices", administrator, json={"number": "D-7"})
    place = f"/api/v1/devices/{added.json['id']}"
    code = (await service.ask("POST", f"{place}/enrolment-code", administrator)).json["code"]
    body = {"code": code}
    enrolled = await service.ask("POST", "/api/v1/devices/enrol", json=body)
    key = await service.ask("GET", "/api/v1/service-key")
    assert enrolled.json["service_key"] == key.content.decode().strip()
    me = await service.ask("GET", "/api/v1/me", str(enrolled.json["token"]))
    assert (me.json["kind"], me.json["name"]) == ("device", "D-7")
    again = await service.ask("POST", "/api/v1/devices/enrol", json=body)
    assert (again.status, again.json["code"]) == (403, "enrolment-refused")


async def test_a_suspended_device_may_upload_and_nothing_else(service: WebService) -> None:
    administrator = await service.token(Role.ADMINISTRATOR)
    added = await registry.add_device(service.deps, OPERATOR, number="D-8")
    body = {"state": "suspended", "reason": "lost and found"}
    place = f"/api/v1/devices/{added.device.id}/state"
    assert (await service.ask("PUT", place, administrator, json=body)).json["state"] == "suspended"
    sent = await service.ask(
        "POST", "/api/v1/uploads", added.token, headers={**TUS, "Upload-Length": "0"}
    )
    assert sent.status == 201
    asked = await service.ask("GET", "/api/v1/recordings", added.token)
    assert (asked.status, asked.json["code"]) == (403, "device-suspended")


async def test_administrators_list_what_they_added(service: WebService) -> None:
    administrator = await service.token(Role.ADMINISTRATOR)
    person = {"login": "li", "name": "李", "role": "officer", "password": "long enough 12",
              "officer": "P1"}  # fmt: skip
    added = await service.ask("POST", "/api/v1/people", administrator, json=person)
    assert added.status == 201, added.content
    people = items(await service.ask("GET", "/api/v1/people", administrator))
    assert [one["login"] for one in people] == ["li"]
    device = await service.ask("POST", "/api/v1/devices", administrator, json={"number": "D-1"})
    place = f"/api/v1/devices/{device.json['id']}/hand-overs"
    noted = await service.ask("POST", place, administrator, json={"officer": "P1"})
    assert noted.status == 204
    lines = items(await service.ask("GET", place, administrator))
    assert [line["officer"] for line in lines] == ["P1"]
    await service.ask("POST", "/api/v1/docks", administrator, json={"name": "一楼"})
    docks = items(await service.ask("GET", "/api/v1/docks", administrator))
    assert [dock["name"] for dock in docks] == ["一楼"]
    tokens = items(await service.ask("GET", "/api/v1/tokens", administrator))
    assert len(tokens) == 3
    assert not any("token" in token for token in tokens)
    devices = items(await service.ask("GET", "/api/v1/devices", administrator))
    assert [one["number"] for one in devices] == ["D-1"]
    agencies = items(await service.ask("GET", "/api/v1/agencies", administrator))
    assert [agency["code"] for agency in agencies] == ["local"]


async def test_health_readiness_and_figures_are_public(service: WebService) -> None:
    alive = await service.ask("GET", "/healthz")
    ready = await service.ask("GET", "/readyz")
    figures = await service.ask("GET", "/metrics")
    assert (alive.status, alive.json["status"]) == (200, "ok")
    assert (ready.status, ready.json["status"]) == (200, "ready")
    components = {c["name"]: c["status"] for c in ready.json["components"]}  # type: ignore[attr-defined]
    assert components == {"database": "ok", "store": "ok", "workers": "ok"}
    assert b"recorder_event_loop_lag_seconds " in figures.content
    assert b"recorder_uploads_open 0" in figures.content


async def test_the_description_and_its_pages_are_served_without_scripts(
    service: WebService,
) -> None:
    document = await service.ask("GET", "/openapi.json")
    described = {(m.upper(), p) for p, found in document.json["paths"].items() for m in found}  # type: ignore[attr-defined]
    assert described == {(row.method, row.path) for row in ROUTES if row.described}
    for path in ("/docs", "/docs/problems"):
        page = await service.ask("GET", path)
        assert page.status == 200
        assert b"<script" not in page.content
        assert b"http://" not in page.content
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    style = await service.ask("GET", "/docs/style.css")
    assert style.headers["Content-Type"].startswith("text/css")


async def test_the_type_of_a_problem_leads_to_what_it_means(service: WebService) -> None:
    refused = await service.ask("GET", "/api/v1/recordings")
    kind = refused.json["type"]
    assert isinstance(kind, str)
    path, _, code = kind.partition("#")
    page = await service.ask("GET", path)
    section = (
        page.content.decode().partition(f"<section id='{code}'>")[2].partition("</section>")[0]
    )
    assert "401" in section
    assert "Authorization: Bearer TOKEN" in section
    assert set(re.findall(r"<section id='([^']+)'", page.content.decode())) == set(CATALOGUE)
    assert re.findall(r"<strong>([^<]+)\.</strong>", section) == [
        "Means",
        "Seen by",
        "Do",
        "Do not",
    ]


async def test_every_answer_carries_the_name_of_its_request_and_strict_headers(
    service: WebService,
) -> None:
    named = await service.ask("GET", "/healthz", headers={"X-Request-Id": "dock-7.upload-12"})
    assert named.headers["X-Request-Id"] == "dock-7.upload-12"
    odd = await service.ask("GET", "/nowhere", headers={"X-Request-Id": "a b;c"})
    assert odd.json["instance"] == odd.headers["X-Request-Id"] != "a b;c"
    for answer in (named, odd):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert "Server" not in answer.headers


async def test_nobody_is_asked_for_a_bearer_token(service: WebService) -> None:
    answer = await service.ask("GET", "/api/v1/recordings")
    assert (answer.status, answer.json["code"]) == (401, "credentials-missing")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    for credential in ("Basic abc", "Bearer", "Bearer  ", "Bearer é"):
        wrong = await service.ask(
            "GET", "/api/v1/recordings", headers={"Authorization": credential}
        )
        assert wrong.status == 401, credential


async def test_a_browser_session_changes_nothing_without_its_token_or_from_another_site(
    service: WebService,
) -> None:
    await accounts.add_person(
        service.deps, OPERATOR, login="wang", role=Role.SUPERVISOR, password="long enough 12"
    )
    session = await accounts.sign_in(
        service.deps, login="wang", password="long enough 12", address="127.0.0.1"
    )
    cookie = {"Cookie": f"recorder_session={session.secret}"}
    good = {**cookie, "X-CSRF-Token": session.csrf_token}
    foreign = [
        cookie,
        {**cookie, "X-CSRF-Token": "guessed"},
        {**good, "Origin": "https://evil.example"},
        {**good, "Sec-Fetch-Site": "cross-site"},
        {**good, "Origin": "null"},
    ]
    me = await service.ask("GET", "/api/v1/me", headers=cookie)
    assert me.json["kind"] == "person"
    for headers in foreign:
        answer = await service.ask("POST", "/api/v1/cases", headers=headers, json={"number": "A1"})
        assert (answer.status, answer.json["code"]) == (403, "csrf-token-invalid"), headers
    own = {**good, "Origin": service.url, "Sec-Fetch-Site": "same-origin"}
    made = await service.ask("POST", "/api/v1/cases", headers=own, json={"number": "A1"})
    assert made.status == 201
    await accounts.sign_out(service.deps, session.person.actor, session.secret)
    ended = await service.ask("GET", "/api/v1/me", headers=cookie)
    assert (ended.status, ended.json["code"]) == (401, "session-ended")
