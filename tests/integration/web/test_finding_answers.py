"""Findings, coverage and duty lists over HTTP."""

from __future__ import annotations

import io
import re
from typing import Any

import openpyxl

from recorder.domain.people import Role
from tests.support.enforcement import a_case, a_source, evaluated, footage, happened
from tests.support.web_service import WebService


async def told(
    service: WebService, method: str, path: str, token: str, body: object | None = None
) -> Any:
    """The JSON of an answer that must be one of success."""
    answer = await service.ask(method, path, token, json=body)
    assert answer.status < 300, answer.json
    return answer.json


DRAFT = {
    "title": "清单",
    "valid_from": "2026-01-01",
    "table": "序号,记录要求,场景\n1,可以记录,听证\n",
}


async def test_a_finding_is_listed_answered_and_settled(
    service: WebService, supervisor: str
) -> None:
    bureau = service.bureau
    await a_source(bureau)
    case = await a_case(bureau, "1")
    await happened(bureau, case)
    await evaluated(bureau)
    wanted = "/api/v1/findings?kind=unrecorded&state=open"
    (raised,) = (await told(service, "GET", wanted, supervisor))["items"]
    assert (raised["number"], raised["severity"]) == ("1", "critical")
    assert raised["facts"]["scene"] == "seizure"
    none = await told(service, "GET", "/api/v1/findings?from=2030-01-01", supervisor)
    assert none["items"] == []
    path = f"/api/v1/findings/{raised['id']}"
    said = {"text": "设备故障"}
    assert (await service.ask("POST", f"{path}/reply", supervisor, json=said)).status == 200
    owner = {"owner": "A1", "answer_by": "2026-03-09T10:00:00"}
    assigned = await service.ask("POST", f"{path}/assign", supervisor, json=owner)
    assert assigned.json["answer_by"] == "2026-03-09T02:00:00Z"
    closed = await service.ask("POST", f"{path}/close", supervisor, json=said)
    assert closed.json["state"] == "closed"
    again = await service.ask("POST", f"{path}/reply", supervisor, json=said)
    assert (again.status, again.json["code"]) == (409, "finding-state")
    appealed = await service.ask("POST", f"{path}/appeal", supervisor, json=said)
    assert appealed.json["state"] == "appealed"
    view = await told(service, "GET", path, supervisor)
    assert [line["act"] for line in view["acts"]] == ["reply", "assign", "close", "appeal"]


async def test_a_findings_page_names_the_footage_and_says_days_as_days(
    service: WebService, supervisor: str
) -> None:
    bureau = service.bureau
    await a_source(bureau)
    case = await a_case(bureau, "1")
    await happened(bureau, case)
    recording = await footage(bureau, case, 0, 3600)
    async with service.deps.database.acquire() as connection:
        await connection.execute(
            "UPDATE recording SET received_at = received_at + interval '30 days'"
        )
        name = await connection.fetchval("SELECT original_name FROM recording")
    await evaluated(bureau)
    late = await told(service, "GET", "/api/v1/findings?kind=upload_late", supervisor)
    (raised,) = late["items"]
    page = (await service.ask("GET", f"/findings/{raised['id']}", supervisor)).content.decode()
    assert f'href="/recordings/{recording}">{name}</a>' in page
    assert re.search(r"，超期 \d\d 天 \d+ 小时", page)


async def test_an_officer_of_whom_only_acts_are_known_has_a_week_without_one(
    service: WebService, supervisor: str
) -> None:
    bureau = service.bureau
    await a_source(bureau)
    await happened(bureau, await a_case(bureau, "1"), officers=("A7",))
    await evaluated(bureau)
    week = "/coverage/week?officer={}&from=2024-01-01&to=2024-01-07"
    assert (await service.ask("GET", week.format("A7"), supervisor)).status == 200
    assert (await service.ask("GET", week.format("A8"), supervisor)).status == 404


