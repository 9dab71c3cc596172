"""What people do to their own account, and how sessions end."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from recorder.domain.people import OPERATOR, Actor, Role
from recorder.errors import InvalidInput, NotFound, RateLimited, Unauthenticated
from recorder.services import accounts, own_account
from tests.support import people
from tests.support.bureau import PASSWORD, Bureau, open_bureau

HERE, THERE = "192.0.2.1", "198.51.100.7"
NEW = "quite another horse"


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path, sign_in_tries=3) as opened:
        for login, agency in (("wang", None), ("foreign", "foreign")):
            await people.add_person(opened.deps, login, Role.OFFICER, agency=agency)
        yield opened


async def enter(bureau: Bureau, password: str = PASSWORD, address: str = HERE) -> str:
    """The secret of a new session."""
    session = await accounts.sign_in(bureau.deps, login="wang", password=password, address=address)
    return session.secret


async def who(bureau: Bureau, secret: str) -> Actor:
    return (await accounts.actor_of_session(bureau.deps, secret)).actor


async def is_open(bureau: Bureau, secret: str) -> bool:
    try:
        await accounts.actor_of_session(bureau.deps, secret, in_use=False)
    except Unauthenticated:
        return False
    return True


async def change(bureau: Bureau, secret: str, present: str, new: str = NEW) -> None:
    await own_account.change_password(
        bureau.deps, await who(bureau, secret), present=present, new=new, secret=secret,
        address=HERE,
    )  # fmt: skip


async def test_a_person_changes_the_own_password_and_other_sessions_end(bureau: Bureau) -> None:
    mine, other = await enter(bureau), await enter(bureau, address=THERE)
    await change(bureau, mine, PASSWORD)
    assert [await is_open(bureau, secret) for secret in (mine, other)] == [True, False]
    with pytest.raises(Unauthenticated):
        await enter(bureau)
    assert await enter(bureau, NEW)
    actor = await bureau.value("SELECT actor_id FROM custody_event WHERE name = 'PasswordChanged'")
    assert actor == (await who(bureau, mine)).id


async def test_the_present_password_is_needed_and_guessing_it_is_limited(bureau: Bureau) -> None:
    mine = await enter(bureau)
    for _ in range(3):
        with pytest.raises(InvalidInput) as caught:
            await change(bureau, mine, "not the present one")
        assert caught.value.code == "password-wrong"
    with pytest.raises(RateLimited):
        await change(bureau, mine, PASSWORD)
    assert "SignInRefused" in await bureau.event_names()
    assert "PasswordChanged" not in await bureau.event_names()
    bureau.clock.forward(minutes=15)
    await change(bureau, mine, PASSWORD)


@pytest.mark.parametrize(
    "common", ["1234567890123", "passwordpassword", "PASSWORDPASSWORD", "qwertyuiop123"]
)
async def test_passwords_that_everybody_tries_first_are_refused(
    bureau: Bureau, common: str
) -> None:
    mine = await enter(bureau)
    with pytest.raises(InvalidInput) as caught:
        await change(bureau, mine, PASSWORD, common)
    assert caught.value.code == "password-common"
    with pytest.raises(InvalidInput):
        await accounts.change_password(bureau.deps, OPERATOR, login="wang", password=common)
    assert await enter(bureau)


async def test_half_a_character_in_a_new_password_is_no_failure(bureau: Bureau) -> None:
    await change(bureau, await enter(bureau), PASSWORD, "half a character \ud800")
    assert await enter(bureau, "half a character \ud800")


async def test_a_session_that_nobody_uses_ends_and_one_in_use_goes_on(bureau: Bureau) -> None:
    used, unused, listening = [await enter(bureau) for _ in range(3)]
    for _ in range(3):
        bureau.clock.forward(minutes=14)
        assert await who(bureau, used)
        # As a page does that shows live news to an empty chair.
        if await is_open(bureau, listening):
            assert await bureau.value("SELECT 1") == 1
    assert [await is_open(bureau, secret) for secret in (used, unused, listening)] == [
        True, False, False,
    ]  # fmt: skip
    bureau.clock.forward(minutes=30)
    assert not await is_open(bureau, used)


async def test_a_clock_that_goes_back_keeps_no_session_longer_than_it_jumped(
    bureau: Bureau,
) -> None:
    mine = await enter(bureau)
    bureau.clock.forward(hours=-5)
    assert await who(bureau, mine)
    bureau.clock.forward(minutes=30)
    assert not await is_open(bureau, mine)


async def test_people_see_their_sessions_and_end_one_or_all_others(bureau: Bureau) -> None:
    mine = await enter(bureau)
    bureau.clock.forward(minutes=1)
    others = [await enter(bureau, address=THERE) for _ in range(3)]
    actor = await who(bureau, mine)
    lines = await own_account.list_sessions(bureau.deps, actor, mine)
    assert [(line.address, line.is_this) for line in lines] == [
        *[(THERE, False)] * 3, (HERE, True),
    ]  # fmt: skip
    await own_account.end_session(bureau.deps, actor, lines[0].id)
    with pytest.raises(NotFound):
        await own_account.end_session(bureau.deps, actor, lines[0].id)
    with pytest.raises(NotFound):
        await own_account.end_session(bureau.deps, actor, uuid.uuid4())
    assert [await is_open(bureau, secret) for secret in (mine, *others)].count(True) == 3
    assert await own_account.end_other_sessions(bureau.deps, actor, mine) == 2
    assert [await is_open(bureau, secret) for secret in (mine, *others)] == [
        True, False, False, False,
    ]  # fmt: skip
    assert (await bureau.event_names()).count("SessionsEnded") == 2


async def test_nobody_ends_the_session_of_another_person(bureau: Bureau) -> None:
    mine = await enter(bureau)
    (line,) = await own_account.list_sessions(bureau.deps, await who(bureau, mine), mine)
    other = await accounts.sign_in(bureau.deps, login="foreign", password=PASSWORD, address=HERE)
    stranger = await who(bureau, other.secret)
    with pytest.raises(NotFound):
        await own_account.end_session(bureau.deps, stranger, line.id)
    assert await own_account.list_sessions(bureau.deps, OPERATOR, None) == []
    assert await is_open(bureau, mine)


async def test_an_administrator_ends_the_sessions_of_the_own_agency_only(bureau: Bureau) -> None:
    mine = await enter(bureau)
    administrator = bureau.actor(Role.ADMINISTRATOR)
    with pytest.raises(NotFound):
        await own_account.end_sessions_of(bureau.deps, administrator, login="foreign")
    with pytest.raises(NotFound):
        await own_account.change_password(
            bureau.deps, administrator, present=PASSWORD, new=NEW, secret="x", address=HERE
        )
    assert await own_account.end_sessions_of(bureau.deps, administrator, login="WANG") == 1
    assert not await is_open(bureau, mine)
