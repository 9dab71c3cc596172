"""Tables of registries over HTTP: tried, taken, refused by line and column, and listed."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import openpyxl

from recorder.domain.people import Role
from recorder.services.importing import MOST_BYTES
from tests.support.web_service import Answer, WebService

PLACE = "/api/v1/imports"
OFFICERS = "编号,姓名,执法证号,证件有效期至\n000001,甲某,19030112345,2027年1月5日\n000002,乙某,,\n"


def _listed(page: Answer) -> list[Any]:
    items: Any = page.json["items"]
    return list(items)


async def test_a_table_is_tried_taken_once_and_listed_whatever_its_form(
    service: WebService,
) -> None:
    administrator = await service.token(Role.ADMINISTRATOR)
    tried = await service.ask(
        "POST", f"{PLACE}/officers?dry_run=true", administrator, data=OFFICERS.encode("gbk")
    )
    assert (tried.status, tried.json["added"], tried.json["taken"]) == (200, 2, False)
    effects: Any = tried.json["effects"]
    assert effects[0] == {"line": 2, "fate": "added", "key": "000001"}
    book = openpyxl.Workbook()
    assert book.active is not None
    for line in OFFICERS.splitlines():
        book.active.append(line.split(","))
    sheet = io.BytesIO()
    book.save(sheet)
    taken = await service.ask(
        "POST", f"{PLACE}/officers?name=名单.xlsx", administrator, data=sheet.getvalue()
    )
    assert (taken.status, taken.json["added"], taken.json["taken"]) == (200, 2, True)
    service.bureau.clock.forward(seconds=1)
    rows = [{"code": f"0{n}", "name": f"事项{n}", "act_type": "penalty"} for n in range(3)]
    lines = "\n".join(json.dumps(row) for row in rows).encode()
    both = await asyncio.gather(
        *(service.ask("POST", f"{PLACE}/matters", administrator, data=lines) for _ in range(2))
    )
    assert sorted((one.json["added"], one.json["unchanged"]) for one in both) == [(0, 3), (3, 0)]
    first = await service.ask("GET", f"{PLACE}?limit=1", administrator)
    rest = await service.ask("GET", f"{PLACE}?cursor={first.json['next']}", administrator)
    files: list[Any] = [one for page in (first, rest) for one in _listed(page)]
    assert [(one["kind"], one["file_name"], one["added"]) for one in files] == [
        ("matters", "table", 3),
        ("officers", "名单.xlsx", 2),
    ]
    assert files[1]["digest"] == taken.json["digest"]
    foreign = await service.token(Role.ADMINISTRATOR, "foreign")
    assert (await service.ask("GET", PLACE, foreign)).json["items"] == []


async def test_faults_are_told_by_line_and_column_and_keep_the_whole_table_out(
    service: WebService,
) -> None:
    administrator = await service.token(Role.ADMINISTRATOR)
    wrong = OFFICERS.replace("2027年1月5日", "2027年13月5日").replace("乙某", "=1+1")
    refused = await service.ask("POST", f"{PLACE}/officers", administrator, data=wrong.encode())
    assert (refused.status, refused.json["code"], refused.json["faults"]) == (
        422,
        "import-faults",
        2,
    )
    errors: Any = refused.json["errors"]
    assert [(e["line"], e["column"], e["code"]) for e in errors] == [
        (2, "证件有效期至", "cell-day"),
        (3, "姓名", "cell-formula"),
    ]
    tried = await service.ask(
        "POST", f"{PLACE}/officers?dry_run=true", administrator, data=wrong.encode()
    )
    assert (tried.status, tried.json["errors"]) == (200, errors)
    assert await service.bureau.value("SELECT count(*) FROM officer") == 0
    answers = {
        "import-kind-unknown": (400, "/people", b"a\n1\n"),
        "import-columns": (400, "/officers", "姓名\n甲\n".encode()),
        "import-empty": (400, "/officers", "编号,姓名\n".encode()),
        "import-unreadable": (400, "/officers", b"PK\x03\x04 no zip"),
        "agency-scope": (403, "/holidays", "日期,类型\n2026-01-01,休\n".encode()),
        "agency-not-found": (404, "/officers?agency=nobodys", OFFICERS.encode()),
    }
    for code, (status, path, body) in answers.items():
        answer = await service.ask("POST", PLACE + path, administrator, data=body)
        assert (answer.status, answer.json["code"]) == (status, code)


async def test_a_body_beyond_the_limit_is_refused_before_and_while_it_comes(
    service: WebService,
) -> None:
    administrator = await service.token(Role.ADMINISTRATOR)

    async def endless() -> object:
        for _ in range((MOST_BYTES >> 20) + 1):
            yield bytes(1 << 20)

    told = {"Content-Length": str(MOST_BYTES + 1), "Expect": "100-continue"}
    before = await service.ask("POST", f"{PLACE}/officers", administrator, headers=told)
    while_it_comes = await service.ask("POST", f"{PLACE}/officers", administrator, data=endless())
    for answer in (before, while_it_comes):
        assert (answer.status, answer.json["code"]) == (413, "import-too-large")
