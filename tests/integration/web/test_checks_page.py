"""Whether footage is still what was sealed: the page of checks, and what a recording says of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from recorder.domain.ids import RecordingId
from recorder.domain.people import OPERATOR, Role
from recorder.services import audit
from recorder.services.audit import Level
from recorder.web.pages import words
from tests.support.web_service import WebService, open_web_service

HTML = {"Accept": "text/html", "Accept-Language": "zh-CN"}
ENGLISH = {"Accept": "text/html", "Accept-Language": "en"}


@pytest.fixture
async def service(database_url: str, tmp_path: Path) -> AsyncIterator[WebService]:
    async with open_web_service(database_url, tmp_path) as opened:
        yield opened


async def sealed(service: WebService) -> RecordingId:
    recording = await service.bureau.recording()
    async with service.deps.database.acquire() as connection:
        await connection.execute(
            "INSERT INTO original_object (recording_id, n, object_key, version, length_bytes,"
            " lock_until, sidecar_key, sidecar_version)"
            " VALUES ($1, 0, 'k', 'v', 0, now(), 'k.json', 'v')",
            recording,
        )
        await connection.execute(
            "UPDATE recording SET integrity = 'sealed', sha256 = sha256(''), sm3 = sha256(''),"
            " sealed_at = $2 WHERE id = $1",
            recording,
            service.bureau.clock.now(),
        )
    return recording


async def failed(service: WebService) -> None:
    """As the worker writes it."""
    async with service.deps.database.acquire() as connection:
        await connection.execute(
            "UPDATE fixity SET looked_at = $1, failed_at = $1, failure = 'digest',"
            " agreed_at = $1::timestamptz - interval '1 day'",
            service.bureau.clock.now(),
        )


async def page_of(service: WebService, path: str, token: str, headers: dict[str, str]) -> str:
    answer = await service.ask("GET", path, token, headers=headers)
    assert answer.status == 200
    return answer.content.decode()


async def shown(service: WebService, path: str, token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((await service.ask("GET", path, token)).content)
    return found


async def test_a_supervisor_sees_the_last_audits_and_the_age_of_fixity(service: WebService) -> None:
    token = await service.token(Role.SUPERVISOR)
    page = await page_of(service, "/checks", token, HTML)
    assert "尚未进行全库核对" in page
    await audit.run(service.deps, OPERATOR, level=Level.PRESENCE)
    await sealed(service)
    service.bureau.clock.forward(days=3)
    await audit.run(service.deps, OPERATOR, level=Level.SIZE)
    page = await page_of(service, "/checks", token, HTML)
    assert "全部一致" in page
    assert "original-missing" in page
    assert "2026-03-02" in page, "when the longest unread original was read"
    assert "90 天" in page
    assert "份原件与封存时不一致" not in page
    await failed(service)
    page = await page_of(service, "/checks", token, HTML)
    assert "1 份原件与封存时不一致" in page
    page = await page_of(service, "/checks", token, ENGLISH)
    assert "1 original is not what was sealed." in page


async def test_a_recording_that_failed_says_so_until_and_after_it_is_right_again(
    service: WebService,
) -> None:
    recording = await sealed(service)
    token = await service.token(Role.SUPERVISOR)
    api, path = f"/api/v1/recordings/{recording}", f"/recordings/{recording}"
    answer = await shown(service, api, token)
    assert (answer["integrity"], answer["fixity"]["failing"]) == ("sealed", False)
    await failed(service)
    answer = await shown(service, api, token)
    assert (answer["integrity"], answer["fixity"]["failing"]) == ("sealed", True)
    assert answer["fixity"]["failure"] == "digest"
    page = await page_of(service, path, token, HTML)
    assert 'data-fixity="failing"' in page
    assert "复查发现存储中的原件与封存时不一致" in page.partition("facts-page")[0]
    async with service.deps.database.acquire() as connection:
        await connection.execute("UPDATE fixity SET agreed_at = looked_at")
    answer = await shown(service, api, token)
    assert (answer["fixity"]["failing"], answer["fixity"]["failure"]) == (False, "digest")
    page = await page_of(service, path, token, HTML)
    assert 'data-fixity="restored"' in page
    assert "原件曾一度与封存时不一致" in page.partition("facts-page")[0]


def test_every_step_and_level_of_an_audit_has_a_word() -> None:
    assert set(words.WORDS["audit_step"]) == set(audit.STEPS)
    assert set(words.WORDS["audit_level"]) == {level.value for level in Level}