async def test_a_finding_about_missing_footage_leads_to_the_upload_of_its_case(
    service: WebService, supervisor: str
) -> None:
    bureau = service.bureau
    await a_source(bureau)
    await happened(bureau, await a_case(bureau, "沪市监案〔2026〕1号"))
    await evaluated(bureau)
    raised = (await told(service, "GET", "/api/v1/findings", supervisor))["items"]
    leads = {}
    for each in raised:
        shown = await service.ask("GET", f"/findings/{each['id']}", supervisor)
        leads[each["kind"]] = "/upload?case=%E6%B2%AA" in shown.content.decode()
    assert leads["unrecorded"]
    assert {kind for kind, is_led in leads.items() if is_led} <= {"unrecorded"}
    administrator = await service.token(Role.ADMINISTRATOR)
    (missing,) = [each for each in raised if each["kind"] == "unrecorded"]
    shown = await service.ask("GET", f"/findings/{missing['id']}", administrator)
    assert "/upload?" not in shown.content.decode()


async def test_findings_whose_answer_is_overdue_are_listed_until_somebody_answers(
    service: WebService, supervisor: str
) -> None:
    bureau = service.bureau
    await a_source(bureau)
    await happened(bureau, await a_case(bureau, "1"))
    await evaluated(bureau)
    overdue = "/api/v1/findings?kind=unrecorded&overdue=true"
    assert (await told(service, "GET", overdue, supervisor))["items"] == []
    bureau.clock.forward(days=30)
    (late,) = (await told(service, "GET", overdue, supervisor))["items"]
    rest = "/api/v1/findings?kind=unrecorded&overdue=false"
    assert (await told(service, "GET", rest, supervisor))["items"] == [late]
    await told(
        service, "POST", f"/api/v1/findings/{late['id']}/reply", supervisor, {"text": "补传"}
    )
    assert (await told(service, "GET", overdue, supervisor))["items"] == []
    refused = await service.ask("GET", "/api/v1/findings?overdue=perhaps", supervisor)
    assert refused.status == 400


async def test_a_case_is_asked_now_and_at_a_past_moment(
    service: WebService, supervisor: str
) -> None:
    bureau = service.bureau
    await a_source(bureau)
    case = await a_case(bureau, "1")
    await happened(bureau, case)
    now = await told(service, "GET", f"/api/v1/cases/{case}/coverage", supervisor)
    (scene,) = now["scenes"]
    assert (scene["state"], scene["expected_ms"], len(scene["holes"])) == (
        "unrecorded",
        3_600_000,
        1,
    )
    assert [found["kind"] for found in now["found"]] == ["unrecorded"]
    before = f"/api/v1/cases/{case}/coverage?as_of=2026-01-01T00:00:00Z"
    assert (await told(service, "GET", before, supervisor))["scenes"] == []


async def test_figures_are_told_as_json_and_as_tables(service: WebService, supervisor: str) -> None:
    bureau = service.bureau
    await a_source(bureau)
    case = await a_case(bureau, "1")
    await happened(bureau, case)
    await evaluated(bureau)
    days = "from=2026-02-23&to=2026-02-23"
    figures = await told(service, "GET", f"/api/v1/figures?{days}", supervisor)
    scenes = figures["total"]["scenes"]
    assert (scenes["must"], scenes["unrecorded"], scenes["permille"]) == (1, 1, 0)
    assert [one["word"] for one in figures["stages"]] == ["investigation"]
    assert [one["kind"] for one in figures["kinds"]] == ["unrecorded"]
    assert figures["times"][0]["since"] == "2026-02-23"
    own = figures["path"][-1]["code"]
    people = await told(service, "GET", f"/api/v1/figures/officers?agency={own}&{days}", supervisor)
    assert [one["officer"] for one in people["items"]] == ["A1", "A2"]
    (scene,) = (await told(service, "GET", f"/api/v1/figures/scenes?{days}", supervisor))["items"]
    assert (scene["case"], scene["holes"][0]["place"]) == (str(case), "whole")
    devices = await told(service, "GET", f"/api/v1/figures/devices?{days}", supervisor)
    assert devices["items"] == []
    classes = await told(service, "GET", f"/api/v1/figures/classes?{days}", supervisor)
    assert (figures["total"]["unmarked_overdue"], people["items"][0]["unmarked_overdue"]) == (0, 0)
    assert ("evidence", 0) in [(one["word"], one["cases"]) for one in classes["items"]]
    page = (await service.ask("GET", f"/coverage?{days}", supervisor)).content.decode()
    assert "案件（按类别）" not in page
    # A case that no system speaks of counts on the day on which it is known here.
    async with service.deps.database.acquire() as connection:
        day = await connection.fetchval(
            "UPDATE case_file SET classes = '{first_breach}' WHERE id = $1"
            " RETURNING (created_at AT TIME ZONE interval '8 hours')::date",
            case,
        )
    address = f"/coverage?from={day}&to={day}"
    page = (await service.ask("GET", address, supervisor)).content.decode()
    assert re.search(r'首违不罚</th>\s*<td data-name="cases" data-v="1">1</td>', page)
    assert re.search(r'轻微不罚</th>\s*<td data-name="cases" data-v="0">0</td>', page)
    one = (await service.ask("GET", f"{address}&officer=A1", supervisor)).content.decode()
    assert "案件（按类别）" not in one
    table = await service.ask("GET", f"{address}&as=xlsx", supervisor)
    book = openpyxl.load_workbook(io.BytesIO(table.content))
    assert ("首违不罚", 1) in list(book["案件（按类别）"].values)
    wrong = await service.ask("GET", "/api/v1/figures?from=2026-03-02&to=2026-03-01", supervisor)
    assert (wrong.status, wrong.json["code"]) == (400, "days-invalid")
    for kind, begins in (("csv", b"\xef\xbb\xbf"), ("xlsx", b"PK")):
        table = await service.ask("GET", f"/coverage?{days}&as={kind}", supervisor)
        assert (table.status, table.content[: len(begins)]) == (200, begins)
        assert f"coverage-2026-02-23-2026-02-23.{kind}" in table.headers["Content-Disposition"]


