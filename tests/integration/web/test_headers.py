"""What every answer carries, and what no page holds: computed over the whole route table."""

from __future__ import annotations

from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typing_extensions import override

from recorder.domain.people import Role
from recorder.web.routes import ROUTES
from tests.support.role_world import World, name, things_of
from tests.support.web_service import Answer, WebService, open_web_service

HTML = {"Accept": "text/html,*/*"}
#: Read as a stream, or endless: asked for their heads in other tests.
OTHERWISE = ("/stream", "/original")
#: Public files and descriptions: nothing in them depends on who asks.
KEPT = {
    "GET /static/{version}/{name}": "no-cache",
    "GET /openapi.json": "no-cache",
    "GET /docs": "no-cache",
    "GET /docs/problems": "no-cache",
    "GET /docs/style.css": "max-age=3600",
    "GET /capture/manifest.webmanifest": "no-cache",
    "GET /capture-worker.js": "no-cache",
}
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with open_web_service(
        database_url, tmp_path, public_url="https://footage.example"
    ) as service:
        ours = {role: await service.token(role) for role in Role}
        yield World(service, ours, {}, await things_of(service, ours[Role.DEVICE]))


def lacking(answer: Answer, row: str = "") -> list[str]:
    """What an answer lacks of that which every answer carries under TLS."""
    # One page records; it may ask for itself and for nobody else.
    camera = "camera=(self)" if row == "GET /capture" and answer.status == 200 else "camera=()"
    said = {key.lower(): value for key, value in answer.headers.items()}
    policy = said.get("content-security-policy", "")
    wrong = []
    if "default-src 'none'" not in policy or "unsafe" in policy:
        wrong.append(f"policy {policy!r}")
    if "sandbox" not in policy and "frame-ancestors 'none'" not in policy:
        wrong.append("frame-ancestors")
    for header, value in {
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "strict-transport-security": "max-age=31536000",
    }.items():
        if said.get(header) != value:
            wrong.append(f"{header}: {said.get(header)}")
    if camera not in said.get("permissions-policy", ""):
        wrong.append("permissions-policy")
    if not said.get("x-request-id"):
        wrong.append("x-request-id")
    if "server" in said or "x-powered-by" in said:
        wrong.append("says what it is made with")
    return wrong


async def everything(world: World) -> AsyncIterator[tuple[str, Answer]]:
    """An answer of each row to nobody, to a supervisor and to an administrator."""
    for row in ROUTES:
        if row.path.endswith(OTHERWISE):
            continue
        for role in (None, Role.SUPERVISOR, Role.ADMINISTRATOR):
            token = world.ours[role] if role else None
            yield (
                name(row),
                await world.service.ask(row.method, world.address(row), token, headers=HTML),
            )


async def test_every_answer_of_every_route_carries_the_headers_and_is_kept_by_nobody(
    world: World,
) -> None:
    wrong = []
    async for row, answer in everything(world):
        wrong += [f"{row} {answer.status}: {what}" for what in lacking(answer, row)]
        kept = answer.headers.get("Cache-Control")
        expected = KEPT.get(row, "no-store") if answer.status < 400 else "no-store"
        if kept != expected:
            wrong.append(f"{row} {answer.status}: kept {kept}")
    assert wrong == []


@pytest.mark.parametrize("row", [row for row in ROUTES if row.path.endswith(OTHERWISE)], ids=name)
async def test_long_answers_carry_the_headers_too(world: World, row: object) -> None:
    known = next(one for one in ROUTES if one is row)
    headers = {"Authorization": f"Bearer {world.ours[Role.SUPERVISOR]}"}
    address = world.service.url + world.address(known)
    async with world.service.session.request(known.method, address, headers=headers) as got:
        assert got.status == 200
        assert lacking(Answer(got.status, got.headers, b"")) == []
        assert got.headers["Cache-Control"] in ("no-store", "private, no-cache")


async def test_what_is_not_there_or_no_http_carries_them_too(world: World) -> None:
    for path in ("/nothing", "/api/v1/nothing", "/static/x/nothing.js"):
        answer = await world.service.ask("GET", path, headers=HTML)
        assert answer.status == 404
        assert lacking(answer) == []
    raw = (await world.service.raw(b"GET / HTTP/1.1\r\nBroken\r\n\r\n")).decode()
    for header in ("Content-Security-Policy", "X-Frame-Options", "Cache-Control: no-store"):
        assert header in raw


async def test_a_method_without_a_row_is_done_by_no_route(world: World) -> None:
    rows = {(row.method, row.path) for row in ROUTES}
    wrong = []
    for row in {row.path: row for row in ROUTES}.values():
        for method in METHODS:
            if (method, row.path) in rows:
                continue
            for token in (None, world.ours[Role.ADMINISTRATOR]):
                answer = await world.service.ask(method, world.address(row), token)
                # What looks like an identifier of another row is none: 404, or 401 for nobody.
                if answer.status not in (401, 404, 405):
                    wrong.append(f"{method} {row.path}: {answer.status}")
    assert wrong == []


@pytest.mark.parametrize(
    "header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL"]
)
async def test_another_method_or_address_in_a_header_means_nothing_outside_uploads(
    world: World, header: str
) -> None:
    told = {header: "/api/v1/people" if header.endswith("URL") else "DELETE"}
    case = f"/api/v1/cases/{world.things['cases']}"
    for token in (None, world.ours[Role.SUPERVISOR]):
        for method, path in (("GET", case), ("POST", "/api/v1/cases"), ("GET", "/sign-in")):
            plain = await world.service.ask(method, path, token)
            other = await world.service.ask(method, path, token, headers=told)
            assert other.status == plain.status
    assert (await world.service.ask("GET", case, world.ours[Role.SUPERVISOR])).status == 200


class Inline(HTMLParser):
    """Finds what the policy would refuse, and addresses of other hosts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags = 0

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags += 1
        told = dict(attrs)
        if tag in ("style", "iframe", "object", "embed", "base"):
            self.found.append(tag)
        if tag == "script" and not (told.get("src") or "").startswith("/static/"):
            self.found.append("inline script")
        for key, value in attrs:
            if key.startswith("on") or key in ("style", "srcdoc"):
                self.found.append(key)
            foreign = (value or "").strip().lower().startswith(("http:", "https:", "//", "javas"))
            if key in ("href", "src", "action", "formaction") and foreign:
                self.found.append(f"{key}={value}")


async def test_no_page_holds_a_script_a_style_or_an_address_of_another_host(world: World) -> None:
    pages = 0
    async for row, answer in everything(world):
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            page = Inline()
            page.feed(answer.content.decode())
            assert page.found == [], row
            pages += page.tags > 0
    assert pages > 60


async def test_without_tls_nothing_is_said_about_it(service: WebService) -> None:
    answer = await service.ask("GET", "/sign-in", headers=HTML)
    assert "Strict-Transport-Security" not in answer.headers
