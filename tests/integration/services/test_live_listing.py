"""What is kept so that nobody reads a day of segments says what reading them says."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from recorder.domain.ids import LivestreamId
from recorder.domain.livestream import Edge, Gap, PeriodCause, gap_of
from recorder.domain.people import SERVICE
from recorder.services import live
from recorder.store import livestream_segments
from recorder.store.connection import Connection
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera
from tests.support.streams import long_day, opened, put, put_init, take

_CAUSES = (PeriodCause.START, PeriodCause.CODEC_CHANGE, PeriodCause.SILENCE)


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        yield opened


async def recomputed(connection: Connection, livestream: LivestreamId) -> list[Gap]:
    """The gaps by looking at every segment."""
    listed = await livestream_segments.entries(connection, livestream, None)
    segments = await livestream_segments.stored_each(connection, livestream, [e[0] for e in listed])
    segments.sort(key=lambda each: each.number)
    found, before = [], None
    for each in segments:
        if before is None or (before.number + 1, before.period) != (each.number, each.period):
            same = before is not None and before.period == each.period
            cause = None if same else _CAUSES[each.period - 1]
            found.append(gap_of(Edge(before, each, cause)))
        before = each
    return [gap for gap in found if gap is not None]


@pytest.mark.parametrize("seed", range(4))
async def test_gaps_are_those_of_all_segments_in_whatever_order_these_came(
    bureau: Bureau, owner_database_url: str, seed: int
) -> None:
    dice, actor = random.Random(seed), await camera(bureau)
    livestream = await opened(bureau.deps, actor)
    for period, cause in enumerate(_CAUSES, 1):
        await put_init(bureau.deps, actor, livestream.id, take().init, period, cause)
    numbers = dice.sample(range(1, 60), 40)
    periods = {number: 1 + (number + dice.choice((0, 0, 0, 25))) // 30 for number in numbers}
    for number in numbers:
        bureau.clock.forward(seconds=1)
        body = dice.randbytes(20)
        await put(bureau.deps, actor, livestream.id, number, body, periods[number])
    async with bureau.deps.database.acquire() as connection:
        expected = await recomputed(connection, livestream.id)
    assert len(expected) > 10
    seen = await live.view_livestream(bureau.deps, SERVICE, livestream.id)
    assert list(seen.gaps) == expected
    # What a process of the release before this one writes.
    owner = await asyncpg.connect(owner_database_url)
    await owner.execute("UPDATE livestream_segment SET follows = false")
    await owner.close()
    seen = await live.view_livestream(bureau.deps, SERVICE, livestream.id)
    assert list(seen.gaps) == expected


async def test_a_playlist_is_the_same_from_what_is_kept_and_from_all_segments(
    bureau: Bureau, owner_database_url: str
) -> None:
    actor = await camera(bureau)
    livestream = await opened(bureau.deps, actor)
    await put_init(bureau.deps, actor, livestream.id, take().init)
    await long_day(bureau.deps, livestream.id, 3_600)

    async def listed() -> str:
        """By a process that has written nothing yet."""
        fresh = dataclasses.replace(bureau.deps)
        ticket = await live.grant(fresh, SERVICE, livestream.id)
        return await live.index(fresh, SERVICE, livestream.id, ticket.secret)

    began = bureau.clock.at
    owner = await asyncpg.connect(owner_database_url)
    try:
        await owner.execute(
            "UPDATE livestream_segment SET state = 'intended', follows = false"
            " WHERE number BETWEEN 700 AND 702 OR number > 1400"
        )
        await owner.execute(
            "UPDATE livestream_segment SET follows = false, arrived_at = arrived_at"
            " + CASE number WHEN 703 THEN interval '0' ELSE interval '5 minutes' END"
            " WHERE number IN (703, 900, 2500)"
        )
        await owner.execute("UPDATE livestream SET highest_number = 1400")
        for upto, stretches, holes in ((1400, 1, 2), (3600, 2, 3)):
            await owner.execute("UPDATE livestream_segment SET state = 'stored'"
                                " WHERE number BETWEEN 1401 AND $1", upto)  # fmt: skip
            await owner.execute("UPDATE livestream SET highest_number = $1", upto)
            bureau.clock.at = began + timedelta(seconds=2 * upto)
            whole = await listed()
            assert await live.keep_beginnings(bureau.deps) == 1
            assert await live.keep_beginnings(bureau.deps) == 0
            assert await owner.fetchval("SELECT count(*) FROM livestream_stretch") == stretches
            # Nothing is read that the kept rows already list.
            await owner.execute("UPDATE livestream_segment SET duration_us = 7 WHERE number < 600")
            assert await listed() == whole
            await owner.execute("UPDATE livestream_segment SET duration_us = 2000000")
            assert "segments/900.m4s" not in whole
            assert whole.count("#EXT-X-DISCONTINUITY\n") == holes
        await owner.execute("UPDATE livestream SET state = 'closed'")
        assert await live.keep_beginnings(bureau.deps) == 0
        assert await owner.fetchval("SELECT count(*) FROM livestream_stretch") == 0
    finally:
        await owner.close()
