"""Codes of an app beside the password: set up, asked for, used up, lost, demanded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pyotp
import pytest

from recorder.domain.people import OPERATOR, Actor, Permission, Role
from recorder.errors import Conflict, InvalidInput, NotFound, RateLimited, Unauthenticated
from recorder.services import accounts, own_account, second_factor
from recorder.services.accounts import Session
from tests.support import people
from tests.support.bureau import PASSWORD, Bureau, open_bureau

HERE, THERE = "192.0.2.1", "198.51.100.7"


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(
        database_url, tmp_path, sign_in_tries=4, second_factor_roles="administrator"
    ) as opened:
        for login, role in (("wang", Role.SUPERVISOR), ("admin", Role.ADMINISTRATOR)):
            await people.add_person(opened.deps, login, role)
        yield opened


async def enter(bureau: Bureau, login: str = "wang", address: str = HERE) -> Session:
    return await accounts.sign_in(bureau.deps, login=login, password=PASSWORD, address=address)


async def who(bureau: Bureau, session: Session) -> Actor:
    return (await accounts.actor_of_session(bureau.deps, session.secret)).actor


def code(bureau: Bureau, secret: str) -> str:
    """What the app shows at this moment."""
    return pyotp.TOTP(secret).at(bureau.deps.clock.now())


async def set_up(bureau: Bureau, actor: Actor) -> tuple[str, list[str]]:
    """The secret in the app, and the recovery codes."""
    await second_factor.begin(bureau.deps, actor)
    secret = (await second_factor.draft_of(bureau.deps, actor)).secret
    codes = await second_factor.confirm(
        bureau.deps, actor, present=PASSWORD, code=code(bureau, secret), address=HERE
    )
    bureau.clock.forward(seconds=30)
    return secret, codes


async def give(bureau: Bureau, session: Session, said: str, address: str = HERE) -> Session:
    return await accounts.give_code(bureau.deps, secret=session.secret, code=said, address=address)


async def is_open(bureau: Bureau, session: Session) -> bool:
    try:
        await who(bureau, session)
    except Unauthenticated:
        return False
    return True


async def test_with_a_second_factor_the_password_alone_opens_nothing(bureau: Bureau) -> None:
    actor = await who(bureau, await enter(bureau))
    secret, _codes = await set_up(bureau, actor)
    half = await enter(bureau)
    assert half.awaits_code
    assert not await is_open(bureau, half)
    assert len(await own_account.list_sessions(bureau.deps, actor, None)) == 1
    for wrong in ("", "000000", "not a code", code(bureau, pyotp.random_base32())):
        with pytest.raises((Unauthenticated, RateLimited)):
            await give(bureau, half, wrong)
    bureau.clock.forward(minutes=16)
    with pytest.raises(Unauthenticated) as caught:
        await give(bureau, half, code(bureau, secret))
    assert caught.value.code == "sign-in-stale"
    half = await enter(bureau)
    shown = code(bureau, secret)
    whole = await give(bureau, half, f" {shown[:3]} {shown[3:]} ")
    assert await is_open(bureau, whole)
    assert whole.secret != half.secret
    assert not await is_open(bureau, half)
    by_code = "SELECT count(*) FROM custody_event WHERE facts->>'means' = 'password_and_code'"
    assert await bureau.value(by_code) == 1


async def test_a_code_counts_once_also_for_two_sign_ins(bureau: Bureau) -> None:
    secret, _codes = await set_up(bureau, await who(bureau, await enter(bureau)))
    first, second = await enter(bureau), await enter(bureau)
    shown = code(bureau, secret)
    assert await is_open(bureau, await give(bureau, first, shown))
    with pytest.raises(Unauthenticated) as caught:
        await give(bureau, second, shown)
    assert caught.value.code == "sign-in-code-refused"
    bureau.clock.forward(seconds=30)
    assert await is_open(bureau, await give(bureau, second, code(bureau, secret)))


async def test_guessed_codes_are_limited_like_passwords(bureau: Bureau) -> None:
    secret, _codes = await set_up(bureau, await who(bureau, await enter(bureau)))
    half = await enter(bureau)
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await give(bureau, half, "123456")
    with pytest.raises(RateLimited):
        await give(bureau, half, code(bureau, secret))
    # The password was right each time, and helps no further guess.
    with pytest.raises(RateLimited):
        await enter(bureau)
    reasons = "SELECT count(*) FROM custody_event WHERE name = 'SignInRefused'"
    assert await bureau.value(reasons) == 3


async def test_each_recovery_code_signs_in_once_and_new_ones_end_the_old(bureau: Bureau) -> None:
    actor = await who(bureau, await enter(bureau))
    secret, codes = await set_up(bureau, actor)
    assert len(set(codes)) == second_factor.CODES
    assert await is_open(bureau, await give(bureau, await enter(bureau), codes[0].lower()))
    half = await enter(bureau)
    with pytest.raises(Unauthenticated):
        await give(bureau, half, codes[0])
    assert (await second_factor.state_of(bureau.deps, actor)).codes_left == 9
    fresh = await second_factor.renew_codes(
        bureau.deps, actor, present=PASSWORD, code=code(bureau, secret), address=HERE
    )
    with pytest.raises(Unauthenticated):
        await give(bureau, half, codes[1])
    assert await is_open(bureau, await give(bureau, half, fresh[0]))


async def test_password_and_code_are_needed_to_end_it(bureau: Bureau) -> None:
    actor = await who(bureau, await enter(bureau))
    secret, _codes = await set_up(bureau, actor)
    with pytest.raises(InvalidInput) as caught:
        await second_factor.end(bureau.deps, actor, present="x", code="", address=HERE)
    assert caught.value.code == "password-wrong"
    with pytest.raises(InvalidInput) as caught:
        await second_factor.end(bureau.deps, actor, present=PASSWORD, code="1", address=HERE)
    assert caught.value.code == "code-wrong"
    with pytest.raises(Conflict):
        await second_factor.begin(bureau.deps, actor)
    await second_factor.end(
        bureau.deps, actor, present=PASSWORD, code=code(bureau, secret), address=HERE
    )
    assert not (await enter(bureau)).awaits_code
    with pytest.raises(NotFound):
        await second_factor.draft_of(bureau.deps, actor)


async def test_a_role_that_needs_one_does_nothing_before_it_is_set_up(bureau: Bureau) -> None:
    session = await enter(bureau, "admin")
    actor = await who(bureau, session)
    assert actor.may(Permission.SIGNED_IN)
    assert not actor.may(Permission.ADMINISTER)
    secret, _codes = await set_up(bureau, actor)
    assert (await who(bureau, session)).may(Permission.ADMINISTER)
    with pytest.raises(Conflict) as caught:
        await second_factor.end(
            bureau.deps, actor, present=PASSWORD, code=code(bureau, secret), address=HERE
        )
    assert caught.value.code == "second-factor-required"
    await second_factor.end_of(bureau.deps, OPERATOR, login="admin", reason="telephone lost")
    assert not (await who(bureau, session)).may(Permission.ADMINISTER)
    with pytest.raises(Conflict):
        await second_factor.end_of(bureau.deps, OPERATOR, login="admin", reason="again")
    assert (await bureau.event_names()).count("SecondFactorEnded") == 1


async def test_a_login_link_needs_no_code_since_an_operator_made_it(bureau: Bureau) -> None:
    await set_up(bureau, await who(bureau, await enter(bureau)))
    link = await accounts.make_login_link(bureau.deps, OPERATOR, login="wang")
    session = await accounts.sign_in_by_link(bureau.deps, secret=link, address=HERE)
    assert await is_open(bureau, session)
