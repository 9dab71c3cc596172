"""A worker's clock that is days or years ahead ends nothing and takes nothing from the store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from recorder.services import ingest
from tests.support.bureau import Bureau, open_bureau
from tests.support.due import REMOVERS, SWEEPS, fill, seen
from tests.support.faulty_objects import FaultyObjects


@pytest.fixture
async def bureau(database_url: str, tmp_path: Path) -> AsyncIterator[Bureau]:
    async with open_bureau(database_url, tmp_path) as opened:
        deps = replace(opened.deps, objects=FaultyObjects(opened.deps.objects))
        yield replace(opened, deps=deps)
        await ingest.shutdown(deps)


@pytest.mark.parametrize("days", [8, 3650])
async def test_a_clock_that_is_ahead_of_the_databases_ends_and_removes_nothing(
    bureau: Bureau, days: int
) -> None:
    await fill(bureau)
    bureau.clock.forward(days=days)
    before = await seen(bureau)
    for chore in (*REMOVERS, *SWEEPS):
        await chore(bureau.deps)
        assert await seen(bureau) == before, chore.__name__


@pytest.mark.usefixtures("far_clock")
async def test_what_is_due_by_both_clocks_ends(bureau: Bureau) -> None:
    await fill(bureau)
    bureau.clock.forward(days=8)
    for chore in (*REMOVERS, *SWEEPS):
        before = await seen(bureau)
        await chore(bureau.deps)
        assert await seen(bureau) != before, chore.__name__
