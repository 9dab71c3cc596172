"""Case systems send rows by HTTP, each by its own token, and are answered row by row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recorder.domain.people import OPERATOR, Role
from recorder.services.feeding import pulling, sources
from recorder.services.feeding.sources import AddedSource
from tests.support.web_service import Answer, WebService

NDJSON = {"Content-Type": "application/x-ndjson"}
CASE = {"kind": "case", "key": "C1", "revision": 1,
        "identifiers": [{"scheme": "case", "number": "深市监罚〔2026〕12号"}]}  # fmt: skip
EVENT = {"kind": "event", "key": "e1", "revision": 1, "case": "C1", "event": "seizure",
         "occurred_at": "2026-03-05T09:00:00+08:00"}  # fmt: skip


@pytest.fixture
async def source(service: WebService) -> AddedSource:
    return await sources.add_source(service.deps, OPERATOR, name="sj")


async def send(
    service: WebService, token: str, body: bytes, name: str = "sj", **more: str
) -> Answer:
    query = "&".join(f"{key}={value}" for key, value in more.items())
    path = f"/api/v1/feed/{name}" + (f"?{query}" if query else "")
    return await service.ask("POST", path, token, data=body, headers=NDJSON)


def lines(*rows: object) -> bytes:
    return b"\n".join(json.dumps(row).encode() for row in rows)


async def test_an_array_is_answered_row_by_row(service: WebService, source: AddedSource) -> None:
    body = [CASE, EVENT, {**EVENT, "key": "e2", "event": "CF01"}, 7]
    answer = await service.ask("POST", "/api/v1/feed/sj", source.token, json=body)
    assert answer.status == 200
    assert answer.json == {
        "accepted": 2,
        "superseded": 0,
        "repeated": 0,
        "pooled": 1,
        "refused": 1,
        "rows": [
            {"key": "C1", "revision": 1, "outcome": "accepted",
             "problem": None, "field": None, "value": None},
            {"key": "e1", "revision": 1, "outcome": "accepted",
             "problem": None, "field": None, "value": None},
            {"key": "e2", "revision": 1, "outcome": "pooled",
             "problem": "code-unmapped", "field": "event", "value": "CF01"},
            {"key": None, "revision": None, "outcome": "refused",
             "problem": "row-not-object", "field": None, "value": None},
        ],
    }  # fmt: skip


async def test_lines_are_taken_and_only_problems_answered_if_asked(
    service: WebService, source: AddedSource
) -> None:
    body = lines(CASE, EVENT) + b"\n{broken\n"
    answer = await send(service, source.token, body, answers="problems")
    assert answer.json["accepted"] == 2
    assert [row["problem"] for row in answer.json["rows"]] == ["row-not-json"]  # type: ignore[attr-defined]
    again = await send(service, source.token, lines(EVENT, CASE))
    assert again.json["repeated"] == 2


async def test_what_stands_before_a_mistake_in_an_array_counts(
    service: WebService, source: AddedSource
) -> None:
    rows = [{**CASE, "key": f"C{n}"} for n in range(1500)]
    body = json.dumps(rows).encode()[:-1] + b", {"
    answer = await service.ask(
        "POST", "/api/v1/feed/sj", source.token, data=body,
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert (answer.status, answer.json["type"]) == (400, "/docs/problems#feed-malformed")
    assert answer.json["rows"] == 1000


async def test_a_source_speaks_by_its_own_token_under_its_own_name(
    service: WebService, source: AddedSource, supervisor: str
) -> None:
    other = await sources.add_source(service.deps, OPERATOR, name="jt")
    assert (await send(service, other.token, lines(CASE))).status == 404
    assert (await send(service, supervisor, lines(CASE))).status == 403
    assert (await service.ask("GET", "/api/v1/cases", source.token)).status == 403
    listed = await service.ask("GET", "/api/v1/feeds", other.token)
    assert [each["name"] for each in listed.json["items"]] == ["jt"]  # type: ignore[attr-defined]
    await sources.set_state(service.deps, OPERATOR, "sj", suspended=True, reason="换系统")
    refused = await send(service, source.token, lines(CASE))
    assert (refused.status, refused.json["type"]) == (403, "/docs/problems#feed-suspended")


async def test_a_source_beyond_its_quota_is_told_how_long_to_wait(service: WebService) -> None:
    added = await sources.add_source(service.deps, OPERATOR, name="slow", rows_per_minute=2)
    rows = lines(*({**CASE, "key": f"C{n}"} for n in range(4)))
    # A body larger than the quota comes through, and is paid for by waiting.
    assert (await send(service, added.token, rows, "slow")).status == 200
    refused = await send(service, added.token, rows, "slow")
    assert (refused.status, refused.json["type"]) == (429, "/docs/problems#feed-limited")
    assert refused.headers["Retry-After"] == "60"
    service.bureau.clock.forward(seconds=60)
    assert (await send(service, added.token, lines(CASE), "slow")).status == 200


async def test_a_body_of_another_form_or_too_many_rows_is_refused(
    service: WebService, source: AddedSource
) -> None:
    for headers in ({"Content-Type": "text/csv"}, {**NDJSON, "Content-Encoding": "gzip"}):
        answer = await service.ask(
            "POST", "/api/v1/feed/sj", source.token, data=b"{}", headers=headers
        )
        assert (answer.status, answer.json["type"]) == (415, "/docs/problems#feed-media-type")
    answer = await send(service, source.token, b"[]\n" * 20_001)
    assert (answer.status, answer.json["type"]) == (413, "/docs/problems#feed-too-large")


async def test_an_administrator_adds_a_source_and_its_token_is_shown_once(
    service: WebService,
) -> None:
    administrator = await service.token(Role.ADMINISTRATOR)
    body = {"name": "cg-2", "rows_per_minute": 5000}
    added = await service.ask("POST", "/api/v1/feeds", administrator, json=body)
    assert (added.status, added.json["rows_per_minute"]) == (201, 5000)
    assert (await send(service, str(added.json["token"]), lines(CASE), "cg-2")).status == 200
    again = await service.ask("POST", "/api/v1/feeds", administrator, json=body)
    assert (again.status, again.json["type"]) == (409, "/docs/problems#feed-exists")
    wrong = await service.ask("POST", "/api/v1/feeds", administrator, json={"name": "市监"})
    assert (wrong.status, wrong.json["type"]) == (400, "/docs/problems#feed-name-invalid")
    state = {"state": "suspended", "reason": "停用"}
    changed = await service.ask("PUT", "/api/v1/feeds/cg-2/state", administrator, json=state)
    assert changed.json["state"] == "suspended"


async def test_how_a_pull_goes_is_told_with_its_source(
    service: WebService, source: AddedSource, supervisor: str, tmp_path: Path
) -> None:
    (tmp_path / "a.ndjson").write_text("no row\n", "utf-8")
    await pulling.add_folder(service.deps, OPERATOR, "sj", folder=tmp_path, every_s=30)
    assert await pulling.pull_due(service.deps)
    told = await service.ask("GET", "/api/v1/feeds/sj", supervisor)
    pulls: Any = told.json["pulls"]
    assert [(each["kind"], each["every_s"], each["trouble"]) for each in pulls] == [
        ("folder", 30, None)
    ]
    assert [(each["files"], each["refused"], each["refused_in"]) for each in pulls] == [
        (1, 1, "a.ndjson")
    ]
    await pulling.stop(service.deps, OPERATOR, "sj", reason="x")
    assert (await service.ask("GET", "/api/v1/feeds/sj", supervisor)).json["pulls"] == []
