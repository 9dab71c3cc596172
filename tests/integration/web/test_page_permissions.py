"""Every page and form as every role, as another agency, as nobody, and from another site."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from recorder.domain.alarm import AlarmCode
from recorder.domain.people import OPERATOR, Permission, Role
from recorder.services import accounts, alarms, casework, registry
from recorder.web.pages import PAGE_ROUTES
from recorder.web.route import Route
from tests.support import people
from tests.support.organisation_tree import ABOVE, ORGAN, plant
from tests.support.streams import opened
from tests.support.web_service import Answer, WebService, open_web_service

NUMBER = "沪市监案〔2026〕1号"
GUARDED = [row for row in PAGE_ROUTES if row.permission is not Permission.PUBLIC]
HTML = {"Accept": "text/html"}


def name(row: Route) -> str:
    return f"{row.method} {row.path}"


@dataclass(frozen=True)
class World:
    """A service with things of our agency; tokens of both agencies for each role."""

    service: WebService
    ours: dict[Role, str]
    theirs: dict[Role, str]
    things: dict[str, str]

    async def ask(self, row: Route, token: str | None, **headers: str) -> Answer:
        words = row.path.strip("/").split("/")
        first = words[1] if words[0] == "administration" and len(words) > 1 else words[0]
        path = row.path.replace("{id}", self.things.get(first, str(uuid.uuid4())))
        path = path.replace("{recording}", self.things["recordings"])
        path = path.replace("{case}", self.things["cases"]).replace("{source}", "nobodys")
        for made_up in ("{restriction}", "{mention}"):
            path = path.replace(made_up, str(uuid.uuid4()))
        form = {"reason": "because"} if row.method == "POST" else None
        return await self.service.ask(row.method, path, token, headers=headers, data=form)


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with open_web_service(database_url, tmp_path) as service:
        deps = service.deps
        case = await casework.open_case(deps, OPERATOR, number=NUMBER)
        recording = await service.bureau.recording()
        await casework.link(deps, OPERATOR, recording=recording, case_id=case.id)
        await alarms.report(
            deps, AlarmCode.DISK_LOW, about_kind="x", about="y", detail="Little room.",
            agency=service.bureau.ours,
        )  # fmt: skip
        device = await registry.add_device(deps, OPERATOR, number="D-1")
        token = await registry.add_token(deps, OPERATOR, name="T", role=Role.OFFICER)
        actor = await accounts.actor_of_token(deps, device.token)
        livestream = await opened(deps, actor, case_numbers=(NUMBER,))
        yield World(
            service,
            {role: await service.token(role) for role in Role},
            {role: await service.token(role, "foreign") for role in Role},
            {
                "cases": str(case.id),
                "recordings": str(recording),
                "alarms": str(await service.bureau.value("SELECT id FROM alarm LIMIT 1")),
                "devices": str(device.device.id),
                "tokens": str(token.token.id),
                "livestreams": str(livestream.id),
            },
        )


async def test_each_page_answers_the_roles_that_may_and_no_other(world: World) -> None:
    assert len(GUARDED) > 30
    wrong: list[str] = []
    for role, token in world.ours.items():
        actor = await accounts.actor_of_token(world.service.deps, token)
        for row in GUARDED:
            answer = await world.ask(row, token)
            refused = answer.status == 403 and answer.json["code"] == "permission-missing"
            if refused is actor.may(row.permission) or answer.status in (401, 500):
                wrong.append(f"{role} {name(row)}: {answer.status}")
    assert wrong == []


async def test_nobody_gets_a_form_to_sign_in_and_nothing_else(world: World) -> None:
    for row in GUARDED:
        answer = await world.ask(row, None, **HTML)
        assert answer.status == 401, name(row)
        assert NUMBER.encode() not in answer.content
        if row.method == "GET":
            assert b'name="password"' in answer.content, name(row)


async def test_another_agency_meets_nothing_of_ours(world: World) -> None:
    met: list[str] = []
    for role, token in world.theirs.items():
        actor = await accounts.actor_of_token(world.service.deps, token)
        for row in GUARDED:
            if not actor.may(row.permission):
                continue
            answer = await world.ask(row, token)
            if NUMBER.encode() in answer.content or b"Little room." in answer.content:
                met.append(f"{role} {name(row)} shows it")
            if "{id}" not in row.path or row.path.endswith("/poster"):
                continue
            told = "error=" in answer.headers.get("Location", "")
            if (answer.status != 404) if row.method == "GET" else not told:
                met.append(f"{role} {name(row)}: {answer.status}")
    assert met == []


async def test_every_form_needs_the_token_of_the_session(world: World) -> None:
    deps = world.service.deps
    for login, role in (("wang", Role.SUPERVISOR), ("admin", Role.ADMINISTRATOR)):
        await people.add_person(deps, login, role)
        session = await accounts.sign_in(
            deps, login=login, password=people.PASSWORD, address="127.0.0.1"
        )
        actor = (await accounts.actor_of_session(deps, session.secret)).actor
        cookie = {"Cookie": f"recorder_session={session.secret}"}
        for row in GUARDED:
            if row.method == "POST" and actor.may(row.permission):
                answer = await world.ask(row, None, **cookie)
                assert answer.status == 403, name(row)
                assert answer.json["code"] == "csrf-token-invalid", name(row)


async def test_forms_offer_no_agency_for_which_the_reader_does_not_act(
    database_url: str, tmp_path: Path
) -> None:
    async with open_web_service(database_url, tmp_path) as service:
        deps = service.deps
        await plant(service.bureau)
        for login, agency in (("unten", None), ("oben", ABOVE)):
            await people.add_person(deps, login, Role.ADMINISTRATOR, agency=agency)
        shown = {}
        for agency in (ABOVE, ORGAN):
            token = await service.token(Role.ADMINISTRATOR, agency)
            for part in ("people", "tokens", "docks", "devices"):
                page = await service.ask("GET", f"/administration/{part}", token, headers=HTML)
                shown[agency, part] = page.content.decode()
    listed = shown[ABOVE, "people"]
    assert "unten" in listed
    assert listed.count('name="login" value="oben"') == 3
    assert 'name="login" value="unten"' not in listed
    assert all('<option value="local">' not in shown[ABOVE, part] for _, part in shown)
    # A branch is a part of its organ.
    assert shown[ORGAN, "people"].count('name="login" value="unten"') == 3
    assert '<option value="local">' in shown[ORGAN, "docks"]


async def test_static_files_are_those_of_the_package_and_no_others(world: World) -> None:
    ask = world.service.ask
    page = await ask("GET", "/sign-in")
    start = page.content.index(b"/static/")
    address = page.content[start : page.content.index(b'"', start)].decode()
    kept = await ask("GET", address)
    assert kept.status == 200
    assert "immutable" in kept.headers["Cache-Control"]
    old = await ask("GET", "/static/0/base.css")
    assert old.headers["Cache-Control"] == "no-cache"
    for path in ("/static/0/..%2Fi18n.py", "/static/0/%2e%2e/i18n.py", "/static/0/base.txt"):
        assert (await ask("GET", path)).status == 404, path


async def test_pages_are_never_kept_and_forbid_what_they_do_not_need(world: World) -> None:
    answer = await world.service.ask(
        "GET", f"/cases/{world.things['cases']}", world.ours[Role.SUPERVISOR], headers=HTML
    )
    assert answer.headers["Cache-Control"] == "no-store"
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert NUMBER.encode() in answer.content
