"""While the store is ahead of the database people can look, get in, and be shut out: no more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.domain.people import GRANTS, Permission, Role
from recorder.services import guard
from recorder.web.route import Route
from recorder.web.routes import ROUTES
from tests.support.role_table import question
from tests.support.role_world import World, name, things_of
from tests.support.web_service import open_web_service

API = [row for row in ROUTES if row.path.startswith("/api/")]
#: What people and programs may still do that writes rows; docs/design/backup.md says why.
GOES_ON = {
    Permission.PUBLIC,
    Permission.SIGNED_IN,
    Permission.ADMINISTER,
    Permission.SETTLE_ALARMS,
    Permission.EMBED,
}


@pytest.fixture
async def world(database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with open_web_service(database_url, tmp_path) as service:
        ours = {role: await service.token(role) for role in Role}
        things = await things_of(service, ours[Role.DEVICE])
        await guard.mark(service.deps, closed=True)
        assert (await guard.look(service.deps)).why
        yield World(service, ours, {}, things)


async def answer(world: World, row: Route) -> tuple[int, str]:
    """Status and problem code for somebody who may ask this."""
    role = next((role for role in Role if row.permission in GRANTS[role]), Role.SUPERVISOR)
    asked = question(row, world.things)
    told = await world.service.ask(
        asked.method, asked.path, world.ours[role], headers=asked.headers, json=asked.json
    )
    problem = told.json if told.status >= 400 and told.content else {}
    return told.status, str(problem.get("code"))


async def test_nobody_decides_about_footage_or_cases(world: World) -> None:
    events = await world.service.bureau.event_names()
    rows = [row for row in API if row.waits_for_whole]
    assert len(rows) > 40
    for row in rows:
        assert await answer(world, row) == (503, "database-younger-than-store"), name(row)
    assert await world.service.bureau.event_names() == events


async def test_reading_goes_on_and_so_does_who_gets_in(world: World) -> None:
    writing = {row.permission for row in ROUTES if row.method not in ("GET", "HEAD", "OPTIONS")}
    assert {row.permission for row in ROUTES if row.waits_for_whole} == writing - GOES_ON
    for row in API:
        if not row.waits_for_whole and not question(row, world.things).is_long:
            status, code = await answer(world, row)
            assert code != "database-younger-than-store", name(row)
            assert status < 500, name(row)
    # A stolen camera was shut out on the way.
    assert "DeviceStateChanged" in await world.service.bureau.event_names()


async def test_everything_goes_on_once_an_operator_has_accepted_the_database(world: World) -> None:
    service = world.service
    asked = ("POST", "/api/v1/cases", world.ours[Role.SUPERVISOR])
    refused = await service.ask(*asked, json={"number": "沪市监案〔2026〕3号"})
    assert refused.status == 503
    await guard.accept(service.deps, service.bureau.actor(), rebuilt=0, agency=None)
    taken = await service.ask(*asked, json={"number": "沪市监案〔2026〕3号"})
    assert taken.status == 201, taken.content


async def test_a_store_that_is_away_keeps_nobody_from_working_on_cases(
    database_url: str, tmp_path: Path
) -> None:
    async with open_web_service(database_url, tmp_path) as service:
        token = await service.token(Role.SUPERVISOR)
        assert not await guard.is_younger(service.deps)
        service.bureau.clock.forward(hours=1)
        (tmp_path / "objects").rename(tmp_path / "away")
        taken = await service.ask(
            "POST", "/api/v1/cases", token, json={"number": "沪市监案〔2026〕4号"}
        )
        (tmp_path / "away").rename(tmp_path / "objects")
    assert taken.status == 201, taken.content
