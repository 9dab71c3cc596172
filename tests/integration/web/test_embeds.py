"""A case in a frame of another system: what its address shows, and what it never does."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.domain.people import OPERATOR, Role
from recorder.services import casework, registry
from tests.support.playable import playable_clip
from tests.support.web_service import Answer, WebService, open_web_service

ORIGIN = "https://case.example"
NUMBER = "沪市监案〔2026〕1号"
SHOWN_TO = "李明 081501"


@pytest.fixture
async def service(database_url: str, tmp_path: Path) -> AsyncIterator[WebService]:
    async with open_web_service(database_url, tmp_path, embed_origins=ORIGIN) as running:
        yield running


async def ask(service: WebService, token: str, **body: str) -> Answer:
    said = {"number": NUMBER, "on_behalf_of": SHOWN_TO, **body}
    return await service.ask("POST", "/api/v1/embeds", token, json=said)


async def test_an_address_shows_its_case_and_nothing_else(service: WebService) -> None:
    deps, bureau = service.deps, service.bureau
    shown, other = await playable_clip(bureau), await playable_clip(bureau)
    case = await casework.open_case(deps, OPERATOR, number=NUMBER)
    await casework.link(deps, OPERATOR, recording=shown, case_id=case.id)
    added = await registry.add_token(deps, OPERATOR, name="办案系统", role=Role.EMBEDDER)
    granted = await ask(service, added.secret, number="沪市监案(2026)1号")
    assert granted.status == 201, granted.content
    path = str(granted.json["url"]).removeprefix(service.url)
    page = await service.ask("GET", path)
    assert page.status == 200
    text = page.content.decode()
    assert f"{SHOWN_TO} 2026-03-02 16:00" in text
    # Nothing in the page leads out of the case, and nothing can be posted.
    addresses = re.findall(r'(?:href|src|action)="([^"]+)"', text)
    assert {a.split("/")[1] for a in addresses if a.startswith("/")} == {"static"}
    assert "set-cookie" not in {name.lower() for name in page.headers}

    secret = path.rpartition("/")[2]
    under = f"/api/v1/embeds/{secret}/recordings"
    playing = await service.ask("GET", f"{under}/{shown}/playback")
    assert playing.status == 200, playing.content
    address = str(playing.json["url"])
    part = await service.ask("GET", address, headers={"Range": "bytes=0-9"})
    assert (part.status, len(part.content)) == (206, 10)
    wrong = [
        f"{under}/{other}/playback",
        address.replace(str(shown), str(other)),
        address.replace(secret, "x" * 43),
        f"/embed/{'x' * 43}",
        f"{under}/{shown}/poster",
    ]
    assert [(await service.ask("GET", each)).status for each in wrong] == [404] * 5
    for closed in ("/api/v1/cases", f"/api/v1/recordings/{shown}/original", f"/cases/{case.id}"):
        refused = await service.ask("GET", closed, secret)
        assert refused.status == 401
    # The frame's address of pictures is no address for others either.
    assert (await service.ask("GET", address.replace(f"embeds/{secret}/", ""))).status == 401

    rows = await names_of_lookers(service)
    assert rows == [
        ("EmbedGranted", "办案系统"),
        ("CaseViewed", f"办案系统 ({SHOWN_TO})"),
        ("PlaybackGranted", f"办案系统 ({SHOWN_TO})"),
    ]
    # Footage that is unlinked, a token that is revoked, time: each of them ends it.
    await casework.unlink(deps, OPERATOR, recording=shown, case_id=case.id, reason="误关联")
    assert (await service.ask("GET", address)).status == 404
    again = str((await ask(service, added.secret)).json["url"]).removeprefix(service.url)
    assert (await service.ask("GET", again)).status == 200
    bureau.clock.forward(seconds=1801)
    assert (await service.ask("GET", again)).status == 404
    last = str((await ask(service, added.secret)).json["url"]).removeprefix(service.url)
    await registry.revoke_token(deps, OPERATOR, added.token.id, reason="停用")
    assert (await service.ask("GET", last)).status == 404


async def names_of_lookers(service: WebService) -> list[tuple[str, str]]:
    async with service.deps.database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT name, actor_name FROM custody_event WHERE name IN"
            " ('EmbedGranted', 'CaseViewed', 'PlaybackGranted') ORDER BY position"
        )
    return [(row["name"], row["actor_name"]) for row in rows]


async def test_only_named_origins_frame_it(service: WebService) -> None:
    await casework.open_case(service.deps, OPERATOR, number=NUMBER)
    token = await service.token(Role.EMBEDDER)
    path = str((await ask(service, token)).json["url"]).removeprefix(service.url)
    for where, status in ((path, 200), (path + "x", 404)):
        answer = await service.ask("GET", where)
        assert answer.status == status
        policy = answer.headers["Content-Security-Policy"]
        assert f"frame-ancestors {ORIGIN};" in policy
        assert "default-src 'none'" in policy
        assert "X-Frame-Options" not in answer.headers
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
    for where in ("/sign-in", "/docs", "/healthz"):
        answer = await service.ask("GET", where)
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Frame-Options"] == "DENY"


async def test_who_gets_an_address(service: WebService) -> None:
    await casework.open_case(service.deps, OPERATOR, number=NUMBER)
    own = await service.token(Role.EMBEDDER)
    refusals = [
        (await service.token(Role.EMBEDDER, "foreign"), {}, "case-not-found"),
        (own, {"organ": "foreign"}, "case-not-found"),
        (own, {"number": "沪市监案〔2026〕2号"}, "case-not-found"),
        (own, {"on_behalf_of": "\u200b"}, "name-invalid"),
        (await service.token(Role.READER), {}, "permission-missing"),
        (await service.token(Role.SOURCE), {}, "permission-missing"),
    ]
    for token, body, code in refusals:
        assert (await ask(service, token, **body)).json["code"] == code
    assert (await service.ask("GET", "/api/v1/facts", own)).status == 403


async def test_without_an_origin_there_are_no_frames(database_url: str, tmp_path: Path) -> None:
    async with open_web_service(database_url, tmp_path) as plain:
        refused = await ask(plain, await plain.token(Role.EMBEDDER))
        assert (refused.status, refused.json["code"]) == (409, "embed-off")
        answer = await plain.ask("GET", f"/embed/{'x' * 43}")
        assert answer.headers["X-Frame-Options"] == "DENY"
