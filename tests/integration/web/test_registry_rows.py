"""Registries over HTTP: of a day, as known at a moment, page by page, and nobody else's rows."""

from __future__ import annotations

from typing import Any

from recorder.domain.people import OPERATOR, Role
from recorder.services import importing
from tests.support.web_service import WebService

PLACE = "/api/v1/registries"
TABLES = {
    "organisations": "code,name,kind,parent,uscc,valid_from\nDD,示例区,district,,,2020-01-01\n"
    "BB,示例局,bureau,DD,123,2020-01-01\nFF,外区,district,,,2020-01-01\n",
    "officers": "number,name,organisation,certificate,certificate_to\n"
    "000001,甲某,BB,1901,2027-01-05\n000002,乙某,BB,,\n000009,外某,FF,,\n",
    "devices": "serial,user_number,organisation\nS000001,000001,BB\nS000009,,FF\n",
    "rosters": "officer,organisation,from,to,duty\n"
    "000001,BB,2026-03-02 08:00,2026-03-02 17:00,巡查\n"
    "000009,FF,2026-03-02 08:00,2026-03-02 17:00,巡查\n",
    "matters": "code,name,act_type,organisation\n0001,事项一,penalty,BB\n0009,外事项,penalty,FF\n",
    "subjects": "organisation,name,kind\nBB,示例局,statutory\nFF,外区,statutory\n",
    "entrustments": "principal,agent,matter,document\nDD,BB,0001,委〔2026〕1号\n",
    "holidays": "day,kind,name\n2026-05-01,holiday,劳动节\n",
}


async def filled(service: WebService) -> None:
    for kind, table in TABLES.items():
        taken = await importing.import_file(
            service.deps, OPERATOR, kind=kind, content=table.encode(), file_name=kind
        )
        assert taken.taken, taken.errors


async def listed(service: WebService, token: str, path: str) -> list[dict[str, Any]]:
    answer = await service.ask("GET", f"{PLACE}/{path}", token)
    assert answer.status == 200, answer.json
    items: Any = answer.json["items"]
    return list(items)


async def test_each_registry_gives_its_rows_to_its_own_people_only(service: WebService) -> None:
    await filled(service)
    ours = await service.token(Role.OFFICER, "BB")
    above = await service.token(Role.SUPERVISOR, "DD")
    foreign = await service.token(Role.ADMINISTRATOR, "FF")
    for kind in TABLES:
        own = await listed(service, ours, kind)
        assert own, kind
        seen = await listed(service, above, kind)
        assert [row for row in seen if row in own] == own, kind
        if kind != "holidays":
            assert [row for row in await listed(service, foreign, kind) if row in own] == [], kind
    (bureau,) = await listed(service, ours, "organisations")
    assert (bureau["agency"], bureau["parent"], bureau["uscc_valid"]) == ("BB", "DD", False)
    assert (bureau["valid_from"], bureau["valid_to"]) == ("2020-01-01", None)
    first = (await listed(service, ours, "officers?key=000001"))[0]
    assert first["certificates"] == [
        {"number": "1901", "valid_from": None, "valid_to": "2027-01-05"}
    ]
    assert [row["agent"] for row in await listed(service, ours, "entrustments?key=DD")] == ["BB"]
    (device,) = await listed(service, ours, "devices")
    assert (device["number"], device["user_number"], device["state"]) == (
        "S000001", "000001", "active",
    )  # fmt: skip
    assert await listed(service, ours, "rosters?as_of=2026-03-03") == []
    answer = await service.ask("GET", f"{PLACE}/holidays?year=2026", ours)
    # A library knows the other days of that year.
    assert (answer.json["announced"], answer.json["imported"]) == (True, False)


async def test_a_past_day_and_a_past_word_are_answered(service: WebService) -> None:
    await filled(service)
    then = service.bureau.clock.now()
    service.bureau.clock.forward(days=3)
    await importing.import_file(
        service.deps, OPERATOR, kind="officers", file_name="again",
        content="number,name,organisation,valid_from\n000001,丙某,BB,2026-03-04\n".encode(),
    )  # fmt: skip
    ours = await service.token(Role.SUPERVISOR, "BB")

    async def name(query: str) -> list[str]:
        rows = await listed(service, ours, f"officers?key=000001{query}")
        return [row["name"] for row in rows]

    assert await name("") == ["丙某"]
    assert await name("&as_of=2026-03-03") == ["甲某"]
    assert await name(f"&as_of=2026-03-05&known_at={then:%Y-%m-%dT%H:%M:%SZ}") == ["甲某"]
    assert await name("&as_of=2026-03-05&known_at=2020-01-01T00:00:00Z") == []


async def test_pages_hold_every_row_once(service: WebService) -> None:
    lines = "".join(f"{n:06d},某{n},BB\n" for n in range(100, 107))
    await filled(service)
    await importing.import_file(
        service.deps, OPERATOR, kind="officers", file_name="more",
        content=f"number,name,organisation\n{lines}".encode(),
    )  # fmt: skip
    ours = await service.token(Role.SUPERVISOR, "BB")
    found: list[str] = []
    more: Any = ""
    while more is not None:
        cursor = f"&cursor={more}" if more else ""
        page = await service.ask("GET", f"{PLACE}/officers?limit=2{cursor}", ours)
        items: Any = page.json["items"]
        found += [row["number"] for row in items]
        more = page.json["next"]
    assert len(found) == len(set(found)) == 9
    wrong = await service.ask("GET", f"{PLACE}/officers?cursor=x", ours)
    assert wrong.json["code"] == "cursor-invalid"
