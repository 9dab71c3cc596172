"""Event facts over HTTP: lines, cursors, scope, nothing twice over the wire."""

from __future__ import annotations

import gzip
import json
from typing import Any

from recorder.domain.people import OPERATOR, Role
from recorder.services import registry
from tests.support.enforcement import a_case, a_source, evaluated, footage, happened
from tests.support.web_service import Answer, WebService

FACTS = "/api/v1/facts"


def lines(answer: Answer) -> list[dict[str, Any]]:
    assert answer.status == 200, answer.content
    packed = answer.headers.get("Content-Encoding") == "gzip"
    content = gzip.decompress(answer.content) if packed else answer.content
    return [json.loads(line) for line in content.splitlines()]


async def test_a_reading_system_follows_the_feed(service: WebService) -> None:
    bureau = service.bureau
    await a_source(bureau)
    case = await a_case(bureau, "沪市监案〔2026〕1号")
    await happened(bureau, case)
    await evaluated(bureau)
    token = await service.token(Role.READER)
    first = await service.ask("GET", FACTS, token)
    assert first.headers["Content-Type"] == "application/x-ndjson"
    (fact,) = lines(first)
    assert (fact["version"], fact["supersedes"], fact["withdrawn"]) == (1, None, False)
    assert (fact["case"], fact["organ"], fact["day"]) == (str(case), "local", "2026-02-23")
    assert fact["numbers"] == ["沪市监案〔2026〕1号"]
    assert fact["indicators"]["coercion_unrecorded"] is True
    assert fact["cursor"] == first.headers["Recorder-Cursor"]

    await footage(bureau, case, 0, 60)
    await evaluated(bureau)
    packed = await service.ask("GET", f"{FACTS}?after={fact['cursor']}", token)
    assert packed.headers["Content-Encoding"] == "gzip"
    (second,) = lines(packed)
    assert (second["fact"], second["version"], second["supersedes"]) == (fact["fact"], 2, 1)
    assert second["coverage"]["share"] == 1.0

    end = f"{FACTS}?after={second['cursor']}"
    nothing = await service.ask("GET", end, token)
    assert lines(nothing) == []
    known = {"If-None-Match": nothing.headers["ETag"]}
    assert (await service.ask("GET", end, token, headers=known)).status == 304
    await bureau.value(
        "WITH gone AS (UPDATE case_event SET withdrawn_at = now())"
        " INSERT INTO coverage_due (case_id, because) VALUES ($1, 'event')",
        case,
    )
    await evaluated(bureau)
    (gone,) = lines(await service.ask("GET", end, token, headers=known))
    assert gone == {
        **{name: second[name] for name in ("fact", "case", "organ", "day")},
        "cursor": gone["cursor"], "version": 3, "supersedes": 2, "withdrawn": True,
        "issued_at": gone["issued_at"],
    }  # fmt: skip
    later = await service.ask("GET", f"{FACTS}?from=2026-02-24", token)
    assert lines(later) == []


async def test_who_reads_which_facts(service: WebService) -> None:
    bureau = service.bureau
    await a_source(bureau)
    for name, agency in (("1", bureau.ours), ("2", bureau.theirs)):
        await happened(bureau, await a_case(bureau, name), agency=agency)
    await evaluated(bureau)
    city = await registry.add_token(
        service.deps, OPERATOR, name="模型", role=Role.READER, city=True
    )
    seen = {}
    for who, token in (
        ("ours", await service.token(Role.READER)),
        ("theirs", await service.token(Role.READER, "foreign")),
        ("city", city.secret),
    ):
        seen[who] = {fact["organ"] for fact in lines(await service.ask("GET", FACTS, token))}
    assert seen == {"ours": {"local"}, "theirs": {"foreign"}, "city": {"local", "foreign"}}
    for wrong, code in (
        ("after=x", "cursor-invalid"),
        (f"after={city.token.id}.5", "facts-restarted"),
    ):
        refused = await service.ask("GET", f"{FACTS}?{wrong}", city.secret)
        assert refused.json["code"] == code
    assert (await service.ask("GET", "/api/v1/cases", city.secret)).status == 403
