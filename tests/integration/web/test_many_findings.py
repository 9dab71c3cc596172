"""A clerk answers many findings by one word; what does not fit is passed over."""

from __future__ import annotations

import csv
import io

from recorder.domain.instant import format_utc
from recorder.domain.people import Role
from tests.support.enforcement import a_case, a_source, evaluated, happened
from tests.support.web_service import Answer, WebService

FINDINGS = "/findings"


async def raise_some(service: WebService, numbers: range) -> None:
    """An act of each of these cases that nobody recorded."""
    for number in numbers:
        case = await a_case(service.bureau, f"沪市监案〔2026〕{number}号")
        await happened(service.bureau, case, officers=("=1+1", "A2"))
    await evaluated(service.bureau)
    service.bureau.clock.forward(seconds=5)


async def states(service: WebService) -> dict[str, int]:
    async with service.deps.database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT state, count(*) AS n FROM finding WHERE kind = 'unrecorded' GROUP BY state"
        )
    return {row["state"]: row["n"] for row in rows}


def outcome(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.headers.get("Location", "")


async def test_all_that_fit_the_filter_are_answered_but_none_that_came_later(
    service: WebService, supervisor: str
) -> None:
    await a_source(service.bureau)
    await raise_some(service, range(3))
    page = await service.ask("GET", "/findings?kind=unrecorded&state=open", supervisor)
    assert "共 3 条" in page.content.decode()
    drawn = format_utc(service.bureau.clock.now())
    service.bureau.clock.forward(seconds=5)
    await raise_some(service, range(3, 4))
    chosen = {"every": "1", "f_kind": "unrecorded", "f_state": "open", "until": drawn}
    word = {"act": "reply", "text": "设备故障，已书面说明", "back": "/findings?state=open"}
    replied = await service.ask("POST", "/findings/answer", supervisor, data=chosen | word)
    assert outcome(replied) == (303, "/findings?state=open&done=findings-done&count=3&passed=0")
    assert await states(service) == {"open": 1, "replied": 3}
    owner = {"owner": "王法制", "answer_by": "2026-03-09T10:00"}
    assigned = await service.ask("POST", "/findings/assign", supervisor, data=chosen | owner)
    assert "error=form-invalid" in assigned.headers["Location"], "no open one is left of them"
    settled = await service.ask(
        "POST", "/findings/settle", supervisor,
        data={**chosen, "f_state": "replied", "text": "认可"},
    )  # fmt: skip
    assert outcome(settled)[1].endswith("count=3&passed=0")
    everybody = {**chosen, "f_state": "", "until": format_utc(service.bureau.clock.now())}
    again = await service.ask("POST", "/findings/answer", supervisor, data=everybody | word)
    assert outcome(again)[1].endswith("count=1&passed=3"), "settled ones are passed over"
    async with service.deps.database.acquire() as connection:
        told = await connection.fetchval(
            "SELECT count(*) FROM custody_event WHERE name = 'FindingAnswered'"
        )
    assert told == 3 + 3 + 1


async def test_who_may_not_settle_settles_neither_one_nor_many(
    service: WebService, supervisor: str
) -> None:
    await a_source(service.bureau)
    await raise_some(service, range(2))
    async with service.deps.database.acquire() as connection:
        rows = await connection.fetch("SELECT id FROM finding WHERE kind = 'unrecorded'")
    ids = [str(row["id"]) for row in rows]
    officer = await service.token(Role.OFFICER)
    foreign = await service.token(Role.SUPERVISOR, "foreign")
    said = {"text": "好了"}
    for path in ("/findings/settle", "/findings/assign", f"/findings/{ids[0]}/settle"):
        refused = await service.ask("POST", path, officer, data={"finding": ids[0], **said})
        assert (refused.status, refused.json["code"]) == (403, "permission-missing")
    closing = {"act": "close", **said}
    for path in (f"/findings/{ids[0]}/answer", "/findings/answer"):
        refused = await service.ask("POST", path, officer, data={"finding": ids[0], **closing})
        assert "error=form-invalid" in refused.headers["Location"]
    passed = await service.ask(
        "POST",
        "/findings/settle",
        foreign,
        data=[("finding", each) for each in ids] + [*said.items()],
    )
    assert outcome(passed)[1].endswith("count=0&passed=2")
    assert await states(service) == {"open": 2}
    table = await service.ask("GET", "/findings?as=csv", supervisor)
    lines = list(csv.reader(io.StringIO(table.content.decode("utf-8-sig"), newline="")))
    assert lines[0][:2] == ["核查问题", "应有"]
    assert {line[6] for line in lines[1:] if "A2" in line[6]} == {"'=1+1 A2"}
    sheet = await service.ask("GET", "/findings?as=xlsx&state=open", supervisor)
    assert sheet.content.startswith(b"PK")


async def test_a_list_is_narrowed_to_a_case_to_what_waits_and_to_an_organisation_by_name(
    service: WebService, supervisor: str
) -> None:
    await a_source(service.bureau)
    await raise_some(service, range(2))
    async with service.deps.database.acquire() as connection:
        row = await connection.fetchrow(
            "SELECT case_id, id FROM finding WHERE kind = 'unrecorded' ORDER BY case_id LIMIT 1"
        )
    assert row is not None
    first, finding = row["case_id"], row["id"]

    async def shown(query: str, token: str = supervisor) -> str:
        answer = await service.ask("GET", f"/findings?kind=unrecorded&{query}", token)
        assert answer.status == 200
        return answer.content.decode()

    page = await shown(f"case={first}&state=open")
    assert ("共 1 条" in page, page.count("/cases/"), "全部案件的核查问题" in page) == (
        True,
        2,
        True,
    )
    assert "case=" + str(first) in page, "the table of it is of the case too"
    settled = await service.ask(
        "POST", f"/findings/{finding}/settle", supervisor, data={"text": "认可"}
    )
    assert settled.status == 303
    assert "共 1 条" in await shown("state=waiting")
    assert "共 2 条" in await shown("state=")
    own = await service.bureau.value("SELECT name FROM agency WHERE id = $1", service.bureau.ours)
    assert "共 2 条" in await shown(f"state=&agency={own}")
    assert "没有核查问题" in await shown("state=&agency=foreign")
    refused = await service.ask("GET", "/findings?case=nothing", supervisor)
    assert refused.status == 400
    await service.bureau.value(
        "INSERT INTO agency_reach (agency_id, seen_id, acts) VALUES ($1, $2, false) RETURNING 1",
        service.bureau.theirs, service.bureau.ours,
    )  # fmt: skip
    above = await shown("state=", await service.token(Role.SUPERVISOR, "foreign"))
    assert ("共 2 条" in above, 'type="checkbox"' in above) == (True, False), (
        "one looks, and ticks not"
    )
    assert "由该机关" in above
