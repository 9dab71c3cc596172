"""Neither the answer nor what it costs tells a stranger who has an account."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable

import pytest

from recorder.domain.people import OPERATOR, Role
from recorder.services import accounts
from tests.support.bureau import PASSWORD
from tests.support.web_service import Answer, WebService

#: As long as each other, since the form repeats what was typed.
KNOWN, SUSPENDED, FOREIGN, UNKNOWN = "known-7", "leave-7", "other-7", "never-7"
OF_THE_REQUEST = ("x-request-id", "date")


@pytest.fixture
async def people(service: WebService) -> WebService:
    for login, agency in ((KNOWN, None), (SUSPENDED, None), (FOREIGN, "foreign")):
        await accounts.add_person(
            service.deps, OPERATOR, login=login, role=Role.OFFICER, password=PASSWORD, agency=agency
        )
    await accounts.set_person_suspended(
        service.deps, OPERATOR, login=SUSPENDED, suspended=True, reason="left"
    )
    return service


def shape(answer: Answer, login: str) -> tuple[object, ...]:
    """All of an answer that a stranger can compare."""
    request = answer.headers.get("X-Request-Id", "-")
    text = answer.content.decode().replace(request, "").replace(login, "")
    headers = [(k, v) for k, v in answer.headers.items() if k.lower() not in OF_THE_REQUEST]
    return answer.status, text, sorted(headers)


async def test_a_wrong_sign_in_looks_the_same_whoever_it_is_for(people: WebService) -> None:
    async def sign_in(login: str, password: str) -> Answer:
        form = {"login": login, "password": password}
        return await people.ask("POST", "/sign-in", data=form, headers={"Accept": "text/html"})

    shapes = {
        str(shape(await sign_in(login, password), login))
        for login, password in (
            (KNOWN, "wrong password"), (UNKNOWN, "wrong password"), (FOREIGN, "wrong password"),
            (SUSPENDED, "wrong password"), (SUSPENDED, PASSWORD),
        )
    }  # fmt: skip
    assert len(shapes) == 1
    assert re.match(r"\(401, ", shapes.pop())


async def test_the_limit_on_guessing_comes_as_soon_for_a_login_that_nobody_has(
    people: WebService,
) -> None:
    async def tries(login: str) -> list[int]:
        form = {"login": login, "password": "wrong password"}
        return [
            (await people.ask("POST", "/sign-in", data=form)).status
            for _ in range(people.deps.config.sign_in_tries + 2)
        ]

    assert await tries(KNOWN) == await tries(UNKNOWN) == [401] * 8 + [429] * 2


async def test_people_of_another_agency_look_like_nobody_to_an_administrator(
    people: WebService,
) -> None:
    administrator = await people.token(Role.ADMINISTRATOR)

    async def both(ask: Callable[[str], Awaitable[Answer]]) -> list[tuple[object, ...]]:
        return [shape(await ask(login), login) for login in (FOREIGN, UNKNOWN)]

    async def password(login: str) -> Answer:
        return await people.ask(
            "PUT", f"/api/v1/people/{login}/password", administrator, json={"password": PASSWORD}
        )

    async def state(login: str) -> Answer:
        body = {"state": "suspended", "reason": "because"}
        return await people.ask("PUT", f"/api/v1/people/{login}/state", administrator, json=body)

    for ask in (password, state):
        foreign, unknown = await both(ask)
        assert foreign == unknown
        assert foreign[0] == 404


async def test_an_unknown_login_costs_as_much_computing_as_a_wrong_password(
    people: WebService,
) -> None:
    """In processor time of this process, which others on the machine do not lengthen."""

    async def cost(login: str, number: int) -> float:
        form = {"login": login, "password": f"wrong password {number}"}
        began = time.process_time()
        answer = await people.ask("POST", "/sign-in", data=form)
        spent = time.process_time() - began
        assert answer.status == 401
        return spent

    # The first of each makes what is made once.
    costs = {
        login: sorted([await cost(login, number) for number in range(6)][1:])
        for login in (KNOWN, UNKNOWN, SUSPENDED)
    }
    for login in (UNKNOWN, SUSPENDED):
        assert 0.5 < costs[login][0] / costs[KNOWN][0] < 2, costs
