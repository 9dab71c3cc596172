"""Limits on what one asker may do: how they are counted, by whom, and what a clock does to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from recorder.domain.limit import Limit
from recorder.domain.people import OPERATOR, Actor, Role
from recorder.errors import Forbidden, RateLimited, Unauthenticated
from recorder.runtime import Deps, open_deps
from recorder.services import accounts, limits, readiness, registry
from recorder.services.sign_in import WINDOW
from tests.support.bureau import PASSWORD, Bureau, open_bureau
from tests.support.statements import statements

MOST = 7
LONGEST = timedelta(minutes=10)
HERE = "192.0.2.1"


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(
        database_url, tmp_path, searches_per_minute=MOST, streams_at_once=2, sign_in_tries=3
    ) as opened:
        yield opened


@pytest.fixture
async def replica(bureau: Bureau) -> AsyncIterator[Deps]:
    """Another process on the same database."""
    async with open_deps(bureau.deps.config, clock=bureau.clock) as deps:
        yield deps


async def search(deps: Deps, actor: Actor) -> bool:
    """Whether one more search is free."""
    try:
        await limits.take(deps, actor, Limit.SEARCH)
    except RateLimited:
        return False
    return True


async def test_a_burst_of_the_limit_is_free_and_then_it_is_earned_back(bureau: Bureau) -> None:
    actor = bureau.actor()
    assert [await search(bureau.deps, actor) for _ in range(MOST)] == [True] * MOST
    with pytest.raises(RateLimited) as caught:
        await limits.take(bureau.deps, actor, Limit.SEARCH)
    assert (caught.value.code, caught.value.facts) == ("search-limited", {"retry_after_s": 9})
    bureau.clock.forward(seconds=9)
    assert [await search(bureau.deps, actor) for _ in range(2)] == [True, False]
    bureau.clock.forward(minutes=1)
    assert [await search(bureau.deps, actor) for _ in range(MOST + 1)] == [*[True] * MOST, False]


async def test_of_many_at_once_in_two_processes_as_many_get_through_as_the_limit_says(
    bureau: Bureau, replica: Deps
) -> None:
    actor = bureau.actor()
    tries = [search(deps, actor) for _ in range(20) for deps in (bureau.deps, replica)]
    assert sum(await asyncio.gather(*tries)) == MOST


async def test_what_is_refused_is_not_counted(bureau: Bureau) -> None:
    actor = bureau.actor()
    for _ in range(5 * MOST):
        await search(bureau.deps, actor)
    bureau.clock.forward(seconds=9)
    assert await search(bureau.deps, actor)


async def test_askers_do_not_count_for_each_other_and_sorts_neither(bureau: Bureau) -> None:
    actor = bureau.actor()
    while await search(bureau.deps, actor):
        pass
    assert await search(bureau.deps, bureau.actor())
    await limits.take(bureau.deps, actor, Limit.OPENING)


async def test_a_clock_that_jumps_shuts_nobody_out(bureau: Bureau) -> None:
    actor = bureau.actor()
    bureau.clock.forward(hours=5)
    while await search(bureau.deps, actor):
        pass
    bureau.clock.forward(hours=-5)
    assert [await search(bureau.deps, actor) for _ in range(MOST + 1)] == [*[True] * MOST, False]


async def test_each_limit_says_its_own_name(database_url: str, tmp_path: Path) -> None:
    async with open_bureau(
        database_url,
        tmp_path,
        searches_per_minute=1,
        upload_openings_per_minute=1,
        gateway_hooks_per_minute=1,
    ) as bureau:
        actor, codes = bureau.actor(Role.OFFICER), set()
        for limit in Limit:
            await limits.take(bureau.deps, actor, limit)
            with pytest.raises(RateLimited) as caught:
                await limits.take(bureau.deps, actor, limit)
            assert caught.value.facts == {"retry_after_s": 60}
            codes.add(caught.value.code)
    assert codes == {"search-limited", "upload-opening-limited", "gateway-limited"}


async def test_streams_of_two_processes_count_together_and_give_back_their_places(
    bureau: Bureau, replica: Deps
) -> None:
    actor = bureau.actor()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(limits.streaming(bureau.deps, actor, LONGEST))
        await stack.enter_async_context(limits.streaming(replica, actor, LONGEST))
        for deps in (bureau.deps, replica):
            with pytest.raises(RateLimited) as caught:
                await stack.enter_async_context(limits.streaming(deps, actor, LONGEST))
            assert caught.value.code == "streams-limited"
        # Somebody else has places of their own.
        await stack.enter_async_context(limits.streaming(bureau.deps, bureau.actor(), LONGEST))
    assert await bureau.value("SELECT count(*) FROM open_stream") == 0
    async with limits.streaming(bureau.deps, actor, LONGEST):
        assert await bureau.value("SELECT count(*) FROM open_stream") == 1


async def test_a_killed_process_holds_its_places_no_longer_than_a_stream_lasts(
    bureau: Bureau,
) -> None:
    actor = bureau.actor()
    for _ in range(2):
        # As a process leaves it that dies here: entered, and never left.
        await limits.streaming(bureau.deps, actor, LONGEST).__aenter__()
    with pytest.raises(RateLimited):
        await limits.streaming(bureau.deps, actor, LONGEST).__aenter__()
    bureau.clock.forward(minutes=10)
    async with limits.streaming(bureau.deps, actor, LONGEST):
        pass
    bureau.clock.forward(days=2)
    await search(bureau.deps, actor)
    await limits.sweep(bureau.deps)
    assert await bureau.value("SELECT count(*) FROM open_stream") == 0
    assert await bureau.value("SELECT count(*) FROM allowance") == 1
    bureau.clock.forward(days=2)
    await limits.sweep(bureau.deps)
    assert await bureau.value("SELECT count(*) FROM allowance") == 0


async def guess(bureau: Bureau, secret: str, address: str = HERE) -> None:
    with pytest.raises(Unauthenticated):
        await accounts.sign_in_by_link(bureau.deps, secret=secret, address=address)


async def a_link(bureau: Bureau) -> str:
    return await accounts.make_login_link(bureau.deps, OPERATOR, login="wang")


async def test_wrong_links_are_limited_by_address_and_right_ones_are_not_counted(
    bureau: Bureau,
) -> None:
    await accounts.add_person(
        bureau.deps, OPERATOR, login="wang", role=Role.OFFICER, password=PASSWORD
    )
    for _ in range(5):
        link = await a_link(bureau)
        assert await accounts.sign_in_by_link(bureau.deps, secret=link, address=HERE)
    for number in range(3):
        await guess(bureau, f"wrong {number}")
    link = await a_link(bureau)
    with pytest.raises(RateLimited) as caught:
        await accounts.sign_in_by_link(bureau.deps, secret=link, address=HERE)
    assert caught.value.code == "sign-in-limited"
    # The same link, unused so far, from another address; and here when the window has passed.
    assert await accounts.sign_in_by_link(bureau.deps, secret=link, address="198.51.100.7")
    bureau.clock.forward(seconds=WINDOW.total_seconds())
    assert await accounts.sign_in_by_link(bureau.deps, secret=await a_link(bureau), address=HERE)


async def test_no_login_that_somebody_types_holds_up_the_links_and_codes_of_another_address(
    bureau: Bureau,
) -> None:
    await accounts.add_person(
        bureau.deps, OPERATOR, login="wang", role=Role.OFFICER, password=PASSWORD
    )
    for login in (f"LINK {HERE}", f"ENROL {HERE}"):
        for number in range(31):
            address = f"198.51.100.{number}"
            with pytest.raises((Unauthenticated, RateLimited)):
                await accounts.sign_in(bureau.deps, login=login, password="x", address=address)
    link = await a_link(bureau)
    assert await accounts.sign_in_by_link(bureau.deps, secret=link, address=HERE)
    with pytest.raises(Forbidden):
        await registry.enrol(bureau.deps, "7K2QD-9XVTM", address=HERE)


async def test_of_many_who_ask_at_once_whether_it_is_ready_one_asks_for_all(
    database_url: str, tmp_path: Path
) -> None:
    async with open_bureau(database_url, tmp_path, database_connections=2) as bureau:
        async with statements(bureau.deps.database, 2) as heard:
            told = await asyncio.gather(*(readiness.components(bureau.deps) for _ in range(50)))
        assert len([text for text in heard if "FROM task_run" in text]) == 1, heard
    assert all(part.well for part in told[0])
    assert set(told) == {told[0]}
