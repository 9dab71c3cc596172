"""What an attacker tries on signing in, on forms, on addresses, and what becomes of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from recorder.domain.people import Role
from tests.support import people
from tests.support.bureau import PASSWORD
from tests.support.web_service import Answer, WebService, open_web_service

HTML = {"Accept": "text/html"}


@pytest.fixture
async def person(service: WebService) -> str:
    await people.add_person(service.deps, "li", Role.SUPERVISOR)
    return "li"


async def sign_in(service: WebService, target: str = "/", **headers: str) -> Answer:
    form = {"login": "li", "password": PASSWORD, "target": target}
    return await service.ask("POST", "/sign-in", data=form, headers={**HTML, **headers})


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "https://evil.example", "https:evil.example",
     "javascript:alert(1)", "\t//evil.example", "/\t/evil.example", "/\n/evil.example",
     "\\\\evil.example", "evil.example", "///evil.example", "/\r\nSet-Cookie: a=b"],
)  # fmt: skip
async def test_signing_in_leads_to_no_other_site(
    service: WebService, person: str, target: str
) -> None:
    answer = await sign_in(service, target)
    assert answer.status == 303
    assert answer.headers["Location"] == "/"
    assert answer.headers.keys() >= {"Set-Cookie"}
    assert "a=b" not in str(answer.headers)


async def test_a_cookie_planted_before_signing_in_is_no_session_afterwards(
    service: WebService, person: str
) -> None:
    planted = "recorder_session=" + "p" * 43
    answer = await sign_in(service, Cookie=planted)
    given = answer.headers["Set-Cookie"].partition(";")[0]
    assert given != planted
    assert (await service.ask("GET", "/", headers={**HTML, "Cookie": planted})).status == 401
    assert (await service.ask("GET", "/", headers={**HTML, "Cookie": given})).status == 200
    for attribute in ("HttpOnly", "SameSite=Lax", "Path=/"):
        assert attribute in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_foreign_page_signs_nobody_in(
    service: WebService, person: str, headers: dict[str, str]
) -> None:
    answer = await sign_in(service, **headers)
    assert answer.status == 403
    assert "Set-Cookie" not in answer.headers


async def test_a_foreign_page_changes_nothing_with_the_cookie_of_a_session(
    service: WebService, person: str
) -> None:
    cookie = (await sign_in(service)).headers["Set-Cookie"].partition(";")[0]
    for headers in ({}, {"X-CSRF-Token": "x" * 43}, {"Origin": "https://evil.example"}):
        answer = await service.ask(
            "POST", "/api/v1/cases", headers={**headers, "Cookie": cookie}, json={"number": "A1"}
        )
        assert (answer.status, answer.json["code"]) == (403, "csrf-token-invalid")
    assert await service.bureau.value("SELECT count(*) FROM case_file") == 0


async def test_no_answer_repeats_a_host_that_the_asker_made_up(
    service: WebService, person: str
) -> None:
    forged = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "host=evil.example",
    }
    supervisor = await service.token(Role.SUPERVISOR)
    for path in ("/sign-in", "/", "/api/v1/cases", "/docs", "/openapi.json", "/nothing"):
        answer = await service.ask("GET", path, supervisor, headers={**HTML, **forged})
        assert b"evil" not in answer.content, path
        assert "evil" not in str(answer.headers), path
        # Nobody becomes secure by saying so.
        assert "Strict-Transport-Security" not in answer.headers


async def test_an_address_made_up_in_a_header_escapes_no_limit(
    service: WebService, person: str
) -> None:
    statuses = set()
    for number in range(10):
        form = {"login": "li", "password": "wrong"}
        headers = {**HTML, "X-Forwarded-For": f"192.0.2.{number}"}
        answer = await service.ask("POST", "/sign-in", data=form, headers=headers)
        statuses.add(answer.status)
    assert statuses == {401, 429}
    assert int(answer.headers["Retry-After"]) > 0


async def test_of_several_lines_about_an_address_the_last_is_that_of_the_proxy(
    database_url: str, tmp_path: Path
) -> None:
    statuses = []
    async with open_web_service(
        database_url, tmp_path, trusted_proxies="127.0.0.1", sign_in_tries_per_address=3
    ) as service:
        for number in range(4):
            made_up, of_proxy = f"192.0.2.{number}", "198.51.100.7"
            lines = [*HTML.items(), *(("X-Forwarded-For", at) for at in (made_up, of_proxy))]
            form = {"login": f"nobody{number}", "password": "wrong"}
            async with service.session.post(
                f"{service.url}/sign-in", data=form, headers=lines
            ) as answer:
                statuses.append(answer.status)
    assert statuses == [401, 401, 401, 429]


async def test_markup_in_what_people_write_is_shown_and_never_becomes_markup(
    service: WebService,
) -> None:
    supervisor = await service.token(Role.SUPERVISOR)
    markup = "<img src=x onerror=alert(1)>'\"{{7*7}}"
    made = await service.ask(
        "POST", "/api/v1/cases", supervisor, json={"number": "A1", "title": markup}
    )
    page = await service.ask("GET", f"/cases/{made.json['id']}", supervisor, headers=HTML)
    assert b"<img src=x" not in page.content
    assert b"&lt;img src=x" in page.content
    assert b"{{7*7}}" in page.content


async def test_ranges_without_number_or_end_cost_no_more_than_the_whole(
    service: WebService,
) -> None:
    recording = await service.bureau.recording()
    supervisor = await service.token(Role.SUPERVISOR)
    many = "bytes=" + ",".join(f"{n}-{n}" for n in range(3000))
    for asked in (many, "bytes=0-" + "9" * 500, "bytes=-" + "9" * 500, "bytes=--1", "bytes=1-0"):
        answer = await service.ask(
            "HEAD", f"/api/v1/recordings/{recording}/original", supervisor,
            headers={"Range": asked},
        )  # fmt: skip
        assert answer.status == 200
        assert answer.headers["Content-Length"] == "1000"


async def test_slow_senders_of_headers_keep_nobody_waiting(service: WebService) -> None:
    writers = []
    for _ in range(50):
        _reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(b"POST /api/v1/uploads HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        writers.append(writer)
    async with asyncio.timeout(60):
        assert (await service.ask("GET", "/healthz")).status == 200
    for writer in writers:
        writer.close()
