"""Sealing while segments still come, or a device goes: the recording says what is so by then."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typing_extensions import override

from recorder.domain.people import OPERATOR, SERVICE
from recorder.services import live, registry
from recorder.services.live import sealing
from recorder.store.connection import Connection, Database, Row
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera, device_of, found
from tests.support.streams import opened, put, put_init, take

Act = Callable[[], Awaitable[object]]


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as running:
        yield running


class _Before(Connection):
    """Before the first page of what waits for its recording is read, something else happens."""

    def __init__(self, inner: Connection, acts: list[Act]) -> None:
        super().__init__(inner._raw)
        self._acts = acts

    @override
    async def fetch(self, sql: str, *arguments: object) -> list[Row]:
        if self._acts and "s.recording_id IS NULL AND s.state = 'stored'" in sql:
            await self._acts.pop()()
        return await super().fetch(sql, *arguments)


class _Interrupted(Database):
    def __init__(self, inner: Database, act: Act) -> None:
        super().__init__(inner._pool, inner._url)
        self.acts = [act]

    @asynccontextmanager
    @override
    async def acquire(self, *, patient: bool = False) -> AsyncIterator[Connection]:
        async with super().acquire(patient=patient) as connection:
            yield _Before(connection, self.acts)


async def test_what_comes_while_the_manifest_is_made_is_in_it_or_told_as_missing(
    bureau: Bureau,
) -> None:
    deps, actor, sent = bureau.deps, await camera(bureau), take()
    livestream = (await opened(deps, actor)).id
    await put_init(deps, actor, livestream, sent.init)
    for number in (1, 4):
        await put(deps, actor, livestream, number, sent.segments[number - 1])
    await live.request_close(deps, actor, livestream, last=4)
    database = _Interrupted(
        deps.database, lambda: put(deps, actor, livestream, 2, sent.segments[1])
    )
    made = await sealing.seal(dataclasses.replace(deps, database=database), SERVICE, livestream)
    assert database.acts == []
    async with deps.database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT number FROM livestream_segment WHERE recording_id = $1 AND number > 0"
            " ORDER BY number",
            made,
        )
        (gap,) = await connection.fetch(
            "SELECT first_missing, last_missing FROM livestream_gap WHERE recording_id = $1", made
        )
    there = {row["number"] for row in rows}
    told = set(range(gap["first_missing"], gap["last_missing"] + 1))
    assert there | told == {1, 2, 3, 4}
    assert there & told == set()
    # It is lost in neither case: what is not in it continues it.
    bureau.clock.forward(days=2)
    await live.supplement_livestreams(deps)
    waiting = await bureau.value(
        "SELECT count(*) FROM livestream_segment WHERE recording_id IS NULL"
    )
    assert waiting == 0


async def test_a_livestream_whose_device_is_lost_before_its_end_is_sealed_in_quarantine(
    bureau: Bureau,
) -> None:
    deps, actor, sent = bureau.deps, await camera(bureau), take()
    livestream = (await opened(deps, actor)).id
    await put_init(deps, actor, livestream, sent.init)
    await put(deps, actor, livestream, 1, sent.segments[0])
    await registry.set_device_state(
        deps, OPERATOR, device=device_of(actor), state="lost", reason="stolen"
    )
    thief = dataclasses.replace(actor, suspended=True)
    await put(deps, thief, livestream, 2, sent.segments[1])
    closed = await live.request_close(deps, SERVICE, livestream, last=2)
    assert closed.recording is not None
    row, _ = await found(bureau, closed.recording)
    assert (row.state, row.quarantine_reasons) == ("quarantined", ("device_suspended",))


async def test_what_came_beyond_the_last_number_stands_for_no_other_one(bureau: Bureau) -> None:
    deps, actor, sent = bureau.deps, await camera(bureau), take()
    livestream = (await opened(deps, actor)).id
    await put_init(deps, actor, livestream, sent.init)
    for number in (1, 2):
        await put(deps, actor, livestream, number, sent.segments[number - 1])
    await live.request_close(deps, actor, livestream, last=4)
    # A sender that counts otherwise than it says: as many have come as were announced.
    for number in (5, 6):
        await put(deps, actor, livestream, number, sent.segments[number - 1])
    await live.watch_livestreams(deps)
    closing = await live.find_livestream(deps, SERVICE, livestream)
    assert (closing.state.value, closing.segments) == ("closing", 4)
    for number in (3, 4):
        await put(deps, actor, livestream, number, sent.segments[number - 1])
    await live.watch_livestreams(deps)
    view = await live.view_livestream(deps, SERVICE, livestream)
    assert (view.livestream.state.value, view.gaps) == ("closed", ())
