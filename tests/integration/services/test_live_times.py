"""When footage was made that came while it was made, or only seems so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from recorder.domain.livestream import Form
from recorder.domain.people import SERVICE
from recorder.services import live
from tests.support.bureau import Bureau, open_bureau
from tests.support.cameras import camera
from tests.support.streams import opened, slow_take


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("arrivals_s", "began_s", "ended_s"),
    [
        # Segments of 25 seconds, each whole when it was made; with a break between two of them.
        ((25, 50, 75, 100), 0, 100),
        ((25, 50, 325, 350), 0, 350),
        # What was kept before is sent at once when it begins: it was made before.
        ((25, 25, 50, 75), -25, 75),
        # All at once: a file that somebody had, made nobody knows when.
        ((25, 25, 25, 25), None, None),
    ],
)
async def test_what_came_while_it_was_made_has_the_times_of_its_arrival(
    bureau: Bureau, arrivals_s: tuple[int, ...], began_s: int | None, ended_s: int | None
) -> None:
    deps, sent = bureau.deps, slow_take(100)
    livestream = await opened(deps, await camera(bureau), form=Form.RECEIVED)
    fence = await live.take(deps, livestream.id)
    begun = deps.clock.now()
    receiver = live.Receiver(deps, SERVICE, livestream.id, fence)
    await receiver.put_init(live.InitArrival(period=1, body=sent.init))
    for number, (body, at_s) in enumerate(zip(sent.segments, arrivals_s, strict=True), 1):
        at = begun + timedelta(seconds=at_s)
        await receiver.put_segment(
            live.SegmentArrival(period=1, number=number, body=body, arrived_at=at)
        )
    await live.let_go(deps, livestream.id, fence)
    await live.request_close(deps, SERVICE, livestream.id, last=None)
    await live.watch_livestreams(deps)
    async with deps.database.acquire() as connection:
        made = await connection.fetchrow(
            "SELECT started_at, ended_at, started_at_source, clock_offset_ms FROM recording"
        )
    assert made is not None
    wanted = [begun + timedelta(seconds=s) if s is not None else None for s in (began_s, ended_s)]
    assert [made["started_at"], made["ended_at"]] == wanted
    told = ("arrival", 0) if began_s is not None else (None, None)
    assert (made["started_at_source"], made["clock_offset_ms"]) == told
