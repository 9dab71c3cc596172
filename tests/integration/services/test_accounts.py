"""Signing in, the limit on guessing, sessions, and what people may do to people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from recorder.domain.people import OPERATOR, Role
from recorder.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    RateLimited,
    Unauthenticated,
)
from recorder.services import accounts
from tests.support.bureau import PASSWORD, Bureau, open_bureau

HERE, THERE = "192.0.2.1", "198.51.100.7"


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(
        database_url, tmp_path, sign_in_tries=3, sign_in_tries_per_address=6
    ) as opened:
        yield opened


async def add(bureau: Bureau, login: str = "Wang", **more: str) -> accounts.Person:
    return await accounts.add_person(
        bureau.deps,
        OPERATOR,
        login=login,
        role=Role.OFFICER,
        password=PASSWORD,
        officer=more.get("officer"),
        agency=more.get("agency"),
    )


async def enter(
    bureau: Bureau, login: str = "Wang", password: str = PASSWORD, address: str = HERE
) -> accounts.Session:
    return await accounts.sign_in(bureau.deps, login=login, password=password, address=address)


async def fail(bureau: Bureau, login: str = "Wang", address: str = HERE) -> None:
    with pytest.raises(Unauthenticated):
        await enter(bureau, login, "no such password", address)


async def test_a_person_signs_in_is_known_and_signs_out(bureau: Bureau) -> None:
    person = await add(bureau, officer="100001")
    session = await enter(bureau, " ＷANG ")
    found = await accounts.actor_of_session(bureau.deps, session.secret)
    assert found.actor == person.actor
    assert (found.actor.officer, found.actor.agency) == ("100001", bureau.ours)
    assert found.csrf_token == session.csrf_token
    await accounts.sign_out(bureau.deps, found.actor, session.secret)
    with pytest.raises(Unauthenticated):
        await accounts.actor_of_session(bureau.deps, session.secret)
    await accounts.sign_out(bureau.deps, found.actor, session.secret)
    assert [n for n in await bureau.event_names() if n.startswith("Sign")] == [
        "SignedIn",
        "SignedOut",
    ]


async def test_a_session_ends_by_itself(bureau: Bureau) -> None:
    await add(bureau)
    session = await enter(bureau)
    bureau.clock.forward(seconds=bureau.deps.config.session_ttl_s)
    with pytest.raises(Unauthenticated):
        await accounts.actor_of_session(bureau.deps, session.secret)


async def test_no_secret_stands_in_the_database(bureau: Bureau) -> None:
    await add(bureau)
    session = await enter(bureau)
    link = await accounts.make_login_link(bureau.deps, OPERATOR, login="wang")
    for secret in (session.secret, link, PASSWORD):
        for table in ("session", "login_link", "person", "custody_event"):
            hits = await bureau.value(
                f"SELECT count(*) FROM {table} t WHERE strpos(t::text, $1) > 0"  # noqa: S608
                " OR strpos(t::text, encode(convert_to($1, 'UTF8'), 'hex')) > 0",
                secret,
            )
            assert hits == 0


async def test_every_wrong_sign_in_is_refused_alike_and_recorded(bureau: Bureau) -> None:
    await add(bureau)
    await add(bureau, "gone")
    await accounts.set_person_suspended(
        bureau.deps, OPERATOR, login="gone", suspended=True, reason="left"
    )
    said = set()
    for login, password in (("wang", "x\ud800"), ("nobody\0", "x"), ("gone", PASSWORD)):
        with pytest.raises(Unauthenticated) as caught:
            await enter(bureau, login, password)
        said.add((caught.value.code, caught.value.detail, tuple(caught.value.facts)))
    assert len(said) == 1
    reasons = await bureau.value(
        "SELECT array_agg(facts->>'reason' ORDER BY position) FROM custody_event"
        " WHERE name = 'SignInRefused'"
    )
    assert reasons == ["password", "unknown", "suspended"]


async def test_guessing_is_limited_until_the_window_has_passed(bureau: Bureau) -> None:
    await add(bureau)
    for _ in range(3):
        await fail(bureau)
        bureau.clock.forward(minutes=1)
    for _ in range(4):
        with pytest.raises(RateLimited) as caught:
            await enter(bureau)
    assert caught.value.facts == {"retry_after_s": 12 * 60}
    bureau.clock.forward(minutes=12)
    assert await enter(bureau)


async def test_nobody_is_locked_out_by_failures_from_elsewhere(bureau: Bureau) -> None:
    await add(bureau)
    for _ in range(3):
        await fail(bureau, address=THERE)
    with pytest.raises(RateLimited):
        await enter(bureau, address=THERE)
    assert await enter(bureau, address=HERE)


async def test_an_address_that_tries_many_logins_is_limited(bureau: Bureau) -> None:
    await add(bureau)
    for number in range(6):
        await fail(bureau, f"user{number}", f"2001:db8::{number}")
    with pytest.raises(RateLimited):
        await enter(bureau, address="2001:db8::ffff")
    assert await enter(bureau, address="2001:db8:0:1::1")


async def test_a_login_tried_from_everywhere_stays_open_to_known_addresses(bureau: Bureau) -> None:
    await add(bureau)
    session = await enter(bureau, address=HERE)
    await accounts.sign_out(bureau.deps, session.person.actor, session.secret)
    for number in range(30):
        await fail(bureau, address=f"203.0.113.{number}")
    with pytest.raises(RateLimited):
        await enter(bureau, address=THERE)
    assert await enter(bureau, address=HERE)


async def test_guesses_made_at_once_count_each_other(bureau: Bureau) -> None:
    await add(bureau)
    outcomes = await asyncio.gather(
        *(enter(bureau, password=f"guess number {n}") for n in range(12)), return_exceptions=True
    )
    checked = [outcome for outcome in outcomes if isinstance(outcome, Unauthenticated)]
    assert len(checked) <= 3
    assert all(isinstance(outcome, Unauthenticated | RateLimited) for outcome in outcomes)


async def test_a_right_password_forgets_the_wrong_ones(bureau: Bureau) -> None:
    await add(bureau)
    for _ in range(3):
        await fail(bureau)
        await fail(bureau, address=THERE)
        await enter(bureau, address="192.0.2.9")
        bureau.clock.forward(minutes=5, seconds=1)
    assert await enter(bureau)
    assert await bureau.value("SELECT count(*) FROM sign_in_failure WHERE address = $1", HERE) == 0


async def test_a_login_link_works_once_even_for_two_at_once(bureau: Bureau) -> None:
    await add(bureau)
    secret = await accounts.make_login_link(bureau.deps, OPERATOR, login="wang")
    outcomes = await asyncio.gather(
        *(
            accounts.sign_in_by_link(bureau.deps, secret=secret, address=f"192.0.2.{number}")
            for number in range(4)
        ),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "Session",
        *["Unauthenticated"] * 3,
    ]


async def test_an_old_login_link_is_worthless(bureau: Bureau) -> None:
    await add(bureau)
    secret = await accounts.make_login_link(
        bureau.deps, OPERATOR, login="wang", life=timedelta(minutes=5)
    )
    bureau.clock.forward(minutes=5)
    with pytest.raises(Unauthenticated):
        await accounts.sign_in_by_link(bureau.deps, secret=secret, address=HERE)


async def test_a_new_password_and_a_suspension_end_every_session(bureau: Bureau) -> None:
    await add(bureau)
    session = await enter(bureau)
    await accounts.change_password(
        bureau.deps, OPERATOR, login="wang", password="another long password"
    )
    with pytest.raises(Unauthenticated):
        await accounts.actor_of_session(bureau.deps, session.secret)
    await fail(bureau)
    session = await enter(bureau, password="another long password")
    await accounts.set_person_suspended(
        bureau.deps, OPERATOR, login="wang", suspended=True, reason="left"
    )
    with pytest.raises(Unauthenticated):
        await accounts.actor_of_session(bureau.deps, session.secret)
    with pytest.raises(Conflict):
        await accounts.set_person_suspended(
            bureau.deps, OPERATOR, login="wang", suspended=True, reason="again"
        )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"password": "elevenchars"}, "password-too-short"),
        ({"password": "x" * 300}, "password-too-long"),
        ({"role": "device"}, "role-unknown"),
        ({"login": "\u200b"}, "name-invalid"),
        ({"login": "a\0b"}, "name-invalid"),
        ({"agency": "nowhere"}, "agency-not-found"),
    ],
)
async def test_senseless_people_are_refused(
    bureau: Bureau, change: dict[str, str], code: str
) -> None:
    given = {"login": "li", "role": "officer", "password": PASSWORD, "agency": "local"} | change
    with pytest.raises((InvalidInput, NotFound)) as caught:
        await accounts.add_person(bureau.deps, OPERATOR, **given)  # type: ignore[arg-type]
    assert caught.value.code == code


async def test_a_login_exists_once_in_whatever_spelling_and_agency(bureau: Bureau) -> None:
    await add(bureau)
    with pytest.raises(Conflict):
        await add(bureau, "ｗａｎｇ", agency="foreign")


async def test_an_administrator_acts_within_the_own_agency(bureau: Bureau) -> None:
    chief = bureau.actor(Role.ADMINISTRATOR)
    await add(bureau, "theirs", agency="foreign")
    with pytest.raises(NotFound):
        await accounts.change_password(bureau.deps, chief, login="theirs", password=PASSWORD)
    with pytest.raises(NotFound):
        await accounts.make_login_link(bureau.deps, chief, login="theirs")
    with pytest.raises(NotFound):
        await accounts.add_person(
            bureau.deps, chief, login="x", role="officer", password=PASSWORD, agency="foreign"
        )
    with pytest.raises(Forbidden):
        await accounts.add_person(
            bureau.deps, chief, login="x", role="officer", password=PASSWORD, city=True
        )
    with pytest.raises(Forbidden):
        await accounts.add_agency(bureau.deps, chief, code="new", name="new")


async def test_an_administrator_of_one_agency_gets_into_no_account_that_sees_them_all(
    bureau: Bureau,
) -> None:
    deps, chief = bureau.deps, bureau.actor(Role.ADMINISTRATOR)
    await accounts.add_person(
        deps, OPERATOR, login="city", role=Role.SUPERVISOR, password=PASSWORD, city=True
    )
    with pytest.raises(Forbidden):
        await accounts.change_password(deps, chief, login="city", password="a password of mine")
    with pytest.raises(Forbidden):
        await accounts.make_login_link(deps, chief, login="city")
    assert (await enter(bureau, "city")).person.city
    # Shutting one out needs no such sight; letting one in again does.
    state = {"login": "city", "reason": "left"}
    await accounts.set_person_suspended(deps, chief, suspended=True, **state)
    with pytest.raises(Forbidden):
        await accounts.set_person_suspended(deps, chief, suspended=False, **state)
    await accounts.set_person_suspended(deps, OPERATOR, suspended=False, **state)


async def test_the_language_is_kept_with_the_person(bureau: Bureau) -> None:
    await add(bureau)
    session = await enter(bureau)
    await accounts.set_locale(bureau.deps, session.person.actor, "en")
    assert (await accounts.actor_of_session(bureau.deps, session.secret)).locale == "en"
    with pytest.raises(InvalidInput):
        await accounts.set_locale(bureau.deps, session.person.actor, "de")


async def test_the_sweep_removes_only_what_no_longer_counts(bureau: Bureau) -> None:
    await add(bureau)
    await enter(bureau)
    await fail(bureau)
    await accounts.make_login_link(bureau.deps, OPERATOR, login="wang")
    await accounts.sweep(bureau.deps)
    tables = ("session", "sign_in_failure", "login_link")
    sql = "SELECT array[" + ", ".join(f"(SELECT count(*) FROM {t})" for t in tables) + "]"  # noqa: S608
    assert await bureau.value(sql) == [1, 1, 1]
    bureau.clock.forward(days=32)
    await accounts.sweep(bureau.deps)
    assert await bureau.value(sql) == [0, 0, 0]


async def test_two_processes_at_their_first_start_make_one_agency(bureau: Bureau) -> None:
    ids = await asyncio.gather(*(accounts.ensure_own_agency(bureau.deps) for _ in range(4)))
    assert set(ids) == {bureau.ours}