async def test_a_list_is_drafted_compared_proposed_and_not_approved_by_a_program(
    service: WebService, supervisor: str
) -> None:
    lists = "/api/v1/duty-lists"
    made = await told(service, "POST", lists, supervisor, DRAFT | {"marking_days": 7})
    assert (made["rules"][0]["level"], made["marking_days"]) == ("optional", 7)
    shown = (await service.ask("GET", f"/duty-lists/{made['id']}", supervisor)).content.decode()
    assert "录像到达后 7 天内完成标记" in shown
    other = await told(
        service, "POST", lists, supervisor, {"title": "省", "valid_from": "2026-01-01"}
    )
    path = f"{lists}/{other['id']}"
    compared = await told(service, "GET", f"{path}/comparison?old={made['id']}", supervisor)
    fates = {change["fate"] for change in compared["changes"]}
    assert fates == {"added", "changed"}
    table = await service.ask("GET", f"{path}/table", supervisor)
    assert table.content.decode("utf-8-sig").startswith("序号,法律类别")
    changed = await service.ask("PATCH", path, supervisor, json={"title": "新", "note": "n"})
    assert changed.json["title"] == "新"
    wrong = await service.ask("PATCH", path, supervisor, json={"table": "颜色\n"})
    assert (wrong.status, wrong.json["code"]) == (400, "duty-list-malformed")
    assert len((await told(service, "GET", lists, supervisor))["items"]) == 2
    proposed = await service.ask("POST", f"{path}/propose", supervisor)
    assert proposed.json["state"] == "proposed"
    digest = {"digest": proposed.json["digest"]}
    second = await service.token(Role.SUPERVISOR)
    refused = await service.ask("POST", f"{path}/approve", second, json=digest)
    assert (refused.status, refused.json["code"]) == (403, "approval-person-needed")
    (waits,) = (await told(service, "GET", "/api/v1/approvals?show=open", supervisor))["items"]
    assert (waits["kind"], waits["subject"]) == ("duty_list", other["id"])
    assert (waits["digest"], waits["waits_for_me"]) == (digest["digest"], False)
    approval = f"/api/v1/approvals/{waits['id']}"
    assert await told(service, "GET", approval, second) == waits
    for act, body in (("approve", digest), ("refuse", {"reason": "x"}), ("withdraw", None)):
        turned_down = await service.ask("POST", f"{approval}/{act}", second, json=body)
        code = "approval-foreign" if act == "withdraw" else "approval-person-needed"
        assert (turned_down.status, turned_down.json["code"]) == (403, code)
    assert (await service.ask("POST", f"{path}/withdraw", supervisor)).json["state"] == "draft"
