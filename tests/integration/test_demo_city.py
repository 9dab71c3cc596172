"""A demo that dies while it tells its city goes on with it, and nothing is told twice."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from recorder.commands.demo.city import found_city, is_told
from tests.support.bureau import open_bureau
from tests.support.waiting import eventually


async def test_a_city_that_was_told_half_is_told_to_its_end(
    database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "city"
    async with open_bureau(database_url, tmp_path) as bureau:

        async def begun() -> int | None:
            written = int(str(await bureau.value("SELECT count(*) FROM recording")))
            return written if written > 100 else None

        telling = asyncio.create_task(found_city(bureau.deps, folder))
        told: int = await eventually(begun, within=300)
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await telling
        assert not is_told(folder)
        city = await found_city(bureau.deps, folder)
        assert is_told(folder)
        assert city.recordings == await bureau.value("SELECT count(*) FROM recording")
        assert city.recordings > told
        links = await bureau.value("SELECT count(*) FROM case_link")
        assert links == await bureau.value("SELECT count(DISTINCT recording_id) FROM case_link")
        counts = {kind: (each.planted, each.found) for kind, each in city.kinds.items()}
        assert {kind: each for kind, each in counts.items() if each[0] != each[1]} == {}
        assert sum(planted for planted, _ in counts.values()) > 20
