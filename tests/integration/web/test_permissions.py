"""Every route as every role, as another agency and as nobody: computed from ROUTES."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.domain.people import GRANTS, Permission, Role
from recorder.services import accounts
from recorder.web.routes import ROUTES
from tests import tryall
from tests.support import people
from tests.support.bureau import PASSWORD
from tests.support.organisation_tree import ABOVE, ORGAN, plant
from tests.support.role_world import World, is_wrong, name, things_of
from tests.support.web_service import WebService, open_web_service

API = [row for row in ROUTES if row.path.startswith("/api/")]
PEOPLE = (Role.OFFICER, Role.SUPERVISOR, Role.ADMINISTRATOR)


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with open_web_service(database_url, tmp_path) as service:
        await plant(service.bureau)
        ours = {role: await service.token(role) for role in Role}
        theirs = {role: await service.token(role, "foreign") for role in Role}
        yield World(service, ours, theirs, await things_of(service, ours[Role.DEVICE]))


def test_every_row_names_its_permission_and_every_handler_is_asynchronous() -> None:
    assert len(API) > 40
    assert len({name(row) for row in ROUTES}) == len(ROUTES)
    for row in ROUTES:
        assert isinstance(row.permission, Permission), name(row)


async def test_what_a_role_may_not_is_forbidden_and_nobody_is_asked_to_sign_in(
    world: World,
) -> None:
    wrong = []
    for row in API:
        for role in Role:
            status = await world.status(row, world.theirs[role])
            if is_wrong(row, role, status):
                wrong.append(f"{name(row)} as {role.value}: {status}")
        for token, who in ((None, "nobody"), ("rec_wrong", "with a wrong token")):
            status = await world.status(row, token)
            if is_wrong(row, None, status):
                wrong.append(f"{name(row)} as {who}: {status}")
    assert wrong == []


async def test_what_belongs_to_another_agency_does_not_exist(world: World) -> None:
    wrong = []
    for row in API:
        if "{id}" not in row.path or row.permission is Permission.PUBLIC:
            continue
        for role in (role for role in Role if row.permission in GRANTS[role]):
            status = await world.status(row, world.theirs[role])
            if status != 404:
                wrong.append(f"{name(row)} as a foreign {role.value}: {status}")
    assert wrong == []


async def test_what_belongs_to_ones_own_agency_is_there(world: World) -> None:
    #: Absent for its own reason, not for that of the asker.
    absent = {"poster", "playback/{secret}", "merge", "watch/{secret}/index.m3u8"}
    absent |= {"/proxy/index.m3u8", "/init.mp4", "/segments/{number}.m4s"}
    wrong = []
    for row in API:
        if row.permission is Permission.PUBLIC or "{id}" not in row.path:
            continue
        if row.path.endswith(tuple(absent)) or row.method == "DELETE":
            continue
        if row.permission is Permission.APPROVE and row.method == "POST":
            # Tokens are programs, and the second of two persons is a person.
            continue
        role = Role.SUPERVISOR
        if row.permission is Permission.ADMINISTER:
            role = Role.ADMINISTRATOR
        if row.permission in (Permission.UPLOAD, Permission.DELIVER):
            role = Role.DEVICE
        status = await world.status(row, world.ours[role])
        if status in (401, 403, 404):
            wrong.append(f"{name(row)} as {role.value}: {status}")
    assert wrong == []


async def test_who_stands_above_sees_and_does_not_act_and_a_branch_is_the_own_organ(
    world: World,
) -> None:
    above = {role: await world.service.token(role, ABOVE) for role in Role}
    organ = {role: await world.service.token(role, ORGAN) for role in Role}
    wrong = []
    for row in API:
        if "{id}" not in row.path or row.permission is Permission.PUBLIC:
            continue
        for role in (role for role in PEOPLE if row.permission in GRANTS[role]):
            status, own = [await world.status(row, each[role]) for each in (above, world.ours)]
            looks = row.method in ("GET", "HEAD")
            # What the sender alone may go on with, and what is absent, is so for everybody.
            if not (status == own if looks else status in (403, 404, 409, 412, 422, 400)):
                wrong.append(f"{name(row)} as a {role.value} above: {status}, own: {own}")
    assert wrong == []
    case = world.things["cases"]
    amend = {"title": "改过"}
    answers = [
        await world.service.ask("PATCH", f"/api/v1/cases/{case}", each[Role.SUPERVISOR], json=amend)
        for each in (above, world.theirs, organ)
    ]
    assert [answer.status for answer in answers] == [403, 404, 200]
    assert answers[0].json["code"] == "agency-scope"
    seen = {}
    for who, token in (
        ("above", above[Role.SUPERVISOR]),
        ("own", world.ours[Role.SUPERVISOR]),
        ("beside", world.theirs[Role.SUPERVISOR]),
    ):
        found = await world.service.ask("GET", "/api/v1/recordings", token)
        items = found.json["items"]
        assert isinstance(items, list)
        seen[who] = [line["id"] for line in items]
    assert seen["above"] == seen["own"] == [world.things["recordings"]]
    assert seen["beside"] == []


async def test_an_officer_sees_the_own_footage_and_not_that_of_others(service: WebService) -> None:
    own = await service.bureau.recording(officer="P1")
    other = await service.bureau.recording(officer="P2")
    await people.add_person(service.deps, "li", Role.OFFICER, officer="P1")
    session = await accounts.sign_in(
        service.deps, login="li", password=PASSWORD, address="127.0.0.1"
    )
    cookie = {"Cookie": f"recorder_session={session.secret}"}
    found = await service.ask("GET", "/api/v1/recordings", headers=cookie)
    items = found.json["items"]
    assert isinstance(items, list)
    assert [line["id"] for line in items] == [str(own)]
    for recording, status in ((own, 200), (other, 404)):
        place = f"/api/v1/recordings/{recording}"
        assert (await service.ask("GET", place, headers=cookie)).status == status


async def test_every_path_parameter_is_known_to_this_test() -> None:
    known = {
        "id",
        "case",
        "recording",
        "mark",
        "mention",
        "restriction",
        "login",
        "secret",
        "period",
        "number",
        "hook",
        "kind",
        "source",
        "embed",
    }
    used = {parameter for row in API for parameter in re.findall(r"{(\w+)}", row.path)}
    assert used == known


async def test_the_command_for_deployments_finds_an_agency_that_gets_into_another(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    # Of the whole table it is asked in tests/e2e/test_deployment.py; here are things of every sort.
    rows = [row for row in ROUTES if "{id}" in row.path]
    both = {"ours": world.ours, "theirs": world.theirs}
    assert await tryall.run(world.service.url, None, both, rows) == 0
    assert " 0 findings." in capsys.readouterr().out
    # As if nobody kept the agencies apart: tokens of ours go for those of the other one.
    same = {"ours": world.ours, "theirs": world.ours}
    lists = {"/api/v1/cases", "/api/v1/recordings"}
    paths = lists | {f"{path}/{{id}}" for path in lists}
    rows = [row for row in ROUTES if row.path in paths]
    assert await tryall.run(world.service.url, None, same, rows) == 1
    told = capsys.readouterr().out
    assert "GET /api/v1/cases/{id} as a foreign supervisor, about ours: 200\n" in told
    assert "GET /api/v1/recordings/{id} as a foreign officer, about ours: 200\n" in told
    assert "GET /api/v1/cases shows a foreign supervisor our cases" in told
    assert "GET /api/v1/recordings shows a foreign supervisor our " in told
